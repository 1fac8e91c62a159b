"""Writes `report/`: the page of the run and a light page for every trial."""

from pathlib import Path

from arena.report import page, pages
from arena.report.scored import Scored, score
from arena.rundir import RunDir, replace_file
from arena.score.results import Results


def build(results: Results) -> Path:
    """Bring a run's pages up to date and return the path of `index.html`."""
    return build_scored(score(results))


def build_scored(scored: Scored) -> Path:
    """The same for a run that is scored already."""
    folder = RunDir(scored.results.path).report_dir
    folder.mkdir(parents=True, exist_ok=True)
    pages.write(scored.results, folder / "trials")
    index = folder / "index.html"
    replace_file(index, page.render(scored))
    return index
