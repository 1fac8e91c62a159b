"""Intervals: of a pass rate, of a cost, of their ratios; the bootstrap. The unit is the task."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from arena.records import Record

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

LEVEL = 0.95
SEED = 0
ALPHA = 0.05


class Interval(NamedTuple):
    """Finite lower and upper limit, in the unit of the estimate."""

    lo: float
    hi: float


def normal_quantile(probability: float) -> float:
    """Standard normal quantile."""
    return float(special.ndtri(probability))


def two_sided_t(level: float, df: float) -> float:
    """Student t quantile that leaves half of `1 - level` above it."""
    return float(special.stdtrit(df, (1 + level) / 2))


ENOUGH_DIFFERING = 5
"""Tasks that must differ before their spread is trusted (see `tests/benchmarks/coverage.py`)."""


class Rate(NamedTuple):
    """Mean over tasks with its 95% interval; `n_eff` is as of `effective_n`."""

    mean: float
    interval: Interval
    n_eff: float


def wilson(successes: float, n: float) -> Interval:
    """Wilson score interval of a proportion; counts may be fractional, `n` > 0."""
    z2 = normal_quantile((1 + LEVEL) / 2) ** 2
    p = successes / n
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    lo = 0.0 if successes <= 0 else max(0.0, float(middle - half))
    hi = 1.0 if successes >= n else min(1.0, float(middle + half))
    return Interval(lo, hi)


def zero_event_bound(n: int) -> float:
    """One-sided upper bound of a rate after no event in `n` > 0 independent chances."""
    return float(1 - ALPHA ** (1 / n))


def effective_n(task_means: FloatArray, attempts: int) -> float:
    """Independent attempts with the same standard error as `attempts` in total, clustered by task.

    p(1-p)/SE² within [tasks, attempts]: a task tells at least as much as one attempt. When fewer
    than five tasks differ from all passed, or from none passed, it counts at most once.
    """
    n = len(task_means)
    if n < 2 or attempts <= n:
        return float(n)
    p = float(task_means.mean())
    varied = min(np.count_nonzero(task_means > 0), np.count_nonzero(task_means < 1))
    most = attempts if varied >= ENOUGH_DIFFERING else n
    spread = float(task_means.var(ddof=1)) / n
    worth = p * (1 - p) / spread if spread > 0 else float(most)
    return min(max(worth, float(n)), float(most))


def task_rate(task_means: FloatArray, attempts: int) -> Rate | None:
    """Mean of per-task values in [0, 1], shape (tasks,), with its Wilson interval at the effective
    n of all attempts behind them; None without a task.
    """
    if not len(task_means):
        return None
    mean = float(task_means.mean())
    n_eff = effective_n(task_means, attempts)
    return Rate(mean, wilson(mean * n_eff, n_eff), n_eff)


def rate_bounds(passed: int, scored: int, missing: int) -> Interval | None:
    """Pass rate if every missing attempt had failed, and if every one had passed."""
    planned = scored + missing
    return Interval(passed / planned, (passed + missing) / planned) if planned else None


def fisher_exact(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Fisher's exact two-sided p of two groups, from the counts with and without an event."""
    if not one[0] and not other[0]:
        return 1.0
    from scipy import stats

    return float(stats.fisher_exact(np.array([one, other])).pvalue)


def mean_pass_k(attempts: FloatArray, passed: FloatArray, k: int) -> tuple[float, float] | None:
    """Chance that any (pass@k, Chen et al. 2021), and that all (pass^k), of k attempts drawn from
    a task's pass; mean over the tasks that have k scored attempts, None without one. Scored and
    passed attempts have shape (tasks,).
    """
    made, won = attempts[attempts >= k], passed[attempts >= k]
    if not len(made):
        return None
    ways = special.comb(made, k)
    return (
        float(np.mean(1 - special.comb(made - won, k) / ways)),
        float(np.mean(special.comb(won, k) / ways)),
    )


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


def fieller(costs: FloatArray, solved: FloatArray) -> Interval | None:
    """Fieller interval of sum(costs) / sum(solved), tasks as the unit; None if unbounded."""
    n = len(costs)
    if n < 2:
        return None
    t2 = two_sided_t(LEVEL, n - 1) ** 2
    covariance = np.cov(costs, solved) / n
    mean_cost, mean_solved = float(costs.mean()), float(solved.mean())
    a = mean_solved**2 - t2 * float(covariance[1, 1])
    b = mean_cost * mean_solved - t2 * float(covariance[0, 1])
    g = mean_cost**2 - t2 * float(covariance[0, 0])
    if a <= 0:
        return None
    root = float(np.sqrt(max(0.0, b * b - a * g)))
    return Interval(max(0.0, (b - root) / a), (b + root) / a)


def cost_per_solved(costs: FloatArray, solved: FloatArray) -> CostPerSolved | None:
    """Cost of one solved task, from US dollars of all scored attempts of each task and how many
    passed, both of shape (tasks,); None without a task.
    """
    if not len(costs):
        return None
    total = float(costs.sum())
    if not solved.any():
        bound = zero_event_bound(len(costs)) * len(costs) / total if total > 0 else None
        return CostPerSolved(estimate=None, ci=None, solved_per_usd_hi=bound)
    return CostPerSolved(estimate=total / float(solved.sum()), ci=fieller(costs, solved))


def ratio_of_ratios(columns: FloatArray, *, level: float = LEVEL) -> Ratio:
    """Ratio of two ratios of sums over the same tasks, from columns of shape (tasks, 4): A's
    numerator and denominator, then B's.

    The interval is Student's t on the logarithm, linearised per task: at 20 to 100 tasks it holds
    its level where a bootstrap does not (`tests/benchmarks/coverage.py`). Not estimable with fewer
    than three tasks that add to either denominator.
    """
    total, tasks = columns.sum(axis=0), len(columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = float(_contrast(np.log(total)))
    if not np.isfinite(estimate):
        return Ratio()
    behind = np.count_nonzero(columns[:, [1, 3]], axis=0).min()
    if behind < ENOUGH_SOLVED:
        return Ratio(estimate=float(np.exp(estimate)))
    error = float(np.sqrt((_contrast(columns / total) ** 2).sum() * tasks / (tasks - 1)))
    half = two_sided_t(level, tasks - 1) * error
    ci = Interval(float(np.exp(estimate - half)), float(np.exp(estimate + half)))
    return Ratio(estimate=float(np.exp(estimate)), ci=ci)


def _contrast(columns: FloatArray) -> FloatArray:
    """Of columns top A, bottom A, top B, bottom B: on logarithms, A's quotient over B's."""
    result: FloatArray = columns[..., 0] - columns[..., 1] - columns[..., 2] + columns[..., 3]
    return result
