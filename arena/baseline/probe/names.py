"""Mutations that read another variable, attribute, method or function of the same scope."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from functools import lru_cache

from .operations import one
from .source import FUNCTIONS, Edit, Mutation, Source

MOST = 6


def nearest(name: str, others: list[str]) -> list[tuple[str, float]]:
    """Return other names, most alike first, each with a weight from 1 down."""
    ranked = sorted(
        (other for other in dict.fromkeys(others) if other != name),
        key=lambda other: -difflib.SequenceMatcher(None, name, other).ratio(),
    )
    return [(other, 1 - 0.1 * index) for index, other in enumerate(ranked[:MOST])]


@lru_cache(maxsize=256)
def local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the parameters and assigned names of a function, in the order they appear."""
    arguments = function.args
    found = [item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    stored = (
        node.id
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
    return [name for name in dict.fromkeys((*found, *stored)) if name not in {"self", "cls"}]


def variable(source: Source, node: ast.Name) -> Iterator[Mutation]:
    """Read another variable of the function, or call another function of the module."""
    function = source.function(node)
    if function is None or not isinstance(node.ctx, ast.Load):
        return
    parent = source.parents.get(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        siblings = functions(source.tree.body)
        if node.id in siblings:
            for other, weight in nearest(node.id, siblings):
                yield from one("other function", node, 0.3 * weight, source.replace(node, other))
        return
    known = local_names(function)
    if node.id in known:
        for other, weight in nearest(node.id, known):
            yield from one("other variable", node, 0.35 * weight, source.replace(node, other))


def functions(body: list[ast.stmt]) -> list[str]:
    """Return the names of the functions defined in a body."""
    return [node.name for node in body if isinstance(node, FUNCTIONS)]


def attribute(source: Source, node: ast.Attribute) -> Iterator[Mutation]:
    """Read another attribute of the same object, or call another method of the class."""
    if not isinstance(node.value, ast.Name):
        return
    parent = source.parents.get(node)
    called = isinstance(parent, ast.Call) and parent.func is node
    home = enclosing_class(source, node) if node.value.id == "self" else None
    if called:
        others = functions(home.body) if home else []
        others = others if node.attr in others else []
    else:
        scope: ast.AST = home or source.function(node) or source.tree
        others = attributes(scope, node.value.id)
    start, end = source.span(node)
    for other, weight in nearest(node.attr, others):
        if not (other.startswith("__") and other.endswith("__")):
            edit = Edit(end - len(node.attr), end, other)
            yield from one("other attribute", node, 0.3 * weight, edit)
    if not called and isinstance(node.ctx, ast.Load) and home and end > start:
        local = source.function(node)
        if local is not None and node.attr in local_names(local):
            yield from one("other variable", node, 0.35, source.replace(node, node.attr))


def enclosing_class(source: Source, node: ast.AST) -> ast.ClassDef | None:
    """Return the class a node stands in."""
    parent = source.parents.get(node)
    while parent is not None and not isinstance(parent, ast.ClassDef):
        parent = source.parents.get(parent)
    return parent


@lru_cache(maxsize=256)
def attributes(scope: ast.AST, owner: str) -> list[str]:
    """Return the attributes that are read or set on a name within a scope, calls left out."""
    called = {node.func for node in ast.walk(scope) if isinstance(node, ast.Call)}
    return [
        node.attr
        for node in ast.walk(scope)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
        and node not in called
    ]
