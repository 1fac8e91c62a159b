"""Tasks against contestants, one mark an attempt, each a link to its trial."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from arena.records import Verdict
from arena.report.escape import one_line, plain
from arena.report.scored import Scored
from arena.report.trial import page_name
from arena.rundir import TaskEntry
from arena.score.results import TrialRow

CODES: Mapping[Verdict, str] = {
    "passed": "p",
    "failed": "f",
    "no_patch": "n",
    "invalid_patch": "i",
    "timeout": "t",
    "resource": "r",
    "integrity": "g",
}
"""Classes of the marks. Short, since a page may hold ten thousand of them."""
FAULT, NOT_RUN = "x", "o"
MANY = 20_000
"""Trials from which attempts of a cell that ended alike share a mark: with a mark for each, a
browser takes seconds over the page.
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """One attempt, or in a large run the first of some; without `href` there is no page yet."""

    code: str
    attempt: int
    href: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Column:
    """A contestant."""

    name: str
    anchor: str
    control: bool


@dataclass(frozen=True, slots=True)
class GridRow:
    """A task with the attempts of each column."""

    task_id: str
    title: str
    difficulty: str
    note: str
    """Why the task is not scored, if it is not."""
    cells: tuple[tuple[Mark, ...], ...]
    passed: int
    scored: int
    """Attempts of contestants, controls left out."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The whole matrix."""

    columns: tuple[Column, ...]
    rows: tuple[GridRow, ...]
    codes: tuple[str, ...]
    """Marks that occur, for the legend."""
    joined: bool
    """A mark may stand for several attempts."""


def grid(scored: Scored) -> Grid:
    """The matrix of a run, contestants in the order of the leaderboard."""
    board = scored.board
    columns = tuple(
        Column(plain(row.who.name), "" if row.who.control else f"c{i}", row.who.control)
        for i, row in enumerate(scored.rows)
    )
    names = [row.who.name for row in scored.rows]
    ranked = {row.who.name for row in board.rows}
    by_task: dict[str, dict[str, list[TrialRow]]] = {}
    for trial in scored.results.trials:
        by_task.setdefault(trial.task_id, {}).setdefault(trial.contestant, []).append(trial)
    scoring = set(board.tasks)
    joined = len(scored.results.trials) > MANY
    marks = _joined if joined else _marks
    rows = tuple(
        _row(task, names, by_task.get(task.id, {}), ranked, marks, scored=task.id in scoring)
        for task in scored.results.tasks
    )
    used = {mark.code for row in rows for cell in row.cells for mark in cell}
    order = (*CODES.values(), FAULT, NOT_RUN)
    return Grid(columns, rows, tuple(code for code in order if code in used), joined)


def _row(
    task: TaskEntry,
    names: Sequence[str],
    trials: Mapping[str, list[TrialRow]],
    ranked: set[str],
    marks: Callable[[Sequence[TrialRow]], tuple[Mark, ...]],
    *,
    scored: bool,
) -> GridRow:
    mine = [t for name, rows in trials.items() if name in ranked for t in rows]
    note = "" if scored else "impossible control, never scored" if task.impossible else "not scored"
    return GridRow(
        task_id=task.id,
        title=one_line(task.title),
        difficulty=task.difficulty,
        note=note,
        cells=tuple(marks(trials.get(name, ())) for name in names),
        passed=sum(t.passed for t in mine),
        scored=sum(t.verdict is not None for t in mine),
    )


def _marks(rows: Sequence[TrialRow]) -> tuple[Mark, ...]:
    return tuple(map(_mark, rows))


def _joined(rows: Sequence[TrialRow]) -> tuple[Mark, ...]:
    alike: dict[tuple[str, bool], list[TrialRow]] = {}
    for row in rows:
        alike.setdefault((_code(row), row.tries > 0), []).append(row)
    return tuple(replace(_mark(same[0]), count=len(same)) for same in alike.values())


def _code(row: TrialRow) -> str:
    return CODES[row.verdict] if row.verdict else FAULT if row.fault else NOT_RUN


def _mark(row: TrialRow) -> Mark:
    return Mark(_code(row), row.attempt, f"trials/{page_name(row.id)}" if row.tries else "")
