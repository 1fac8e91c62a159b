"""What commands share: flags, the form of results, ways to print them, completion of values."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from arena.errors import InputError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from arena.paths import AnyPath
    from arena.records import Record
    from arena.sandbox.engine import DockerEngine
    from arena.sandbox.image.images import Images


def backends() -> list[str]:
    """Catalogue names."""
    from arena.backend import catalog

    return _known(lambda: (f"{of.id}/{row.id}" for of, row in catalog.load(()).rows()))


def packs(incomplete: str) -> list[str]:
    """Shipped packs, and after a slash the tasks of one."""
    from arena.task import pack

    folder, slash, _ = incomplete.partition("/")
    shipped = pack.shipped_packs()
    if not slash or folder not in shipped:
        return list(shipped)
    return _known(lambda: (task.id for task in pack.load(folder, base=Path())))


def programs() -> list[str]:
    """Agents that are programs of their own."""
    from arena.agent import external

    return _known(external.load)


def contestants(ctx: typer.Context) -> list[str]:
    """Contestants of the run that stands before on the command line."""
    from arena.rundir.directory import RunDir

    run = RunDir(Path(ctx.params.get("run") or ""))
    return _known(lambda: (one.name for one in run.read_manifest().contestants))


def _known(read: Callable[[], Iterable[str]]) -> list[str]:
    """Nothing is completed from a broken profile, or from a run that is none."""
    try:
        return list(read())
    except InputError:
        return []


@contextmanager
def our_images() -> "Iterator[tuple[DockerEngine, Images]]":
    """The engine and our images on it; raises `InputError` where none answers."""
    from arena.sandbox.engine import DockerEngine
    from arena.sandbox.image.images import Images
    from arena.task.pack import tree_files

    with DockerEngine.answering() as engine:
        yield engine, Images(engine, tree_files)


PIPED_WIDTH = 240
"""Columns of a table that goes to a file or another program: no name is broken."""


def runs_dir() -> Path:
    """Where runs go unless told: `runs` below the current folder, or `ARENA_RUNS`."""
    return Path(os.environ.get("ARENA_RUNS", "runs"))


def today() -> date:
    """The day by UTC, as prices and retirements go by it."""
    return datetime.now(UTC).date()


AssuranceChoice = Literal["ids", "report", "exit_code", "reward_file"]
"""How tasks are graded."""


@contextmanager
def writing(path: "AnyPath", flag: str) -> Iterator[None]:
    """While a result is written where a flag says; an `InputError` where that cannot be done."""
    try:
        yield
    except OSError as error:
        what = f"{path} cannot be written ({error.strerror})"
        raise InputError(what, where=flag, remedy="name another") from None


def write_file(path: Path, data: str | bytes, *, flag: str, append: bool = False) -> None:
    """Write a result where a flag says; raises `InputError` where that cannot be done."""
    with writing(path, flag), path.open("ab" if append else "wb") as out:
        out.write(data.encode() if isinstance(data, str) else data)


def share(
    param: typer.CallbackParam, value: float | list[float] | None
) -> float | list[float] | None:
    """A flag that holds a share, or several; raises `InputError` for a percentage or the like."""
    for one in value if isinstance(value, list) else [value]:
        if one is not None and not 0 <= one <= 1:
            meant = f"did you mean {one / 100:g}?" if 1 < one <= 100 else "give one from 0 to 1"
            raise InputError(f"{one:g} is not a share", where=param.opts[0], remedy=meant)
    return value


COUNTRIES = ("US", "CN", "FR", "SG", "DE", "GB", "JP", "KR", "IN", "CA")
"""That may be meant by another word."""


def country(param: typer.CallbackParam, value: str | None) -> str | None:
    """A flag that holds an ISO code of two letters, in any case, or `self`."""
    if value is None or value.lower() == "self":
        return value and value.lower()
    code = value.upper()
    if not re.fullmatch(r"[A-Z]{2}", code):
        # `USA`, `China`: the letters of the code stand in it, the first in front.
        close = [c for c in COUNTRIES if code[:1] == c[0] and c[1] in code[1:]]
        meant = f"did you mean {close[0]!r}?" if close else "write one such as CN"
        what = f"{value!r} is no ISO code of two letters"
        raise InputError(what, where=param.opts[0], remedy=meant)
    return code


def countries(param: typer.CallbackParam, value: list[str] | None) -> list[str] | None:
    """As `country`, for a flag that may be repeated."""
    return value and [code for one in value if (code := country(param, one))]


def day(param: typer.CallbackParam, value: str | None) -> str | None:
    """A flag that holds a date, as 2026-11-01 from any form of ISO 8601."""
    try:
        return None if value is None else datetime.fromisoformat(value).date().isoformat()
    except ValueError:
        what = f"{value!r} is not a date"
        raise InputError(what, where=param.opts[0], remedy="write 2026-11-01") from None


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"


def unset(
    meaning: str,
    otherwise: str = "none",
    *names: str,
    min: float | None = None,  # noqa: A002 - as typer calls it
    callback: Callable[..., object] | None = None,
    autocompletion: Callable[..., list[str]] | None = None,
    formats: list[str] | None = None,
) -> Any:
    """A flag that may be left away: what it says, and in words what holds without it."""
    return typer.Option(
        *names,
        help=meaning,
        show_default=otherwise,
        min=min,
        callback=callback,
        autocompletion=autocompletion,
        formats=formats,
    )


def argument(
    meaning: str,
    completes: Callable[..., list[str]] | None = None,
    otherwise: str | bool = True,
) -> Any:
    """A word of the command line, with what completes it; `otherwise` as `unset` has it."""
    return typer.Argument(help=meaning, autocompletion=completes, show_default=otherwise)


def switch(name: str, meaning: str) -> Any:
    """A flag that is on where it is given."""
    return typer.Option(name, help=meaning)


RunArgument = Annotated[Path, typer.Argument(help="A run directory.")]
ValueFlag = Annotated[
    float | None, unset("Worth of a solved task in USD.", "as bakeoff.toml says, else all values")
]
MarginFlag = Annotated[
    float | None,
    unset("Loss of pass rate that is tolerated.", "0.10 from 100 tasks, else 0.20", callback=share),
]
AnywayFlag = Annotated[bool, switch("--anyway", "Compare what is not comparable.")]
AssuranceFlag = Annotated[
    AssuranceChoice | None, unset("Take the tasks graded this way.", "the strongest there is")
]
FormatFlag = Annotated[Format, typer.Option("--format", help="Form of the answer on stdout.")]


def say(line: str) -> None:
    """One line of progress, or of what could not be done, on stderr, without terminal codes."""
    from arena.report.format import plain

    print(plain(line), file=sys.stderr)


def emit_answer(found: "Record", text: str, form: Format) -> None:
    """Print a result on stdout: as JSON, or in words."""
    print(found.model_dump_json(indent=2) if form is Format.JSON else text)


def emit(name: str, found: Iterable[object], columns: Sequence[str], form: Format) -> None:
    """Print records on stdout: all fields under `name` as JSON, or some columns as a table."""
    from pydantic_core import to_jsonable_python

    rows = [to_jsonable_python(one) for one in found]
    if form is Format.JSON:
        print(json.dumps({name: rows}, ensure_ascii=False, allow_nan=False))
        return
    from rich.table import Table

    from arena.report.format import plain

    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(plain(_cell(row[c])) for c in columns))
    print_drawn(table)


def _cell(value: object) -> str:
    """A value as a person reads it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(inner)}" for name, inner in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(_cell, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def print_drawn(what: "RenderableType") -> None:
    """Print on stdout: as wide as the terminal, or as wide as a table needs elsewhere."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH)
    try:
        console.print(what, markup=False)
    except SystemExit:  # how rich says it, with the code of a check that failed
        raise BrokenPipeError from None
