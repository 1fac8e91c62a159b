"""Sentences that must stand beside a run's numbers, made from these numbers, each fact once.

`lead` stands below the headline; `notes` below the leaderboard, alike in all forms for people. A
race has an answer of its own: who left when, and the evidence over the spend.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from arena.records import Provenance, RaceRules
from arena.report import format as show
from arena.report.decisions import Answer, answer_of
from arena.report.format import hundredths, one_line, percent, plain, plural, usd
from arena.report.scored import Scored
from arena.score.leaderboard import Row
from arena.score.race import Race, held, racers
from arena.score.results import sum_costs
from arena.score.tally import MISSING_LIMIT, scoring_tasks

HOW = {
    "ids": "test by test (ids)",
    "report": "test by test, from a report that the code under test could have written (report)",
    "exit_code": "by a script's exit code (exit_code)",
    "reward_file": "by the reward a script leaves (reward_file)",
}
TIERS: dict[Provenance, str] = {
    "A": "a report of the problem",
    "B": "what was written with the fix",
    "C": "the fix's first line alone",
    "D": "a model's words",
}
_SHOWN_IDS = 5


def answer(scored: Scored) -> Answer:
    """The answer of a run."""
    if (race := race_report(scored)) is not None:
        return Answer(race.headline, race.lead, "")
    return answer_of(scored.recommendation)


def simulated_note(scored: Scored) -> str:
    """What must be said before any number where endpoints were not the providers' own."""
    if not scored.results.manifest.simulated:
        return ""
    names = [one.name for one in scored.ranked if one.backend("simulated")]
    return (
        f"Simulated: {', '.join(names)} answered from an endpoint that is not the provider's own."
        " No number here says anything about a vendor or its models."
    )


def lead(scored: Scored, *, switches: bool) -> tuple[str, ...]:
    """The lines below a headline; with `switches` those points too, which a page has in a table."""
    said, gone = answer(scored), missing(scored)
    raced = scored.results.manifest.race is not None
    doubted = bool(scored.recommendation.doubts and gone)
    first = "" if (said.tabled and not switches) or (doubted and not raced) else said.lead
    last = f"{gone} Resume the run first." if doubted else gone
    return tuple(filter(None, (first, said.guess, last)))


def missing(scored: Scored) -> str:
    """All that is to say of trials without a verdict; empty where there are none."""
    trials = scored.results.trials
    gone = sum(t.verdict is None for t in trials)
    if not gone:
        return ""
    faults = sum(t.verdict is None and t.fault is not None for t in trials)
    counts = [(gone - faults, "not run"), (faults, "fault" if faults == 1 else "faults")]
    parts = ", ".join(f"{show.count(count)} {what}" for count, what in counts if count)
    said = f"{show.count(gone)} of {plural(len(trials), 'trial')} lack a verdict ({parts})"
    lacking = [_lacking(row) for row in scored.rows if row.missing.missing]
    rule = (
        f" They count in no rate; where more than {MISSING_LIMIT:.0%} is missing, nothing may be"
        " concluded."
    )
    return f"{said}: {'; '.join(lacking)}.{rule}" if lacking else f"{said}.{rule}"


def _lacking(row: Row) -> str:
    """Who lacks how many, and its pass rate in the worst and the best case of them."""
    found, bounds = row.missing, row.missing.rate_bounds
    said = f"{one_line(row.who.name)} {found.missing} of {found.planned}"
    if not row.counts.scored or bounds is None:
        return said
    return f"{said} (pass rate {percent(bounds.lo)} to {percent(bounds.hi)} with them)"


def notes(scored: Scored) -> tuple[str, ...]:
    """What the costs are, who was stopped or answered oddly, and which tasks count."""
    parts = (_costs, _narrowed, _routes, _contestants, _assurance, _statements, _quarantined)
    return tuple(note for part in parts for note in part(scored))


def method(scored: Scored) -> Iterator[str]:
    """What this run could show at all, and what no run like it shows."""
    board = scored.board
    if board.power:
        yield plain(board.power.line)
    if scored.results.manifest.attempts == 1:
        yield "With one attempt, how much a contestant varies from try to try is not seen."
    yield (
        "Intervals are 95%, with the task as the unit. Large code bases, other languages and work"
        " without tests may rank contestants differently."
    )
    yield (
        "Tasks that have been published may be in a model's training data; what a contestant"
        " remembers and what it can do are not told apart."
    )
    yield "Bills depend on when and how densely calls were made; prices are of the run's day."


def _costs(scored: Scored) -> Iterator[str]:
    """Which cost contestants are compared at, and whose is no price of a vendor."""
    rows = scored.board.rows
    billed = [row for row in rows if row.basis == "billed"]
    only = [one_line(r.who.name) for r in billed if r.total.standard_usd is None]
    if billed:
        since = f", since no other is known of {', '.join(only)}" if only else ""
        yield f"Costs are as billed, with whatever caches did{since}."
    elif any(row.basis for row in rows):
        yield (
            "Costs compare contestants with equal use of caches: what a trial repeated counts as"
            " cached, nothing else."
        )
    unknown = [one_line(row.who.name) for row in rows if row.basis is None]
    if unknown:
        yield f"Without a known price, and so not compared by cost: {', '.join(unknown)}."
    busy = scored.results.mean_concurrency
    hourly = [
        f"{one_line(c.name)} ({busy[c.name]:.1f})" if c.name in busy else one_line(c.name)
        for c in scored.results.manifest.contestants
        if c.backend and c.backend.hourly_usd is not None
    ]
    if hourly:
        yield (
            f"{', '.join(hourly)}: priced by machine time while calls were in flight (how many on"
            " average in brackets); a busier machine is cheaper per task."
        )


def _narrowed(scored: Scored) -> Iterator[str]:
    """What was begun and then left out of the plan."""
    if out := scored.results.left_out:
        spent = usd(sum_costs([row.cost for row in out]).known_usd)
        yield (
            f"The plan was narrowed after the start: {plural(len(out), 'trial')} that had"
            f" begun, {spent} of known cost, are in none of these numbers."
        )


def _routes(scored: Scored) -> Iterator[str]:
    """What the endpoints were spoken to in, where it is not chat completions for all."""
    found = [(one_line(r.who.name), r.who.backend) for r in scored.board.rows]
    spoken = [(name, of.api, of.translated_from) for name, of in found if of]
    routes = (
        f"{name} {api}" + (f" (its agent speaks {own})" if own else "") for name, api, own in spoken
    )
    if any(own or api != "chat" for _, api, own in spoken):
        yield f"API routes: {', '.join(routes)}."


def _contestants(scored: Scored) -> Iterator[str]:
    """Who was stopped, what may have been billed, what was breached, and whoever's own caveats."""
    for name, reason in scored.results.stopped.items():
        yield f"{plain(name)} was stopped: {one_line(reason)}."
    for row in scored.rows:
        name, total, backend = one_line(row.who.name), row.total, row.who.backend
        if row.counts.other_names:
            asked = plain(backend.model if backend else "")
            names = ", ".join(map(plain, row.counts.other_names))
            yield f"{name} asked for {asked}; replies also name {names}."
        if total.unsettled_calls:
            calls = plural(total.unsettled_calls, "call")
            bound = total.unsettled_bound_usd
            most = "an unknown amount" if bound is None else f"at most {usd(bound)}"
            yield f"{name}: {calls} may have been billed without telling usage, {most}."
        if row.impossible and row.impossible.passed:
            yield (
                f"{name} passed {row.impossible.passed} of {row.impossible.trials} trials of"
                " impossible tasks, which cannot be passed honestly."
            )
        for caveat in backend.caveats if backend else ():
            yield f"{name}: {one_line(caveat, 600)}"
    if any(row.counts.scored for row in scored.board.rows) and not any(
        row.counts.verdicts.get("integrity") for row in scored.rows
    ):
        yield "No trial was judged a breach of integrity."


def _assurance(scored: Scored) -> Iterator[str]:
    """What the numbers stand on: the grading of the tasks in them, and of those that are not."""
    scope = scored.board.scope
    if scope.level is None:
        return
    yield f"{plural(len(scored.board.tasks), 'task')} graded {HOW[scope.level]}."
    for level, count in scope.others.items():
        yield (
            f"Not in these numbers: {plural(count, 'task')} graded {HOW[level]};"
            f" see --assurance {level}."
        )


def _statements(scored: Scored) -> Iterator[str]:
    """Where the statements of the tasks in the numbers are from, and which say too little."""
    tasks = [t for t in scored.results.tasks if t.id in set(scored.board.tasks)]
    counts = Counter(t.provenance for t in tasks)
    if told := [f"{counts[t]} of tier {t} ({what})" for t, what in TIERS.items() if counts[t]]:
        told += [f"{counts[None]} of no stated tier"] if counts[None] else []
        yield f"Problem statements: {', '.join(told)}."
    if unfair := [t.id for t in tasks if t.underspecified]:
        yield f"Underspecified, as their tests need what nobody tells: {_first(unfair)}."


def _quarantined(scored: Scored) -> Iterator[str]:
    """Tests that proved unstable and decide nothing, one sentence a task."""
    for task in scored.results.tasks:
        if task.quarantined:
            tests = _first(task.quarantined)
            yield f"Quarantined in {one_line(task.id)}, deciding nothing: {tests}."


def _first(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _SHOWN_IDS} more" if len(ids) > _SHOWN_IDS else ""
    return ", ".join(map(one_line, ids[:_SHOWN_IDS])) + more


WIDTH, HEIGHT = 600, 150
"""Of the chart, in its own units."""


@dataclass(frozen=True, slots=True)
class RaceLine:
    """One contestant of a race."""

    name: str
    became: str
    """In words: the answer, when it left and with what was known then, or that it is in."""
    curve: str
    """Points of its evidence over the spend, for an SVG polyline; `end` is the last."""
    end: tuple[float, float]


@dataclass(frozen=True, slots=True)
class RaceReport:
    """A race in words, with its chart."""

    decided: bool
    headline: str
    lead: str
    lines: tuple[RaceLine, ...]
    spent: str
    size: tuple[int, int] = (WIDTH, HEIGHT)


def race_report(scored: Scored) -> RaceReport | None:
    """The race that a run was; None where it was none."""
    plan = scored.results.manifest.race
    if plan is None:
        return None
    race, evidence, spent = held(scored.results)
    names = [plain(c.name) for c in racers(scored.results.manifest.contestants)]
    most = float(spent[-1]) if len(spent) else 0.0
    rows = {plain(row.who.name): row for row in scored.board.rows}
    lines = []
    for i, name in enumerate(names):
        left = int(race.left_after[0, i])
        count = left if left >= 0 else race.tasks
        along = spent[:count] / most if most else np.arange(1, count + 1) / race.tasks
        down = 1 - np.clip(evidence[:count, i], 0, 1)
        points = [(0.0, float(HEIGHT))]
        points += np.column_stack((WIDTH * along, HEIGHT * down)).round(1).tolist()
        curve = " ".join(f"{x},{y}" for x, y in points)
        became = _became(race, i, rows.get(name))
        lines.append(RaceLine(name, became, curve, (points[-1][0], points[-1][1])))
    answer = int(race.answer[0])
    head = "In this simulation, " if scored.results.manifest.simulated else "Choose "
    return RaceReport(
        decided=answer >= 0,
        headline=f"{head}{names[answer]}" if answer >= 0 else "Not decided",
        lead=" ".join(_race_lead(scored, race, names, plan.rules, most)),
        lines=tuple(lines),
        spent=usd(most),
    )


def _became(race: Race, place: int, row: Row | None) -> str:
    known = ""
    if row is not None and row.pass_rate is not None and row.ci is not None:
        sure = show.percent_range(row.ci)
        known = f"; passed {percent(row.pass_rate)} ({sure})"
    if race.answer[0] == place:
        return f"the answer{known}"
    if not race.live[0, place]:
        return f"left after {plural(int(race.left_after[0, place]), 'task')}{known}"
    if race.decided[0]:
        return f"not cheaper, or not shown good enough{known}"
    return f"still in{known}"


def _race_lead(
    scored: Scored, race: Race, names: list[str], rules: RaceRules, usd_spent: float
) -> Iterator[str]:
    manifest = scored.results.manifest
    tasks = len(scoring_tasks(manifest))
    question = said = f"the highest value a task, at {usd(rules.value_usd)} a solved task"
    cheaper = ""
    if rules.margin is not None:
        said = f"a pass rate not less by {hundredths(rules.margin)} points than any"
        question = f"the cheapest on average with {said}"
        cheaper = " Their mean costs say that none still in is cheaper; that is not shown."
    if race.decided[0]:
        yield (
            f"This was a race. It has {said}: shown, with a chance of error of at most"
            f" {hundredths(rules.alpha)}%, after {race.tasks} of {plural(tasks, 'task')}.{cheaper}"
        )
    else:
        still = ", ".join(name for i, name in enumerate(names) if race.live[0, i])
        after = plural(race.tasks, "task")
        yield f"This was a race for {question}. After {after} still in: {still}."
    if gone := int((~race.live[0]).sum()):
        yield f"{plural(gone, 'contestant')} left before the end."
    hourly = any(c.backend and c.backend.hourly_usd is not None for c in manifest.contestants)
    whole = ", each counted as all of its machine paid by the hour" if hourly else ""
    yield (
        f"Evidence took {usd(usd_spent)} of trials{whole}. A race stops on what it sees: its"
        " intervals are confidence sequences, which hold whenever it ended, and its contestants"
        " are not ranked among themselves."
    )
