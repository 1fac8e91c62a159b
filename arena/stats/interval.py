"""The interval type and the quantiles that every method here is built on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LEVEL = 0.95
ALPHA = 0.05


class Interval(NamedTuple):
    """Finite lower and upper limit, in the unit of the estimate."""

    lo: float
    hi: float


def normal_quantile(probability: float) -> float:
    """Standard normal quantile."""
    return float(special.ndtri(probability))


def t_quantile(probability: float, df: float) -> float:
    """Student t quantile."""
    return float(special.stdtrit(df, probability))


def two_sided_z(level: float) -> float:
    """Normal quantile that leaves half of `1 - level` above it."""
    return normal_quantile((1 + level) / 2)


def two_sided_t(level: float, df: float) -> float:
    """Student t quantile that leaves half of `1 - level` above it."""
    return t_quantile((1 + level) / 2, df)


def one_sided_level(alpha: float) -> float:
    """Level of the two-sided interval whose one limit is a one-sided test at `alpha`."""
    return 1 - 2 * alpha
