"""What comes from outside as JSON, JSON Lines, TOML or YAML: one bounded reader each."""

import difflib
import itertools
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from arena.errors import InputError
from arena.paths import AnyPath

if TYPE_CHECKING:
    import jsonlines
    import yaml

DEPTH = 100
"""Lists and objects inside one another: half of what pydantic reads back (200; it writes 255)."""
YAML_BYTES = 1 << 20
YAML_NODES = 50_000
"""Values of a YAML file, those behind its aliases counted wherever they are named again."""

_Json = TypeVar("_Json", str, JsonValue)
_Shape = TypeVar("_Shape")
_HALVES = re.compile("[\ud800-\udfff]")
_MAY_BE_SECRET = frozenset({"value_error", "string_pattern_mismatch"})
"""Errors that say what they want; what was given is not repeated."""
_TOO_DEEP = "it is nested too deeply"
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_YAML_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "seq", "map")
)

# ── JSON ───────────────────────────────────────────────────────────────────────────────────────


def from_json(
    data: str | bytes,
    *,
    parse_float: Callable[[str], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
) -> Any:
    """The value of a JSON text; a `ValueError` where it is none, or nested deeper than `DEPTH`."""
    try:
        value = json.loads(data, parse_float=parse_float, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _openings(data) > DEPTH and _is_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def well_formed(value: _Json) -> _Json:
    """The same without halves of surrogate pairs, which UTF-8 cannot hold; not for sending back."""
    if isinstance(value, str):
        return _HALVES.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {well_formed(key): well_formed(inner) for key, inner in value.items()}
    return [well_formed(inner) for inner in value] if isinstance(value, list) else value


def mappings(value: JsonValue) -> list[dict[str, JsonValue]]:
    """The objects in a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def mapping(value: Mapping[str, JsonValue], name: str) -> dict[str, JsonValue]:
    """The object under a name; an empty one where there is none."""
    inner = value.get(name)
    return inner if isinstance(inner, dict) else {}


def json_lines(
    lines: Iterable[str | bytes], broken: Callable[[int, str], object] | None
) -> Iterator[tuple[int, Any]]:
    r"""The values of JSON Lines, each with the number of its line; empty lines are none.

    Lines must have been split at `\n` alone: JSON allows U+2028 and the like inside of one.
    `broken`, which may raise, is told the number of a line that is no JSON and what is wrong.
    """
    import jsonlines

    reader = jsonlines.Reader(lines, loads=from_json)
    for number in itertools.count(1):  # a read is a line
        try:
            yield number, reader.read(allow_none=True)
        except EOFError:
            return
        except jsonlines.InvalidLineError as error:
            if broken and error.line.strip():
                broken(number, str(error.__cause__))


def lines_writer(handle: IO[str]) -> "jsonlines.Writer":
    """Writes JSON Lines, each flushed but not synced; in ASCII, for halves of surrogate pairs."""
    import jsonlines

    return jsonlines.Writer(handle, dumps=json.dumps, flush=True)


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def read_text(path: AnyPath) -> str:
    """The text of a file in UTF-8, without its byte order mark; else an `InputError`."""
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise InputError("no such file", where=str(path), remedy="give one that is there") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot be read: {reason}", where=str(path)) from None
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"not UTF-8, {error.reason} at byte {error.start}") from None


def read_json(path: AnyPath) -> Any:
    """The value of a JSON file; an `InputError` where it cannot be read or is none."""
    try:
        return from_json(read_text(path))
    except ValueError as error:
        raise _unreadable(path, f"not JSON, {error}") from None


def read_toml(path: AnyPath) -> dict[str, Any]:
    """The table of a TOML file; an `InputError` where it cannot be read or is none."""
    text = read_text(path)
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise _unreadable(path, _TOO_DEEP) from None
    except ValueError as error:  # of `int` too, which has a longest number
        raise _unreadable(path, f"not valid TOML, {error}") from None
    if _is_deep(table):
        raise _unreadable(path, _TOO_DEEP)
    return table


def read_yaml(path: AnyPath) -> dict[str, Any]:
    """The mapping of a YAML file, with every scalar but null as the text that stands there:
    `version: 3.10` is no 3.1, and `no` may be a country.

    An `InputError` where it cannot be read, is not one document, has other keys than texts that
    stand once or a tag of its own, or is too large.
    """
    import yaml

    text = read_text(path)
    if len(text) > YAML_BYTES:
        raise _unreadable(path, f"longer than {YAML_BYTES:,} characters")
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except RecursionError:
        raise _unreadable(path, _TOO_DEEP) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        said = getattr(error, "problem", None) or str(error)
        raise _unreadable(path, f"not YAML, {said}", mark.line if mark else None) from None
    if not isinstance(node, yaml.MappingNode):
        raise _unreadable(path, "not YAML of keys and values")
    found: dict[str, Any] = _Values(path).of(node)
    return found


def read_record(path: AnyPath, shape: type[_Shape]) -> _Shape:
    """A TOML or JSON file, by its ending, in a shape that pydantic knows; else an `InputError`."""
    value = read_json(path) if path.suffix == ".json" else read_toml(path)
    return shaped(value, shape, where=str(path))


def shaped(value: Any, shape: type[_Shape], *, where: str, remedy: str = "") -> _Shape:
    """A value from outside as a record or another type; an `InputError` where it does not fit."""
    try:
        return TypeAdapter(shape).validate_python(value)
    except ValidationError as error:
        told = wrong_shape(error, where=where, shape=shape)
        raise InputError(told.what, where=told.where, remedy=remedy or told.remedy) from None


def wrong_shape(error: ValidationError, *, where: str, shape: Any = None) -> InputError:
    """The most telling complaint of pydantic as one line with place, key and remedy."""
    first = _most_telling(error)
    key, kind, given = _key(first["loc"]), first["type"], first["input"]
    if kind == "extra_forbidden":
        known = _fields_at(shape, first["loc"][:-1])
        remedy = _nearest(str(first["loc"][-1]), known, f"known keys: {', '.join(known)}")
        return InputError(f"unknown key {key!r}", where=where, remedy=remedy)
    if kind == "missing":
        return InputError(f"{key!r} is missing", where=where, remedy="add it")
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", first["ctx"]["expected"])
        remedy = _nearest(str(given), known, f"known: {', '.join(known)}", cutoff=0.4)
        return InputError(f"{given!r} is not known", where=f"{where}: {key}", remedy=remedy)
    message = first["msg"].removeprefix("Value error, ")
    remedy = "" if key else "mend the file"
    if key and kind not in _MAY_BE_SECRET and isinstance(given, int | float):  # a text may be a key
        with suppress(ValueError):  # Python writes no number of thousands of digits
            remedy = f"it is {json.dumps(given)[:80]}"
    return InputError(f"{key}: {message}" if key else message, where=where, remedy=remedy)


def to_toml(table: Mapping[str, Any]) -> str:
    """A table as TOML; what is None or an empty list is left out."""
    import tomli_w

    return tomli_w.dumps(_told(table))


# ── inside ─────────────────────────────────────────────────────────────────────────────────────


def _told(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, Mapping):
        kept = {key: one for key, one in value.items() if one is not None and one not in ((), [])}
        return {well_formed(key): _told(one) for key, one in kept.items()}
    return [_told(one) for one in value] if isinstance(value, list | tuple) else value


class _Values:
    """Values of YAML nodes, as many as one file may have."""

    def __init__(self, path: AnyPath) -> None:
        self._path = path
        self._left = YAML_NODES

    def of(self, node: "yaml.Node", depth: int = 0) -> Any:
        """The value of a node; an alias is its anchor's node once more."""
        from yaml import ScalarNode, SequenceNode

        self._left -= 1
        if depth > DEPTH:
            self._refuse(node, _TOO_DEEP)
        if self._left < 0:
            self._refuse(node, f"it stands for more than {YAML_NODES:,} values")
        if node.tag not in _YAML_TAGS:
            self._refuse(node, f"the tag {node.tag} is not read")
        if isinstance(node, ScalarNode):
            null = node.style is None and node.value in _NULLS
            return None if null else well_formed(str(node.value))
        if isinstance(node, SequenceNode):
            return [self.of(one, depth + 1) for one in node.value]
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = self.of(key, depth + 1)
            if not isinstance(name, str) or name == "<<":
                self._refuse(key, "a key must be a text, and keys are not merged")
            if name in found:
                self._refuse(key, f"the key {name!r} stands twice")
            found[name] = self.of(value, depth + 1)
        return found

    def _refuse(self, node: "yaml.Node", what: str) -> NoReturn:
        raise _unreadable(self._path, what, node.start_mark.line)


def _unreadable(path: AnyPath, what: str, line: int | None = None) -> InputError:
    """`line` counts from 0."""
    where = f"{path}: line {line + 1}" if line is not None else str(path)
    return InputError(f"cannot be read: {what}", where=where, remedy="mend the file")


def _most_telling(error: ValidationError) -> Any:
    """An unknown key says more than what follows from it in other members of a union."""
    errors = error.errors(include_url=False)
    for wanted in ("extra_forbidden", "value_error", "missing"):
        for entry in errors:
            if entry["type"] == wanted:
                return entry
    return max(errors, key=lambda entry: len(entry["loc"]))


def _nearest(name: str, known: Sequence[str], otherwise: str, cutoff: float = 0.6) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
    return f"did you mean {close[0]!r}?" if close else otherwise


def _key(loc: Sequence[int | str]) -> str:
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        elif part != "str" and "BackendTable" not in part:
            text += f".{part}" if text else str(part)
    return text


def _fields_at(root: Any, loc: Sequence[int | str]) -> list[str]:
    """Field names of the record at a location inside `root`."""
    records = _records_in(root)
    for part in loc:
        found = [
            inner
            for record in records
            if part in record.model_fields
            for inner in _records_in(record.model_fields[str(part)].annotation)
        ]
        records = found or records
    return [name for record in records for name in record.model_fields]


def _records_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [r for arg in getattr(annotation, "__args__", ()) for r in _records_in(arg)]


def _openings(data: str | bytes) -> int:
    """At least as many as there are levels."""
    if isinstance(data, str):
        return data.count("[") + data.count("{")
    return data.count(b"[") + data.count(b"{")


def _is_deep(value: Any) -> bool:
    """Whether there is a level below the last that is taken; without recursion."""
    level: list[Any] = [[value]]
    for _ in range(DEPTH + 1):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [one for several in inner for one in several if isinstance(one, dict | list)]
        if not level:
            return False
    return True
