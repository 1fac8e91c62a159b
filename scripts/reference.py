"""Write docs/reference/: every file that a person writes, and every command, from their own words.

    .venv/bin/python scripts/reference.py

`tests/test_reference.py` holds that the pages are up to date and that no key is without a meaning.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import JsonValue
from pydantic.fields import FieldInfo

from arena.backend.catalog import ProviderProfile
from arena.cli import app, register
from arena.config import BakeoffConfig
from arena.records import Record
from arena.records.program import Program
from arena.sandbox.image.recipe import SandboxSpec
from arena.task.mining.command_runner import MineFile
from arena.task.pack import PackInfo, TaskFile

OUT = Path(__file__).parent.parent / "docs" / "reference"
FILES: dict[str, tuple[str, type[Record], str]] = {
    "bakeoff": (
        "bakeoff.toml",
        BakeoffConfig,
        "What `arena run` is given; [an example](../../README.md).",
    ),
    "pack": (
        "pack.toml",
        PackInfo,
        "The first file of a [task pack](../../tasks/README.md).",
    ),
    "task": (
        "task.toml",
        TaskFile,
        "One task of a [pack](../../tasks/README.md).",
    ),
    "sandbox": (
        "sandbox.toml",
        SandboxSpec,
        "Beside the `Dockerfile` of an image: in `sandboxes/<name>/` or a pack's `images/<name>/`.",
    ),
    "mine": (
        "mine.toml",
        MineFile,
        "How a team's own tests are run; [an example](../tasks.md#mine).",
    ),
    "agent": (
        "An agent's profile",
        Program,
        "One file an [agent](../agents.md) that is a program of its own.",
    ),
    "provider": (
        "A provider's profile",
        ProviderProfile,
        "One file a [provider](../backends.md).",
    ),
}
WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    Decimal: "number",
    bool: "true or false",
    date: "date",
    time: "time of day",
    Any: "any value",
}
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


@dataclass(frozen=True)
class Table:
    """One table of a file, wherever it may stand."""

    record: type[Record]
    places: list[str]


def page(title: str, root: type[Record], about: str) -> str:
    """The reference of one file."""
    found: dict[type[Record], Table] = {}
    _collect(root, "", found)
    lines = [f"# {title}", "", f"{about} {_doc(root)}", ""]
    lines += ["Made by `scripts/reference.py`. A key that is not here is refused.", ""]
    for table in found.values():
        if table.record is not root:
            lines += [f"## {', '.join(f'`{place}`' for place in table.places)}", ""]
            lines += [_doc(table.record), ""]
        lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
        lines += [_row(name, field) for name, field in table.record.model_fields.items()]
        lines += [""]
    return "\n".join(lines)


def _collect(record: type[Record], place: str, found: dict[type[Record], Table]) -> None:
    """All tables below one, in the order in which a reader meets them."""
    if record in found:
        found[record].places.append(place)
        return
    found[record] = Table(record, [place])
    for name, field in record.model_fields.items():
        for inner, step in _records(field.annotation):
            _collect(inner, f"{place}.{name}{step}".lstrip("."), found)


def _records(annotation: Any) -> Iterator[tuple[type[Record], str]]:
    """Records in a type, and how a path leads into them."""
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation, ""
        return
    step = {dict: ".<name>", tuple: "[]"}.get(get_origin(annotation), "")
    for argument in get_args(annotation):
        for inner, deeper in _records(argument):
            yield inner, f"{step}{deeper}"


def _row(name: str, field: FieldInfo) -> str:
    if not field.description:
        raise SystemExit(f"{name!r} has no docstring: a key needs a meaning")
    meaning = " ".join(field.description.split())
    cells = (f"`{name}`", _kind(field), _default(field), meaning)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _kind(field: FieldInfo) -> str:
    bounds = [
        f"{sign} {getattr(one, key)}"
        for one in field.metadata
        for key, sign in BOUNDS.items()
        if getattr(one, key, None) is not None
    ]
    bounds += ["not empty" for one in field.metadata if getattr(one, "min_length", None)]
    return ", ".join([_type(field.annotation), *bounds])


def _type(annotation: Any) -> str:
    if annotation is JsonValue:
        return "any value"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in {Union, UnionType}:
        return " or ".join(_type(one) for one in arguments if one is not NoneType)
    if origin is tuple:
        return f"list: {_type(arguments[0])}"
    if origin is dict:
        return f"table: {_type(arguments[1])} by {_key(arguments[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return "table"
    return WORDS[annotation]


def _key(annotation: Any) -> str:
    return _type(annotation) if get_origin(annotation) is Literal else "name"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, Record):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{value!r}`".replace("'", '"') if isinstance(value, str) else f"`{value}`"


def _doc(record: type[Record]) -> str:
    return " ".join((inspect.getdoc(record) or "").split())


# ── commands ───────────────────────────────────────────────────────────────────────────────────


def command_page() -> str:
    """The reference of the command line."""
    lines = [
        "# Commands",
        "",
        "Made by `scripts/reference.py`; `arena COMMAND --help` says the same.",
    ]
    for name, command in walk(typer.main.get_command(_whole()), "arena"):
        lines += ["", f"## `{name}`", "", _prose(command.help), ""]
        shown = [one for one in command.params if not one.is_eager]
        if shown:
            lines += ["| | default | meaning |", "|---|---|---|"]
            lines += [_parameter(one) for one in shown]
    return "\n".join([*lines, ""])


def _whole() -> typer.Typer:
    """The app with all of its commands, however often it is asked for."""
    if not app.registered_commands:
        register()
    return app


def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its whole name."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, command
        return
    for part, inner in below.items():
        yield from walk(inner, f"{name} {part}")


def _prose(text: str | None) -> str:
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    joined = [" ".join(paragraph.split()) for paragraph in paragraphs]
    return "\n\n".join(
        f"```\n{one.removeprefix('Example: ')}\n```" if one.startswith("Example: ") else one
        for one in joined
    )


def _parameter(one: Any) -> str:
    name = ", ".join(f"`{flag}`" for flag in (*one.opts, *one.secondary_opts))
    meaning = " ".join((one.help or "").split())
    if choices := _choices(one.type_descriptor.annotation):
        meaning = f"{meaning} One of {choices}."
    return f"| {name} | {default_of(one)} | {meaning} |"


def _choices(annotation: Any) -> str:
    values: list[object] = []
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Enum):
            values += [member.value for member in kind]
        elif get_origin(kind) is Literal:
            values += get_args(kind)
    return ", ".join(f"`{value}`" for value in values)


def default_of(one: Any) -> str:
    """What holds where a parameter is not given, as its help says it."""
    if one.required:
        return "**required**"
    if isinstance(one.show_default, str):
        return one.show_default
    if one.default is None:
        return ""
    if isinstance(one.default, bool):
        return "on" if one.default else "off"
    return f"`{getattr(one.default, 'value', one.default)}`"


def pages() -> dict[str, str]:
    """Every page by its file's name."""
    made = {f"{name}.md": page(*what) for name, what in FILES.items()}
    return {**made, "commands.md": command_page()}


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for name, text in pages().items():
        (OUT / name).write_text(text, encoding="utf-8")
