"""Tests by betting: evidence that may be looked at after every task, and stopped on.

Whoever believes a hypothesis "the mean is at most 0" must offer fair bets on it, so that a gambler
who starts with 1 has `1 / alpha` at any time with probability at most alpha (Ville 1939). Wealth is
evidence: an e-process. A bet may depend on all that came before, never on what it is about.
Sources: Shafer, *Testing by betting* (2021); Waudby-Smith and Ramdas, *Estimating means of bounded
random variables by betting* (2024); Ramdas and others, *Game-theoretic statistics and safe
anytime-valid inference* (2023).
"""

from math import log

import numpy as np

from arena.stats.intervals import ALPHA, FloatArray, Interval

BETS: FloatArray = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
"""Shares of the wealth that are bet, each by a gambler of its own with as much to start with: the
mixture learns which of them grows fastest, at a price of log(5) at most."""
PRECISION = 1e-4
"""Of the limits of a confidence sequence, as a share of what values can be."""


def log_growth(gains: FloatArray) -> FloatArray:
    """What each gambler's log wealth grows by, shape (…, bets).

    Args:
        gains: of a bet of everything, at least -1 and of mean at most 0 if the hypothesis is true.
            NaN is no bet.
    """
    grown: FloatArray = np.log1p(np.where(np.isnan(gains), 0.0, gains)[..., None] * BETS)
    return grown


def log_wealth(log_of_each: FloatArray) -> FloatArray:
    """The log of what all gamblers have together who started with 1; takes away the last axis."""
    wealth: FloatArray = np.logaddexp.reduce(log_of_each, axis=-1) - log(len(BETS))
    return wealth


def evidence(gains: FloatArray) -> FloatArray:
    """The e-process of a series of gains, in order: log wealth after each, shape (tasks, …)."""
    return log_wealth(np.cumsum(log_growth(gains), axis=0))


def anytime_p(gains: FloatArray) -> float:
    """A p-value that holds whenever one stops: 1 over the most that the wealth ever was."""
    return float(np.exp(-max(0.0, evidence(gains).max(initial=0.0))))


def confidence_sequence(values: FloatArray, within: Interval, alpha: float = ALPHA) -> Interval:
    """An interval that holds the mean at all times together with probability 1 - alpha.

    Args:
        values: in the order in which they came, shape (tasks,).
        within: the least and the most that one can be.
        alpha: error rate; half of it is for either side.
    """
    lo = _bound(values - within.lo, within.hi - within.lo, alpha / 2)
    hi = _bound(within.hi - values, within.hi - within.lo, alpha / 2)
    return Interval(within.lo + lo, within.hi - hi)


def _bound(values: FloatArray, most: float, alpha: float) -> float:
    """What the mean of values in [0, most] is shown to be above.

    Betting against a lower mean always wins more, so that the means refuted are all up to a bound.
    """
    refuted, open_ = 0.0, most
    while open_ - refuted > PRECISION * most:
        mean = (refuted + open_) / 2
        shown = evidence(values / mean - 1).max(initial=0.0) >= -log(alpha)
        refuted, open_ = (mean, open_) if shown else (refuted, mean)
    return refuted
