"""Paired bootstrap over tasks: one set of draws for every column, so that pairs stay pairs."""

import numpy as np
from scipy import special

from arena.score.interval import LEVEL, FloatArray, Interval

REPLICATES = 10_000
SEED = 0
DRAWS_AT_ONCE = 1_000_000


def bootstrap_sums(
    values: FloatArray, *, replicates: int = REPLICATES, seed: int = SEED
) -> FloatArray:
    """Column sums over tasks drawn with replacement.

    Args:
        values: shape (tasks, columns), tasks in a canonical order.
        replicates: number of resamples; memory grows with columns, not with tasks.
        seed: the same seed and number of tasks give the same draws.

    Returns:
        Shape (replicates, columns); every column was summed over the same drawn tasks.
    """
    rng = np.random.default_rng(seed)
    tasks, columns = values.shape
    sums = np.empty((replicates, columns))
    step = max(1, DRAWS_AT_ONCE // max(1, tasks))
    for start in range(0, replicates, step):
        size = min(step, replicates - start)
        picks = rng.integers(0, tasks, size=(size, tasks))
        picks += np.arange(size)[:, None] * tasks
        counts = np.bincount(picks.ravel(), minlength=size * tasks).reshape(size, tasks)
        sums[start : start + size] = counts.astype(np.float64) @ values
    return sums


def bca_interval(
    estimate: float, replicates: FloatArray, jackknife: FloatArray, level: float = LEVEL
) -> Interval | None:
    """Bias-corrected, accelerated bootstrap interval (Efron 1987).

    Args:
        estimate: the statistic of the data.
        replicates: its bootstrap values; infinite ones are extremes, NaN counts against both
            limits.
        jackknife: its leave-one-out values, shape (tasks,).
        level: confidence level.

    Returns:
        None when a limit falls on a replicate without a value: not estimable.
    """
    if not np.isfinite(estimate) or not np.isfinite(jackknife).all():
        return None
    count = len(replicates)
    undefined = np.isnan(replicates)
    known = replicates[~undefined]
    below = np.count_nonzero(known < estimate) + np.count_nonzero(known <= estimate)
    bias = float(special.ndtri((below + np.count_nonzero(undefined)) / (2 * count)))
    if not np.isfinite(bias):
        return None
    centred = jackknife.mean() - jackknife
    scale = float((centred**2).sum()) ** 1.5
    acceleration = float((centred**3).sum()) / (6 * scale) if scale > 0 else 0.0

    def limit(tail: float, filler: float) -> float:
        shifted = bias + special.ndtri(tail)
        share = special.ndtr(bias + shifted / (1 - acceleration * shifted))
        ordered = np.sort(np.where(undefined, filler, replicates))
        return float(ordered[round(float(share) * (count - 1))])

    interval = Interval(limit((1 - level) / 2, -np.inf), limit((1 + level) / 2, np.inf))
    return interval if np.isfinite(interval).all() else None
