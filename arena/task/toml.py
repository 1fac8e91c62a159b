"""Files that a person wrote, read into records with errors that say what to mend."""

import json
import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from arena.errors import InputError
from arena.records import Record

_R = TypeVar("_R", bound=Record)


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
    given = json.dumps(first["input"], default=str)
    remedy = f"it is {given[:80]}" if key else "mend the file"
    return InputError(f"{first['msg']}{tail}", where=where, remedy=remedy)
