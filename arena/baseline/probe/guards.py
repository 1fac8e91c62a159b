"""Mutations that add a missing guard: an early return, a skipped item, a refused argument."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .source import Edit, Hints, Mutation, Source

SIMPLE = {"0", "0.0", "1", "None", "True", "False", "''", '""', "[]", "{}", "()"}
CHECKS = ("not {0}", "{0} is None", "{0} < 0", "{0} <= 0")


def body_start(node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.stmt | None:
    """Return the first statement after the docstring, where it stands on its own line."""
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        if len(node.body) == 1:
            return None
        first = node.body[1]
    return first if first.lineno > node.lineno else None


def step(indent: str) -> str:
    """Return one more level of indentation in the style of the line."""
    return "\t" if indent.startswith("\t") else "    "


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the names a caller passes."""
    arguments = node.args
    found = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return [item.arg for item in found if item.arg not in {"self", "cls"}]


def entry(
    source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef, hints: Hints
) -> Iterator[Mutation]:
    """Return early, or raise, for an argument that is empty, None or negative."""
    first = body_start(node)
    if first is None or source.indent(first).strip():
        return
    start, indent, newline = source.lines(first)[0], source.indent(first), source.newline()
    outcomes = [f"return {text}" for text in results(source, node, hints)]
    prior = 0.45 if hints.exceptions else 0.15
    if hints.wanted_error:
        name, message = hints.wanted_error
        outcomes, prior = [f"raise {name}({message!r})"], 0.6
    for check_index, check in enumerate(CHECKS):
        for name in parameters(node):
            for index, outcome in enumerate(outcomes):
                weight = prior * (1 - 0.15 * check_index) * (1 - 0.1 * min(index, 5))
                text = (
                    f"{indent}if {check.format(name)}:{newline}"
                    f"{indent}{step(indent)}{outcome}{newline}"
                )
                yield Mutation("guard", first.lineno, weight, (Edit(start, start, text),))


def results(
    source: Source, node: ast.FunctionDef | ast.AsyncFunctionDef, hints: Hints
) -> list[str]:
    """Return what a guard could give back: what is wanted, what the function gives elsewhere."""
    wanted = [text for text in hints.literals if text in SIMPLE]
    elsewhere = [
        source.of(part.value)
        for part in ast.walk(node)
        if isinstance(part, ast.Return)
        and isinstance(part.value, (ast.Constant, ast.List, ast.Dict))
    ]
    short = [text for text in elsewhere if len(text) <= 12]
    return list(dict.fromkeys([*wanted, *short, *parameters(node)[:1], "None"]))


def skipped(source: Source, node: ast.For, hints: Hints) -> Iterator[Mutation]:
    """Skip an item of a loop that is empty or None."""
    first = node.body[0]
    indent = source.indent(first)
    if not isinstance(node.target, ast.Name) or indent.strip():
        return
    start, newline = source.lines(first)[0], source.newline()
    prior = 0.45 if hints.exceptions else 0.3
    for check, weight in (("not {0}", 1.0), ("{0} is None", 0.7)):
        for word in ("continue", "break"):
            text = (
                f"{indent}if {check.format(node.target.id)}:{newline}"
                f"{indent}{step(indent)}{word}{newline}"
            )
            reach = prior * weight * (1.0 if word == "continue" else 0.5)
            yield Mutation("guard", first.lineno, reach, (Edit(start, start, text),))
