"""From text to tokens."""

import re
from dataclasses import dataclass
from typing import Any

from rowql.errors import QueryError

KEYWORDS = {
    "where", "sort", "desc", "limit", "select", "as", "and", "or", "not",
    "in", "between", "like", "is", "null", "true", "false",
}

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><=|>=|!=|[=<>(),+\-*/]))"
)


@dataclass(frozen=True)
class Token:
    """`kind` is number, text, name, keyword, sign or end."""

    kind: str
    value: Any


def tokens(text):
    """The tokens of a query, with one of kind `end` as the last."""
    found = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise QueryError(f"not understood: {text[position:].strip()[:20]!r}")
        position = match.end()
        value = match[match.lastgroup]
        if match.lastgroup == "number":
            found.append(Token("number", float(value) if "." in value else int(value)))
        elif match.lastgroup == "text":
            found.append(Token("text", value[1:-1].replace("''", "'")))
        elif match.lastgroup == "sign":
            found.append(Token("sign", value))
        elif value.lower() in KEYWORDS:
            found.append(Token("keyword", value.lower()))
        else:
            found.append(Token("name", value))
    return [*found, Token("end", None)]
