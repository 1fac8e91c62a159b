"""Sentences that must stand beside a run's numbers, made from these numbers.

`notes` are those beside the leaderboard, one list for terminals, Markdown and LaTeX; `caveats` say
what a run does not show.
"""

from collections.abc import Iterator

from arena.report import format as show
from arena.report.format import one_line, plain
from arena.report.scored import Scored
from arena.rundir.directory import TaskEntry
from arena.score.leaderboard import Row
from arena.score.results import sum_costs
from arena.score.tally import MISSING_LIMIT

HOW = {
    "ids": "test by test (ids)",
    "report": "test by test, from a report that the code under test could have written (report)",
    "exit_code": "by a script's exit code (exit_code)",
    "reward_file": "by the reward a script leaves (reward_file)",
}
_SHOWN_IDS = 5


def notes(scored: Scored) -> tuple[str, ...]:
    """Sentences on what the costs are, what is missing, and which tasks count."""
    return (
        *_costs(scored),
        *_narrowed(scored),
        *hourly_notes(scored),
        *_routes(scored),
        *own_caveats(scored),
        *ending_notes(scored),
        *assurance_notes(scored),
        *quarantine_notes(scored),
    )


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
    since = f", since no other is known of {', '.join(only)}" if only else ""
    return f"Costs are as billed, with whatever caches did{since}"


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


def _narrowed(scored: Scored) -> Iterator[str]:
    """What was begun and then left out of the plan."""
    if out := scored.results.left_out:
        spent = show.usd(sum_costs([row.cost for row in out]).known_usd)
        yield (
            f"The plan was narrowed after the start: {show.plural(len(out), 'trial')} that had"
            f" begun, {spent} of known cost, are in none of these numbers."
        )


def ending_notes(scored: Scored) -> Iterator[str]:
    """Who was stopped, what lacks a verdict, what may have been billed, what was breached."""
    for name, reason in scored.results.stopped.items():
        yield f"{plain(name)} was stopped: {one_line(reason)}."
    for row in scored.rows:
        name, unsettled = plain(row.who.name), row.money.total
        if row.counts.other_names:
            names = ", ".join(map(plain, row.counts.other_names))
            yield f"{name} asked for {plain(row.who.model or '')}; replies also name {names}."
        if row.inconclusive or row.missing.missing:
            yield _missing(row, left_out=row.who.name in scored.recommendation.left_out)
        if unsettled.unsettled_calls:
            calls = show.plural(unsettled.unsettled_calls, "call")
            bound = unsettled.unsettled_bound_usd
            most = "an unknown amount" if bound is None else f"at most {show.usd(bound)}"
            yield f"{name}: {calls} may have been billed without telling usage, {most}."
        if row.impossible and row.impossible.passed:
            yield (
                f"{name} passed {row.impossible.passed} of {row.impossible.trials} trials of"
                " impossible tasks, which cannot be passed honestly."
            )
    if any(row.counts.scored for row in scored.board.rows) and not any(
        row.score.integrity for row in scored.rows
    ):
        yield "No trial was judged a breach of integrity."


def _missing(row: Row, *, left_out: bool) -> str:
    """What lacks a verdict, and the pass rate in the worst and the best case of it."""
    gone, bounds = row.missing, row.missing.rate_bounds
    said = f"{one_line(row.who.name)} lacks a verdict for {gone.missing} of {gone.planned} trials"
    if row.inconclusive:
        said = f"Nothing may be concluded: {one_line(row.inconclusive, 600)}"
    if left_out:
        return f"{said}; without any verdict it is left out of the recommendation."
    if bounds is None:
        return f"{said}."
    lo, hi = show.percent(bounds.lo), show.percent(bounds.hi)
    return f"{said}; with these as failed its pass rate would be {lo}, with these as passed {hi}."


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


def _costs(scored: Scored) -> Iterator[str]:
    """Which cost contestants are compared at, and the bill where that is another."""
    if clause := billed_clause(scored):
        yield f"{clause}."
    differ = [
        f"{one_line(row.who.name)} {show.usd(row.money.total.billed_usd)}"
        for row in scored.board.rows
        if row.money.basis == "standard"
        and row.money.total.billed_usd != row.money.total.standard_usd
    ]
    if differ:
        yield f"Costs are at a standard cache; billed in all: {', '.join(differ)}."


def _routes(scored: Scored) -> Iterator[str]:
    """What the endpoints were spoken to in, where it is not chat completions for all."""
    rows = scored.board.rows
    routes = [
        f"{one_line(row.who.name)} {row.who.api}"
        + (f" (its agent speaks {row.who.translated_from})" if row.who.translated_from else "")
        for row in rows
        if row.who.api
    ]
    if any(row.who.translated_from or row.who.api not in {None, "chat"} for row in rows):
        yield f"API routes: {', '.join(routes)}."


def assurance_notes(scored: Scored) -> tuple[str, ...]:
    """What the numbers stand on: the grading of the tasks in them, and of those that are not."""
    board, tasks = scored.board, [t for t in scored.results.tasks if not t.impossible]
    if board.level is None:
        return ()
    notes = [f"{show.plural(len(board.tasks), 'task')} graded {HOW[board.level]}."]
    for level in board.other_levels:
        count = sum(t.assurance == level for t in tasks)
        notes.append(
            f"Not in these numbers: {show.plural(count, 'task')} graded {HOW[level]};"
            f" see --assurance {level}."
        )
    return tuple(notes)


def quarantine_notes(scored: Scored) -> tuple[str, ...]:
    """Tests that proved unstable and decide nothing, one sentence a task."""
    return tuple(
        f"Quarantined in {one_line(task.id)}, deciding nothing: {named(task)}."
        for task in scored.results.tasks
        if task.quarantined
    )


def named(task: TaskEntry) -> str:
    """The quarantined ids of a task, the first few by name."""
    more = len(task.quarantined) - _SHOWN_IDS
    first = ", ".join(one_line(test_id) for test_id in task.quarantined[:_SHOWN_IDS])
    return f"{first} and {more} more" if more > 0 else first
