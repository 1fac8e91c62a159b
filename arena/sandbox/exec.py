"""Commands in a container: an exec each, or all of one user's down one shared shell.

The shell reads one line a command and answers with a random marker on both streams. Whoever runs in
the container may break it, for its own account: then the channel is given up and the next
command opens another one. Nothing that decides a verdict comes through here.
"""

import secrets
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from arena.errors import EngineError
from arena.records import SandboxLimits
from arena.sandbox.docker import Connection
from arena.sandbox.stream import STDERR, STDOUT, Capture, ExecLink

SHELL = ("/bin/sh", "-c", "exec 3>&2 2>/dev/null; exec /bin/sh")
"""The shell's own messages go nowhere; commands get the real stderr back from descriptor 3."""
LINE_LIMIT = 100_000
"""Longest line in bytes; a longer command takes an exec of its own."""
_OWN_PROCESSES = 3
"""What runs in an idle container: init, its idle child, and the shell."""


class End(Enum):
    """How waiting for a command ended."""

    DONE = "done"
    DEADLINE = "deadline"
    BROKEN = "broken"


KILLED = 137


class Output(NamedTuple):
    """How a command ended, as far as its streams tell."""

    end: End
    exit_code: int
    out: Capture
    err: Capture


NOTHING = Output(End.BROKEN, KILLED, Capture(0), Capture(0))


def _drain(link: ExecLink, out: Capture, err: Capture, deadline: float) -> End:
    """Read until both markers came, or the stream or the time is over."""
    captures = {STDOUT: out, STDERR: err}
    while not (out.done and err.done):
        pieces = link.read(deadline)
        if pieces is None:
            return End.DEADLINE
        if not pieces:
            out.end()
            err.end()
            return End.BROKEN
        for stream, data in pieces:
            if capture := captures.get(stream):
                capture.feed(data)
        if time.monotonic() > deadline:  # endless output is never waited for
            return End.DEADLINE
    return End.DONE


class Channel:
    """A shell in a container at the other end of `link`.

    `usable` turns false when the shell is lost, and also when a command left something running
    behind: that may write later, and its output must not appear to be the next command's.
    """

    def __init__(self, link: ExecLink) -> None:
        self.link = link
        self.usable = True

    def run(self, argv: Sequence[str], cwd: str | None, limit: int, deadline: float) -> Output:
        """Run one command and wait for it."""
        marker = secrets.token_hex(16)
        out, err = Capture(limit, marker.encode()), Capture(limit, marker.encode())
        self.link.send(line(argv, cwd, marker).encode())
        end = _drain(self.link, out, err, deadline)
        code, others = _numbers(out.status)
        if end is End.DONE and code is None:
            end = End.BROKEN
        self.usable = end is End.DONE and others == 0
        return Output(end, code if end is End.DONE and code is not None else KILLED, out, err)

    def close(self) -> None:
        """Let the shell end; what it started goes on."""
        self.link.send(b"\nexit\n")
        self.link.close()


def line(argv: Sequence[str], cwd: str | None, marker: str) -> str:
    """What the shell reads for one command."""
    enter = f"cd -- {shlex.quote(cwd)} || exit 126; " if cwd else ""
    return (
        f"({enter}exec {shlex.join(argv)}) </dev/null 2>&3 3>&-; set -- $? /proc/[0-9]*; "
        f"echo {marker} $1 $(($# - 1 - {_OWN_PROCESSES})); echo {marker} >&3\n"
    )


def _numbers(status: bytes) -> tuple[int | None, int]:
    words = status.split()
    try:
        return int(words[0]), int(words[1])
    except (IndexError, ValueError):
        return None, 0


ENV = "/usr/bin/env"
_GRACE_S = 10.0
"""How long killed processes may take to let go of their output before the container is killed."""
_STOP_ALL = (
    "for f in /sys/fs/cgroup/pids/pids.events /sys/fs/cgroup/pids.events; do "
    '[ -r $f ] && read -r _ n <$f && [ "$n" != 0 ] && echo pids; done; kill -9 -1; echo done'
)
"""Says whether a fork was refused, then kills all that its user runs. Builtins only, for nothing
can be forked under a full process table; one signal to all at once leaves a fork bomb no gap."""


class Where(NamedTuple):
    """A started container and how it was started."""

    ident: str
    limits: SandboxLimits
    user: str
    workdir: str
    writable: tuple[str, ...]
    """Folders that are volumes: the work tree and what may be written beside it."""
    image: str
    channel: bool
    """Whether commands without input, run as `user`, share one shell."""


class Command(NamedTuple):
    """What is to be run. `deadline` is on the clock of `time.monotonic`."""

    words: Sequence[str]
    cwd: str | None
    user: str
    stdin: bytes
    limit: int
    deadline: float


@dataclass
class Commands:
    """Runs the commands of one container."""

    connection: Connection
    where: Where
    notice: Callable[[str], None]
    """Told of a limit that was reached."""
    kill: Callable[[], None]
    """Ends the container."""
    _channel: Channel | None = None

    def run(self, command: Command) -> Output:
        """Run a command to its end or its deadline."""
        if (
            self.where.channel
            and not command.stdin
            and command.user == self.where.user
            and sum(map(len, command.words)) < LINE_LIMIT
        ):
            return self._in_channel(command)
        return self._in_exec(command)

    def start(
        self, words: Sequence[str], *, cwd: str | None, user: str, with_input: bool
    ) -> tuple[ExecLink, str]:
        """Start a program: the connection to it, and its id for `exit_code`."""
        with self.connection.guard():
            ident = self.connection.raw.exec_create(
                self.where.ident,
                list(words),
                stdin=with_input,
                user=user,
                workdir=cwd or self.where.workdir,
            )["Id"]
        return ExecLink(self.connection.start_exec(ident)), ident

    def exit_code(self, ident: str) -> int:
        """Exit code of a program whose output has ended."""
        for pause_s in (0.0, 0.005, 0.02, 0.1, 0.5, 1.0, 2.0):
            time.sleep(pause_s)
            with self.connection.guard():
                state = self.connection.raw.exec_inspect(ident)
            if not state["Running"]:
                return int(state["ExitCode"])
        return KILLED

    def close(self) -> None:
        """Let go of the shared shell."""
        if self._channel:
            self._channel.close()
            self._channel = None

    def _in_channel(self, command: Command) -> Output:
        if self._channel is None:
            user = command.user
            self._channel = Channel(self.start(SHELL, cwd=None, user=user, with_input=True)[0])
        channel = self._channel
        done = channel.run(command.words, command.cwd, command.limit, command.deadline)
        if done.end is End.DEADLINE:
            self._stop(command.user, channel.link, done)
        if not channel.usable:
            self.close()
        return done

    def _in_exec(self, command: Command) -> Output:
        # `env` makes a missing program exit code 127; from the engine it would be an error text
        words = command.words if command.words[0] == ENV else (ENV, *command.words)
        link, ident = self.start(
            words, cwd=command.cwd, user=command.user, with_input=bool(command.stdin)
        )
        out, err = Capture(command.limit), Capture(command.limit)
        try:
            if command.stdin:
                link.send(command.stdin, last=True)
            done = Output(_drain(link, out, err, command.deadline), KILLED, out, err)
            if done.end is End.DEADLINE:
                self._stop(command.user, link, done)
                return done
        finally:
            link.close()
        return Output(End.DONE, self.exit_code(ident), out, err)

    def _stop(self, user: str, link: ExecLink, output: Output) -> None:
        """Kill whatever `user` runs, and the container when that does not help.

        Output is drained meanwhile: the engine handles no other event of a container while it has
        output that nobody takes.
        """
        killer = threading.Thread(target=self._kill_all, args=(user,))
        killer.start()
        over = _drain(link, output.out, output.err, time.monotonic() + _GRACE_S)
        if over is End.DEADLINE:
            self.kill()
        killer.join()

    def _kill_all(self, user: str) -> None:
        out = Capture(1000)
        with suppress(EngineError):  # whatever is wrong with the engine, the next call tells
            link, _ = self.start(("/bin/sh", "-c", _STOP_ALL), cwd="/", user=user, with_input=False)
            _drain(link, out, Capture(0), time.monotonic() + _GRACE_S)
            link.close()
            if b"pids" in out.data or (b"done" not in out.data and self._is_crowded()):
                self.notice("pids")

    def _is_crowded(self) -> bool:
        """Whether as many processes run as may: then a shell found no room to say so itself."""
        with self.connection.guard():
            stats = self.connection.raw.stats(self.where.ident, stream=False, one_shot=True)
        return int(stats.get("pids_stats", {}).get("current") or 0) >= self.where.limits.pids
