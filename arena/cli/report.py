"""`arena report`: a run as text, JSON or a page."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import Format
from arena.score.results import Results

RunArgument = Annotated[Path, typer.Argument(help="A run directory.")]


class ReportFormat(StrEnum):
    """What `arena report` writes."""

    TERMINAL = "terminal"
    JSON = "json"
    HTML = "html"


def report(
    run: RunArgument,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="terminal and json go to stdout.")
    ] = ReportFormat.TERMINAL,
) -> None:
    """Show what a run found; html writes report/index.html and prints its path."""
    from arena.score.load import load

    results = load(run)
    if format_ is ReportFormat.HTML:
        print(write_page(results))
    else:
        show(results, Format.JSON if format_ is ReportFormat.JSON else Format.TABLE)


def show(results: Results, as_: Format) -> None:
    """Print the scoreboard of a run on stdout."""


def write_page(results: Results) -> Path:
    """Write the page of a run; its path."""
