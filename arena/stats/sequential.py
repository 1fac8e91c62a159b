"""Evidence that may be looked at after every task and every night, and stopped on.

Whoever believes a hypothesis "the mean is at most 0" must offer fair bets on it, so that a gambler
who starts with 1 has `1 / alpha` at any time with probability at most alpha (Ville 1939). Wealth is
evidence: an e-process. A bet may depend on all that came before, never on what it is about.
Sources: Shafer, *Testing by betting* (2021); Waudby-Smith and Ramdas, *Estimating means of bounded
random variables by betting* (2024); Ramdas and others, *Game-theoretic statistics and safe
anytime-valid inference* (2023).

Nights on the same tasks need one assumption more: while nothing changes, the attempts at one task
are exchangeable, whichever night they are from. How hard a task is then needs no estimate.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from arena.stats.intervals import ALPHA, LEVEL, FloatArray, Interval

BETS: FloatArray = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
"""Shares of the wealth that are bet, each by a gambler of its own with as much to start with."""
PRECISION = 1e-4
"""Of the limits of a confidence sequence, as a share of what values can be."""


def log_growth(gains: FloatArray) -> FloatArray:
    """What each gambler's log wealth grows by, shape (…, bets), from the gains of a bet of
    everything: at least -1, of mean at most 0 if the hypothesis is true; NaN is no bet.
    """
    grown: FloatArray = np.log1p(np.where(np.isnan(gains), 0.0, gains)[..., None] * BETS)
    return grown


def log_wealth(log_of_each: FloatArray) -> FloatArray:
    """The log of what all gamblers have together who started with 1; takes away the last axis."""
    wealth: FloatArray = np.logaddexp.reduce(log_of_each, axis=-1) - np.log(len(BETS))
    return wealth


def evidence(gains: FloatArray) -> FloatArray:
    """The e-process of a series of gains, in order: log wealth after each, shape (tasks, …)."""
    return log_wealth(np.cumsum(log_growth(gains), axis=0))


def confidence_sequence(values: FloatArray, most: float) -> Interval:
    """An interval that holds the mean at all times together with 95%, half of the error for either
    side; values, shape (tasks,), from 0 to `most`, are in the order in which they came.
    """
    return Interval(_bound(values, most), most - _bound(most - values, most))


def _bound(values: FloatArray, most: float) -> float:
    """What the mean of values in [0, most] is shown to be above.

    Betting against a lower mean always wins more, so that the means refuted are all up to a bound.
    """
    refuted, open_ = 0.0, most
    while open_ - refuted > PRECISION * most:
        mean = (refuted + open_) / 2
        shown = evidence(values / mean - 1).max(initial=0.0) >= -np.log(ALPHA / 2)
        refuted, open_ = (mean, open_) if shown else (refuted, mean)
    return refuted


DRAWS = 999
"""Redrawn nights behind one p; the smallest is about one in as many."""
SHIFTS = (-3.0, -2.0, -1.0, 1.0, 2.0, 3.0)
"""Changes that the detector bets on, in standard errors of one night."""


def loss_p(
    passed: FloatArray, scored: FloatArray, passed_before: FloatArray, scored_before: FloatArray
) -> float:
    """Exact one-sided p of so few passes tonight, while each task's chance is what it was.

    Given all attempts at a task, those of tonight are a draw from them, so that tonight's passes
    are hypergeometric; the sum over tasks is convolved (the exact test of Mantel and Haenszel).
    Arrays are of attempts passed and made by task, shape (tasks,).
    """
    chances = np.ones(1)
    columns = np.stack((passed, scored, passed_before, scored_before), axis=1)
    for won, drawn, won_before, drawn_before in np.rint(columns).astype(np.int64):
        wins, total = won + won_before, drawn + drawn_before
        k = np.arange(max(0, drawn + wins - total), min(drawn, wins) + 1)
        logs = _log_choose(wins, k) + _log_choose(total - wins, drawn - k)
        own = np.exp(logs - _log_choose(total, drawn))
        chances = np.convolve(chances, np.pad(own, (k[0], drawn - k[-1])))
    return min(1.0, float(chances[: round(float(passed.sum())) + 1].sum()))


def _log_choose(n: int, k: NDArray[np.int64] | int) -> FloatArray:
    logs: FloatArray = -special.betaln(n - k + 1, k + 1) - np.log(n + 1)
    return logs


def rate_sequence(passed: int, scored: int) -> Interval:
    """One interval of a confidence sequence of a pass rate: all of them hold together with 95%,
    however often one looks (Robbins 1970, with a uniform mixture); counts are of all nights.

    It holds for tasks of any difficulty that are attempted equally often: the mixture's bets are
    linear in each attempt, and so worth at most what they are worth at the mean chance.
    """
    lost, limit = scored - passed, -np.log1p(-LEVEL)
    mixed = float(special.betaln(1 + passed, 1 + lost))

    def surplus(rate: float) -> float:
        own = float(special.xlogy(passed, rate) + special.xlog1py(lost, -rate))
        return max(-1e9, mixed - own) - limit if own > -np.inf else 1e9

    best, edge = (passed / scored if scored else 0.5), 1e-12
    if not scored:
        return Interval(0.0, 1.0)
    lo = float(optimize.brentq(surplus, edge, best)) if passed else 0.0
    hi = float(optimize.brentq(surplus, best, 1 - edge)) if lost else 1.0
    return Interval(lo, hi)


def mean_sequence(values: FloatArray, most: float) -> Interval | None:
    """As `rate_sequence`, of the mean of values from 0 to `most`, known before the first; None
    without a value, or where one is above the bound. Values are of all nights, in order.

    The narrowest of empirical Bernstein bounds (Howard, Ramdas, McAuliffe and Sekhon 2021), one a
    share of the wealth that is bet. It depends on the attempts' chances through the sum of their
    means alone, so that it holds for any tasks that are attempted equally often.
    """
    shares, count = values / most, len(values)
    if not count or shares.max() > 1:
        return None
    centres = (np.cumsum(shares) - shares) / np.maximum(np.arange(count), 1)
    spread = float(((shares - centres) ** 2).sum())
    needed = np.log(2 * len(BETS) / (1 - LEVEL)) - (np.log1p(-BETS) + BETS) * spread
    half, mean = float((needed / (BETS * count)).min()), float(shares.mean())
    return Interval(most * max(0.0, mean - half), most * min(1.0, mean + half))


class Attempts(NamedTuple):
    """Values of one night's attempts, and the task of each; both of shape (attempts,)."""

    task: NDArray[np.int64]
    value: FloatArray


class NightBag:
    """All attempts of a series so far, by task."""

    def __init__(self, tasks: int) -> None:
        self._values: list[list[float]] = [[] for _ in range(tasks)]

    def add(self, night: Attempts, rng: np.random.Generator) -> float | None:
        """Take one more night: its p, small for a low one; None where there is nothing to compare.

        While nothing changes the p's are independent and uniform on (0, 1), exactly: the rank of
        tonight's sum among those of nights redrawn from all attempts at each task, ties broken at
        random (a conformal p).
        """
        for task, value in zip(night.task.tolist(), night.value.tolist(), strict=True):
            self._values[task].append(value)
        drawn = np.bincount(night.task, minlength=len(self._values))
        held = np.array([len(values) for values in self._values])
        used = np.flatnonzero((drawn > 0) & (held > drawn))
        if not len(used):
            return None
        sums = self._redrawn(used, drawn[used], held[used], rng)
        own = float(night.value[np.isin(night.task, used)].sum())
        near = 1e-9 * max(1.0, abs(own))
        below, ties = np.count_nonzero(sums < own - near), np.count_nonzero(abs(sums - own) <= near)
        return float((below + rng.random() * (ties + 1)) / (DRAWS + 1))

    def _redrawn(
        self,
        used: NDArray[np.int64],
        drawn: NDArray[np.int64],
        held: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> FloatArray:
        """Sums of nights drawn without replacement (Floyd), shape (draws,)."""
        values = np.concatenate([self._values[i] for i in used])
        starts = np.concatenate(([0], np.cumsum(held)[:-1]))
        sums, chosen = np.zeros(DRAWS), np.full((int(drawn.max()), DRAWS, len(used)), -1)
        for step in range(int(drawn.max())):
            last = held - drawn + step
            pick = rng.integers(0, last + 1, size=(DRAWS, len(used)))
            pick = np.where((chosen[:step] == pick).any(axis=0), last, pick)
            chosen[step] = pick
            counts = drawn > step
            at = np.where(counts, starts + pick, 0)
            sums += np.where(counts, values[at], 0.0).sum(axis=1)
        return sums


class Detector:
    """An e-detector of Shiryaev and Roberts' form (Shin, Ramdas and Rinaldo, arXiv 2203.03532): the
    mean number of nights until it first reaches `n` is `n` or more while nothing changes. It bets
    on several sizes of a change at once, up and down.
    """

    def __init__(self) -> None:
        self._held = np.zeros(len(SHIFTS))

    def add(self, z: float) -> float:
        """Take a night that is standard normal while nothing changes; the evidence so far."""
        shifts = np.array(SHIFTS)
        self._held = np.exp(shifts * z - shifts**2 / 2) * (self._held + 1)
        return float(self._held.mean())


def normal_of(p: float) -> float:
    """Standard normal score of a uniform p, kept finite."""
    return float(special.ndtri(min(max(p, 1e-9), 1 - 1e-9)))


def change_point(z: Sequence[float]) -> int:
    """The night from which on the scores most differ from 0: an index into them."""
    tail = np.cumsum(np.asarray(z)[::-1])[::-1]
    return int(np.argmax(tail**2 / np.arange(len(tail), 0, -1)))
