"""Evidence that may be looked at after every task: e-processes, valid at any stopping time.

Tasks must come in a random order fixed before the run. Reject at `1 / alpha` or more.
"""

from math import exp, log

import numpy as np
from scipy import special

from arena.score.interval import FloatArray

BETS = np.linspace(0.05, 0.95, 19)


def difference_evidence(only_a: int, only_b: int) -> float:
    """E-value against "A and B pass equally often", from the discordant pairs so far."""
    return _exp(float(special.betaln(1 + only_a, 1 + only_b)) + (only_a + only_b) * log(2))


def better_evidence(only_a: int, only_b: int) -> float:
    """E-value against "A passes no more often than B", from the discordant pairs so far."""
    tail = float(special.betainc(1 + only_b, 1 + only_a, 0.5))
    return 2 * difference_evidence(only_a, only_b) * tail


def not_worse_evidence(differences: FloatArray, margin: float) -> float:
    """E-value against "A is worse than B by `margin` or more".

    Args:
        differences: per-task differences A - B so far, within [-1, 1].
        margin: within (0, 1).
    """
    middle = (1 - margin) / 2
    gains = (np.asarray(differences) + 1) / 2 - middle
    logs = np.log1p(np.outer(BETS / middle, gains)).sum(axis=1)
    return _exp(float(special.logsumexp(logs)) - log(len(BETS)))


def _exp(log_evidence: float) -> float:
    return exp(min(log_evidence, 700.0))  # beyond it a float would be infinite
