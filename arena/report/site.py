"""The folder `report/` of a run: its page and one for every trial that was begun."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from arena.report import page, transcript, trial_page
from arena.report.outcomes import page_name
from arena.report.scored import Scored
from arena.rundir.directory import RunDir, replace_file
from arena.score.results import Results, TrialRow


def build(scored: Scored) -> Path:
    """Write a run's pages and return the path of `index.html`. A page of a trial that is no more
    goes.
    """
    results, folder = scored.results, RunDir(scored.results.path).report_dir
    trials, index = folder / "trials", folder / "index.html"
    begun = {row.id for row in results.trials if row.tries}
    names = set(map(page_name, begun))
    for path in trials.iterdir() if trials.is_dir() else ():
        if path.name not in names and path.suffix == ".html" and path.is_file():
            path.unlink()
    for trial_id, text in _pages(results, begun):
        (trials / page_name(trial_id)).write(text)
    replace_file(index, page.render(scored))
    return Path(str(index))


def render_trial(results: Results, trial_id: str) -> str:
    """The page of one planned trial."""
    return next(_pages(results, {trial_id}))[1]


def _pages(results: Results, wanted: set[str]) -> Iterator[tuple[str, str]]:
    """Ids and pages of the wanted trials, each as soon as the ledger has told all of it."""
    tasks, by_task = {t.id: t for t in results.tasks}, defaultdict[str, list[TrialRow]](list)
    for row in results.trials:
        by_task[row.task_id].append(row)
    peers = cache(lambda task_id: trial_page.peers(by_task[task_id]))
    for found in transcript.read_details(results, wanted):
        id_ = found.row.task_id
        yield found.row.id, trial_page.render(results, tasks[id_], found, peers(id_))
