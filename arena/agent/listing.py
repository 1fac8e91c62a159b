"""The agents that a configuration may name, built in or programs of their own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from arena.agent import external
from arena.records import AgentCapabilities, Record
from arena.records.program import Program
from arena.registry import AGENTS, agent_module


class AgentRow(Record):
    """One agent."""

    name: str
    kind: Literal["built in", "control", "program"]
    label: str
    api: str
    """What it speaks, the best first; empty for controls."""
    installs: str
    """Packages with their versions."""
    limits: str
    source: str


def listed(paths: Sequence[Path] = ()) -> list[AgentRow]:
    """All agents, the built-in ones first, with profiles of files or folders after the shipped."""
    rows = [_row(name, agent_module(name).capabilities(name, {})) for name in AGENTS]
    programs = external.load(paths).values()
    return rows + [_row(one.name, external.capabilities(one), one) for one in programs]


def _row(name: str, able: AgentCapabilities, program: Program | None = None) -> AgentRow:
    return AgentRow(
        name=name,
        kind="program" if program else "control" if able.control else "built in",
        label=able.label,
        api=", ".join(able.apis),
        installs=", ".join([*program.install.npm, *program.install.pip]) if program else "",
        limits=" ".join(program.limits) if program else "",
        source=program.source if program else "",
    )
