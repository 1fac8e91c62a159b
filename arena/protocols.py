"""The architecture on one page: the seams at which parts meet, so that neither knows the other.

Each has one contract test under `tests/contracts/` that runs over every implementation.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from arena.records import (
    Brief,
    Change,
    Ending,
    Entry,
    ExecResult,
    File,
    Flag,
    Message,
    Reply,
    SandboxLimits,
    ToolSpec,
)
from arena.records.container import WORKDIR


class Pipe(Protocol):
    """A program in a sandbox whose input and output are open."""

    def fileno(self) -> int:
        """For a selector: readable when `read` would give something."""

    @property
    def unsent(self) -> int:
        """Bytes of input that the program has not taken yet."""

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Queue input; it is written here and while output is read. `last` closes the input."""

    def read(self, deadline: float) -> list[tuple[int, bytes]] | None:
        """The next pieces of output as (1 stdout or 2 stderr, data); empty at its end, None when
        `deadline` (of `time.monotonic`) is reached.
        """

    def running(self) -> bool:
        """Whether the program itself has not ended."""

    def exit_code(self) -> int | None:
        """Of the program after the end of its output; None when the container ended."""


class Sandbox(Protocol):
    """One container for one phase of one trial. Only a broken engine raises (`EngineError`)."""

    def exec(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        output_limit: int = 1_000_000,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stdin: bytes = b"",
    ) -> ExecResult:
        """Run a program, without a shell, to its end; on timeout it and its children are killed.

        Of stdout and of stderr `output_limit` bytes each are kept, the rest is drained. `cwd` is
        absolute, else the work tree; `env` is the whole environment, else the image's; `user` is
        `uid:gid` or `root`, else the sandbox's own.
        """

    def pipe(
        self, argv: Sequence[str], *, user: str | None = None, with_input: bool = True
    ) -> AbstractContextManager[Pipe]:
        """Start a program and talk to it; leaving the context lets go of it, and no more."""

    def put(self, files: Sequence[File], *, owner: int = 0) -> None:
        """Write regular files, making parent folders, replacing whatever is at their paths."""

    def get(self, path: str, *, limit: int) -> Entry:
        """Read what is at an absolute path, through no link, also after the container has stopped.
        A file above `limit` bytes comes back `too_large` without data.
        """

    def know_image(self) -> None:
        """Read what `changes` compares with now, while the engine's disk has room for it."""

    def changes(self, *, limit: int) -> list[Change]:
        """Paths of the work tree that differ from the image, sorted; at most `limit` + 1."""

    def kill(self) -> None:
        """End every process now. `get` and `changes` still work."""

    @property
    def resource_ended(self) -> str | None:
        """Which limit ended the container (`memory`, `disk`, `pids`), told from outside."""


class Engine(Protocol):
    """Makes sandboxes from images."""

    def open(
        self,
        image: str,
        *,
        limits: SandboxLimits,
        labels: Mapping[str, str],
        user: str,
        workdir: str = WORKDIR,
        channel: bool = False,
        layer: str | None = None,
        volumes: Sequence[str] = (),
    ) -> AbstractContextManager[Sandbox]:
        """A started sandbox; leaving the context removes it, whatever happened inside.

        `layer` is an agent's programs, seen read-only at `/opt/agent`. Nothing can be written
        but the work tree, `/tmp`, `/opt/trial` (root's) and the `volumes` named. `channel` lets
        commands share one connection: faster, but what runs in the container can forge their
        results, so no verdict may rest on them.
        """

    def check_disk_space(self, since: float) -> None:
        """An `EngineError` where the engine's own disk was full since that `time.monotonic`."""


class Backend(Protocol):
    """One model behind one endpoint."""

    def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        """One answer, or the limit reached as its `stop`; a lost endpoint is a `ProviderError`."""


@dataclass
class CallTotals:
    """What a trial's calls came to so far, as they were metered."""

    steps: int = 0
    """Completed."""
    truncations: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    """As budgets count it: without what no price is known for."""
    redactions: int = 0
    """Attempts whose reply repeated the key."""

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What a person should look at."""
        if not self.redactions:
            return ()
        detail = f"the endpoint repeated its key in {self.redactions} replies; it was taken out"
        return (Flag(kind="key_repeated", detail=detail),)


class SandboxSession(Protocol):
    """How a program in a sandbox reaches its trial's model, until a limit or a fault ends that."""

    @property
    def origin(self) -> str:
        """Address inside the sandbox, without a path: `http://127.0.0.1:PORT`."""

    @property
    def token(self) -> str:
        """Opens this session, and nothing after the trial."""

    @property
    def metered(self) -> CallTotals:
        """All calls so far."""

    @property
    def remaining_s(self) -> float:
        """Seconds that the agent has left."""

    def check_end(self, *, clean: bool) -> None:
        """Raise the fault for which the program ended, or may have; `clean` says it was done."""

    @property
    def ending(self) -> Ending | None:
        """Why no further call can succeed, None while one can; faults of ours or theirs raise."""


@runtime_checkable
class SandboxBackend(Backend, Protocol):
    """A backend that programs in a sandbox can reach by themselves."""

    @property
    def model(self) -> str:
        """What a program must call the model."""

    @property
    def context_window(self) -> int | None:
        """Tokens that fit the model, where that is known."""

    def open(self, sandbox: Sandbox) -> AbstractContextManager[SandboxSession]:
        """Open a session for what runs in a sandbox; leaving the context ends it."""


class Transcript(Protocol):
    """Where a trial's conversation is written, in the order in which it happens."""

    def add(self, kind: str, record: Mapping[str, object]) -> None:
        """Append one entry; `record` must be JSON."""


class Agent(Protocol):
    """A scaffold that tries to fix the repository in its sandbox."""

    def solve(
        self, brief: Brief, sandbox: Sandbox, backend: Backend, transcript: Transcript
    ) -> Ending:
        """Work until done or stopped; what is then in the tree is the patch. Only faults raise."""
