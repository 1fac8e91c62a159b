"""Mutations of literals, indexes and slices."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from .operations import exchange, one, shift
from .source import Edit, Hints, Mutation, Source

SEPARATORS = {" ": ("", "  "), "": (" ",), ",": (", ",), ", ": (",",), "\n": ("", "\n\n")}
REGEX_SWAPS = (
    (r"(?<!\\)\+(?![?+])", "*"),
    (r"(?<!\\)\*(?![?*])", "+"),
    (r"(?<!\\)[+*](?![?+*])", r"\g<0>?"),
    (r"(?<!\\)([+*])\?", r"\1"),
    (r"(?<![\\(])\?", ""),
    (r"(?<!\\)\.(?![*+?])", r"\\."),
    (r"\\d(?![+*{?])", r"\\d+"),
    (r"\[a-z", "[a-zA-Z"),
    (r"a-zA-Z(?!0)", "a-zA-Z0-9"),
    (r"(?<![\\\[])\^", ""),
    (r"(?<!\\)\$", ""),
)


def constant(source: Source, node: ast.Constant, hints: Hints) -> Iterator[Mutation]:
    """Change a literal to a near one of its kind."""
    parent, value = source.parents.get(node), node.value
    if isinstance(parent, (ast.Expr, ast.JoinedStr, ast.FormattedValue)):
        return
    if isinstance(value, bool):
        yield from one("flag", node, 0.65, source.replace(node, str(not value)))
    elif isinstance(value, int):
        prior = 0.7 if source.function(node) else 0.45
        if isinstance(parent, ast.BinOp) and not isinstance(parent.op, (ast.Add, ast.Sub)):
            prior = 0.35
        for text in dict.fromkeys((str(value + 1), str(value - 1) if value else "-1")):
            yield from one("off by one", node, prior, source.replace(node, text))
        if value:
            yield from one("number", node, 0.3, source.replace(node, "0"))
            yield from one("sign", node, 0.3, source.replace(node, f"-{value}"))
    elif isinstance(value, float):
        for text in (repr(value + 1), repr(value - 1), repr(value / 2), repr(value * 2)):
            yield from one("number", node, 0.2, source.replace(node, text))
    elif isinstance(value, str):
        yield from string(source, node, value, hints)


def string(source: Source, node: ast.Constant, value: str, hints: Hints) -> Iterator[Mutation]:
    """Change separators, case, white space and patterns; try the strings the report names."""
    if is_pattern(source, node):
        yield from pattern(source, node)
        return
    variants = dict.fromkeys(SEPARATORS.get(value, ()), 0.3)
    for text in (value.strip(), value.lower(), value.upper(), value + " "):
        if value.strip() and text != value:
            variants.setdefault(text, 0.1 if text.endswith(" ") else 0.2)
    for literal in hints.literals:
        if literal[:1] in "'\"" and len(value) <= 40:
            variants.setdefault(ast.literal_eval(literal), 0.2)
    for text, prior in variants.items():
        if text != value:
            yield from one("string", node, prior, source.replace(node, repr(text)))


def is_pattern(source: Source, node: ast.Constant) -> bool:
    """Tell whether a string is a regular expression."""
    parent = source.parents.get(node)
    if source.of(node)[:1] in "rR":
        return True
    return (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Attribute)
        and isinstance(parent.func.value, ast.Name)
        and parent.func.value.id == "re"
        and parent.args[0] is node
    )


def pattern(source: Source, node: ast.Constant) -> Iterator[Mutation]:
    """Change one quantifier, class or anchor of a regular expression."""
    start, _ = source.span(node)
    text = source.of(node)
    for old, new in REGEX_SWAPS:
        for found in re.finditer(old, text):
            edit = Edit(start + found.start(), start + found.end(), found.expand(new))
            yield from one("pattern", node, 0.45, edit)
    quoted = re.match(r"[a-zA-Z]*('''|\"\"\"|'|\")", text)
    if quoted:
        head, tail = start + quoted.end(), start + len(text) - len(quoted[1])
        yield from one("pattern", node, 0.25, Edit(tail, tail, "$"))
        yield from one("pattern", node, 0.25, Edit(head, head, "^"))


def text_template(source: Source, node: ast.JoinedStr) -> Iterator[Mutation]:
    """Change the digits of a format specification by one.

    They are found by text, as Pythons before 3.12 give no true positions inside an f-string.
    """
    start, _ = source.span(node)
    for found in re.finditer(r"(?<=[:.<>^0])[1-9]\d*(?=[}.dfs,%])", source.of(node)):
        for number in (int(found[0]) + 1, int(found[0]) - 1):
            edit = Edit(start + found.start(), start + found.end(), str(number))
            yield from one("format", node, 0.35, edit)


def subscript(source: Source, node: ast.Subscript, hints: Hints) -> Iterator[Mutation]:
    """Move an index, turn it to the other end, or read a key that may be missing."""
    if isinstance(node.slice, (ast.Slice, ast.Tuple)):
        return
    yield from shift(source, node.slice, 0.45)
    index = source.of(node.slice)
    for old, new in (("0", "-1"), ("-1", "0"), ("1", "-1")):
        if index == old:
            yield from one("other end", node, 0.5, source.replace(node.slice, new))
    if isinstance(node.ctx, ast.Load) and not index.lstrip("-").isdigit():
        prior = 0.9 if "KeyError" in hints.exceptions else 0.15
        for rest, weight in (("", 1.0), (", 0", 0.8), (', ""', 0.6), (", ()", 0.5)):
            text = f"{source.atom(node.value)}.get({index}{rest})"
            yield from one("missing key", node, prior * weight, source.replace(node, text))


def slices(source: Source, node: ast.Slice) -> Iterator[Mutation]:
    """Move, drop or exchange the bounds of a slice."""
    for bound in (node.lower, node.upper):
        if bound is not None:
            yield from shift(source, bound, 0.6)
            yield from one("slice bound", bound, 0.4, source.replace(bound, ""))
    start, end = source.span(node)
    text = source.text[start:end]
    if node.lower is not None and node.upper is None and node.step is None:
        other = f":{source.of(node.lower)}"
        yield from one("slice bound", node.lower, 0.35, Edit(start, end, other))
    elif node.upper is not None and node.lower is None and node.step is None:
        other = f"{source.of(node.upper)}:"
        yield from one("slice bound", node.upper, 0.35, Edit(start, end, other))
    elif text == "::-1":
        yield from one("slice bound", node, 0.4, Edit(start, end, ":"))


def ordered(source: Source, node: ast.Tuple) -> Iterator[Mutation]:
    """Exchange neighbours in a tuple that is read, not assigned to."""
    if isinstance(node.ctx, ast.Load):
        for left, right in pairwise(node.elts):
            yield from exchange(source, left, right, "swapped items", 0.35)
