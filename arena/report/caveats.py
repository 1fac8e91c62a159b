"""What a run does not show, in sentences made from its own numbers."""

from collections.abc import Iterator

from arena.report import format as show
from arena.report.escape import one_line, plain
from arena.report.grading import assurance_notes, quarantine_notes
from arena.report.scored import Scored
from arena.score.tally import MISSING_LIMIT


def caveats(scored: Scored) -> tuple[str, ...]:
    """The limits of what a run shows, those of this run first."""
    return (*_of_this_run(scored), *_always(scored))


def simulated_note(scored: Scored) -> str:
    """What must be said before any number where endpoints were not the providers' own."""
    if not scored.board.simulated:
        return ""
    names = [plain(r.who.name) for r in scored.board.rows if r.who.simulated]
    return (
        f"Simulated: {', '.join(names)} answered from an endpoint that is not the provider's own."
        " No number here says anything about a vendor or its models."
    )


def billed_clause(scored: Scored) -> str:
    """That costs are as billed, and for whose sake; empty where they are standard."""
    billed = [row for row in scored.board.rows if row.money.basis == "billed"]
    if not billed:
        return ""
    only = [one_line(r.who.name) for r in billed if r.money.total.standard_usd is None]
    return (
        "Costs are as billed, with whatever caches did, since no other is known of"
        f" {', '.join(only)}"
    )


def hourly_notes(scored: Scored) -> Iterator[str]:
    """Who is priced by machine time, and how busy that machine was."""
    busy = scored.results.mean_concurrency
    hourly = [
        f"{one_line(c.name)} ({busy[c.name]:.1f})" if c.name in busy else one_line(c.name)
        for c in scored.results.manifest.contestants
        if c.backend and c.backend.hourly_usd is not None
    ]
    if hourly:
        yield (
            f"{', '.join(hourly)}: priced by machine time while calls were in flight (how many on"
            " average in brackets). How busy the machine was is this run's doing; a busier one is"
            " cheaper per task."
        )


def own_caveats(scored: Scored) -> Iterator[str]:
    """What contestants' own settings ask to be said beside their numbers."""
    for row in scored.board.rows:
        for caveat in row.who.caveats:
            yield f"{one_line(row.who.name)}: {one_line(caveat, 600)}"


def _of_this_run(scored: Scored) -> Iterator[str]:
    board = scored.board
    if note := simulated_note(scored):
        yield note
    if board.power:
        yield plain(board.power.line)
    if len(board.rows) < 2:
        yield "With fewer than two contestants nothing is compared."
    unknown = [plain(r.who.name) for r in board.rows if r.money.basis is None]
    if unknown:
        yield f"Without a known price, and so not on the frontier: {', '.join(unknown)}."
    yield from hourly_notes(scored)
    if any(r.missing.missing for r in board.rows):
        yield (
            "Trials without a verdict are left out of the rates, never counted as failed; above"
            f" {MISSING_LIMIT:.0%} nothing is concluded."
        )
    yield from own_caveats(scored)
    if board.attempts == 1:
        yield "With one attempt, how much a contestant varies from try to try is not seen."
    yield from assurance_notes(scored)
    yield from quarantine_notes(scored)


def _always(scored: Scored) -> Iterator[str]:
    tasks = show.plural(len(scored.board.tasks), "task")
    yield (
        f"These are {tasks}, small repositories with hidden tests. Large code bases, other"
        " languages and work without tests may rank contestants differently."
    )
    yield (
        "Tasks that have been published may be in a model's training data; what a contestant"
        " remembers and what it can do are not told apart."
    )
    costs = billed_clause(scored) or (
        "Costs compare contestants with equal use of caches (standard)"
    )
    yield (
        f"{costs}; the bill depends on when and how densely calls were made. Prices are those of"
        " the day of the run."
    )
    yield "Intervals are 95%. Ranks are ranges because what lies inside a range is not told apart."
