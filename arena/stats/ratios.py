"""What a solved task costs, and how two contestants' costs compare."""

import numpy as np

from arena.records import Record
from arena.stats.interval import LEVEL, FloatArray, Interval, two_sided_t
from arena.stats.rates import zero_event_bound

ENOUGH_SOLVED = 3


class CostPerSolved(Record):
    """US dollars for one solved task, failed attempts paid for."""

    estimate: float | None
    """None when nothing was solved."""
    ci: Interval | None
    """None: not estimable."""
    solved_per_usd_hi: float | None = None
    """One-sided 95% upper bound of solved tasks a dollar, only when nothing was solved."""


class Ratio(Record):
    """A over B."""

    estimate: float | None = None
    ci: Interval | None = None
    """None: not estimable."""


def fieller(costs: FloatArray, solved: FloatArray, level: float = LEVEL) -> Interval | None:
    """Fieller interval of sum(costs) / sum(solved), tasks as the unit; None if unbounded."""
    n = len(costs)
    if n < 2:
        return None
    t2 = two_sided_t(level, n - 1) ** 2
    covariance = np.cov(costs, solved) / n
    mean_cost, mean_solved = float(costs.mean()), float(solved.mean())
    a = mean_solved**2 - t2 * float(covariance[1, 1])
    b = mean_cost * mean_solved - t2 * float(covariance[0, 1])
    g = mean_cost**2 - t2 * float(covariance[0, 0])
    if a <= 0:
        return None
    root = float(np.sqrt(max(0.0, b * b - a * g)))
    return Interval(max(0.0, (b - root) / a), (b + root) / a)


def cost_per_solved(
    costs: FloatArray, solved: FloatArray, level: float = LEVEL
) -> CostPerSolved | None:
    """Cost of one solved task.

    Args:
        costs: US dollars of all scored attempts of each task, shape (tasks,).
        solved: passed attempts of each task, shape (tasks,).
        level: confidence level.

    Returns:
        None without a task.
    """
    if not len(costs):
        return None
    total = float(costs.sum())
    if not solved.any():
        bound = zero_event_bound(len(costs)) * len(costs) / total if total > 0 else None
        return CostPerSolved(estimate=None, ci=None, solved_per_usd_hi=bound)
    return CostPerSolved(estimate=total / float(solved.sum()), ci=fieller(costs, solved, level))


def ratio_of_ratios(columns: FloatArray, *, level: float = LEVEL) -> Ratio:
    """Ratio of two ratios of sums over the same tasks, with its paired interval.

    The interval is Student's t on the logarithm, linearised per task. At 20 to 100 tasks it
    holds its level where a bootstrap of the same statistic does not
    (`tests/benchmarks/coverage.py`). Not estimable with fewer than three tasks that add to either
    denominator.

    Args:
        columns: shape (tasks, 4): A's numerator and denominator, then B's. With costs over
            solved attempts this compares costs per solved task, with costs over attempts
            costs per attempt.
        level: confidence level.
    """
    total, tasks = columns.sum(axis=0), len(columns)
    estimate = float(_log_ratio(total))
    if not np.isfinite(estimate):
        return Ratio()
    behind = np.count_nonzero(columns[:, [1, 3]], axis=0).min()
    if behind < ENOUGH_SOLVED:
        return Ratio(estimate=float(np.exp(estimate)))
    shares = columns / total
    influence = shares[:, 0] - shares[:, 1] - shares[:, 2] + shares[:, 3]
    error = float(np.sqrt((influence**2).sum() * tasks / (tasks - 1)))
    half = two_sided_t(level, tasks - 1) * error
    ci = Interval(float(np.exp(estimate - half)), float(np.exp(estimate + half)))
    return Ratio(estimate=float(np.exp(estimate)), ci=ci)


def _log_ratio(sums: FloatArray) -> FloatArray:
    """log((top A / bottom A) / (top B / bottom B)) of columns top A, bottom A, top B, bottom B."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(sums)
        result: FloatArray = logs[..., 0] - logs[..., 1] - logs[..., 2] + logs[..., 3]
    return result
