"""JSON that comes from outside: from models, candidates' programs, providers and users' files."""

import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import JsonValue

DEPTH = 100
"""Lists and objects inside one another: more than anybody needs, and half of what pydantic reads
back (200), since it writes more than that (255)."""
_Json = TypeVar("_Json", str, JsonValue)
_HALVES = re.compile("[\ud800-\udfff]")
_TOO_DEEP = "it is nested too deeply"


def from_json(
    data: str | bytes,
    *,
    parse_float: Callable[[str], Any] | None = None,
    parse_constant: Callable[[str], Any] | None = None,
) -> Any:
    """The value of a JSON text, as `json.loads` reads it.

    Raises:
        ValueError: it is none, or is nested deeper than `DEPTH`, which `json` does not count among
            its errors although anybody can write it.
    """
    try:
        value = json.loads(data, parse_float=parse_float, parse_constant=parse_constant)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _openings(data) > DEPTH and _is_deep(value):
        raise ValueError(_TOO_DEEP)
    return value


def well_formed(value: _Json) -> _Json:
    """The same without halves of surrogate pairs: JSON can hold them, UTF-8 and our files cannot.

    Not for what goes back to where it came from.
    """
    if isinstance(value, str):
        return _HALVES.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, dict):
        return {well_formed(key): well_formed(inner) for key, inner in value.items()}
    return [well_formed(inner) for inner in value] if isinstance(value, list) else value


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
