"""`arena tasks`: what there is to run, and whether it is sound."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue

from arena.cli.options import Format, emit

app = typer.Typer(help="List and check tasks.", no_args_is_help=True)

COLUMNS = ("id", "language", "difficulty", "title")


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
