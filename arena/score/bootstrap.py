"""Paired bootstrap over tasks: one set of draws for every column, so that pairs stay pairs."""

import numpy as np

from arena.score.interval import FloatArray

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
