"""How two contestants' pass rates differ, by the method that fits the number of attempts.

One attempt a task: exact McNemar test and Tango's score interval. Several: Student's t over the
per-task differences. Student's t is not trusted with fewer than five tasks that differ: the score
interval, which takes a task's attempts as one, and the exact sign-flip test stand in.
"""

from typing import Literal

import numpy as np
from scipy import special

from arena.records import Record
from arena.score.interval import ALPHA, FloatArray, Interval, one_sided_level
from arena.score.paired import (
    discordance,
    mcnemar_exact,
    mcnemar_mid,
    sign_flip,
    t_interval,
    t_statistic,
    t_two_sided,
    tango_interval,
    tango_z,
)
from arena.score.proportion import ENOUGH_DIFFERING

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
    """Estimate, interval and p of per-task differences A - B, at least one.

    Args:
        differences: shape (tasks,), within [-1, 1].
        single: every task had one attempt.
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
    interval, p = None, None
    if trusts_t(differences):
        interval, p = t_interval(differences), t_two_sided(differences)
    if interval is None or p is None:
        return Difference(
            estimate=estimate,
            ci=tango_interval(discordance(differences)),
            p=sign_flip(differences),
            method="sign_flip_tango",
        )
    return Difference(estimate=estimate, ci=_clip(interval), p=p, method="student_t")


def not_worse(differences: FloatArray, margin: float, *, single: bool) -> NotWorse:
    """Non-inferiority of A to B at `margin`, within (0, 1), by the same method as `difference`."""
    level = one_sided_level(ALPHA)
    interval = t_interval(differences, level) if not single and trusts_t(differences) else None
    t = t_statistic(differences, -margin)
    if interval is None or t is None:
        pairs = discordance(differences)
        lo, p = tango_interval(pairs, level).lo, float(special.ndtr(-tango_z(pairs, -margin)))
    else:
        lo, p = interval.lo, float(special.stdtr(len(differences) - 1, -t))
    return NotWorse(margin=margin, lo=max(-1.0, lo), p=p, shown=p <= ALPHA)


def trusts_t(differences: FloatArray) -> bool:
    """Whether enough tasks differ for Student's t."""
    return int(np.count_nonzero(np.abs(differences) > 1e-12)) >= ENOUGH_DIFFERING


def _clip(interval: Interval) -> Interval:
    return Interval(max(-1.0, interval.lo), min(1.0, interval.hi))
