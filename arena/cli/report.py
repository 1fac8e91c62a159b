"""`arena report`: a run as text, JSON or a page."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arena.cli.options import (
    PIPED_WIDTH,
    AssuranceFlag,
    Format,
    RunArgument,
    ValueFlag,
    console,
    unset,
    write_file,
)
from arena.errors import InputError

if TYPE_CHECKING:
    from arena.report.scored import Scored


ReportFormat = Literal[
    "terminal", "json", "html", "csv", "parquet", "markdown", "latex", "junit", "predictions",
    "png", "svg",
]  # fmt: skip
TableChoice = Literal["trials", "calls", "tests", "contestants", "tasks", "pairs"]


def report(
    run: RunArgument,
    format_: Annotated[
        ReportFormat, typer.Option("--format", help="html writes the page and prints its path.")
    ] = "terminal",
    table: Annotated[
        TableChoice, typer.Option(help="Which table csv and parquet hold.")
    ] = "trials",
    out: Annotated[Path | None, unset("A file; not for html.", "stdout")] = None,
    assurance: AssuranceFlag = None,
    value_usd: ValueFlag = None,
) -> None:
    """Show what a run found, for people, papers and other programs.

    Example: arena report runs/first --format csv --table trials --out trials.csv
    """
    from arena.report.scored import score
    from arena.score.load import load

    if format_ == "html" and out is not None:
        raise InputError(
            "the page and those of the trials have their place in the run, in report/",
            where="--out",
            remedy="leave it away, or name another --format",
        )
    scored = score(load(run), assurance, value_usd=value_usd)
    if format_ == "html":
        from arena.report.site import build_scored

        print(build_scored(scored))
    elif out is not None:
        write_file(out, _made(scored, format_, table), flag="--out")
    elif format_ == "terminal":
        show(scored, Format.TABLE)
    elif format_ == "json":
        show(scored, Format.JSON)
    else:
        sys.stdout.buffer.write(_made(scored, format_, table))


def _made(scored: "Scored", format_: ReportFormat, table: TableChoice) -> bytes:
    """A report as a file holds it."""
    if format_ == "terminal":
        from rich.console import Console

        from arena.report.exports import render

        text = io.StringIO()
        Console(file=text, width=PIPED_WIDTH, force_terminal=False).print(render(scored))
        return text.getvalue().encode()
    if format_ == "predictions":
        from arena.report.interchange import predictions_of_run
        from arena.task.formats.predictions import write_predictions

        return write_predictions(predictions_of_run(scored.results)).encode()
    from arena.report.exports import export

    assert format_ != "html"  # that is a folder of pages
    return export(scored, format_, table=table)


def view(
    run: RunArgument,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
) -> None:
    """Serve the page of a run on 127.0.0.1 and follow it while it is running.

    Example: arena view runs/first --port 8000
    """
    from arena.report.view import serve

    serve(run, port=port, ready=lambda address: print(address, file=sys.stderr, flush=True))


def show(scored: "Scored", as_: Format) -> None:
    """Print the scoreboard of a run on stdout."""
    if as_ is Format.JSON:
        from arena.report.exports import json_chunks

        sys.stdout.writelines(json_chunks(scored))
    else:
        from arena.report import exports

        console().print(exports.render(scored))
