"""Trial pages: written only when something they show has changed."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from arena import resources
from arena.decoding import from_json
from arena.report import details, trial
from arena.report.trial import FILES, Source
from arena.rundir import RunDir, replace_file
from arena.score.results import Results, TrialRow

KEYS = "pages.json"
MANY = 1_000
"""Pages from which a second process is worth its start."""


def write(results: Results, folder: Path) -> int:
    """Bring the pages of all begun trials up to date; returns how many were written.

    Args:
        results: the run.
        folder: `report/trials` of the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before, keys = _read_keys(folder), dict(_keys(results))
    stale = {
        id_
        for id_, key in keys.items()
        if before.get(id_) != key or not (folder / f"{id_}.html").is_file()
    }
    targets = ((source, folder / f"{source.row.id}.html") for source in _sources(results, stale))
    if len(stale) < MANY:
        for target in targets:
            _write(target)
    else:
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
            for _ in pool.map(_write, targets, chunksize=100):
                pass
    for id_ in before.keys() - keys.keys():
        (folder / f"{id_}.html").unlink(missing_ok=True)
    if keys != before:
        replace_file(folder / KEYS, json.dumps(keys))
    return len(stale)


def render(results: Results, trial_id: str) -> str | None:
    """The page of one trial; None when the run plans no such trial."""
    for source in _sources(results, {trial_id}):
        return trial.render(source)
    return None


def _write(target: tuple[Source, Path]) -> None:
    source, path = target
    path.write_text(trial.render(source), encoding="utf-8")


def _sources(results: Results, wanted: Collection[str]) -> Iterator[Source]:
    """What the pages of the wanted trials are made from."""
    rows = [row for row in results.trials if row.id in wanted]
    if not rows:
        return
    rundir, by_task = RunDir(results.path), _by_task(results.trials)
    known = details.read(results.path, results.manifest, wanted.__contains__)
    tasks = {t.id: t for t in results.tasks}
    peers = {id_: trial.peers(by_task[id_]) for id_ in {row.task_id for row in rows}}
    for row in rows:
        yield Source(
            run_name=results.manifest.name,
            attempts=results.manifest.attempts,
            task=tasks[row.task_id],
            row=row,
            # A record of an earlier digest is not this trial's, as in `arena.score.load`.
            record=known.records.get(row.id) if row.verdict or row.fault else None,
            calls=known.calls.get(row.id, ()),
            peers=peers[row.task_id],
            folder=rundir.trial_dir(row.id),
        )


def _by_task(rows: Iterable[TrialRow]) -> dict[str, list[TrialRow]]:
    found: dict[str, list[TrialRow]] = {}
    for row in rows:
        found.setdefault(row.task_id, []).append(row)
    return found


def _read_keys(folder: Path) -> dict[str, str]:
    try:
        keys = from_json((folder / KEYS).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return keys if isinstance(keys, dict) else {}


def _keys(results: Results) -> Iterator[tuple[str, str]]:
    """For each begun trial a digest of all that its page shows."""
    rundir, drawing = RunDir(results.path), _drawing_digest()
    for rows in _by_task(results.trials).values():
        peers = "\n".join(f"{p.id} {p.verdict} {p.fault is None} {p.tries > 0}" for p in rows)
        for row in rows:
            if row.tries:
                parts = (drawing, repr(row), peers, *_stats(rundir.trial_dir(row.id)))
                yield row.id, hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _stats(folder: Path) -> Iterator[str]:
    for name in FILES:
        try:
            stat = (folder / name).stat()
        except FileNotFoundError:
            continue
        yield f"{name} {stat.st_size} {stat.st_mtime_ns}"


def _drawing_digest() -> str:
    """Changes with the templates and with this package, so that a new version redraws pages."""
    templates = (resources.reports_dir() / "templates").iterdir()
    digest = hashlib.sha256()
    for path in (*sorted(templates), *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()
