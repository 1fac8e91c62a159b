"""Trial pages: written only when something they show has changed."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from arena import resources
from arena.report import details, trial
from arena.report.trial import FILES, Source
from arena.rundir import RunDir, replace_file
from arena.score.results import Results, TrialRow

KEYS = "pages.json"


def write(results: Results, folder: Path) -> int:
    """Bring the pages of all begun trials up to date; returns how many were written.

    Args:
        results: the run.
        folder: `report/trials` of the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rundir, by_task = RunDir(results.path), _by_task(results.trials)
    before, templates = _read_keys(folder), _templates_digest()
    begun = {t.id: t for t in results.trials if t.tries}
    keys = {
        id_: _key(row, by_task[row.task_id], rundir.trial_dir(id_), templates)
        for id_, row in begun.items()
    }
    stale = {
        id_
        for id_, key in keys.items()
        if before.get(id_) != key or not (folder / f"{id_}.html").is_file()
    }
    if stale:
        known = details.read(results.path, results.manifest, stale.__contains__)
        tasks = {t.id: t for t in results.tasks}
        for id_ in stale:
            row = begun[id_]
            source = Source(
                manifest=results.manifest,
                task=tasks[row.task_id],
                row=row,
                record=known.records.get(id_),
                calls=known.calls.get(id_, ()),
                peers=by_task[row.task_id],
                folder=rundir.trial_dir(id_),
            )
            (folder / f"{id_}.html").write_text(trial.render(source), encoding="utf-8")
    for id_ in before.keys() - keys.keys():
        (folder / f"{id_}.html").unlink(missing_ok=True)
    if keys != before:
        replace_file(folder / KEYS, json.dumps(keys))
    return len(stale)


def _by_task(rows: Iterable[TrialRow]) -> dict[str, list[TrialRow]]:
    found: dict[str, list[TrialRow]] = {}
    for row in rows:
        found.setdefault(row.task_id, []).append(row)
    return found


def _read_keys(folder: Path) -> dict[str, str]:
    try:
        keys = json.loads((folder / KEYS).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return keys if isinstance(keys, dict) else {}


def _key(row: TrialRow, peers: list[TrialRow], folder: Path, templates: str) -> str:
    parts = [templates, repr(row), *(f"{p.id} {p.verdict} {p.fault is None}" for p in peers)]
    for name in FILES:
        path = folder / name
        if path.is_file():
            stat = path.stat()
            parts.append(f"{name} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _templates_digest() -> str:
    """Changes with every template, so that a new version redraws old pages."""
    digest = hashlib.sha256()
    for path in sorted((resources.reports_dir() / "templates").iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()
