"""How trials ended, and everything that a person should look at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from arena.records import Stop, Verdict
from arena.report import format as show
from arena.report.escape import one_line, plain
from arena.report.scored import Scored
from arena.report.trial import STOPS, VERDICTS, page_name
from arena.score.results import TrialRow
from arena.score.row import Row

MAX_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class Counted:
    """A table of counts; 0 is left empty. Columns that are 0 everywhere are left out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at; `href` leads to the trial."""

    kind: str
    tone: str
    where: str
    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Health:
    """Endings, troubles and findings of a run."""

    verdicts: Counted
    stops: Counted
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]
    more_findings: int


def health(scored: Scored) -> Health:
    """Endings and findings, the gravest first."""
    rows = scored.rows
    findings = sorted(_findings(scored.results.trials), key=lambda f: f.tone != "bad")
    return Health(
        verdicts=_counted(
            rows,
            {
                **{VERDICTS[v]: [r.counts.verdicts.get(v, 0) for r in rows] for v in _VERDICTS},
                "fault": [r.counts.faults for r in rows],
                "not run": [r.counts.not_run for r in rows],
            },
        ),
        stops=_counted(
            rows,
            {
                **{STOPS[s]: [r.counts.stops.get(s, 0) for r in rows] for s in _STOPS},
                "tool mistakes": [r.counts.mistakes for r in rows],
                "replies cut short": [r.counts.truncations for r in rows],
            },
        ),
        notes=tuple(_notes(scored)),
        findings=tuple(findings[:MAX_FINDINGS]),
        more_findings=max(0, len(findings) - MAX_FINDINGS),
    )


_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
_STOPS: tuple[Stop, ...] = get_args(Stop)


def _counted(rows: Sequence[Row], columns: dict[str, list[int]]) -> Counted:
    used = {name: counts for name, counts in columns.items() if any(counts)}
    return Counted(
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


def _findings(trials: Sequence[TrialRow]) -> Iterator[Finding]:
    for trial in trials:
        where = f"{plain(trial.contestant)} on {trial.task_id}, attempt {trial.attempt}"
        href = f"trials/{page_name(trial.id)}"
        if trial.verdict == "integrity":
            yield Finding("integrity", "bad", where, one_line(trial.reason), href)
        if trial.fault:
            text = one_line(trial.fault.message)
            yield Finding(f"{trial.fault.kind} fault", "warn", where, text, href)
        for kind, detail in trial.flags:
            yield Finding(plain(kind), "", where, one_line(detail), href)
