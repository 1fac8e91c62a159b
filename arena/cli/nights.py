"""`arena gate`, `trend` and `retain`: the same bake-off, night after night."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arena.cli import EXIT_CHECK_FAILED, options
from arena.cli.options import Format, FormatFlag, emit_answer, switch, unset, write_file
from arena.errors import InputError

if TYPE_CHECKING:
    from arena.score.baseline import Baseline
    from arena.score.gate import GateResult
    from arena.score.results import Results

MB = 10**6
TrendFormat = Literal["table", "json", "html"]


def gate(
    run: options.RunArgument,
    baseline: Annotated[
        Path | None,
        unset("A run, or a file that --write-baseline made.", "none; this or --series is needed"),
    ] = None,
    series: Annotated[Path | None, unset("The folder of earlier nights to test against.")] = None,
    nights: Annotated[int, typer.Option(min=1, help="Take so many nights of the series.")] = 30,
    margin: options.MarginFlag = None,
    cost_margin: Annotated[
        float, typer.Option(help="Tolerated growth of the same tasks' cost.")
    ] = 0.15,
    max_faults: Annotated[
        float | None,
        unset("Tolerated share without verdict.", "0.02, or one trial", callback=options.share),
    ] = None,
    require_evidence: Annotated[
        bool, switch("--require-evidence", "Fail a night that cannot tell, with 4.")
    ] = False,
    anyway: options.AnywayFlag = False,
    assurance: Annotated[
        options.AssuranceChoice | None,
        unset("Gate the tasks graded this way alone.", "all, each way apart"),
    ] = None,
    write_baseline: Annotated[Path | None, unset("Write the run as a baseline and stop.")] = None,
    junit: Annotated[Path | None, unset("Write JUnit XML here.", "nowhere")] = None,
    summary: Annotated[Path | None, unset("Write Markdown here.", "nowhere")] = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Fail a nightly run that got worse: 0 nothing is shown worse, 1 a regression is, 3 unsound.

    Example: arena gate runs/tonight --series runs --junit gate.xml
    """
    from arena.score import gate as scoring
    from arena.score.load import load

    results = load(run)
    if write_baseline is not None:
        _write_baseline(results, write_baseline, max_faults)
        return
    known, notes = _before(results, baseline, series, nights)
    found = scoring.gate(
        results,
        known,
        margin=margin,
        cost_margin=cost_margin,
        max_faults=max_faults,
        anyway=anyway,
        level=assurance,
        require_evidence=require_evidence,
        notes=notes,
    )
    _tell(found, junit, summary, format_)
    raise typer.Exit(found.exit_code)


def _tell(found: "GateResult", junit: Path | None, summary: Path | None, format_: Format) -> None:
    from arena.report import decisions

    text = decisions.gate_markdown(found)
    if junit is not None:
        write_file(junit, decisions.gate_junit(found), flag="--junit")
    if summary is not None:
        write_file(summary, text, flag="--summary")
    if step_summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        write_file(Path(step_summary), text, flag="GITHUB_STEP_SUMMARY", append=True)
    emit_answer(found, decisions.gate_text(found), format_)


def _write_baseline(results: "Results", path: Path, max_faults: float | None) -> None:
    from arena.score import baseline as files
    from arena.score.tally import MISSING_LIMIT

    made = files.baseline_of(results)
    limit = MISSING_LIMIT if max_faults is None else max_faults
    files.require_sound(made, limit, where=str(results.path))
    write_file(path, files.text_of(made), flag="--write-baseline")


def _before(
    results: "Results", baseline: Path | None, series: Path | None, most: int
) -> "tuple[Baseline, list[str]]":
    """What a run is gated against: a file, a run, or the newest nights before it."""
    from arena.score.baseline import baseline_of, read_baseline, series_of
    from arena.score.load import load
    from arena.score.nights import read_runs, runs_in

    if baseline is not None and series is None:
        return (baseline_of(load(baseline)) if baseline.is_dir() else read_baseline(baseline)), []
    if series is None or baseline is not None:
        what = "nothing to compare with" if series is None else "two things to compare with"
        remedy = "give one: a run or file, or the folder of earlier nights"
        raise InputError(what, where="--baseline, --series", remedy=remedy)
    nights, broken = read_runs(runs_in([series]))
    now = results.manifest
    others = (night for night in nights if night.manifest.run_id != now.run_id)
    before = [night for night in others if night.manifest.created_at < now.created_at]
    known, notes = series_of(results, before[-most:])
    return known, [f"{one.run}: {one.reason}" for one in broken] + notes


def trend(
    runs: Annotated[list[Path], typer.Argument(help="The folder of the runs, or runs.")],
    since: Annotated[
        datetime | None, unset("Leave out earlier nights.", "the first", formats=["%Y-%m-%d"])
    ] = None,
    run_length: Annotated[float, typer.Option(help="Mean nights between false alarms.")] = 365,
    assurance: Annotated[
        options.AssuranceChoice | None,
        unset("Take the tasks graded this way.", "the strongest of each run"),
    ] = None,
    format_: Annotated[
        TrendFormat, typer.Option("--format", help="html writes a page and prints its path.")
    ] = "table",
    out: Annotated[Path | None, unset("The page's path.", "trend.html in the first folder")] = None,
) -> None:
    """Show a folder of nights as a series, and fail while an alarm stands that a backend changed.

    Example: arena trend runs --format html
    """
    from arena.paths import SafePath
    from arena.report import trend as drawing
    from arena.score import trend as scoring
    from arena.score.nights import read_runs, runs_in

    nights, broken = read_runs(runs_in(runs))
    if since is not None:
        nights = [night for night in nights if night.manifest.created_at.date() >= since.date()]
    found = scoring.trend(nights, level=assurance, run_length=run_length, left_out=broken)
    if format_ == "html":
        page = drawing.render(found, runs[0].resolve().name)
        if out is None:
            path = SafePath(runs[0]) / "trend.html"
            with options.writing(path, "--out"):
                path.write(page)
        else:
            write_file(out, page, flag="--out")
        print(out or path)
    else:
        form = Format.JSON if format_ == "json" else Format.TABLE
        emit_answer(found, drawing.text(found), form)
    raise typer.Exit(EXIT_CHECK_FAILED if found.alarms else 0)


def retain(
    folder: Annotated[Path, typer.Argument(help="The folder of the runs.")],
    nights: Annotated[int, typer.Option(min=0, help="So many of the newest keep everything.")],
    ledgers: Annotated[
        int | None, unset("So many keep their ledger; older runs go altogether.", "all", min=1)
    ] = None,
    keep: Annotated[list[Path] | None, unset("A run to leave alone; may be repeated.")] = None,
) -> None:
    """Drop transcripts, patches, logs and pages of old nights; a baseline or series needs none.

    Example: arena retain runs --nights 30
    """
    from arena.score.nights import retain as drop

    freed = 0
    for one in drop(folder, nights=nights, ledgers=ledgers, keep=tuple(keep or ())):
        if one.freed_bytes:
            freed += one.freed_bytes
            what = "gone altogether" if one.whole else f"{one.kept_bytes / MB:.1f} MB kept"
            print(f"{one.run}: {one.freed_bytes / MB:.1f} MB freed, {what}")
    print(f"{freed / MB:.1f} MB freed")
