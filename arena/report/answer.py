"""The first screen of the page: what to choose, how sure that is, and four figures."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from arena.report import format as show
from arena.report.escape import plain
from arena.report.format import Fact
from arena.report.scored import Scored
from arena.score.recommend import Candidate, Recommendation
from arena.score.row import Row


@dataclass(frozen=True, slots=True)
class Answer:
    """The recommendation in words."""

    decided: bool
    headline: str
    lead: str
    guess: str
    """The cheapest that nothing was shown to beat, where nothing is decided."""
    would_change: tuple[str, ...]
    figures: tuple[Fact, ...]
    progress: str
    """What is still to come, while a run is going on."""


def answer(scored: Scored) -> Answer:
    """The answer of a run."""
    found = scored.recommendation
    headline, lead = _decided(found) if found.pick else _undecided(found)
    return Answer(
        decided=found.decided,
        headline=headline,
        lead=lead,
        guess="" if found.decided else _guess(found.cheapest_not_shown_worse),
        would_change=tuple(map(plain, found.would_change)),
        figures=tuple(_figures(scored)),
        progress=_progress(scored),
    )


def _decided(found: Recommendation) -> tuple[str, str]:
    pick = found.pick
    assert pick
    name = plain(pick.name)
    interval = f" ({show.percent_range(pick.pass_rate_ci)})" if pick.pass_rate_ci else ""
    lead = (
        "It is the cheapest backend shown not worse than any other by"
        f" {show.points(found.margin).lstrip('+')} points or more. It passes"
        f" {show.percent(pick.pass_rate)} of the tasks{interval} at {show.usd(pick.cost_usd)} per"
        f" solved task.{plain(found.unknown)}"
    )
    return f"In this simulation, {name}" if found.simulated else f"Choose {name}", lead


def _undecided(found: Recommendation) -> tuple[str, str]:
    head, _, rest = plain(found.headline).partition(": ")
    names = tuple(plain(candidate.name) for candidate in found.candidates)
    lead = rest if rest.startswith(names) else rest[:1].upper() + rest[1:]
    return head.rstrip("."), lead


def _guess(candidate: Candidate | None) -> str:
    if candidate is None or candidate.pass_rate is None:
        return ""
    return (
        f"{plain(candidate.name)} is the cheapest that nothing was shown to beat:"
        f" {show.percent(candidate.pass_rate)} passed at {show.usd(candidate.cost_usd)} per solved"
        " task. That is a guess worth testing, not an answer."
    )


def best(sure: Iterable[Row]) -> Row | None:
    """The highest pass rate among contestants that are best first."""
    return next((row for row in sure if row.score.pass_rate is not None), None)


def cheapest(sure: Iterable[Row]) -> tuple[str, float] | None:
    """The lowest cost per solved task in US dollars, with whose it is."""
    priced = [
        (row.money.per_solved.estimate, row.who.name)
        for row in sure
        if row.money.per_solved and row.money.per_solved.estimate is not None
    ]
    cost, name = min(priced, default=(0.0, ""))
    return (name, cost) if priced else None


def _figures(scored: Scored) -> Iterator[Fact]:
    board = scored.board
    if first := best(scored.sure):
        tied = sum(r.rank is not None and r.rank.best == 1 for r in board.rows if r is not first)
        note = plain(first.who.name)
        if tied:
            note += f", not told apart from {show.plural(tied, 'other')}"
        yield Fact("Highest pass rate", show.percent(first.score.pass_rate), note)
    if found := cheapest(scored.sure):
        name, cost = found
        yield Fact("Lowest cost per solved task", show.usd(cost), plain(name))
    attempts = show.plural(board.attempts, "attempt")
    tasks = show.plural(len(board.tasks), "task")
    size = show.plural(len(board.rows), "contestant")
    yield Fact("Measured on", tasks, f"{attempts} each by {size}")
    if board.power:
        gap = f"{board.power.smallest_gap * 100:.0f} points"
        note = "between two pass rates, at 80% power"
        yield Fact("Smallest gap it can show", gap, note)


def _progress(scored: Scored) -> str:
    trials = scored.results.trials
    missing = sum(t.verdict is None for t in trials)
    if not missing:
        return ""
    faults = sum(t.verdict is None and t.fault is not None for t in trials)
    parts = [f"{show.count(missing - faults)} not run"] if missing > faults else []
    parts += [f"{show.plural(faults, 'fault')}"] if faults else []
    done = f"{show.count(len(trials) - missing)} of {show.plural(len(trials), 'trial')}"
    return f"{done} have a verdict ({', '.join(parts)})."
