"""`arena report`: a run as text, JSON or a page."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from arena.cli.options import Format

if TYPE_CHECKING:
    from arena.report.scored import Scored

RunArgument = Annotated[Path, typer.Argument(help="A run directory.")]


class ReportFormat(StrEnum):
    """What `arena report` writes."""

    TERMINAL = "terminal"
    JSON = "json"
    HTML = "html"
    PREDICTIONS = "predictions"


def report(
    run: RunArgument,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="All but html go to stdout.")
    ] = ReportFormat.TERMINAL,
) -> None:
    """Show what a run found.

    html writes report/index.html and prints its path; predictions are its patches, as JSON Lines.
    """
    from arena.report.scored import score
    from arena.score.load import load

    results = load(run)
    if format_ is ReportFormat.PREDICTIONS:
        from arena.predictions import of_run
        from arena.task.formats.predictions import write_predictions

        print(write_predictions(of_run(results)), end="")
        return
    scored = score(results)
    if format_ is ReportFormat.HTML:
        print(write_page(scored))
    else:
        show(scored, Format.JSON if format_ is ReportFormat.JSON else Format.TABLE)


def show(scored: "Scored", as_: Format) -> None:
    """Print the scoreboard of a run on stdout."""
    if as_ is Format.JSON:
        from arena.report import data

        print(data.dumps(data.document(scored.results, scored.board)))
    else:
        from rich.console import Console

        from arena.report import text

        Console().print(text.render(scored))


def write_page(scored: "Scored") -> Path:
    """Write the page of a run; its path."""
    from arena.report import site

    return site.build_scored(scored)
