"""The denominator rule: attempts without a verdict are missing, never failures.

They are left out of rates, shown with the rate's bounds, and make every decision inconclusive
when they are more than 2% of what was planned or hit one contestant more than the other.
"""

import numpy as np

from arena.records import Record
from arena.score.interval import ALPHA, Interval
from arena.score.proportion import rate_bounds
from arena.score.tally import Tally

MISSING_LIMIT = 0.02


class Missing(Record):
    """Planned attempts that have no verdict."""

    planned: int
    missing: int
    share: float
    rate_bounds: Interval | None
    """Share of planned attempts that passed if all missing ones had failed, or had passed."""


def missing_of(tally: Tally) -> Missing:
    """What is missing of one contestant."""
    planned = tally.planned_total
    return Missing(
        planned=planned,
        missing=tally.missing,
        share=tally.missing / planned if planned else 0.0,
        rate_bounds=rate_bounds(int(tally.passed.sum()), tally.scored_total, tally.missing),
    )


def doubt(tally: Tally, limit: float = MISSING_LIMIT) -> str | None:
    """Why one contestant's numbers decide nothing, if they do not."""
    found = missing_of(tally)
    if not found.planned:
        return f"{tally.who.name} has no planned trial"
    if found.share <= limit:
        return None
    return (
        f"{tally.who.name} lacks a verdict for {found.missing} of {found.planned} trials"
        f" ({found.share:.1%}; at most {limit:.0%} may be missing)"
    )


def pair_doubt(a: Tally, b: Tally, limit: float = MISSING_LIMIT) -> str | None:
    """Why a comparison of two contestants decides nothing, if it does not."""
    reason = doubt(a, limit) or doubt(b, limit)
    if reason or a.missing == b.missing:
        return reason
    p = missing_p(a, b)
    if p >= ALPHA:
        return None
    return f"trials are missing unevenly: {a.missing} of {a.who.name}, {b.missing} of {b.who.name}"


def missing_p(a: Tally, b: Tally) -> float:
    """Fisher's exact p that attempts go missing equally often for both."""
    if not a.missing and not b.missing:
        return 1.0
    from scipy.stats import fisher_exact

    table = np.array([[a.missing, a.scored_total], [b.missing, b.scored_total]])
    return float(fisher_exact(table).pvalue)
