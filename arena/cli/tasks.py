"""`arena tasks`: what there is to run, and whether it is sound."""

import os
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from arena.cli import EXIT_CHECK_FAILED, options
from arena.cli.options import Format, FormatFlag, argument, emit, our_images, say, unset

if TYPE_CHECKING:
    from arena.task.importing.importer import Report

app = typer.Typer(help="List, check, mine, import and export tasks.", no_args_is_help=True)

COLUMNS = ("id", "language", "difficulty", "provenance", "title", "underspecified")
LISTED = (*COLUMNS, "tags", "assurance", "quarantined", "impossible", "private", "digest")
MINE_COLUMNS = ("repository", "candidates", "tried", "tasks", "fixes_tried", "fixes_tasks", "fell")
IMPORT_COLUMNS = ("instance_id", "result", "task", "assurance", "reason")
YIELD_COLUMNS = ("outcome", "count", "seconds_each", "mb_each")
CHECK_COLUMNS = ("task_id", "look", "result", "seconds", "peak_mb", "detail")
PackArgument = Annotated[str, argument("A pack, task or path.", options.packs)]


@app.command("list")
def list_(
    pack: Annotated[
        str | None, argument("A pack, task or path.", options.packs, "all that is shipped")
    ] = None,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """List tasks.

    Example: arena tasks list core
    """
    from arena.task import pack as packs

    selections = [pack] if pack else packs.shipped_packs()
    found = [task for name in selections for task in packs.load(name, base=Path())]
    rows = (
        {
            **{name: getattr(task, name) for name in LISTED},
            "fail_to_pass": len(task.tests.fail_to_pass),
            "pass_to_pass": len(task.tests.pass_to_pass),
        }
        for task in found
    )
    emit("tasks", rows, COLUMNS, format_)


@app.command()
def check(
    pack: PackArgument,
    repeat: Annotated[
        int, typer.Option(min=1, help="Runs with the fix and without; all but the first shuffled.")
    ] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Tasks at once.")] = 2,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Prove tasks: the fix passes, nothing else does, and nothing gives it away.

    Tests that do not always end the same way go into flaky.toml beside the pack.

    Example: arena tasks check ./our-pack --repeat 5
    """
    from arena.task import pack as packs
    from arena.task.checking import suite

    tasks = packs.load(pack, base=Path())
    findings = []
    with our_images() as (engine, ours):
        for finding in suite.check(tasks, ours, engine, repeat=repeat, jobs=jobs):
            findings.append(finding)
            if not finding.ok:
                say(f"{finding.task_id}: {finding.look}: {finding.detail}")
    for line in suite.keep_out(tasks, findings):
        say(f"quarantined: {line}")
    rows = ({**dict(one), "result": "ok" if one.ok else "FAILED"} for one in findings)
    emit("findings", rows, CHECK_COLUMNS, format_)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_CHECK_FAILED)


SinceFlag = Annotated[str | None, unset("No commit before this date.", "all", callback=options.day)]
UntilFlag = Annotated[str | None, unset("No commit after this date.", "all", callback=options.day)]
PathsFlag = Annotated[list[str] | None, unset("Only changes of this path; may be repeated.", "any")]
InstallFlag = Annotated[
    list[str] | None,
    unset("A requirement of the tests; may be repeated.", "what the repository says"),
]
RewriteFlag = Annotated[
    str | None,
    unset("Backend that rewords statements; it is sent the fix.", autocompletion=options.backends),
]
TestFlag = Annotated[list[str] | None, unset("An argument for pytest; may be repeated.")]
WithFlag = Annotated[
    Path | None,
    unset("TOML with [mine]: image, build, test, report.", "what the repository says", "--with"),
]
LimitFlag = Annotated[int | None, unset("Candidates to try, newest first.", "all", "--max", min=1)]


@app.command()
def mine(
    repo: Annotated[Path, typer.Argument(help="A local clone.")],
    out: Annotated[Path, typer.Option(help="The pack to write; an earlier run there goes on.")],
    since: SinceFlag = None,
    until: UntilFlag = None,
    limit: LimitFlag = None,
    paths: PathsFlag = None,
    install: InstallFlag = None,
    test: TestFlag = None,
    with_: WithFlag = None,
    issues: Annotated[
        list[Path] | None, unset("Export of issues or requests, as gh writes it; may be repeated.")
    ] = None,
    underspecified: Annotated[
        Literal["refuse", "keep"],
        typer.Option(help="Candidates whose tests need what their statement does not tell."),
    ] = "refuse",
    rewrite: RewriteFlag = None,
    rewrite_usd: Annotated[
        float | None, unset("Most that rewriting may cost.", "no limit", min=0)
    ] = None,
    policy: Annotated[Path | None, unset("TOML: where code may be sent.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Candidates at once.")] = 2,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Make tasks of a repository's own fixes. Nothing of the repository runs outside containers.

    Example: arena tasks mine ../our-clone --out ./ours --since 2025-01-01 --max 50
    """
    from arena.task.mining.command_runner import read_command
    from arena.task.mining.pipeline import mine as mine_history
    from arena.task.mining.rewrite import backend_of
    from arena.task.mining.runner import MiningRequest
    from arena.task.mining.statement import read_issues

    request = MiningRequest(
        repo=repo,
        out=out.resolve(),
        since=since,
        until=until,
        limit=limit,
        paths=tuple(paths or ()),
        install=tuple(install or ()),
        arguments=tuple(test or ()),
        issues=read_issues(issues or ()),
        keep_underspecified=underspecified == "keep",
        rewrite=backend_of(rewrite, policy, environ=os.environ) if rewrite else None,
        rewrite_usd=None if rewrite_usd is None else Decimal(str(rewrite_usd)),
        jobs=jobs,
    )
    with our_images() as (engine, _):
        engine.reap()
        command = read_command(with_, engine) if with_ else None
        found = mine_history(replace(request, command=command), engine, say)
    emit("yield", [found], MINE_COLUMNS, format_)
    if format_ is Format.TABLE:
        print()
        emit("yield", found.yields, YIELD_COLUMNS, format_)


@app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="A data set file, or a folder of tasks.")],
    out: Annotated[Path, typer.Option(help="The pack to write.")],
    repos: Annotated[Path | None, unset("Folder of local clones, such as owner__name.")] = None,
    env: Annotated[
        Path | None, unset('TOML of tables "owner/name@version": python, packages, without, test.')
    ] = None,
    limit: Annotated[int | None, unset("Import at most so many.", "all", "--max", min=1)] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Tasks at once.")] = 2,
    test_seconds: Annotated[
        float, typer.Option(min=1, help="A test of a row that takes longer does not end.")
    ] = 120,
    run_seconds: Annotated[
        float, typer.Option(min=1, help="Longest that the tests of a row take together.")
    ] = 900,
    format_: FormatFlag = Format.TABLE,
) -> None:
    """Import a suite: SWE-bench and its relatives, Multi-SWE-bench, Harbor, Terminal-Bench 1.

    Gold and nop are run for each; what cannot be imported is listed with its reason. The same
    command goes on where a stopped import was.

    Example: arena tasks import verified.jsonl --out ./verified --max 20
    """
    from arena.task.importing.importer import ImportRequest
    from arena.task.importing.suite import import_suite

    request = ImportRequest(
        path=path.resolve(),
        out=out.resolve(),
        repos=repos,
        env=env,
        limit=limit,
        jobs=jobs,
        test_seconds=test_seconds,
        run_seconds=run_seconds,
    )
    with our_images() as (engine, _):
        engine.reap()
        report = import_suite(request, engine, say)
    _emit_import(report, format_)
    if report.refused and not report.tasks:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _emit_import(report: "Report", form: Format) -> None:
    """Every thing with what became of it; as a table, below it, how many came to what."""
    rows = (
        {**dict(one), "result": "imported" if one.task else "refused"}
        for one in (*report.tasks, *report.refused)
    )
    emit("instances", rows, IMPORT_COLUMNS, form)
    if form is Format.TABLE:
        print()
        emit("yield", report.yields, YIELD_COLUMNS, form)


@app.command()
def export(
    pack: PackArgument,
    to: Annotated[Literal["swebench", "harbor"], typer.Option(help="Whose form.")],
    out: Annotated[Path, typer.Option(help="The folder to write.")],
) -> None:
    """Write tasks for the SWE-bench harness or Harbor, and make the images they name.

    Example: arena tasks export core --to swebench --out ./export
    """
    from arena.run.predictions import export as export_tasks
    from arena.task import pack as packs

    tasks = packs.load(pack, base=Path())
    with our_images() as (engine, _):
        path, left_out = export_tasks(tasks, to, out, engine)
    for task_id, reason in left_out.items():
        say(f"not exported: {task_id}: {reason}")
    print(path)
