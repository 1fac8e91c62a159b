"""Many comparisons at once: adjusted p-values, and the ranks that they leave open."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from arena.stats.interval import ALPHA, BoolArray


class RankRange(NamedTuple):
    """Best and worst rank that the comparisons leave open; 1 is the best."""

    best: int
    worst: int


def holm(p_values: Sequence[float], *, true_at_most: int | None = None) -> list[float]:
    """Holm-adjusted p-values, in the order given.

    Args:
        p_values: of one family of hypotheses.
        true_at_most: how many of the hypotheses can be true together, where logic limits
            that (Shaffer 1986); by default all of them.
    """
    count = len(p_values)
    limit = count if true_at_most is None else true_at_most
    adjusted = [0.0] * count
    worst = 0.0
    for step, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, p_values[index] * max(1, min(limit, count - step))))
        adjusted[index] = worst
    return adjusted


def rank_ranges(
    differences: Sequence[Sequence[float]],
    adjusted: Sequence[Sequence[float]],
    alpha: float = ALPHA,
) -> list[RankRange]:
    """Rank range of each contestant: 1 + those shown better, to all less those shown worse.

    Args:
        differences: row's pass rate less column's, shape (contestants, contestants).
        adjusted: family-wise adjusted p of each difference, same shape, 1 where not compared.
        alpha: family-wise error rate.
    """
    gaps, shown = np.asarray(differences), np.asarray(adjusted) <= alpha
    better: BoolArray = shown & (gaps < 0)
    worse: BoolArray = shown & (gaps > 0)
    count = len(gaps)
    return [RankRange(1 + int(better[i].sum()), count - int(worse[i].sum())) for i in range(count)]
