"""Rates, with the task as the unit and never the attempt: intervals, bounds, pass@k and pass^k."""

from math import comb
from typing import NamedTuple

import numpy as np

from arena.stats.interval import ALPHA, LEVEL, FloatArray, Interval, two_sided_z

ENOUGH_DIFFERING = 5
"""Tasks that must differ before their spread is trusted; fewer make intervals shrink on luck (see
`tests/benchmarks/coverage.py`)."""


class Rate(NamedTuple):
    """Mean over tasks with its 95% interval; `n_eff` is the number of independent attempts
    that would give the same standard error.
    """

    mean: float
    interval: Interval
    n_eff: float


def wilson(successes: float, n: float, level: float = LEVEL) -> Interval:
    """Wilson score interval of a proportion; counts may be fractional, `n` > 0."""
    z2 = two_sided_z(level) ** 2
    p = successes / n
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    lo = 0.0 if successes <= 0 else max(0.0, float(middle - half))
    hi = 1.0 if successes >= n else min(1.0, float(middle + half))
    return Interval(lo, hi)


def zero_event_bound(n: int, alpha: float = ALPHA) -> float:
    """One-sided upper bound of a rate after no event in `n` > 0 independent chances."""
    return float(1 - alpha ** (1 / n))


def effective_n(task_means: FloatArray, attempts: int) -> float:
    """Independent attempts worth the same as `attempts` in total, clustered by task.

    p(1-p)/SE² within [tasks, attempts]: however alike the attempts at one task are, each task
    tells as much as one attempt at it would. When fewer than five tasks differ from all passed, or
    from none passed, the spread between tasks cannot be estimated and a task counts at most once.
    """
    n = len(task_means)
    if n < 2 or attempts <= n:
        return float(n)
    p = float(task_means.mean())
    most = attempts if _varied(task_means) else n
    spread = float(task_means.var(ddof=1)) / n
    worth = p * (1 - p) / spread if spread > 0 else float(most)
    return min(max(worth, float(n)), float(most))


def _varied(task_means: FloatArray) -> bool:
    some, short = np.count_nonzero(task_means > 0), np.count_nonzero(task_means < 1)
    return min(int(some), int(short)) >= ENOUGH_DIFFERING


def task_rate(task_means: FloatArray, attempts: int, level: float = LEVEL) -> Rate | None:
    """Mean of per-task values in [0, 1] with its Wilson interval at the effective n.

    Args:
        task_means: one value a task, shape (tasks,).
        attempts: attempts behind them in total; with one attempt a task this is plain Wilson.
        level: confidence level.

    Returns:
        None without a task.
    """
    if not len(task_means):
        return None
    mean = float(task_means.mean())
    n_eff = effective_n(task_means, attempts)
    return Rate(mean, wilson(mean * n_eff, n_eff, level), n_eff)


def rate_bounds(passed: int, scored: int, missing: int) -> Interval | None:
    """Pass rate if every missing attempt had failed, and if every one had passed."""
    planned = scored + missing
    return Interval(passed / planned, (passed + missing) / planned) if planned else None


def fisher_exact(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Fisher's exact two-sided p that an event is as likely in one group as in the other, from the
    counts with and without it.
    """
    if not one[0] and not other[0]:
        return 1.0
    from scipy import stats

    return float(stats.fisher_exact(np.array([one, other])).pvalue)


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
