"""`arena report`: a run as text, JSON or a page."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from arena.cli.options import Format

if TYPE_CHECKING:
    from arena.report.exports import ExportFormat
    from arena.report.scored import Scored

RunArgument = Annotated[Path, typer.Argument(help="A run directory.")]


class ReportFormat(StrEnum):
    """What `arena report` writes."""

    TERMINAL = "terminal"
    JSON = "json"
    HTML = "html"
    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    LATEX = "latex"
    JUNIT = "junit"
    PREDICTIONS = "predictions"
    PNG = "png"
    SVG = "svg"


class AssuranceChoice(StrEnum):
    """How tasks are graded."""

    IDS = "ids"
    EXIT_CODE = "exit_code"
    REWARD_FILE = "reward_file"


class TableChoice(StrEnum):
    """The tables of a run."""

    TRIALS = "trials"
    CALLS = "calls"
    TESTS = "tests"
    CONTESTANTS = "contestants"
    TASKS = "tasks"


def report(
    run: RunArgument,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="html writes the page and prints its path.")
    ] = ReportFormat.TERMINAL,
    table: Annotated[
        TableChoice, typer.Option(help="Which table csv and parquet hold.")
    ] = TableChoice.TRIALS,
    out: Annotated[Path | None, typer.Option("--out", help="A file instead of stdout.")] = None,
    assurance: Annotated[
        AssuranceChoice | None,
        typer.Option(help="Score the tasks graded this way. [default: the strongest there is]"),
    ] = None,
) -> None:
    """Show what a run found, for people, papers and other programs."""
    from arena.report.scored import score
    from arena.score.load import load

    scored = score(load(run), assurance.value if assurance else None)
    if format_ is ReportFormat.HTML:
        print(write_page(scored))
    elif format_ in {ReportFormat.TERMINAL, ReportFormat.JSON}:
        show(scored, Format.JSON if format_ is ReportFormat.JSON else Format.TABLE)
    else:
        if format_ is ReportFormat.PREDICTIONS:
            from arena.predictions import of_run
            from arena.task.formats.predictions import write_predictions

            made = write_predictions(of_run(scored.results)).encode()
        else:
            from arena.report.exports import export

            made = export(scored, cast("ExportFormat", format_.value), table=table.value)
        if out is not None:
            out.write_bytes(made)
        else:
            sys.stdout.buffer.write(made)


def view(
    run: RunArgument,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
) -> None:
    """Serve the page of a run on 127.0.0.1 and follow it while it is running."""
    from arena.report.view import serve

    serve(run, port=port, ready=lambda address: print(address, file=sys.stderr, flush=True))


def show(scored: "Scored", as_: Format) -> None:
    """Print the scoreboard of a run on stdout."""
    if as_ is Format.JSON:
        from arena.report import data

        sys.stdout.writelines(data.chunks(data.document(scored.results, scored.board)))
        print()
    else:
        from rich.console import Console

        from arena.report import text

        Console().print(text.render(scored))


def write_page(scored: "Scored") -> Path:
    """Write the page of a run; its path."""
    from arena.report import site

    return site.build_scored(scored)
