"""How trials ended: in words, as a grid of marks, counted, and what a person should look at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from arena.records import Stop, Verdict
from arena.report import format as show
from arena.report.escape import one_line, plain
from arena.report.scored import Scored
from arena.rundir import TaskEntry, file_stem
from arena.score.results import TrialRow
from arena.score.row import Row

Tone = str
MAX_FINDINGS = 200

VERDICTS: Mapping[Verdict, str] = {
    "passed": "passed",
    "failed": "failed",
    "no_patch": "no patch",
    "invalid_patch": "invalid patch",
    "timeout": "tests timed out",
    "resource": "out of resources",
    "integrity": "integrity",
}
STOPS: Mapping[Stop, str] = {
    "submitted": "submitted",
    "gave_up": "ended without submitting",
    "steps": "step limit",
    "seconds": "time limit",
    "usd": "cost limit",
    "tokens": "token limit",
    "context_overflow": "context full",
    "content_filter": "refused by the provider",
    "container_ended": "ended its container",
    "agent_error": "the agent broke",
}
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


def outcome(row: TrialRow) -> tuple[str, Tone]:
    """How a trial came out, in words, and the tone to say it in."""
    if row.verdict is not None:
        tone = {"passed": "good", "integrity": "warn"}.get(row.verdict, "bad")
        return VERDICTS[row.verdict], tone
    return ("fault", "warn") if row.fault else ("not run", "")


def page_name(trial_id: str) -> str:
    """File of a trial's page in the folder of all trial pages, and its address there."""
    return f"{file_stem(trial_id)}.html"


@dataclass(frozen=True, slots=True)
class Mark:
    """One attempt, or in a large run the first of some; without `href` there is no page yet."""

    code: str
    attempt: int
    href: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class GridColumn:
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

    columns: tuple[GridColumn, ...]
    rows: tuple[GridRow, ...]
    codes: tuple[str, ...]
    """Marks that occur, for the legend."""
    joined: bool
    """A mark may stand for several attempts."""


def grid(scored: Scored) -> Grid:
    """The matrix of a run, contestants in the order of the leaderboard."""
    board = scored.board
    columns = tuple(
        GridColumn(plain(row.who.name), "" if row.who.control else f"c{i}", row.who.control)
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


@dataclass(frozen=True, slots=True)
class CountTable:
    """A table of counts; 0 is left empty. Columns that are 0 everywhere are left out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Something to look at; `href` leads to the trial."""

    kind: str
    tone: str
    where: str
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Health:
    """Endings, troubles and findings of a run."""

    verdicts: CountTable
    stops: CountTable
    notes: tuple[str, ...]
    findings: tuple[Suspicion, ...]
    more_findings: int


def health(scored: Scored) -> Health:
    """Endings and findings, the gravest first."""
    rows = scored.rows
    findings = sorted(_findings(scored.results.trials), key=lambda f: f.tone != "bad")
    return Health(
        verdicts=_counted(
            rows,
            {
                **{VERDICTS[v]: [r.counts.verdicts.get(v, 0) for r in rows] for v in VERDICTS},
                "fault": [r.counts.faults for r in rows],
                "not run": [r.counts.not_run for r in rows],
            },
        ),
        stops=_counted(
            rows,
            {
                **{STOPS[s]: [r.counts.stops.get(s, 0) for r in rows] for s in STOPS},
                "tool mistakes": [r.counts.mistakes for r in rows],
                "replies cut short": [r.counts.truncations for r in rows],
            },
        ),
        notes=tuple(_notes(scored)),
        findings=tuple(findings[:MAX_FINDINGS]),
        more_findings=max(0, len(findings) - MAX_FINDINGS),
    )


def _counted(rows: Sequence[Row], columns: dict[str, list[int]]) -> CountTable:
    used = {name: counts for name, counts in columns.items() if any(counts)}
    return CountTable(
        tuple(used),
        tuple(
            (
                plain(row.who.name),
                tuple(show.count(counts[i]) if counts[i] else "" for counts in used.values()),
            )
            for i, row in enumerate(rows)
        ),
    )


def _notes(scored: Scored) -> Iterator[str]:
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


def _findings(trials: Sequence[TrialRow]) -> Iterator[Suspicion]:
    for trial in trials:
        where = f"{plain(trial.contestant)} on {trial.task_id}, attempt {trial.attempt}"
        href = f"trials/{page_name(trial.id)}"
        if trial.verdict == "integrity":
            yield Suspicion("integrity", "bad", where, one_line(trial.reason), href)
        if trial.fault:
            text = one_line(trial.fault.message)
            yield Suspicion(f"{trial.fault.kind} fault", "warn", where, text, href)
        for kind, detail in trial.flags:
            yield Suspicion(plain(kind), "", where, one_line(detail), href)
