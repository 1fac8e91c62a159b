"""An agent's sandbox on the agent's clock: no command outlives the time the trial has left."""

from collections.abc import Mapping, Sequence

from arena.backend.clock import AgentClock
from arena.protocols import Sandbox, Transcript
from arena.records import ExecResult
from arena.sandbox.wrapper import SandboxWrapper


class TimedSandbox(SandboxWrapper):
    """Cuts each command's time limit and writes each command down.

    Whoever starts a program of its own (`pipe`) watches the clock.
    """

    def __init__(self, inner: Sandbox, clock: AgentClock, transcript: Transcript) -> None:
        super().__init__(inner)
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
        result = super().exec(
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
