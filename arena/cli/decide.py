"""`arena compare`, `recommend`, `power` and `gate`: decisions from runs."""

import os
from pathlib import Path
from typing import Annotated

import typer

from arena.cli import options
from arena.cli import race as forecast
from arena.cli.options import (
    AssuranceChoice,
    Format,
    FormatFlag,
    RunArgument,
    emit_answer,
    write_file,
)
from arena.cli.race import AlphaFlag, RateFlag, ValueFlag
from arena.cli.race import MarginFlag as RaceMarginFlag
from arena.errors import InputError

MarginFlag = Annotated[
    float | None,
    typer.Option(
        help="Loss of pass rate that is tolerated.", show_default="0.10 from 100 tasks, else 0.20"
    ),
]
AnywayFlag = Annotated[bool, typer.Option("--anyway", help="Compare what is not comparable.")]
AssuranceFlag = Annotated[
    AssuranceChoice | None,
    typer.Option(help="Take the tasks graded this way.", show_default="the strongest there is"),
]


def compare(
    run: RunArgument,
    a: Annotated[str, typer.Argument(help="A contestant.", autocompletion=options.contestants)],
    b: Annotated[
        str, typer.Argument(help="Another contestant.", autocompletion=options.contestants)
    ],
    other: Annotated[
        Path | None,
        typer.Option(
            "--with", help="Take the second contestant from this run.", show_default="the same run"
        ),
    ] = None,
    anyway: AnywayFlag = False,
    assurance: AssuranceFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Compare two contestants of one run, or of two.

    Example: arena compare runs/first deepseek gpt
    """
    from arena.report import decisions
    from arena.score import compare as scoring
    from arena.score.load import load
    from arena.score.pairs import contender

    first = load(run)
    second = first if other is None else load(other)
    found = scoring.compare(
        contender(first, a, assurance),
        contender(second, b, assurance),
        anyway=anyway,
        seed=first.manifest.seed,
    )
    emit_answer(found, decisions.comparison(found), format_)


def recommend(
    run: RunArgument,
    margin: MarginFlag = None,
    max_cost: Annotated[
        float | None,
        typer.Option(help="Most that a solved task may cost, in USD.", show_default="any"),
    ] = None,
    country: Annotated[
        list[str] | None,
        typer.Option(help="Of the lab, such as CN; may be repeated.", show_default="any"),
    ] = None,
    residency: Annotated[
        list[str] | None,
        typer.Option(help="Of the service, such as US; may be repeated.", show_default="any"),
    ] = None,
    open_weights: Annotated[
        bool, typer.Option("--open-weights", help="Only models whose weights can be had.")
    ] = False,
    self_hosted: Annotated[
        bool, typer.Option("--self-hosted", help="Only servers of your own.")
    ] = False,
    assurance: AssuranceFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Name the cheapest backend shown not worse than any other, or say that none is.

    Example: arena recommend runs/first --max-cost 0.50 --residency US
    """
    from arena.report import decisions
    from arena.score import recommend as scoring
    from arena.score.load import load

    wanted = scoring.Wanted(
        max_cost_usd=max_cost,
        countries=tuple(country or ()),
        residencies=tuple(residency or ()),
        open_weights=open_weights,
        self_hosted=self_hosted,
    )
    found = scoring.recommend(load(run), margin=margin, wanted=wanted, level=assurance)
    emit_answer(found, decisions.recommendation(found), format_)


def power(
    tasks: Annotated[int, typer.Argument(min=1, help="Number of tasks.")],
    gap: Annotated[
        list[float] | None,
        typer.Option(
            help="Gap to see, such as 0.05; may be repeated.", show_default="0.20, 0.10 and 0.05"
        ),
    ] = None,
    race: Annotated[
        bool, typer.Option("--race", help="What a race would spend, at the rates of --rate.")
    ] = False,
    rate: RateFlag = None,
    value_usd: ValueFlag = None,
    margin: RaceMarginFlag = None,
    alpha: AlphaFlag = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Say what a number of tasks can show, and how many a gap needs.

    Example: arena power 40 --gap 0.05
    """
    from arena.stats.power import suite_power

    if race:
        forecast.power(tasks, rate or [], forecast.rules_of(value_usd, margin, alpha), format_)
        return
    if any(flag is not None for flag in (rate, value_usd, margin, alpha)):
        flags = "--rate, --value-usd, --margin, --alpha"
        raise InputError("these are of a race", where=flags, remedy="add --race")
    found = suite_power(tasks, tuple(gap)) if gap else suite_power(tasks)
    emit_answer(found, found.line, format_)


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
