"""The built-in agent: a loop on the host, one `bash` tool, a linear history that only grows.

Each command is a fresh process in the sandbox. Assistant messages go back exactly as they came,
since several vendors answer 400, or get silently worse, when reasoning fields are dropped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import JsonValue, TypeAdapter, ValidationError

from arena.errors import InputError
from arena.protocols import Agent, Backend, Sandbox, Transcript
from arena.records import AgentCapabilities, Brief, Ending, ExecResult, Message, Reply, ToolSpec
from arena.serialize import from_json

SYSTEM = """\
Session {nonce}.
You are a software engineer who repairs a bug in a repository by running shell commands."""

TASK = """\
The repository is in {workdir}, which is also where every command starts.

<issue>
{problem_statement}
</issue>

Change the source so that the behaviour described in the issue is right in general, not only for
the example in it. Hidden tests will check it. Do not change tests or test configuration: such
changes are discarded. There is no network.

How to work: look at the code, reproduce the problem, make the change, run the tests, submit.
{how}
Each command runs in a fresh shell: working directory and variables do not carry over, files do.
A command is ended after {command_seconds:g} seconds. You have at most {steps} turns.
"""

HOW_TOOLS = """\
Call the tool `bash` to run a command, and the tool `submit` when the work is done."""

HOW_TEXT = """\
To run a command, answer with exactly one fenced block:

```bash
your command here
```

When the work is done, answer with a fenced block that holds the one word `submit`."""

NO_CALL_TOOLS = """\
That reply held no tool call. Call `bash` with a command, or `submit` when the work is done."""
NO_CALL_TEXT = """\
That reply held no ```bash block, or more than one. Answer with exactly one, holding a command,
or the one word submit when the work is done."""
UNKNOWN_TOOL = "There is no tool called {name!r}. The tools are `bash` and `submit`."
NOT_JSON = """\
The arguments of that call are not a JSON object ({error}). Send {{"command": "..."}}."""
NO_COMMAND = 'The call had no text in "command". Send {"command": "..."}.'
TRUNCATED = "The reply was cut at the output limit. Answer more briefly, in smaller steps."
CUT = "\n[... {dropped} characters left out ...]\n"
TIMED_OUT = "the command was ended after {seconds:g} seconds"
CONTAINER_ENDED = "the sandbox has ended"

Protocol = Literal["tools", "text"]

SHOWN_CHARS = 10_000
IDLE_TURNS = 3
"""Replies in a row without any usable call before the agent is taken to have given up."""

_COMMAND: JsonValue = {"command": {"type": "string"}}
TOOLS = (
    ToolSpec(
        name="bash",
        description="Run a command with bash in the repository and return its output.",
        parameters={"type": "object", "properties": _COMMAND, "required": ["command"]},
    ),
    ToolSpec(
        name="submit",
        description="Say that the work is done. The repository as it is now is graded.",
        parameters={"type": "object", "properties": {}},
    ),
)
_BLOCK = re.compile(r"```(?:bash|sh)[ \t]*\n(.*?)```", re.DOTALL)
_PARAMS: TypeAdapter[Protocol] = TypeAdapter(Protocol)


@dataclass(frozen=True)
class ShellAction:
    """One thing a reply asked for: a command, a submission, or a mistake to be answered."""

    call_id: str | None
    command: str | None = None
    submit: bool = False
    mistake: str | None = None


class ShellAgent:
    """Drives a model with shell commands, by tool calls or by fenced blocks."""

    def __init__(self, protocol: Protocol = "tools") -> None:
        self._protocol: Protocol = protocol

    def solve(
        self, brief: Brief, sandbox: Sandbox, backend: Backend, transcript: Transcript
    ) -> Ending:
        """Talk and run commands until the model submits, gives up, or a limit is reached."""
        history: list[Message] = []
        tools = TOOLS if self._protocol == "tools" else ()

        def say(*messages: Message) -> None:
            for message in messages:
                history.append(message)
                transcript.add("message", {"message": message})

        say(*self._opening(brief))
        mistakes = idle = 0
        while True:
            reply = backend.complete(history, tools)
            if reply.message:
                say(reply.message)
            if reply.stop is not None:
                return Ending(stop=reply.stop, mistakes=mistakes)
            actions = self._actions(reply)
            mistakes += sum(a.mistake is not None for a in actions)
            for action in actions:
                if action.submit:
                    return Ending(stop="submitted", mistakes=mistakes)
                observation, ended = _answer(action, sandbox, brief.limits.command_seconds)
                say(_observation(action, observation))
                if ended:
                    return Ending(stop="container_ended", mistakes=mistakes)
            idle = 0 if any(a.command is not None for a in actions) else idle + 1
            if idle == IDLE_TURNS:
                why = f"{idle} replies without a command"
                return Ending(stop="gave_up", detail=why, mistakes=mistakes)

    def _opening(self, brief: Brief) -> tuple[Message, Message]:
        task = TASK.format(
            workdir=brief.workdir,
            problem_statement=brief.problem_statement.strip(),
            how=HOW_TOOLS if self._protocol == "tools" else HOW_TEXT,
            command_seconds=brief.limits.command_seconds,
            steps=brief.limits.steps,
        )
        return (
            {"role": "system", "content": SYSTEM.format(nonce=brief.nonce)},
            {"role": "user", "content": task},
        )

    def _actions(self, reply: Reply) -> list[ShellAction]:
        found = _tool_actions(reply) if self._protocol == "tools" else _text_actions(reply)
        if found:
            return found
        nothing = NO_CALL_TOOLS if self._protocol == "tools" else NO_CALL_TEXT
        return [ShellAction(None, mistake=TRUNCATED if reply.truncated else nothing)]


def _tool_actions(reply: Reply) -> list[ShellAction]:
    actions = []
    for call in reply.tool_calls:
        if call.name == "submit":
            actions.append(ShellAction(call.id, submit=True))
        elif call.name != "bash":
            actions.append(ShellAction(call.id, mistake=UNKNOWN_TOOL.format(name=call.name)))
        else:
            actions.append(_bash_action(call.id, call.arguments, truncated=reply.truncated))
    return actions


def _bash_action(call_id: str, arguments: str, *, truncated: bool) -> ShellAction:
    try:
        values = from_json(arguments)
    except ValueError as error:
        mistake = TRUNCATED if truncated else NOT_JSON.format(error=error)
        return ShellAction(call_id, mistake=mistake)
    if not isinstance(values, dict):
        return ShellAction(call_id, mistake=NOT_JSON.format(error="it is another value"))
    command = values.get("command")
    if not isinstance(command, str) or not command.strip():
        return ShellAction(call_id, mistake=NO_COMMAND)
    return ShellAction(call_id, command=command)


def _text_actions(reply: Reply) -> list[ShellAction]:
    blocks = _BLOCK.findall(reply.text)
    if len(blocks) != 1:
        return []
    if blocks[0].strip() == "submit":
        return [ShellAction(None, submit=True)]
    return [ShellAction(None, command=blocks[0])] if blocks[0].strip() else []


def _answer(action: ShellAction, sandbox: Sandbox, timeout_s: float) -> tuple[str, bool]:
    """The observation for an action, and whether the container has ended."""
    if action.command is None:
        return action.mistake or "", False
    if "\0" in action.command:
        return NO_COMMAND, False
    result = sandbox.exec(["bash", "-c", "exec 2>&1\n" + action.command], timeout_s=timeout_s)
    return observe(result, timeout_s), result.ended == "container_ended"


def observe(result: ExecResult, timeout_s: float) -> str:
    """A command's end as the model sees it: exit code or why there is none, then the output."""
    output = result.text
    if len(output) > SHOWN_CHARS:
        half = SHOWN_CHARS // 2
        dropped = len(output) - 2 * half + result.truncated_bytes
        output = output[:half] + CUT.format(dropped=dropped) + output[-half:]
    if result.ended == "timeout":
        return f"{TIMED_OUT.format(seconds=timeout_s)}\n{output}"
    if result.ended == "container_ended":
        return f"{CONTAINER_ENDED}\n{output}"
    return f"exit code: {result.exit_code}\n{output}"


def _observation(action: ShellAction, text: str) -> Message:
    if action.call_id is None:
        return {"role": "user", "content": text}
    return {"role": "tool", "tool_call_id": action.call_id, "content": text}


def capabilities(name: str, params: Mapping[str, JsonValue]) -> AgentCapabilities:
    """What the agent needs with its parameters."""
    return AgentCapabilities(
        label='one bash tool, or fenced blocks with protocol = "text"',
        apis=("chat", "messages"),
        needs_tools=_protocol(name, params) == "tools",
    )


def make(name: str, params: Mapping[str, JsonValue]) -> Agent:
    """A shell agent; the one parameter is `protocol`, `tools` or `text`."""
    return ShellAgent(_protocol(name, params))


def _protocol(name: str, params: Mapping[str, JsonValue]) -> Protocol:
    where = f"params of agent {name}"
    for key in params:
        if key != "protocol":
            raise InputError(f"unknown parameter {key!r}", where=where, remedy="known: protocol")
    try:
        return _PARAMS.validate_python(params.get("protocol", "tools"))
    except ValidationError:
        choices = " or ".join(repr(p) for p in get_args(Protocol))
        raise InputError(
            f"protocol is {params['protocol']!r}", where=where, remedy=f"use {choices}"
        ) from None
