"""Controls: `oracle` applies the gold patch, `nop` does nothing. They bound every result."""

from collections.abc import Mapping

from pydantic import JsonValue

from arena.errors import HarnessError, InputError
from arena.protocols import Agent, Backend, Sandbox, Transcript
from arena.records import AgentCapabilities, Brief, Ending


class Oracle:
    """Applies the task's own fix: shows that the task can be solved and the grader says so."""

    def solve(
        self, brief: Brief, sandbox: Sandbox, backend: Backend, transcript: Transcript
    ) -> Ending:
        """Apply the gold patch inside the sandbox."""
        del backend
        if brief.gold_patch is None:
            return Ending(stop="gave_up", detail="the task has no gold patch")
        result = sandbox.exec(
            ["git", "apply", "--whitespace=nowarn", "-"],
            timeout_s=brief.limits.command_seconds,
            stdin=brief.gold_patch.encode("utf-8", "surrogateescape"),
        )
        transcript.add("note", {"text": f"gold patch applied, exit code {result.exit_code}"})
        if result.exit_code != 0:
            raise HarnessError(
                f"{brief.task_id}: the gold patch does not apply: {result.text.strip()[:300]}"
            )
        return Ending(stop="submitted")


class Nop:
    """Changes nothing: shows that the task is not passed by itself."""

    def solve(
        self, brief: Brief, sandbox: Sandbox, backend: Backend, transcript: Transcript
    ) -> Ending:
        """Submit at once."""
        del brief, sandbox, backend
        transcript.add("note", {"text": "nothing was changed"})
        return Ending(stop="submitted")


_CONTROLS: dict[str, tuple[type[Agent], AgentCapabilities]] = {
    "oracle": (Oracle, AgentCapabilities(label="control: applies the gold patch", given_gold=True)),
    "nop": (Nop, AgentCapabilities(label="control: changes nothing")),
}


def capabilities(name: str, params: Mapping[str, JsonValue]) -> AgentCapabilities:
    """What the control called `name` does."""
    del params
    return _CONTROLS[name][1]


def make(name: str, params: Mapping[str, JsonValue]) -> Agent:
    """The control called `name`; controls take no parameters."""
    if params:
        raise InputError(f"{name} takes no params", where="params", remedy="remove them")
    return _CONTROLS[name][0]()
