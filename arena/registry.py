"""Names of things a configuration may ask for, and where they live. Nothing is imported early."""

import ast
import difflib
import hashlib
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

from pydantic import JsonValue

from arena.errors import InputError
from arena.protocols import Agent
from arena.records import AgentCapabilities

AGENTS = {
    "shell": "arena.agent.shell",
    "edits": "arena.agent.edits",
    "oracle": "arena.agent.controls",
    "nop": "arena.agent.controls",
}
"""Built-in agents, and the modules that provide them."""
EARLIER_DIGESTS = {
    "shell": "50da5bba0d61dcc3cc63cfc2b1cd780f062d7c70fd37dc743f821b2a3b239a49",
    "edits": "8a97077ec8e61d288a9acc33a236f722b737a79f296985b0cfd1ba53db06fd75",
    "oracle": "b15aafe446efd84dc76616cfe979c54f4f58a3adfe8d86fc901c0a6bf252d525",
    "nop": "2a9e3e0b8187433231dfefbf8fc418edf41ea3abfd3f35030066997a6369c9e4",
}
"""What the first version of Arena told its agents by, before their code counted."""
_AGENTS = "arena.agent"
_SHARED = frozenset({"arena.records.container", "arena.records.program", "arena.serialize"})
"""Modules beside that package that an agent acts by: where things are for it, how a profile becomes
a command, how a model's arguments are read. What carries its calls and commands, takes its diff and
grades it is the same for every contestant, and no part of any."""
RUNNERS = {
    "pytest": "arena.grading.pytest_runner",
    "node": "arena.grading.node_runner",
    "go": "arena.grading.go_runner",
    "junit": "arena.grading.command_runner",
    "command": "arena.grading.command_runner",
    "blackbox": "arena.grading.blackbox_runner",
    "script": "arena.grading.script_runner",
}
"""Runners of hidden tests, and the modules whose `run` they are."""


class AgentModule(Protocol):
    """What a module that provides agents offers."""

    def capabilities(self, name: str, params: Mapping[str, JsonValue]) -> AgentCapabilities:
        """What the agent is and needs. Raises `InputError` on bad parameters."""

    def make(self, name: str, params: Mapping[str, JsonValue]) -> Agent:
        """A fresh agent for one trial. Raises `InputError` on bad parameters."""


def agent_module(name: str) -> AgentModule:
    """The module that provides a built-in agent."""
    return cast("AgentModule", import_module(AGENTS[name]))


def is_given_gold(agent: str) -> bool:
    """Whether an agent is given the fix of its task; programs of their own never are."""
    return agent in AGENTS and agent_module(agent).capabilities(agent, {}).given_gold


def code_of(module: str) -> dict[str, JsonValue]:
    """Sha256 of the source of an agent's module and of all of its own that it imports, by name."""
    roots = {_AGENTS, module.rpartition(".")[0] or module}
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
    return Path(spec.origin).read_bytes() if spec and spec.origin else None


def _imported(source: bytes) -> set[str]:
    """Names of modules that a source imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


MANY = 8
"""Names that one line may hold."""


def unknown(
    what: str, name: str, known: Iterable[str], *, where: str = "", listing: str = ""
) -> InputError:
    """One clear line for an unknown name, with the nearest; `listing`, a command, shows all."""
    by_lower = {one.lower(): one for one in sorted(known)}
    names, wanted = list(by_lower.values()), name.lower()
    close = difflib.get_close_matches(wanted, by_lower, n=1)
    close += [one for one in by_lower if wanted and (wanted in one or one in wanted)]
    if close:
        remedy = f"did you mean {by_lower[close[0]]!r}?"
    elif len(names) > MANY:
        remedy = f"known: {', '.join(names[:5])} and {len(names) - 5} more"
        remedy += f"; {listing} shows them" if listing else ""
    else:
        remedy = f"known: {', '.join(names) or 'none'}"
    return InputError(f"unknown {what} {name!r}", where=where, remedy=remedy)
