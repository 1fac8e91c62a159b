"""Contestants by what they share: country, weights, provider, agent."""

from dataclasses import dataclass

from arena.report import format as show
from arena.report.escape import plain
from arena.report.scored import Scored
from arena.score.groups import Group, groups

TITLES = {
    "country": "Country of the lab",
    "open_weights": "Weights",
    "provider": "Provider",
    "agent": "Agent",
}


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One group as the page shows it."""

    key: str
    value: str
    contestants: str
    pass_rate: str
    pass_rate_ci: str
    best: str
    cheapest: str


def together(scored: Scored) -> tuple[GroupLine, ...]:
    """Groups by each key that tells at least two of them apart."""
    found = groups(scored.results, scored.board.level)
    kinds = [group.key for group in found]
    return tuple(_line(group) for group in found if kinds.count(group.key) > 1)


def _line(group: Group) -> GroupLine:
    rate, interval = group.pass_rate, group.pass_rate_ci
    best, cheapest = group.best, group.cheapest
    return GroupLine(
        key=TITLES[group.key],
        value=plain(group.value),
        contestants=plain(", ".join(group.contestants)),
        pass_rate=show.DASH if rate is None else show.percent(rate),
        pass_rate_ci="" if interval is None else show.percent_range(interval),
        best=show.DASH if best is None else f"{plain(best)}, {show.percent(group.best_pass_rate)}",
        cheapest=(
            show.DASH
            if cheapest is None
            else f"{plain(cheapest)}, {show.usd(group.cheapest_per_solved_usd)}"
        ),
    )
