"""pass@k (any of k attempts passes) and pass^k (all of them do), without bias."""

from math import comb

import numpy as np

from arena.score.interval import FloatArray


def pass_at_k(attempts: int, passed: int, k: int) -> float:
    """Chance that k of a task's attempts hold a pass (Chen et al. 2021); needs k <= attempts."""
    return 1 - comb(attempts - passed, k) / comb(attempts, k)


def pass_hat_k(attempts: int, passed: int, k: int) -> float:
    """Chance that k of a task's attempts all pass; needs k <= attempts."""
    return comb(passed, k) / comb(attempts, k)


def mean_pass_k(attempts: FloatArray, passed: FloatArray, k: int) -> tuple[float, float] | None:
    """pass@k and pass^k averaged over the tasks that have k scored attempts.

    Args:
        attempts: scored attempts of each task, shape (tasks,).
        passed: passed attempts of each task, shape (tasks,).
        k: attempts drawn.

    Returns:
        None when no task has k scored attempts.
    """
    enough = attempts >= k
    if not enough.any():
        return None
    pairs = np.stack((attempts[enough], passed[enough]), axis=1).astype(np.int64)
    kinds, weights = np.unique(pairs, axis=0, return_counts=True)
    any_pass = [pass_at_k(int(n), int(c), k) for n, c in kinds]
    all_pass = [pass_hat_k(int(n), int(c), k) for n, c in kinds]
    return (
        float(np.average(any_pass, weights=weights)),
        float(np.average(all_pass, weights=weights)),
    )
