"""Cascades: a cheap contestant first, a dear one only where the cheap one's patch is not trusted.

Trusted is what passes the tests that the repository itself shows to everybody, as grading recorded
it. The hidden verdict cannot be asked for in a real pipeline: it makes a bound, and is told as one.
"""

from collections.abc import Mapping

from arena.records import Record
from arena.score.results import Results
from arena.score.tally import TaskTally
from arena.stats.intervals import SEED, Interval


class CascadePoint(Record):
    """What a cascade comes to."""

    pass_rate: float
    pass_rate_ci: Interval
    """95%, over draws of tasks."""
    cost_usd: float
    """Per attempt, both contestants together."""
    cost_ci: Interval
    passed_on: float
    """Share of attempts that went on to the dear contestant."""


class CascadeRow(Record):
    """`first`, then `then` where the visible tests fail."""

    first: str
    then: str
    tasks: int
    seen: CascadePoint | None
    """None where grading recorded no visible tests."""
    unknown: str
    """Why `seen` is None; empty where it is not."""
    bound: CascadePoint
    """If the hidden verdict itself could be asked: no switch can do better."""
    chance: float | None
    """Share of draws in which it is worth more than every single contestant at some value of a
    solved task: it lies above the upper hull."""
    beats: bool
    """Shown to: 98.5% of draws agree."""


def cascades(
    results: Results, ranked: Mapping[str, TaskTally], *, seed: int = SEED
) -> tuple[CascadeRow, ...]:
    """Every pair of a cheaper and a dearer contestant, the best cascade first.

    Args:
        results: the run.
        ranked: contestants with verdicts, controls left out.
        seed: of the draws.
    """
    del results, ranked, seed
    return ()
