"""The folder `report/` of a run: its page and one for every trial, written and kept up to date.

A trial's page is written only when something it shows has changed.
"""

import hashlib
import json
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cache
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from arena import resources
from arena.paths import AnyPath, SafePath, safe
from arena.report import page, transcript, trial_page
from arena.report.outcomes import page_name
from arena.report.scored import Scored, score
from arena.report.trial_page import FILES, CallMeter, TrialSource
from arena.rundir.directory import RunDir, replace_file
from arena.score.results import Results, TrialRow
from arena.serialize import from_json

KEYS = "pages.json"
MANY = 1_000
"""Pages from which a second process is worth its start."""
BATCH, BATCHES_AHEAD = 50, 8
"""Pages given to a process at once, and how often before the first must be written."""


def build(results: Results) -> Path:
    """Bring a run's pages up to date and return the path of `index.html`."""
    return build_scored(score(results))


def build_scored(scored: Scored) -> Path:
    """The same for a run that is scored already."""
    folder = RunDir(scored.results.path).report_dir
    write_trials(scored.results, folder / "trials")
    index = folder / "index.html"
    replace_file(index, page.render(scored))
    return Path(str(index))


def write_trials(results: Results, folder: AnyPath) -> int:
    """Bring the pages of all begun trials up to date; returns how many were written.

    Args:
        results: the run.
        folder: `report/trials` of the run.
    """
    folder = safe(folder)
    before, keys = _read_keys(folder), dict(_keys(results))
    stale = {
        id_
        for id_, key in keys.items()
        if before.get(id_) != key or not (folder / page_name(id_)).is_file()
    }
    _write_all(results, stale, folder)
    for id_ in before.keys() - keys.keys():
        (folder / page_name(id_)).unlink()
    if keys != before:
        replace_file(folder / KEYS, json.dumps(keys))
    return len(stale)


def render_trial(results: Results, trial_id: str) -> str | None:
    """The page of one trial; None when the run plans no such trial."""
    for source in _sources(results, {trial_id}):
        return trial_page.render(source)
    return None


def _write_all(results: Results, stale: Collection[str], folder: SafePath) -> None:
    """Write the stale pages, a batch at a time: however many, few are in memory at once."""
    sources = _sources(results, stale)
    batches = iter(lambda: list(islice(sources, BATCH)), [])
    if len(stale) < MANY:
        for batch in batches:
            _write(batch, folder)
        return
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        waiting: deque[Future[None]] = deque()
        for batch in batches:
            waiting.append(pool.submit(_write, batch, folder))
            if len(waiting) > BATCHES_AHEAD:
                waiting.popleft().result()
        for written in waiting:
            written.result()


def _write(batch: list[TrialSource], folder: SafePath) -> None:
    for source in batch:
        path = folder / page_name(source.row.id)
        path.write(trial_page.render(source))


def _sources(results: Results, wanted: Collection[str]) -> Iterator[TrialSource]:
    """What the pages of the wanted trials are made from."""
    rundir, by_task = RunDir(results.path), _by_task(results.trials)
    tasks = {t.id: t for t in results.tasks}
    peers = cache(lambda task_id: trial_page.peers(by_task[task_id]))
    for found in transcript.read_details(results, wanted):
        row = found.row
        yield TrialSource(
            run_name=results.manifest.name,
            attempts=results.manifest.attempts,
            task=tasks[row.task_id],
            row=row,
            # A record of an earlier digest is not this trial's, as in `arena.score.load`.
            record=found.record if row.verdict or row.fault else None,
            calls={call.begin.call_id: CallMeter.of(call) for call in found.calls},
            peers=peers(row.task_id),
            folder=rundir.trial_dir(row.id),
        )


def _by_task(rows: Iterable[TrialRow]) -> dict[str, list[TrialRow]]:
    found: dict[str, list[TrialRow]] = {}
    for row in rows:
        found.setdefault(row.task_id, []).append(row)
    return found


def _read_keys(folder: SafePath) -> dict[str, str]:
    try:
        keys = from_json((folder / KEYS).read_text())
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


def _stats(folder: SafePath) -> Iterator[str]:
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
