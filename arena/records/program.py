"""An agent that is a program of its own, as data: how it is installed, started and understood."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Literal

from pydantic import Field, JsonValue

from arena.errors import InputError
from arena.records import Api, EffortLevel, Record

PLACEHOLDERS = (
    *("model", "base_url", "origin", "token", "home", "workdir", "prompt"),
    *("context_window", "output_tokens"),
)
"""What is filled in for every agent."""
_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z][a-z0-9_]*)\}")
"""`${name}` is the shell's."""
_FILLED = re.compile(r"command|stdin|files\.path|report\.path|effort\.arguments|(effort\.)?env\..*")
"""Where placeholders stand that are looked at; the text of a file may be JSON or a program."""
_PINNED = {
    "install.node": (r"\d+(\.\d+)*", "24.19.0"),
    "install.npm": (r"(@[\w.-]+/)?\w[\w.-]*@\d+(\.\d+)*([-+][\w.+-]+)?", "@scope/name@1.2.3"),
    "install.pip": (r"\w[\w.-]*(\[[\w.,-]+\])?==\d[\w.+!-]*", "name[extra]==1.2.3"),
}
"""How a version is named, with an example."""
_PLACES = ("files.path", "report.path")
"""Where an agent keeps what is its own."""


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


class WrittenFile(Record):
    """A file put into the container before the agent starts; its text may hold placeholders."""

    path: str
    """Absolute, or below the home of the agent with `{home}`."""
    text: str
    """Its content."""


class Finish(Record):
    """How the program's end is read."""

    exit_codes: tuple[int, ...] = (0,)
    """Others mean that the agent broke."""
    submitted: str | None = None
    """Regular expression that its output must hold, where its exit code says too little."""


class OwnReport(Record):
    """Where the agent tells what it used by its own count: a cross-check, never a result."""

    source: Literal["stdout", "file"] = "stdout"
    """Where it tells it."""
    path: str = ""
    """Of the file; JSON, or JSON Lines whose last fitting line counts."""
    input_tokens: tuple[str, ...] = ()
    """Dotted paths whose values add up to the prompt tokens, cached ones included."""
    output_tokens: tuple[str, ...] = ()
    """Dotted paths whose values add up to the output tokens."""
    cost_usd: tuple[str, ...] = ()
    """Only where it knows the prices of the model that it drives."""


class AgentEffort(Record):
    """What the program must know of its effort, which the gateway puts into its requests anyway."""

    levels: tuple[EffortLevel, ...] = Field(min_length=1)
    """Those that a contestant may ask for."""
    arguments: tuple[str, ...] = ()
    """Added at the end of the command."""
    env: dict[str, str] = Field(default_factory=dict)
    """Added to the environment."""


class Program(Record):
    """One agent.

    Command, stdin, environment and files may hold `{model}`, `{base_url}` (ends in /v1),
    `{origin}` (ends after the port), `{token}`, `{home}`, `{workdir}`, `{prompt}`,
    `{context_window}`, `{output_tokens}` and the agent's own parameters.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """As a configuration names it: lower-case letters, digits and dashes."""
    label: str
    """As reports call it."""
    homepage: str = ""
    """Where it is described."""
    api: tuple[Api, ...] = Field(min_length=1)
    """APIs it can be told to speak, the best first."""
    install: Install = Install()
    """What it needs."""
    command: tuple[str, ...] = Field(min_length=1)
    """The program and its arguments."""
    stdin: str = ""
    """What it reads."""
    env: dict[str, str] = Field(default_factory=dict)
    """Beside the image's own."""
    files: tuple[WrittenFile, ...] = ()
    """Written before it starts."""
    finish: Finish = Finish()
    """What its end means."""
    report: OwnReport | None = None
    """Where it tells its own count."""
    effort: AgentEffort | None = None
    """Without it a contestant with `efforts` is refused."""
    params: dict[str, str] = Field(default_factory=dict)
    """Parameters that a contestant may set, with their defaults."""
    limits: tuple[str, ...] = ()
    """What a reader must know beside this agent's results."""
    source: str = ""
    """Where the profile is known from."""
    checked_on: date | None = None
    """When that was looked at."""

    @property
    def identity(self) -> JsonValue:
        """Everything that could change a result; an effort counts once it is asked for."""
        described = {"label", "homepage", "limits", "source", "checked_on", "effort"}
        return self.model_dump(mode="json", exclude=described)

    def told(self, effort: EffortLevel | None) -> "Program":
        """The program as started for an effort; an `InputError` where it does not know that."""
        if effort is None:
            return self
        own = self.effort
        if own is None or effort not in own.levels:
            taken = ", ".join(own.levels) if own else "none: its profile has no [effort]"
            what = f"effort {effort!r} would be dropped by {self.name}"
            raise InputError(what, remedy=f"it takes {taken}")
        arguments = [word.replace("{effort}", effort) for word in own.arguments]
        env = {name: value.replace("{effort}", effort) for name, value in own.env.items()}
        changed = {"command": (*self.command, *arguments), "env": {**self.env, **env}}
        return self.model_copy(update=changed)


def problems(program: Program) -> Iterator[str]:
    """What would break a run, or make it another one, by key; not asked of runs that are over."""
    told = list(texts("", program.model_dump()))
    for key, text in told:
        form, example = _PINNED.get(_place(key), (".*", ""))
        if "\0" in key + text:
            where = key.replace("\0", "\\0")
            yield f"{where}: holds a NUL, which no argument, variable or path can"
        elif not re.fullmatch(form, text, re.ASCII | re.DOTALL):
            yield f"{key}: {text!r} is not pinned; write it as in {example!r}"
        elif _place(key) in _PLACES and text and text[0] not in "/{":
            yield f"{key}: {text!r} would be in the repository; write it absolute, or as {{home}}/…"
    if not program.finish.exit_codes:
        yield "finish.exit_codes: no exit code would mean that the agent did its work"
    try:
        re.compile(program.finish.submitted or "")
    except (re.error, OverflowError, RecursionError) as error:
        yield f"finish.submitted: is not a regular expression: {error}"
    if program.report and program.report.source == "file" and not program.report.path:
        yield "report: source 'file' needs the path of the file"
    for name in sorted(program.params.keys() & set(PLACEHOLDERS)):
        yield f"params: {{{name}}} is filled in for every agent; choose another name"
    known = (*PLACEHOLDERS, *program.params, *(("effort",) if program.effort else ()))
    for place, text in ((_place(key), text) for key, text in told):
        names = _PLACEHOLDER.findall(text) if _FILLED.fullmatch(place) else ()
        for name in (one for one in names if one not in known):
            all_known = ", ".join(f"{{{one}}}" for one in known)
            yield f"{place}: unknown placeholder {{{name}}}; known: {all_known}"


def texts(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text inside a value of JSON, by its key below a key."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from texts(f"{key}.{name}" if key else name, inner)
    elif isinstance(value, tuple | list):
        for number, inner in enumerate(value, 1):
            yield from texts(f"{key}[{number}]", inner)


def _place(key: str) -> str:
    return re.sub(r"\[\d+\]", "", key)
