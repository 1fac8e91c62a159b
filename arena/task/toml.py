"""TOML: what a person wrote, read into records with errors that say what to mend; and written."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from arena.errors import InputError
from arena.records import Record

_R = TypeVar("_R", bound=Record)
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(path: Path, shape: type[_R]) -> _R:
    """A TOML file as a record.

    Raises:
        InputError: it cannot be read, is not TOML or does not have the shape.
    """
    try:
        return shape.model_validate(tomllib.loads(path.read_text()))
    except OSError as error:
        raise InputError("cannot be read", where=str(path), remedy=str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError("not valid TOML", where=str(path), remedy=str(error)) from error
    except ValidationError as error:
        raise wrong_shape(path, error) from error


def wrong_shape(path: Path, error: ValidationError) -> InputError:
    """The first thing that is wrong, with file, key and remedy."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    more = error.error_count() - 1
    tail = f" (and {more} more)" if more else ""
    where = f"{path}: {key}" if key else str(path)
    if first["type"] == "extra_forbidden":
        return InputError(f"unknown key{tail}", where=where, remedy="remove it")
    if first["type"] == "missing":
        return InputError(f"missing{tail}", where=where, remedy="add it")
    if first["type"] == "value_error":  # says what it wants, and what was given may be a secret
        return InputError(f"{first['msg'].removeprefix('Value error, ')}{tail}", where=where)
    given = json.dumps(first["input"], default=str)
    remedy = f"it is {given[:80]}" if key else "mend the file"
    return InputError(f"{first['msg']}{tail}", where=where, remedy=remedy)


Scalar = str | int | float | bool
Value = Scalar | Sequence[str]


def write_table(values: Mapping[str, Value | None]) -> str:
    """Keys and values as lines of TOML; what is None, or an empty list, is left out."""
    kept = {key: value for key, value in values.items() if value is not None and value != ()}
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in kept.items())


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _string(key)


def _value(value: Value) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if not value:
        return "[]"
    if len(value) == 1:
        return f"[{_string(value[0])}]"
    return "[\n" + "".join(f"    {_string(item)},\n" for item in value) + "]"


def _string(text: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for DEL and lone surrogates."""
    whole = text.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")
