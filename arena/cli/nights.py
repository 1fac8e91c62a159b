"""`arena gate`: the same bake-off, night after night."""

import os
from pathlib import Path
from typing import Annotated

import typer

from arena.cli.options import (
    AnywayFlag,
    AssuranceChoice,
    Format,
    FormatFlag,
    MarginFlag,
    RunArgument,
    emit_answer,
    write_file,
)

BaselineFlag = Annotated[
    Path | None,
    typer.Option(
        help="A run directory, or a file that --write-baseline made.",
        show_default="none; needed unless one is written",
    ),
]
GateAssuranceFlag = Annotated[
    AssuranceChoice | None,
    typer.Option(help="Gate the tasks graded this way alone.", show_default="all, each way apart"),
]


def gate(
    run: RunArgument,
    baseline: BaselineFlag = None,
    margin: MarginFlag = None,
    cost_margin: Annotated[float, typer.Option(help="Tolerated growth of cost per fix.")] = 0.15,
    max_faults: Annotated[float, typer.Option(help="Tolerated share without verdict.")] = 0.02,
    anyway: AnywayFlag = False,
    assurance: GateAssuranceFlag = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(help="Write the run as a baseline file and stop.", show_default="none"),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write JUnit XML here.", show_default="nowhere")
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Write Markdown here.", show_default="nowhere")
    ] = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Fail a nightly run that got worse: 0 pass, 1 regression, 3 unsound, 4 inconclusive.

    Example: arena gate runs/tonight --baseline baseline.json --junit gate.xml
    """
    from arena.errors import InputError
    from arena.report import decisions
    from arena.score import baseline as files
    from arena.score import gate as scoring
    from arena.score.load import load

    results = load(run)
    if write_baseline is not None:
        made = files.baseline_of(results)
        files.require_sound(made, max_faults, where=str(run))
        write_file(write_baseline, files.text_of(made), flag="--write-baseline")
        return
    if baseline is None:
        raise InputError("nothing to compare with", where="--baseline", remedy="give a run or file")
    known = (
        files.baseline_of(load(baseline)) if baseline.is_dir() else files.read_baseline(baseline)
    )
    found = scoring.gate(
        results,
        known,
        margin=margin,
        cost_margin=cost_margin,
        max_faults=max_faults,
        anyway=anyway,
        level=assurance,
    )
    text = decisions.gate_markdown(found)
    if junit is not None:
        write_file(junit, decisions.gate_junit(found), flag="--junit")
    if summary is not None:
        write_file(summary, text, flag="--summary")
    if step_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        write_file(Path(step_summary), text, flag="GITHUB_STEP_SUMMARY", append=True)
    emit_answer(found, decisions.gate_text(found), format_)
    raise typer.Exit(found.exit_code)
