"""`arena tasks`: what there is to run, and whether it is sound."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from arena.cli.options import Format, emit

app = typer.Typer(help="List and check tasks.", no_args_is_help=True)

COLUMNS = ("id", "language", "difficulty", "title")
CHECK_COLUMNS = ("task_id", "look", "result", "seconds", "peak_mb", "detail")


@app.command("list")
def list_(
    pack: Annotated[str | None, typer.Argument(help="A pack, task or path. [default: all]")] = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """List tasks."""
    from arena.task import pack as packs

    selections = [pack] if pack else packs.shipped_packs()
    found = [task for name in selections for task in packs.load(name, base=Path())]
    rows: list[dict[str, JsonValue]] = [
        {
            "id": task.id,
            "language": task.language,
            "difficulty": task.difficulty,
            "title": task.title,
            "tags": list(task.tags),
            "assurance": task.assurance,
            "fail_to_pass": len(task.tests.fail_to_pass),
            "pass_to_pass": len(task.tests.pass_to_pass),
            "impossible": task.impossible,
            "private": task.private,
            "digest": task.digest,
        }
        for task in found
    ]
    emit("tasks", rows, COLUMNS, format_)


@app.command()
def check(
    pack: Annotated[str, typer.Argument(help="A pack, task or path.")],
    repeat: Annotated[
        int, typer.Option(min=1, help="Runs with the fix and without; all but the first shuffled.")
    ] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Tasks at once.")] = 2,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """Prove tasks: the fix passes, nothing else does, and nothing gives it away.

    Tests that do not always end the same way go into flaky.toml beside the pack.
    """
    from arena.check import suite
    from arena.cli import EXIT_CHECK_FAILED
    from arena.sandbox.engine import DockerEngine
    from arena.sandbox.image import Images
    from arena.task import pack as packs

    tasks = packs.load(pack, base=Path())
    findings = []
    with DockerEngine() as engine:
        store = Images(engine, packs.tree_files)
        images = store.ensure(tasks)
        for finding in suite.check(tasks, images, engine, store.store, repeat=repeat, jobs=jobs):
            findings.append(finding)
            if not finding.ok:
                print(f"{finding.task_id}: {finding.look}: {finding.detail}", file=sys.stderr)
    for line in suite.keep_out(tasks, findings):
        print(f"quarantined: {line}", file=sys.stderr)
    rows: list[dict[str, JsonValue]] = [
        {**finding.model_dump(mode="json"), "result": "ok" if finding.ok else "FAILED"}
        for finding in findings
    ]
    emit("findings", rows, CHECK_COLUMNS, format_)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_CHECK_FAILED)
