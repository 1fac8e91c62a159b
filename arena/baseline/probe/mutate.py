"""All single mutations of a module: each node is offered to the operators that know its kind."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from . import calls, flow, guards, names, operations, values
from .source import FUNCTIONS, Hints, Mutation, Source


def mutations(source: Source, hints: Hints) -> Iterator[Mutation]:
    """Yield every mutation of a module in the order of its text; some may not compile."""
    hidden = untouched(source)
    for node in ast.walk(source.tree):
        if node in hidden:
            continue
        if isinstance(node, ast.expr):
            yield from of_expression(source, node, hints)
        elif isinstance(node, ast.stmt):
            yield from of_statement(source, node, hints)
        elif isinstance(node, ast.ExceptHandler):
            yield from flow.handler(source, node, hints)
        if isinstance(node, (ast.Module, ast.stmt, ast.ExceptHandler)):
            yield from flow.blocks(source, node)


def untouched(source: Source) -> set[ast.AST]:
    """Return the nodes that are left alone: annotations, and where positions are not true."""
    found: set[ast.AST] = set()
    for node in ast.walk(source.tree):
        roots: list[ast.AST | None] = [
            getattr(node, "annotation", None),
            getattr(node, "returns", None),
        ]
        if isinstance(node, ast.JoinedStr) and sys.version_info < (3, 12):
            roots += node.values
        for root in roots:
            if root is not None:
                found.update(ast.walk(root))
    return found


def of_expression(source: Source, node: ast.expr, hints: Hints) -> Iterator[Mutation]:
    """Yield the mutations of one expression."""
    if isinstance(node, ast.Compare):
        yield from operations.compare(source, node)
    elif isinstance(node, ast.BinOp):
        yield from operations.arithmetic(source, node)
    elif isinstance(node, ast.BoolOp):
        yield from operations.boolean(source, node)
    elif isinstance(node, ast.UnaryOp):
        yield from operations.unary(source, node)
    elif isinstance(node, ast.IfExp):
        yield from operations.choice(source, node)
        yield from operations.condition(source, node.test)
    elif isinstance(node, ast.Constant):
        yield from values.constant(source, node, hints)
    elif isinstance(node, ast.JoinedStr):
        yield from values.text_template(source, node)
    elif isinstance(node, ast.Subscript):
        yield from values.subscript(source, node, hints)
    elif isinstance(node, ast.Slice):
        yield from values.slices(source, node)
    elif isinstance(node, ast.Tuple):
        yield from values.ordered(source, node)
    elif isinstance(node, ast.Call):
        yield from calls.call(source, node, hints)
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        yield from calls.comprehension(source, node, hints)
        for part in node.generators:
            for test in part.ifs:
                yield from operations.condition(source, test)
    elif isinstance(node, ast.Lambda):
        yield from calls.key(source, node)
    elif isinstance(node, ast.Name):
        yield from names.variable(source, node)
    elif isinstance(node, ast.Attribute):
        yield from names.attribute(source, node)


def of_statement(source: Source, node: ast.stmt, hints: Hints) -> Iterator[Mutation]:
    """Yield the mutations of one statement, its expressions left to themselves."""
    if isinstance(node, FUNCTIONS):
        yield from calls.mutable_default(source, node)
        yield from guards.entry(source, node, hints)
    elif isinstance(node, ast.If):
        yield from operations.condition(source, node.test)
        yield from flow.branch(source, node)
    elif isinstance(node, ast.While):
        yield from operations.condition(source, node.test)
    elif isinstance(node, ast.For):
        yield from calls.sequence(source, node.iter, hints)
        yield from guards.skipped(source, node, hints)
    elif isinstance(node, ast.AugAssign):
        yield from flow.augmented(source, node)
    elif isinstance(node, ast.Assign):
        yield from flow.assigned(source, node, hints)
        yield from calls.copies(source, node.value, 0.25)
    elif isinstance(node, ast.Return):
        yield from calls.copies(source, node.value, 0.3)
    elif isinstance(node, (ast.Break, ast.Continue, ast.Pass)):
        yield from flow.jump(source, node)
