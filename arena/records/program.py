"""An agent that is a program of its own, as data: how it is installed, started and understood."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)

from arena.errors import InputError
from arena.records import Api, EffortLevel, Record

PLACEHOLDERS = (
    *("model", "base_url", "origin", "token", "home", "workdir", "prompt"),
    *("context_window", "output_tokens"),
)
"""What is filled in for every agent."""
_PLACEHOLDER = re.compile(r"(?<!\$)\{([a-z][a-z0-9_]*)\}")
"""`${name}` is the shell's."""


AS_PROFILE = "profile"
"""Validation context of a profile that is read to be run. What an earlier run holds was run, and
stays readable whatever is asked of profiles later.
"""


def _without_nul(text: str, info: ValidationInfo) -> str:
    if info.context == AS_PROFILE and "\0" in text:
        raise ValueError("holds a NUL, which no argument, variable or path can")
    return text


def _pinned(form: str, example: str) -> AfterValidator:
    pattern = re.compile(form, re.ASCII)

    def check(text: str, info: ValidationInfo) -> str:
        if info.context == AS_PROFILE and not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is not pinned; write it as in {example!r}")
        return text

    return AfterValidator(check)


_Text = Annotated[str, AfterValidator(_without_nul)]
_Node = Annotated[str, _pinned(r"\d+(\.\d+)*", "24.19.0")]
_Npm = Annotated[
    str, _pinned(r"(@[\w.-]+/)?\w[\w.-]*@\d+(\.\d+)*([-+][\w.+-]+)?", "@scope/name@1.2.3")
]
_Pip = Annotated[str, _pinned(r"\w[\w.-]*(\[[\w.,-]+\])?==\d[\w.+!-]*", "name[extra]==1.2.3")]


class Install(Record):
    """What `/opt/agent` holds. Every layer also holds a Python of its own."""

    node: _Node | None = None
    """Version of Node, where the agent needs one; else none is there."""
    npm: tuple[_Npm, ...] = ()
    """npm packages with their versions, below `/opt/agent/npm/node_modules`."""
    pip: tuple[_Pip, ...] = ()
    """PyPI packages with their versions, for the layer's own Python."""
    steps: tuple[str, ...] = ()
    """Shell commands after that, as root and with a network, in `/opt/agent`."""

    @property
    def identity(self) -> JsonValue:
        """All that decides what the layer holds."""
        return self.model_dump(mode="json")


class WrittenFile(Record):
    """A file put into the container before the agent starts; its text may hold placeholders."""

    path: _Text
    """Absolute, or below the home of the agent with `{home}`."""
    text: _Text
    """Its content."""


class Finish(Record):
    """How the program's end is read."""

    exit_codes: tuple[int, ...] = (0,)
    """Others mean that the agent broke."""
    submitted: str | None = None
    """Regular expression that its output must hold, where its exit code says too little."""

    @field_validator("exit_codes")
    @classmethod
    def _has_a_good_one(cls, value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if info.context == AS_PROFILE and not value:
            raise ValueError("no exit code would mean that the agent did its work")
        return value

    @field_validator("submitted")
    @classmethod
    def _is_an_expression(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.context != AS_PROFILE:
            return value
        try:
            re.compile(value or "")
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"is not a regular expression: {error}") from None
        return value


class OwnReport(Record):
    """Where the agent tells what it used by its own count: a cross-check, never a result."""

    source: Literal["stdout", "file"] = "stdout"
    """Where it tells it."""
    path: _Text = ""
    """Of the file; JSON, or JSON Lines whose last fitting line counts."""
    input_tokens: tuple[str, ...] = ()
    """Dotted paths whose values add up to the prompt tokens, cached ones included."""
    output_tokens: tuple[str, ...] = ()
    """Dotted paths whose values add up to the output tokens."""
    cost_usd: tuple[str, ...] = ()
    """Only where it knows the prices of the model that it drives."""

    @model_validator(mode="after")
    def _says_which_file(self, info: ValidationInfo) -> "OwnReport":
        if info.context == AS_PROFILE and self.source == "file" and not self.path:
            raise ValueError("source 'file' needs the path of the file")
        return self


class AgentEffort(Record):
    """How the program is told how hard its model is to think.

    The gateway puts the effort into every request in the endpoint's own words; this is what the
    program must know besides, for `{effort}`.
    """

    levels: tuple[EffortLevel, ...] = Field(min_length=1)
    """Those that a contestant may ask for."""
    arguments: tuple[_Text, ...] = ()
    """Added at the end of the command."""
    env: dict[_Text, _Text] = Field(default_factory=dict)
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
    command: tuple[_Text, ...] = Field(min_length=1)
    """The program and its arguments."""
    stdin: _Text = ""
    """What it reads."""
    env: dict[_Text, _Text] = Field(default_factory=dict)
    """Beside the image's own."""
    files: tuple[WrittenFile, ...] = ()
    """Written before it starts."""
    finish: Finish = Finish()
    """What its end means."""
    report: OwnReport | None = None
    """Where it tells its own count."""
    effort: AgentEffort | None = None
    """Without it a contestant with `efforts` is refused."""
    params: dict[str, _Text] = Field(default_factory=dict)
    """Parameters that a contestant may set, with their defaults."""
    limits: tuple[str, ...] = ()
    """What a reader must know beside this agent's results."""
    source: str = ""
    """Where the profile is known from."""
    checked_on: date | None = None
    """When that was looked at."""

    @field_validator("params")
    @classmethod
    def _are_its_own(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        if info.context != AS_PROFILE:
            return value
        if taken := sorted(value.keys() & set(PLACEHOLDERS)):
            raise ValueError(f"{{{taken[0]}}} is filled in for every agent; choose another name")
        return value

    @model_validator(mode="after")
    def _knows_its_placeholders(self, info: ValidationInfo) -> "Program":
        """Not in the text of files, which may be JSON or a program."""
        if info.context != AS_PROFILE:
            return self
        known = (*PLACEHOLDERS, *self.params)
        texts = [("command", word) for word in self.command] + [("stdin", self.stdin)]
        texts += [(f"env.{name}", value) for name, value in self.env.items()]
        texts += [("files.path", file.path) for file in self.files]
        texts += [("report.path", self.report.path)] if self.report else []
        if self.effort:
            known = (*known, "effort")
            texts += [("effort.arguments", word) for word in self.effort.arguments]
            texts += [(f"effort.env.{name}", text) for name, text in self.effort.env.items()]
        for key, text in texts:
            for name in _PLACEHOLDER.findall(text):
                if name not in known:
                    names = ", ".join(f"{{{one}}}" for one in known)
                    raise ValueError(f"{key}: unknown placeholder {{{name}}}; known: {names}")
        return self

    @property
    def identity(self) -> JsonValue:
        """Everything that could change a result; an effort counts once it is asked for."""
        described = {"label", "homepage", "limits", "source", "checked_on", "effort"}
        return self.model_dump(mode="json", exclude=described)

    def told(self, effort: EffortLevel | None) -> "Program":
        """The program as it is started for an effort.

        Raises:
            InputError: it does not know that one, or none at all.
        """
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
