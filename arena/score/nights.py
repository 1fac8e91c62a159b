"""The runs of a folder as nights: which there are, what a contestant did on each, what is kept."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arena.errors import InputError
from arena.paths import SafePath
from arena.records import Assurance, CallEnd, ContestantSpec, Record, digest_of
from arena.rundir import ledger
from arena.rundir.directory import Manifest, RunDir, TaskEntry
from arena.score.load import load
from arena.score.pairs import Conditions, conditions_of_run, some
from arena.score.results import Results, TrialRow
from arena.score.tally import common_basis, ranking_costs, scoring_tasks
from arena.stats.sequential import Attempts


class NightScore(Record):
    """What one contestant came to on one night."""

    pass_rate: float | None
    scored: int
    faults: int
    """Trials without a verdict because something broke."""
    cost_usd: float | None
    """Mean of an attempt, with equal use of caches, else as billed; None where unknown."""
    cost_per_solved_usd: float | None
    """The same for a solved task; None where nothing was solved."""
    tokens: float | None
    """Mean of an attempt, prompt and output."""
    reasoning_tokens: float | None
    """Mean of an attempt."""
    active_s: float | None
    """Median of the agent's clock."""
    mistakes: int
    """Tool calls that were malformed, unknown or impossible."""
    other_names: tuple[str, ...]
    """Model names returned that were not asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What one contestant did on one night: all that a series keeps in memory of its trials."""

    spec: ContestantSpec
    price: str
    """Digest of what a call costs, the exchange rates included."""
    score: NightScore
    attempts: dict[str, Attempts]
    """Values by metric: pass 0 or 1, cost in US dollars, tokens. Absent where unknown."""


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """One run of a series."""

    path: Path
    manifest: Manifest
    conditions: Conditions
    played: dict[str, Played]
    """By contestant; controls are left out."""


class LeftOut(Record):
    """A run that is in no series, and why."""

    run: str
    reason: str


def runs_in(places: Sequence[Path]) -> list[Path]:
    """The run directories among the given folders, and right below those that are none.

    Raises:
        InputError: there is none.
    """
    found = []
    for place in places:
        below = sorted(place.iterdir()) if place.is_dir() else []
        inside = [one for one in below if RunDir(one).manifest_path.is_file()]
        found += [place] if RunDir(place).manifest_path.is_file() else inside
    if not found:
        raise InputError(
            "no run here",
            where=", ".join(map(str, places)),
            remedy="give the folder that holds the runs, one folder a night",
        )
    return found


def read_runs(paths: Sequence[Path]) -> tuple[list[Results], list[LeftOut]]:
    """Runs from the oldest on, each once, and those that cannot be read."""
    found: dict[str, Results] = {}
    broken = []
    for path in paths:
        try:
            results = load(path)
        except InputError as error:
            broken.append(LeftOut(run=str(path), reason=error.line()))
        else:
            found.setdefault(results.manifest.run_id, results)
    return sorted(found.values(), key=lambda r: (r.manifest.created_at, str(r.path))), broken


def night(results: Results, level: Assurance | None = None) -> Night:
    """One run as a night, over the tasks of one assurance level (by default the strongest)."""
    tasks = scoring_tasks(results.manifest, level)
    wanted = {task.id for task in tasks}
    return Night(
        path=results.path,
        manifest=results.manifest,
        conditions=conditions_of_run(results.manifest, level),
        played={
            spec.name: _played(spec, results.of(spec.name, wanted), tasks, results.manifest)
            for spec in results.manifest.contestants
            if not spec.control
        },
    )


def _played(
    spec: ContestantSpec, rows: list[TrialRow], tasks: Sequence[TaskEntry], manifest: Manifest
) -> Played:
    place = {task.id: i for i, task in enumerate(tasks)}
    scored = [row for row in rows if row.verdict is not None]
    at = np.array([place[row.task_id] for row in scored], dtype=np.int64)
    tokens = np.array([row.tokens.input + row.tokens.output for row in scored], dtype=np.float64)
    costs = ranking_costs(scored, common_basis([scored]))
    values = {
        "pass": np.array([row.passed for row in scored], dtype=np.float64),
        "cost": costs,
        "tokens": tokens if tokens.any() else None,
    }
    passed, told = sum(row.passed for row in scored), bool(tokens.any())
    return Played(
        spec=spec,
        price=_price(spec, manifest),
        score=NightScore(
            pass_rate=passed / len(scored) if scored else None,
            scored=len(scored),
            faults=sum(row.verdict is None and row.fault is not None for row in rows),
            cost_usd=None if costs is None else float(costs.mean()),
            cost_per_solved_usd=None
            if costs is None or not passed
            else float(costs.sum()) / passed,
            tokens=float(tokens.mean()) if told else None,
            reasoning_tokens=_mean([row.tokens.reasoning for row in scored]) if told else None,
            active_s=float(np.median([row.active_s for row in scored])) if scored else None,
            mistakes=sum(row.mistakes for row in rows),
            other_names=tuple(sorted({name for row in rows for name in row.other_names})),
        ),
        attempts={name: Attempts(at, one) for name, one in values.items() if one is not None},
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _price(spec: ContestantSpec, manifest: Manifest) -> str:
    """Digest of the prices of the day and the rates of their currencies, not of where they are
    known from.
    """
    if spec.backend is None:
        return ""
    day = manifest.created_at.date()
    told = {"source", "checked_on", "evidence", "valid_from", "valid_to"}
    rows = [
        row
        for row in spec.backend.prices
        if (row.valid_from or day) <= day and (row.valid_to is None or day < row.valid_to)
    ]
    rates = {rate.currency: str(rate.usd) for rate in manifest.fx}
    return digest_of(
        [
            [row.model_dump(mode="json", exclude=told) for row in rows],
            [rates.get(row.currency) for row in rows],
            str(spec.backend.hourly_usd),
        ]
    )


NOTABLE = 1.1
"""Ratio from which a quantity that moved with an alarm is named."""


def causes(name: str, before: Sequence[Night], after: Sequence[Night]) -> Iterator[str]:
    """What else changed about a contestant between some nights and some later ones: candidates
    for the cause of an alarm, read from the ledgers.
    """
    (old, was_s), (new, now_s) = (_told(name, nights) for nights in (before, after))
    for what, was in old.items():
        if fresh := [word for word in new[what] if word not in was]:
            gone = f", before {some(list(was))}" if was else ""
            yield f"{what}: now {some(fresh)}{gone}"
    if len({one.played[name].price for one in (*before, *after)}) > 1:
        yield "price: the price book was changed"
    thought, thinks = (
        _mean([r for one in nights if (r := one.played[name].score.reasoning_tokens) is not None])
        for nights in (before, after)
    )
    moved = (("reasoning tokens", thought, thinks), ("seconds per call", was_s, now_s))
    for what, was_so, is_so in moved:
        if was_so and is_so and not 1 / NOTABLE < is_so / was_so < NOTABLE:
            yield f"{what}: {is_so / was_so:.2f} times as many ({was_so:.3g} to {is_so:.3g})"


def _told(name: str, nights: Sequence[Night]) -> tuple[dict[str, dict[str, None]], float | None]:
    """What its calls say of who answered them, by kind each word once, and the mean seconds of a
    call that ended well.
    """
    kinds = ("returned model name", "fingerprint", "upstream", "error")
    words: dict[str, dict[str, None]] = {kind: {} for kind in kinds}
    wall_s, calls = 0.0, 0
    for one in nights:
        for call in calls_of(one.path, name):
            good = call.outcome == "ok"
            wall_s, calls = wall_s + good * call.wall_s, calls + good
            said = (call.returned_model, call.fingerprint, call.upstream)
            for kind, word in zip(kinds, (*said, None if good else call.outcome), strict=True):
                words[kind] |= {word: None} if word else {}
    return words, wall_s / calls if calls else None


def calls_of(run: Path, contestant: str) -> Iterator[CallEnd]:
    """Settled calls of one contestant of a run."""
    mine = set()
    for event in ledger.read(RunDir(run).ledger_path):
        if isinstance(event, ledger.CallBeginEvent) and event.call.contestant == contestant:
            mine.add(event.call.call_id)
        elif isinstance(event, ledger.CallEndEvent) and event.call.call_id in mine:
            yield event.call


LARGE = ("trials", "report")
"""What of a run no series, gate or price needs: transcripts, patches, logs and pages."""


class Freed(Record):
    """What was removed of one run."""

    run: str
    freed_bytes: int
    kept_bytes: int
    whole: bool
    """Whether the run went altogether."""


def retain(
    folder: Path, *, nights: int, ledgers: int | None = None, keep: Sequence[Path] = ()
) -> Iterator[Freed]:
    """Drop what is large of all but the newest runs right below a folder.

    What a baseline or a series is read from, manifest and ledger, stays; so does every file that
    is no part of a run, every run that is a link, and every run that is being written.

    Args:
        folder: of the runs.
        nights: how many of the newest keep everything.
        ledgers: how many of the newest keep their ledger, by default all; older runs go altogether.
        keep: runs that nothing is removed of, such as a baseline.
    """
    spared = {path.resolve() for path in keep}
    runs = [path for path in runs_in([folder]) if path != folder and not path.is_symlink()]
    known = []
    for path in runs:
        with suppress(InputError):
            known.append((RunDir(path).read_manifest().created_at, path))
    newest = [path for _, path in sorted(known, reverse=True)]
    for place, path in reversed(list(enumerate(newest))):
        if place < nights or path.resolve() in spared:
            continue
        gone = ledgers is not None and place >= max(ledgers, nights)
        with suppress(InputError):  # another process writes it
            yield _drop(SafePath(folder) / path.name, whole=gone)


def _drop(run: SafePath, *, whole: bool) -> Freed:
    before = _bytes(run)
    with RunDir(Path(str(run))).lock():
        for name in LARGE:
            (run / name).rmtree()
    if whole:
        run.rmtree()
    kept = _bytes(run)
    return Freed(run=str(run), freed_bytes=before - kept, kept_bytes=kept, whole=whole)


def _bytes(folder: SafePath) -> int:
    return sum(path.stat().st_size for path in folder.files())
