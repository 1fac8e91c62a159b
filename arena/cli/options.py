"""What commands share: the form of results, one way to print a table, completion of values.

A completion that cannot be made, for a broken profile or a run that is none, is no completion.
"""

import json
import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from arena.errors import InputError

if TYPE_CHECKING:
    from pydantic import JsonValue
    from rich.console import Console

    from arena.records import Assurance


def backends(incomplete: str) -> list[str]:
    """Catalogue names."""
    from arena.backend import catalog

    try:
        names = [f"{profile.id}/{row.id}" for profile, row in catalog.load(()).rows()]
    except InputError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def packs(incomplete: str) -> list[str]:
    """Shipped packs, and after a slash the tasks of one."""
    from arena.task import pack

    folder, slash, _ = incomplete.partition("/")
    shipped = pack.shipped_packs()
    if not slash:
        return [name for name in shipped if name.startswith(incomplete)]
    if folder not in shipped:
        return []
    try:
        tasks = pack.load(folder, base=Path())
    except InputError:
        return []
    return [task.id for task in tasks if task.id.startswith(incomplete)]


def programs(incomplete: str) -> list[str]:
    """Agents that are programs of their own."""
    from arena.agent.listing import listed

    try:
        rows = listed(())
    except InputError:
        return []
    return [row.name for row in rows if row.installs and row.name.startswith(incomplete)]


def contestants(ctx: typer.Context, incomplete: str) -> list[str]:
    """Contestants of the run that stands before on the command line."""
    from arena.rundir.directory import RunDir

    try:
        manifest = RunDir(Path(ctx.params["run"])).read_manifest()
    except (InputError, KeyError, TypeError):
        return []
    return [one.name for one in manifest.contestants if one.name.startswith(incomplete)]


PIPED_WIDTH = 240
"""Columns of a table that goes to a file or another program: no name is broken."""


def runs_dir() -> Path:
    """Where runs go unless told: `runs` below the current folder, or `ARENA_RUNS`."""
    return Path(os.environ.get("ARENA_RUNS", "runs"))


class AssuranceChoice(StrEnum):
    """How tasks are graded."""

    IDS = "ids"
    EXIT_CODE = "exit_code"
    REWARD_FILE = "reward_file"


def level_of(choice: AssuranceChoice | None) -> "Assurance | None":
    """The level that a flag names."""
    return None if choice is None else choice.value


def write_file(path: Path, data: str | bytes, *, flag: str, append: bool = False) -> None:
    """Write a result where a flag says; raises `InputError` where that cannot be done."""
    from arena.errors import InputError

    try:
        with path.open("ab" if append else "wb") as out:
            out.write(data.encode() if isinstance(data, str) else data)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written ({error.strerror})", where=flag, remedy="name another file"
        ) from None


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"


def emit(
    name: str, rows: Sequence[Mapping[str, "JsonValue"]], columns: Sequence[str], form: Format
) -> None:
    """Print rows on stdout: all fields under `name` as JSON, or some columns as a table."""
    if form is Format.JSON:
        print(json.dumps({name: [dict(row) for row in rows]}, ensure_ascii=False, allow_nan=False))
        return
    from rich.table import Table

    from arena.report.format import plain

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("-" if row[c] is None else plain(str(row[c])) for c in columns))
    console().print(table, markup=False)


def console() -> "Console":
    """Stdout: as wide as the terminal, or as wide as a table needs elsewhere."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=PIPED_WIDTH)
