"""What a report says of a race: its answer, who left when, and the evidence over the spend."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from arena.records import RaceRules
from arena.report import format as show
from arena.report.format import percent, plain, plural, usd
from arena.report.scored import Scored
from arena.score.leaderboard import Row
from arena.score.race import Race, held, racers

WIDTH, HEIGHT = 600, 150
"""Of the chart, in its own units."""


@dataclass(frozen=True, slots=True)
class RaceLine:
    """One contestant of a race."""

    name: str
    became: str
    """In words: the answer, when it left and with what was known then, or that it is in."""
    curve: str
    """Points of its evidence over the spend, for an SVG polyline."""
    end: tuple[float, float]
    """The last of these points."""


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
    head = "In this simulation, " if scored.board.simulated else "Choose "
    return RaceReport(
        decided=answer >= 0,
        headline=f"{head}{names[answer]}" if answer >= 0 else "Not decided",
        lead=" ".join(_lead(scored, race, names, plan.rules, most)),
        lines=tuple(lines),
        spent=usd(most),
    )


def _became(race: Race, place: int, row: Row | None) -> str:
    known = ""
    if row is not None and row.score.pass_rate is not None and row.score.ci is not None:
        sure = show.percent_range(row.score.ci)
        known = f"; passed {percent(row.score.pass_rate)} ({sure})"
    if race.answer[0] == place:
        return f"the answer{known}"
    if not race.live[0, place]:
        return f"left after {plural(int(race.left_after[0, place]), 'task')}{known}"
    if race.decided[0]:
        return f"not cheaper, or not shown good enough{known}"
    return f"still in{known}"


def _lead(
    scored: Scored, race: Race, names: list[str], rules: RaceRules, usd_spent: float
) -> Iterator[str]:
    manifest = scored.results.manifest
    question = (
        f"the highest value a task, at {usd(rules.value_usd)} a solved task"
        if rules.margin is None
        else f"the cheapest on average that passes not less by {percent(rules.margin)} than any"
    )
    if race.decided[0]:
        yield (
            f"This was a race. It has {question}: shown, with a chance of error of at most"
            f" {percent(rules.alpha)}, after {race.tasks} of {plural(len(manifest.tasks), 'task')}."
        )
    else:
        still = ", ".join(name for i, name in enumerate(names) if race.live[0, i])
        yield (
            f"This was a race for {question}. After {plural(race.tasks, 'task')} still in: {still}."
        )
    if gone := int((~race.live[0]).sum()):
        yield f"{plural(gone, 'contestant')} left before the end."
    hourly = any(c.backend and c.backend.hourly_usd is not None for c in manifest.contestants)
    whole = ", each counted as all of its machine paid by the hour" if hourly else ""
    yield (
        f"Evidence took {usd(usd_spent)} of trials{whole}. A race stops on what it sees: its"
        " intervals are confidence sequences, which hold whenever it ended, and contestants that"
        " left are not ranked among themselves."
    )
