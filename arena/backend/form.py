"""What the gateway must know of one API's requests; each API's own module says it."""

from dataclasses import dataclass

COMMON = frozenset(
    {"model", "tools", "tool_choice", "stream", "temperature", "top_p", "metadata", "user"}
)
"""Parameters that every API has."""


@dataclass(frozen=True)
class RequestForm:
    """How requests of one API are built."""

    turns: str
    """Parameter that holds the conversation."""
    system: str | None
    """Parameter that holds the system prompt; None where it is a turn."""
    limits: tuple[str, ...]
    """Parameters that limit the output, in tokens; the first is the usual one."""
    passed: frozenset[str]
    """Parameters that go on to the endpoint."""
    tools: tuple[str, ...]
    """Beginnings of the types of tools that run at the agent."""
