"""An agent's sandbox on the agent's clock: no command outlives the time the trial has left."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from arena.backend.clock import AgentClock
from arena.protocols import Pipe, Sandbox, Transcript
from arena.records import Change, Entry, ExecResult, File


class TimedSandbox:
    """Wraps a sandbox; cuts each command's time limit and writes each command down."""

    def __init__(self, inner: Sandbox, clock: AgentClock, transcript: Transcript) -> None:
        self._inner = inner
        self._clock = clock
        self._transcript = transcript

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
        """Run a command for at most what is left of the agent's time."""
        left_s = self._clock.remaining_s
        if left_s <= 0:
            return ExecResult(exit_code=None, ended="timeout", wall_s=0.0)
        result = self._inner.exec(
            argv,
            timeout_s=min(timeout_s, left_s),
            output_limit=output_limit,
            cwd=cwd,
            env=env,
            user=user,
            stdin=stdin,
        )
        self._transcript.add(
            "command",
            {
                "argv": [part[:2000] for part in argv],
                "exit_code": result.exit_code,
                "ended": result.ended,
                "wall_s": round(result.wall_s, 3),
            },
        )
        return result

    def pipe(
        self, argv: Sequence[str], *, user: str | None = None, with_input: bool = True
    ) -> AbstractContextManager[Pipe]:
        """As the sandbox does: whoever starts a program here watches the clock."""
        return self._inner.pipe(argv, user=user, with_input=with_input)

    def put(self, files: Sequence[File], *, owner: int = 0) -> None:
        """As the sandbox does."""
        self._inner.put(files, owner=owner)

    def get(self, path: str, *, limit: int) -> Entry:
        """As the sandbox does."""
        return self._inner.get(path, limit=limit)

    def know_image(self) -> None:
        """As the sandbox does."""
        self._inner.know_image()

    def changes(self, *, limit: int) -> list[Change]:
        """As the sandbox does."""
        return self._inner.changes(limit=limit)

    def kill(self) -> None:
        """As the sandbox does."""
        self._inner.kill()

    @property
    def resource_ended(self) -> str | None:
        """As the sandbox says."""
        return self._inner.resource_ended
