"""Names of things a configuration may ask for, and where they live. Nothing is imported early."""

import difflib
from collections.abc import Iterable
from importlib import import_module
from typing import Protocol, cast

from pydantic import JsonValue

from arena.errors import InputError
from arena.protocols import Agent

AGENTS = {
    "shell": "arena.agent.shell",
    "edits": "arena.agent.edits",
    "oracle": "arena.agent.control",
    "nop": "arena.agent.control",
}
CONTROLS = frozenset({"oracle", "nop"})


class AgentModule(Protocol):
    """What a module that provides agents offers."""

    def make(self, name: str, params: dict[str, JsonValue]) -> Agent:
        """A fresh agent for one trial. Raises `InputError` on bad parameters."""
        ...

    def identity(self, name: str) -> JsonValue:
        """Everything of the agent that could change a result: prompts, tools, version."""
        ...


def agent_module(name: str, *, where: str = "") -> AgentModule:
    """The module that provides an agent."""
    if name not in AGENTS:
        raise unknown("agent", name, AGENTS, where=where)
    return cast("AgentModule", import_module(AGENTS[name]))


def unknown(what: str, name: str, known: Iterable[str], *, where: str = "") -> InputError:
    """One clear line for a name that is not known, with the nearest that is."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    remedy = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
    return InputError(f"unknown {what} {name!r}", where=where, remedy=remedy)
