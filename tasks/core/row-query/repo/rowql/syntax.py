"""The parts of an expression."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Literal:
    """A value that is written in the query."""

    value: Any


@dataclass(frozen=True)
class Field:
    """A field of the row."""

    name: str


@dataclass(frozen=True)
class Arithmetic:
    """`+ - * /`"""

    sign: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Compare:
    """`= != < <= > >=`"""

    sign: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Like:
    """A text and a pattern."""

    text: Any
    pattern: Any


@dataclass(frozen=True)
class In:
    """A value and those it may be equal to."""

    value: Any
    items: tuple


@dataclass(frozen=True)
class Between:
    """A value and its bounds, both included."""

    value: Any
    low: Any
    high: Any


@dataclass(frozen=True)
class IsNull:
    """Is there no value?"""

    value: Any


@dataclass(frozen=True)
class Not:
    """The opposite."""

    condition: Any


@dataclass(frozen=True)
class Both:
    """`and`"""

    left: Any
    right: Any


@dataclass(frozen=True)
class Either:
    """`or`"""

    left: Any
    right: Any
