"""The runs of a folder as nights: which there are, what a contestant did on each, what is kept."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from arena.errors import InputError
from arena.paths import SafePath
from arena.records import CallEnd, ContestantSpec, Record, digest_of
from arena.rundir import ledger
from arena.rundir.directory import RunDir
from arena.score.load import load
from arena.score.pairs import Conditions, some
from arena.score.results import Results


class LeftOut(Record):
    """A run that is in no series, and why."""

    run: str
    reason: str


def runs_in(places: Sequence[Path]) -> list[Path]:
    """Run directories: of some folders, and right below others; raises `InputError` without any."""
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


@dataclass(frozen=True, slots=True, eq=False)
class Night:
    """One run of a series, over the tasks of one assurance level."""

    results: Results
    conditions: Conditions

    def who(self, name: str) -> ContestantSpec:
        """One of its contestants."""
        return self.results.manifest.contestant(name)

    def price(self, name: str) -> str:
        """Digest of what a contestant's calls cost that day, exchange rates included."""
        spec, manifest = self.who(name).backend, self.results.manifest
        if spec is None:
            return ""
        day = manifest.created_at.date()
        told = {"source", "checked_on", "evidence", "valid_from", "valid_to"}
        rows = [
            row
            for row in spec.prices
            if (row.valid_from or day) <= day and (row.valid_to is None or day < row.valid_to)
        ]
        rates = {rate.currency: str(rate.usd) for rate in manifest.fx}
        return digest_of(
            [
                [row.model_dump(mode="json", exclude=told) for row in rows],
                [rates.get(row.currency) for row in rows],
                str(spec.hourly_usd),
            ]
        )


NOTABLE = 1.1
"""Ratio from which a quantity that moved with an alarm is named."""


NightSpan = Sequence[tuple[Night, float | None]]
"""Nights before a change or after it, each with its mean reasoning tokens, where they are known."""


def causes(name: str, before: NightSpan, after: NightSpan) -> Iterator[str]:
    """What else changed about a contestant: candidates for the cause of an alarm."""
    (old, was_s), (new, now_s) = (_told(name, nights) for nights in (before, after))
    for what, was in old.items():
        if fresh := [word for word in new[what] if word not in was]:
            gone = f", before {some(list(was))}" if was else ""
            yield f"{what}: now {some(fresh)}{gone}"
    if len({night.price(name) for night, _ in (*before, *after)}) > 1:
        yield "price: the price book was changed"
    told = ([tokens for _, tokens in side if tokens is not None] for side in (before, after))
    thought, thinks = (float(np.mean(each)) if each else None for each in told)
    moved = (("reasoning tokens", thought, thinks), ("seconds per call", was_s, now_s))
    for what, was_so, is_so in moved:
        if was_so and is_so and not 1 / NOTABLE < is_so / was_so < NOTABLE:
            yield f"{what}: {is_so / was_so:.2f} times as many ({was_so:.3g} to {is_so:.3g})"


def _told(name: str, nights: NightSpan) -> tuple[dict[str, dict[str, None]], float | None]:
    """What the ledgers say of who answered, each word once, and mean seconds of a good call."""
    kinds = ("returned model name", "fingerprint", "upstream", "error")
    words: dict[str, dict[str, None]] = {kind: {} for kind in kinds}
    wall_s, calls = 0.0, 0
    for night, _ in nights:
        for call in calls_of(night.results.path, name):
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
    """Drop what is large of all but the `nights` newest runs right below a folder: transcripts,
    patches, logs and pages. Where only so many are to keep their ledgers, older runs go altogether.

    Every file that is no part of a run stays, every run that is to `keep`, that is a link, or that
    is being written.
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
        for name in ("trials", "report"):  # what no series, gate or price needs
            (run / name).rmtree()
        if whole:
            run.rmtree()
    kept = _bytes(run)
    return Freed(run=str(run), freed_bytes=before - kept, kept_bytes=kept, whole=whole)


def _bytes(folder: SafePath) -> int:
    return sum(path.stat().st_size for path in folder.files())
