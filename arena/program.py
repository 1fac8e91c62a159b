"""An agent that is a program of its own, as data: how it is installed, started and understood."""

from datetime import date
from typing import Literal

from pydantic import Field, JsonValue

from arena.records import Api, Record

LAYER = "/opt/agent"
"""Where an agent's programs are seen in its container, read-only."""
PYTHON = f"{LAYER}/python/bin/python3"
NODE = f"{LAYER}/node/bin/node"


class Install(Record):
    """What `/opt/agent` holds. Every layer also holds a Python of its own."""

    node: str | None = None
    """Version of Node, where the agent needs one; else none is there."""
    npm: tuple[str, ...] = ()
    """npm packages with their versions, below `/opt/agent/npm/node_modules`."""
    pip: tuple[str, ...] = ()
    """PyPI packages with their versions, for the layer's own Python."""
    steps: tuple[str, ...] = ()
    """Shell commands after that, as root and with a network, in `/opt/agent`."""

    @property
    def identity(self) -> JsonValue:
        """All that decides what the layer holds."""
        return self.model_dump(mode="json")


class WrittenFile(Record):
    """A file put into the container before the agent starts; its text may hold placeholders."""

    path: str
    text: str


class Finish(Record):
    """How the program's end is read."""

    exit_codes: tuple[int, ...] = (0,)
    """Others mean that the agent broke."""
    submitted: str | None = None
    """Regular expression that its output must hold, where its exit code says too little."""


class OwnReport(Record):
    """Where the agent tells what it used by its own count: a cross-check, never a result."""

    source: Literal["stdout", "file"] = "stdout"
    path: str = ""
    """Of the file; JSON, or JSON Lines whose last fitting line counts."""
    input_tokens: tuple[str, ...] = ()
    """Dotted paths whose values add up to the prompt tokens, cached ones included."""
    output_tokens: tuple[str, ...] = ()
    cost_usd: tuple[str, ...] = ()
    """Only where it knows the prices of the model that it drives."""


class Program(Record):
    """One agent.

    Command, stdin, environment and files may hold `{model}`, `{base_url}` (ends in /v1),
    `{origin}` (ends after the port), `{token}`, `{home}`, `{workdir}`, `{prompt}`,
    `{context_window}`, `{output_tokens}` and the agent's own parameters.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    label: str
    homepage: str = ""
    api: tuple[Api, ...] = Field(min_length=1)
    """APIs it can be told to speak, the best first."""
    install: Install = Install()
    command: tuple[str, ...] = Field(min_length=1)
    stdin: str = ""
    env: dict[str, str] = Field(default_factory=dict)
    """Beside the image's own."""
    files: tuple[WrittenFile, ...] = ()
    finish: Finish = Finish()
    report: OwnReport | None = None
    params: dict[str, str] = Field(default_factory=dict)
    """Parameters that a contestant may set, with their defaults."""
    limits: tuple[str, ...] = ()
    """What a reader must know beside this agent's results."""
    source: str = ""
    checked_on: date | None = None

    @property
    def identity(self) -> JsonValue:
        """Everything that could change a result."""
        described = {"label", "homepage", "limits", "source", "checked_on"}
        return self.model_dump(mode="json", exclude=described)
