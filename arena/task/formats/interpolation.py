"""Variables of compose files, filled in as Compose does it."""

import re
from collections import ChainMap
from collections.abc import Mapping
from typing import Any

_VARIABLE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)(?:(:?)([-+?])([^{}]*))?\})")
_LINE = re.compile(r"(?:export\s+)?([\w.-]+)\s*[=:]\s*(.*)", re.DOTALL)
_QUOTED = re.compile(r"""(?:'([^']*)'|"((?:\\.|[^"\\])*)")\s*(?:#.*)?""", re.DOTALL)
_ESCAPED = re.compile(r"""\\([nrt"$\\])""")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "$": "$$"}
_MOST = 1 << 20
"""Characters that the variables of a file may come to: a few lines could ask for any number."""


def filled(value: Any, given: Mapping[str, str]) -> Any:
    """A value with its variables filled in."""
    come_to = 0

    def fill(match: re.Match[str]) -> str:
        nonlocal come_to
        name, sign, word = match[2] or match[3], match[5], match[6]
        if match[1]:
            return "$"
        found = given.get(name, "")
        holds = bool(found) if match[4] else name in given
        if sign == "?" and not holds:
            raise ValueError(f"the variable {name} is not given: {word}")
        if holds if sign == "+" else sign == "-" and not holds:
            return _VARIABLE.sub(fill, word)
        come_to += len(found)
        if come_to > _MOST:
            raise ValueError(f"its variables come to more than {_MOST:,} characters")
        return found

    def inside(one: Any) -> Any:
        if isinstance(one, dict):
            return {key: inside(below) for key, below in one.items()}
        if isinstance(one, list):
            return [*map(inside, one)]
        if not isinstance(one, str):
            return one
        if "${" in _VARIABLE.sub("\0", one):
            raise ValueError(f"a variable within another is not read: {one}")
        return _VARIABLE.sub(fill, one)

    return inside(value)


def taken(said: Any, given: Mapping[str, str]) -> Any:
    """Variables, those without a value with what is given by their name."""
    if isinstance(said, list):
        return [f"{one}={given[one]}" if one in given else one for one in said]
    if isinstance(said, dict):
        return {name: given.get(name) if one is None else one for name, one in said.items()}
    return said


def read_env(text: str, where: str, given: Mapping[str, str]) -> dict[str, str]:
    """Variables of lines `NAME=value`, which may name what is given and those before them."""
    found: dict[str, str] = {}
    come_to = 0
    known = ChainMap(dict(given), found)
    for line in text.split("\n"):
        if match := _LINE.fullmatch(line.strip()):
            value = _value(match[2], f"{where}: {match[1]}", known)
            come_to += len(value)
            if come_to > _MOST:
                raise ValueError(f"{where} comes to more than {_MOST:,} characters")
            found[match[1]] = value
    return found


def _value(said: str, where: str, given: Mapping[str, str]) -> str:
    """What a line of an env file gives a variable."""
    if said[:1] not in {"'", '"'}:
        return str(filled(said.partition(" #")[0].rstrip(), given))
    match = _QUOTED.fullmatch(said)
    if match is None:
        raise ValueError(f"{where} is not one text in quotes")
    if match[1] is not None:
        return match[1]
    plain = _ESCAPED.sub(lambda escaped: _ESCAPES.get(escaped[1], escaped[1]), match[2])
    return str(filled(plain, given))
