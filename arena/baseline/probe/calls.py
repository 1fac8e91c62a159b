"""Mutations of calls, loops over sequences and comprehensions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from .operations import exchange, is_text, one, shift
from .source import FUNCTIONS, Edit, Hints, Mutation, Source

METHODS = {
    "strip": ("rstrip", "lstrip"), "lstrip": ("strip", "removeprefix"),
    "rstrip": ("strip", "removesuffix"), "startswith": ("endswith",), "endswith": ("startswith",),
    "find": ("rfind",), "rfind": ("find",), "index": ("rindex",), "rindex": ("index",),
    "split": ("rsplit", "partition"), "rsplit": ("split",), "partition": ("rpartition",),
    "rpartition": ("partition",), "lower": ("upper", "casefold"), "upper": ("lower", "title"),
    "title": ("capitalize",), "capitalize": ("title",), "append": ("extend", "appendleft"),
    "extend": ("append",), "appendleft": ("append",), "popleft": ("pop",),
    "pop": ("popleft", "get"), "remove": ("discard",), "discard": ("remove",), "add": ("discard",),
    "keys": ("values",), "values": ("keys", "items"), "items": ("values",),
    "update": ("setdefault",), "isdigit": ("isdecimal", "isalnum", "isnumeric"),
    "isalnum": ("isalpha",), "isalpha": ("isalnum",), "ljust": ("rjust",), "rjust": ("ljust",),
    "match": ("fullmatch", "search"), "search": ("match", "fullmatch", "finditer"),
    "fullmatch": ("match",), "floor": ("ceil",), "ceil": ("floor",), "trunc": ("floor",),
    "copy": ("deepcopy",), "union": ("intersection",), "intersection": ("union",),
    "difference": ("intersection", "symmetric_difference"), "issubset": ("issuperset",),
    "issuperset": ("issubset",), "heappush": ("heappushpop",), "bisect": ("bisect_left",),
    "insort": ("insort_left",), "most_common": ("elements",), "bisect_left": ("bisect_right",),
    "bisect_right": ("bisect_left",), "splitlines": ("split",), "setdefault": ("get",),
    "readline": ("read",), "sub": ("subn",),
}  # fmt: skip
FUNCTION_SWAPS = {
    "min": ("max",), "max": ("min",), "any": ("all",), "all": ("any",),
    "sorted": ("list", "reversed"), "reversed": ("list",), "int": ("float", "round"),
    "float": ("int",), "round": ("int",), "list": ("tuple", "sorted"), "set": ("list",),
    "str": ("repr",), "repr": ("str",), "sum": ("len",), "floor": ("ceil",), "ceil": ("floor",),
    "zip": ("zip_longest",), "bisect_left": ("bisect_right",), "bisect_right": ("bisect_left",),
    "copy": ("deepcopy",), "filter": ("filterfalse",), "isinstance": ("issubclass",),
}  # fmt: skip
WRAPPERS = {
    "abs",
    "int",
    "round",
    "str",
    "list",
    "set",
    "sorted",
    "reversed",
    "float",
    "bool",
    "len",
}
COPIES = (("list", 0.35), ("dict", 0.25), ("sorted", 0.25), ("set", 0.15))


def call(source: Source, node: ast.Call, hints: Hints) -> Iterator[Mutation]:
    """Change what is called, with which arguments in which order, and how often it is wrapped."""
    for left, right in pairwise(node.args):
        if not isinstance(left, ast.Starred) and not isinstance(right, ast.Starred):
            yield from exchange(source, left, right, "swapped arguments", 0.55)
    yield from fewer(source, node)
    if isinstance(node.func, ast.Attribute):
        yield from method(source, node, node.func)
    elif isinstance(node.func, ast.Name):
        yield from builtin(source, node, node.func.id, hints)


def fewer(source: Source, node: ast.Call) -> Iterator[Mutation]:
    """Drop the last argument, be it positional or by keyword."""
    parts: list[ast.expr] = [*node.args, *(item.value for item in node.keywords)]
    if len(parts) > 1:
        end = source.outer(parts[-1])[1]
        yield from one("dropped argument", node, 0.3, Edit(source.outer(parts[-2])[1], end, ""))


def method(source: Source, node: ast.Call, function: ast.Attribute) -> Iterator[Mutation]:
    """Exchange a method for its sibling, drop it from the chain, change what it is told."""
    _, end = source.span(function)
    start, name = end - len(function.attr), function.attr
    for index, other in enumerate(METHODS.get(name, ())):
        yield from one("method", node, 0.7 - 0.2 * index, Edit(start, end, other))
    arguments = [source.of(argument) for argument in node.args]
    variants: dict[str, float] = {}
    if name == "pop":
        variants = {"": 0.5} if arguments == ["0"] else {"0": 0.5} if not arguments else {}
    elif name in {"split", "rsplit"}:
        variants = {"": 0.5, f"{arguments[0]}, 1": 0.5} if len(arguments) == 1 else {}
    elif name == "get" and len(arguments) == 1:
        variants = {f"{arguments[0]}, {text}": 0.4 for text in ("0", "''", "[]", "{}", "1")}
    elif name in {"sort", "join"} and not node.args:
        variants = {"reverse=True": 0.4}
    tail = source.span(node)[1]
    for text, prior in variants.items():
        yield from one("arguments", node, prior, Edit(end, tail, f"({text})"))
    if not node.keywords and len(node.args) <= 1:
        inner = source.of(function.value)
        yield from one("dropped call", node, 0.35, source.replace(node, inner))
    if name in {"strip", "lower", "casefold", "upper"}:
        for other in {"strip", "lower"} - {name}:
            yield from one("normalised", node, 0.25, Edit(tail, tail, f".{other}()"))


def builtin(source: Source, node: ast.Call, name: str, hints: Hints) -> Iterator[Mutation]:
    """Exchange a built-in for its sibling, drop it, or change its arguments."""
    function = node.func
    for index, other in enumerate(FUNCTION_SWAPS.get(name, ())):
        yield from one("function", node, 0.7 - 0.25 * index, source.replace(function, other))
    tail = source.span(node)[1] - 1
    texts = [source.of(argument) for argument in node.args]
    if name in WRAPPERS and len(texts) == 1:
        yield from one("dropped call", node, 0.35, source.replace(node, source.atom(node.args[0])))
    if name == "range":
        for argument in node.args:
            yield from shift(source, argument, 0.75)
    extra: dict[str, float] = {}
    if name == "sorted":
        extra = {"reverse=True": 0.4}
    elif name in {"min", "max"} and len(texts) == 1:
        prior = 0.9 if "ValueError" in hints.exceptions else 0.2
        extra = {"default=0": prior, "default=None": 0.8 * prior}
    elif name == "enumerate" and len(texts) == 1:
        extra = {"1": 0.5}
    elif name == "round" and len(texts) == 1:
        extra = {"2": 0.35}
    if not any(item.arg in {"reverse", "default", "start"} for item in node.keywords):
        for text, prior in extra.items():
            yield from one("arguments", node, prior, Edit(tail, tail, f", {text}"))
    if name == "len":
        yield from shift(source, node, 0.3)


def key(source: Source, node: ast.Lambda) -> Iterator[Mutation]:
    """Turn the order that a key function gives."""
    parts = node.body.elts if isinstance(node.body, ast.Tuple) else [node.body]
    for part in parts:
        if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)):
            text = f"-{source.of(part)}"
            yield from one("sort key", part, 0.35, source.replace(part, text))


def sequence(source: Source, node: ast.expr, hints: Hints) -> Iterator[Mutation]:
    """Change the sequence a loop runs over."""
    if is_text(node) or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        return
    changed = "RuntimeError" in hints.exceptions
    text = source.of(node)
    for new, prior in (
        (f"list({text})", 0.9 if changed else 0.2),
        (f"sorted({text})", 0.3),
        (f"reversed({text})", 0.25),
        (f"{source.atom(node)}[1:]", 0.2),
        (f"{source.atom(node)}[:-1]", 0.2),
    ):
        yield from one("sequence", node, prior, source.replace(node, new))


def comprehension(
    source: Source, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, hints: Hints
) -> Iterator[Mutation]:
    """Drop a filter, normalise or filter the items, change the sequence."""
    for part in node.generators:
        previous: ast.expr = part.iter
        for test in part.ifs:
            edit = Edit(source.outer(previous)[1], source.outer(test)[1], "")
            yield from one("dropped filter", test, 0.35, edit)
            previous = test
        yield from sequence(source, part.iter, hints)
        if isinstance(part.target, ast.Name) and not part.ifs:
            end = source.outer(part.iter)[1]
            name = part.target.id
            for test_text, prior in ((name, 0.4), (f"{name} is not None", 0.25)):
                yield from one("filter", node, prior, Edit(end, end, f" if {test_text}"))
    if isinstance(node.elt, (ast.Name, ast.Call)):
        _, end = source.span(node.elt)
        for name, prior in (("strip", 0.4), ("lower", 0.3)):
            yield from one("normalised", node, prior, Edit(end, end, f".{name}()"))


def copies(source: Source, value: ast.expr | None, prior: float) -> Iterator[Mutation]:
    """Hand over a copy in place of the thing itself."""
    if isinstance(value, (ast.Name, ast.Attribute)):
        text = source.of(value)
        for name, weight in COPIES:
            edit = source.replace(value, f"{name}({text})")
            yield from one("copy", value, prior * weight / 0.35, edit)


def mutable_default(
    source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef
) -> Iterator[Mutation]:
    """Make a fresh list, dict or set on each call where a default is shared by all."""
    names = [*node.args.posonlyargs, *node.args.args][-len(node.args.defaults) or None :]
    pairs = list(zip(names, node.args.defaults, strict=False)) if node.args.defaults else []
    pairs += [
        (name, value)
        for name, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=False)
        if value is not None
    ]
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
        first = node.body[1]
    if first.lineno == node.lineno or isinstance(first, FUNCTIONS):
        return
    start, indent, newline = source.lines(first)[0], source.indent(first), source.newline()
    for name, value in pairs:
        empty = isinstance(value, ast.Call) and not value.args and not value.keywords
        if isinstance(value, (ast.List, ast.Dict, ast.Set)) or empty:
            inner = indent + ("\t" if indent.startswith("\t") else "    ")
            guard = (
                f"{indent}if {name.arg} is None:{newline}"
                f"{inner}{name.arg} = {source.of(value)}{newline}"
            )
            edits = (source.replace(value, "None"), Edit(start, start, guard))
            yield Mutation("shared default", node.lineno, 0.9, edits)
