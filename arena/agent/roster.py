"""The agents that a configuration may name, built in or programs of their own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from arena.agent import catalogue
from arena.records import Record
from arena.registry import AGENTS, CONTROLS

_BUILT_IN = {
    "shell": 'one bash tool, or fenced blocks with protocol = "text"',
    "edits": "search/replace blocks and a repository map, for models without tools",
    "oracle": "control: applies the gold patch",
    "nop": "control: changes nothing",
}


class AgentRow(Record):
    """One agent."""

    name: str
    kind: Literal["built in", "control", "program"]
    label: str
    api: str
    """What it speaks, the best first; empty for controls."""
    installs: str = ""
    """Packages with their versions."""
    limits: str = ""
    source: str = ""


def listed(paths: Sequence[Path] = ()) -> list[AgentRow]:
    """All agents, the built-in ones first.

    Args:
        paths: files or folders with profiles beside the shipped ones.
    """
    rows = [
        AgentRow(
            name=name,
            kind="control" if name in CONTROLS else "built in",
            label=_BUILT_IN[name],
            api="" if name in CONTROLS else "chat, messages",
        )
        for name in AGENTS
    ]
    return rows + [
        AgentRow(
            name=program.name,
            kind="program",
            label=program.label,
            api=", ".join(program.api),
            installs=", ".join([*program.install.npm, *program.install.pip]),
            limits=" ".join(program.limits),
            source=program.source,
        )
        for program in catalogue.load(paths).values()
    ]
