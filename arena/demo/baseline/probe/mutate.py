"""Single mutations of a file, token by token: the operators that any mutation tool has."""

from __future__ import annotations

import io
import itertools
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

ARITHMETIC = {
    "+": ("-",),
    "-": ("+",),
    "*": ("/", "+"),
    "/": ("//", "*"),
    "//": ("/", "%"),
    "%": ("//",),
    "&": ("|",),
    "|": ("&",),
    "<<": (">>",),
    ">>": ("<<",),
}
SWAPS: dict[str, dict[str, tuple[str, ...]]] = {
    "comparison": {
        "<": ("<=", ">", "!="),
        "<=": ("<", ">=", "=="),
        ">": (">=", "<", "!="),
        ">=": (">", "<=", "=="),
        "==": ("!=", "<=", ">="),
        "!=": ("==", "<", ">"),
        "in": ("not in",),
        "is": ("is not",),
        "not": ("",),
    },
    "and/or": {"and": ("or",), "or": ("and",)},
    "arithmetic": {
        **ARITHMETIC,
        **{f"{old}=": (*(f"{new}=" for new in news), "=") for old, news in ARITHMETIC.items()},
    },
    "flag": {"True": ("False",), "False": ("True",)},
    "dropped sign": {"-": ("",)},
    "jump": {"break": ("continue",), "continue": ("break",)},
}
"""What may stand in the place of a token, by operator; a search tries only what compiles."""
WEIGHTS = {
    "comparison": 1.0,
    "off by one": 0.8,
    "and/or": 0.7,
    "arithmetic": 0.7,
    "flag": 0.6,
    "dropped sign": 0.5,
    "jump": 0.5,
    "deleted": 0.4,
}
"""How likely an operator undoes a fault, against the others: slips at a boundary come first."""
_SEEN = (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING)


class Mutation(NamedTuple):
    """Replace the characters from start up to end of one file with text."""

    path: str
    operator: str
    first_line: int
    """Where the statement begins; it is suspicious if any of its lines is."""
    last_line: int
    start: int
    end: int
    text: str


def apply(text: str, mutation: Mutation) -> str:
    """Return a file's text with the mutation made."""
    return text[: mutation.start] + mutation.text + text[mutation.end :]


def mutations(path: str, text: str) -> Iterator[Mutation]:
    """Yield every mutation of a Python file, many of which do not compile; strings stay."""
    lines = io.StringIO(text, newline="").readlines()
    starts = [0, *itertools.accumulate(map(len, lines))]
    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(iter([*lines, ""]).__next__):
        if token.type in _SEEN:
            statement.append(token)
        if token.type != tokenize.NEWLINE:
            continue
        for operator, (line, column), (last, end), new in _changes(statement):
            first = statement[0].start[0]
            start = starts[line - 1] + column
            yield Mutation(path, operator, first, last, start, starts[last - 1] + end, new)
        statement.clear()


def _changes(
    statement: list[tokenize.TokenInfo],
) -> Iterator[tuple[str, tuple[int, int], tuple[int, int], str]]:
    """Operator, first and last place, and new text of each change to a statement."""
    if statement and statement[0].type != tokenize.STRING:
        yield "deleted", statement[0].start, statement[-1].end, "pass"
    for token, after in itertools.zip_longest(statement, statement[1:]):
        for operator, swaps in SWAPS.items():
            for new in swaps.get(token.string, ()):
                end = token.end if new or after is None else after.start
                yield operator, token.start, end, new
        if token.type == tokenize.NUMBER and token.string.isdecimal():
            for step in (1, -1):
                yield "off by one", token.start, token.end, str(int(token.string) + step)
