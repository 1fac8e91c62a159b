"""The agents that a configuration may name, built in or programs of their own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from arena.agent import external
from arena.records import AgentCapabilities, Record
from arena.registry import AGENTS, agent_module


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
    rows = [_row(name, agent_module(name).capabilities(name, {})) for name in AGENTS]
    for program in external.load(paths).values():
        own = {
            "installs": ", ".join([*program.install.npm, *program.install.pip]),
            "limits": " ".join(program.limits),
            "source": program.source,
        }
        row = _row(program.name, external.capabilities(program))
        rows.append(row.model_copy(update=own))
    return rows


def _row(name: str, able: AgentCapabilities) -> AgentRow:
    return AgentRow(
        name=name,
        kind="program" if able.needs_gateway else "control" if able.control else "built in",
        label=able.label,
        api=", ".join(able.apis),
    )
