"""What an agent's code is, by content: a change of any line of it makes another agent."""

import ast
import hashlib
from importlib.util import find_spec
from pathlib import Path

from pydantic import JsonValue

_OURS = "arena.agent"
_SHARED = frozenset({"arena.records.container"})
"""Modules beside this package that hold what an agent's result can depend on."""


def code_of(module: str) -> dict[str, JsonValue]:
    """Sha256 of the source of a module and of all that it is made of, by name of module.

    Followed are imports of this package and of the module's own.
    """
    roots = {_OURS, module.rpartition(".")[0] or module}
    found: dict[str, JsonValue] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        source = _source(name)
        if name in found or source is None:
            continue
        found[name] = hashlib.sha256(source).hexdigest()
        pending += [
            other
            for other in _imported(source)
            if other in _SHARED or other.rpartition(".")[0] in roots
        ]
    return found


def _source(module: str) -> bytes | None:
    """None where there is no such module, as behind the name of a function that is imported."""
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:
        return None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).read_bytes()


def _imported(source: bytes) -> set[str]:
    """Names of modules that a source imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names
