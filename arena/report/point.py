"""What the frontier chart shows of a contestant; loads no chart library."""

from dataclasses import dataclass

from arena.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class Point:
    """One contestant on the frontier chart."""

    name: str
    anchor: str
    """Id of the contestant's row on the page."""
    country: str
    """Country of the lab, or what is shown instead."""
    rate: float
    rate_ci: Interval
    cost: float
    """US dollars per attempt, above 0."""
    cost_ci: Interval | None
    on_frontier: bool
    description: str
    """All numbers in one sentence: shown on hover and read aloud."""
