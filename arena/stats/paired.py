"""Two contestants on the same tasks: tests and intervals of the difference; what a suite can see.

One attempt a task: exact McNemar test and Tango's score interval. Several: Student's t over the
per-task differences; with fewer than five tasks that differ the score interval, which takes a
task's attempts as one, and the exact sign-flip test.
"""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import Literal, NamedTuple

import numpy as np
from scipy import optimize, special

from arena.errors import InputError
from arena.records import Record
from arena.stats.intervals import ALPHA, ENOUGH_DIFFERING, LEVEL, FloatArray, Interval, two_sided_t


def holm(p_values: Sequence[float], *, true_at_most: int | None = None) -> list[float]:
    """Holm-adjusted p-values of one family, in the order given; `true_at_most` of the hypotheses
    can be true together, where logic limits that (Shaffer 1986).
    """
    count = len(p_values)
    limit = count if true_at_most is None else true_at_most
    adjusted = [0.0] * count
    worst = 0.0
    for step, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        worst = max(worst, min(1.0, p_values[index] * max(1, min(limit, count - step))))
        adjusted[index] = worst
    return adjusted


EXACT_SIGN_FLIPS = 20
SIGN_FLIP_DRAWS = 100_000


class Discordance(NamedTuple):
    """How far two contestants disagree: weight only A passed, weight only B passed, tasks."""

    only_a: float
    only_b: float
    tasks: int


def discordance(differences: FloatArray) -> Discordance:
    """Discordant weights of per-task differences A - B in [-1, 1]; counts when K = 1."""
    only_a = float(differences[differences > 0].sum())
    only_b = float(-differences[differences < 0].sum())
    return Discordance(only_a, only_b, len(differences))


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """Two-sided exact McNemar p over the discordant pairs."""
    total = only_a + only_b
    return min(1.0, 2 * float(special.bdtr(min(only_a, only_b), total, 0.5)))


def mcnemar_mid(only_a: int, only_b: int) -> float:
    """Two-sided mid-p: what was seen counts half in either tail."""
    total = only_a + only_b
    least = min(only_a, only_b)
    beyond = float(special.bdtr(least - 1, total, 0.5)) if least else 0.0
    return min(1.0, float(special.bdtr(least, total, 0.5)) + beyond)


def tango_z(pairs: Discordance, difference: float) -> float:
    """Tango's score statistic of the hypothesis pA - pB = `difference`, within (-1, 1)."""
    b, c, n = pairs
    quadratic = 2 * n
    linear = -b - c + (2 * n - b + c) * difference
    constant = -c * difference * (1 - difference)
    root = float(np.sqrt(max(0.0, linear * linear - 4 * quadratic * constant)))
    q = (root - linear) / (2 * quadratic)
    variance = n * (2 * q + difference * (1 - difference))
    gap = b - c - n * difference
    if variance <= 0:
        return float(np.copysign(np.inf, gap)) if gap else 0.0
    return gap / float(np.sqrt(variance))


def tango_interval(pairs: Discordance, level: float = LEVEL) -> Interval:
    """Score interval of pA - pB (Tango 1998); holds its level when nothing is discordant."""
    z = float(special.ndtri((1 + level) / 2))
    estimate = (pairs.only_a - pairs.only_b) / pairs.tasks

    def limit(end: int) -> float:
        def gap(difference: float) -> float:
            return float(np.clip(tango_z(pairs, difference), -1e9, 1e9)) + end * z

        edge = end * (1 - 1e-12)
        if end * (edge - estimate) <= 0 or gap(edge) * gap(estimate) > 0:
            return float(end)
        return float(optimize.brentq(gap, estimate, edge, xtol=1e-13))

    return Interval(limit(-1), limit(1))


def t_interval(differences: FloatArray, level: float = LEVEL) -> Interval | None:
    """Student interval of the mean difference; None below two tasks or without spread."""
    if (error := _error(differences)) is None:
        return None
    mean, half = float(differences.mean()), two_sided_t(level, len(differences) - 1) * error
    return Interval(mean - half, mean + half)


def t_p(differences: FloatArray, against: float = 0.0) -> float | None:
    """One-sided p that the mean difference is at most `against`; None where `t_interval` is."""
    if (error := _error(differences)) is None:
        return None
    t = (float(differences.mean()) - against) / error
    return float(special.stdtr(len(differences) - 1, -t))


def _error(differences: FloatArray) -> float | None:
    """Standard error of the mean, where there is any spread."""
    n = len(differences)
    spread = float(differences.std(ddof=1)) if n > 1 else 0.0
    return spread / float(np.sqrt(n)) if spread > 1e-12 else None


def sign_flip(differences: FloatArray, *, seed: int = 0) -> float:
    """Two-sided sign-flip p of the mean difference.

    Exact up to 20 non-zero differences, else from seeded draws with the observed arrangement among
    them. Differences of one size are flipped together, as one binomial count.
    """
    sizes = np.abs(differences[np.abs(differences) > 1e-12])
    observed = abs(float(differences.sum())) - 1e-9
    if len(sizes) <= EXACT_SIGN_FLIPS:
        sums = np.zeros(1)
        for size in sizes:
            sums = np.concatenate((sums + size, sums - size))
        return float(np.mean(np.abs(sums) >= observed))
    rng = np.random.default_rng(seed)
    values, counts = np.unique(np.round(sizes, 12), return_counts=True)
    sums = np.zeros(SIGN_FLIP_DRAWS)
    for value, count in zip(values, counts, strict=True):
        sums += value * (2 * rng.binomial(count, 0.5, size=len(sums)) - count)
    return (1 + int(np.count_nonzero(np.abs(sums) >= observed))) / (1 + len(sums))


Method = Literal["mcnemar_tango", "student_t", "sign_flip_tango"]


class Difference(Record):
    """Pass rate of A less that of B over the same tasks."""

    estimate: float
    ci: Interval
    """95% interval."""
    p: float
    """Two-sided p that decisions use."""
    method: Method
    mid_p: float | None = None
    """Less conservative McNemar p; one attempt a task only."""


class NotWorse(Record):
    """Whether A is shown not worse than B by `margin` or more (one-sided, 5%)."""

    margin: float
    lo: float
    """One-sided 95% lower bound of pass rate A less B."""
    p: float
    shown: bool


def difference(differences: FloatArray, *, single: bool) -> Difference:
    """Estimate, interval and p of per-task differences A - B within [-1, 1], shape (tasks,), at
    least one; `single`: every task had one attempt.
    """
    estimate = float(differences.mean())
    if single:
        pairs = discordance(differences)
        only_a, only_b = round(pairs.only_a), round(pairs.only_b)
        return Difference(
            estimate=estimate,
            ci=tango_interval(pairs),
            p=mcnemar_exact(only_a, only_b),
            method="mcnemar_tango",
            mid_p=mcnemar_mid(only_a, only_b),
        )
    interval, p = t_interval(differences), t_p(differences * np.copysign(1.0, estimate))
    if interval and p is not None and trusts_t(differences):
        return Difference(
            estimate=estimate,
            ci=Interval(max(-1.0, interval.lo), min(1.0, interval.hi)),
            p=2 * p,
            method="student_t",
        )
    return Difference(
        estimate=estimate,
        ci=tango_interval(discordance(differences)),
        p=sign_flip(differences),
        method="sign_flip_tango",
    )


def not_worse(differences: FloatArray, margin: float, *, single: bool) -> NotWorse:
    """Non-inferiority of A to B at `margin`, within (0, 1), by the same method as `difference`.

    Where fewer than five tasks differ, p is never below the chance that a loss of the margin would
    not have come up at all in so many tasks: what could not be seen is not shown to be absent.
    """
    level, trusted = 1 - 2 * ALPHA, trusts_t(differences)
    interval, p = t_interval(differences, level), t_p(differences, -margin)
    if single or not trusted or interval is None or p is None:
        pairs = discordance(differences)
        interval = tango_interval(pairs, level)
        p = float(special.ndtr(-tango_z(pairs, -margin)))
    if not trusted:
        p = max(p, (1 - margin) ** len(differences))
    return NotWorse(margin=margin, lo=max(-1.0, interval.lo), p=p, shown=p <= ALPHA)


def trusts_t(differences: FloatArray) -> bool:
    """Whether enough tasks differ for Student's t."""
    return int(np.count_nonzero(np.abs(differences) > 1e-12)) >= ENOUGH_DIFFERING


POWER = 0.8
DISCORDANT = 0.2
SIGMAS = float(special.ndtri(1 - ALPHA / 2)), float(special.ndtri(POWER))
"""Standard normal quantiles of the error and of the power."""


def tasks_for_gap(gap: float, *, discordant: float = DISCORDANT) -> int:
    """Tasks for a two-sided paired test to see a true `gap` of pass rates, 0 < |gap| <= 1, one
    attempt a task; `discordant` is the share of tasks that only one of the two passes.
    """
    share = max(discordant, abs(gap))
    root = SIGMAS[0] * sqrt(share) + SIGMAS[1] * sqrt(share - gap * gap)
    return ceil(root * root / (gap * gap))


def smallest_gap(tasks: int, *, spread: float = sqrt(DISCORDANT)) -> float:
    """Smallest true difference of pass rates that `tasks` paired tasks can see, at most 1; `spread`
    is the standard deviation of the per-task differences.
    """
    return min(1.0, sum(SIGMAS) * spread / sqrt(tasks))


class SuitePower(Record):
    """What a number of tasks can show, planned at one attempt a task and 20% discordant tasks."""

    tasks: int
    smallest_gap: float
    """Difference of two pass rates seen with 80% power (two-sided, 5%)."""
    tasks_for: dict[float, int]
    """Tasks needed to see a gap of so much."""

    @property
    def line(self) -> str:
        """One sentence for plans and reports."""
        gaps = ", ".join(f"{gap * 100:.0f}" for gap in self.tasks_for)
        needs = ", ".join(str(tasks) for tasks in self.tasks_for.values())
        seen = self.smallest_gap * 100
        noun = "task" if self.tasks == 1 else "tasks"
        return (
            f"{self.tasks} {noun} can show a gap of {seen:.0f} points or more between two pass"
            f" rates (80% power, 5% error, one attempt); gaps of {gaps} points need {needs} tasks."
        )


def checked_margin(margin: float | None, tasks: int) -> float:
    """The margin to use, given or by default; raises `InputError` for no share within (0, 1)."""
    return default_margin(tasks) if margin is None else _share(margin, "margin", "0.10")


def suite_power(tasks: int, gaps: tuple[float, ...] = (0.20, 0.10, 0.05)) -> SuitePower:
    """What `tasks` (at least one) can show; raises `InputError` for a gap outside (0, 1)."""
    return SuitePower(
        tasks=tasks,
        smallest_gap=smallest_gap(tasks),
        tasks_for={gap: tasks_for_gap(_share(gap, "gap", "0.05")) for gap in gaps},
    )


def _share(value: float, what: str, example: str) -> float:
    if 0 < value < 1:
        return value
    raise InputError(
        f"a {what} of {value} is none", where=f"--{what}", remedy=f"give a share, such as {example}"
    )


def default_margin(tasks: int) -> float:
    """Margin of "not worse" when none is given: 10 points from 100 tasks, else 20."""
    return 0.10 if tasks >= 100 else 0.20
