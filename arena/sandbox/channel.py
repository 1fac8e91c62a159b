"""One shell per container that runs command after command: an exec costs ten times as much.

The shell reads one line a command and answers with a random marker on both streams. Whoever runs in
the container may break it, for its own account: then the channel is given up and the next
command opens another one. Nothing that decides a verdict comes through here.
"""

import secrets
import shlex
import time
from collections.abc import Sequence
from enum import Enum

from arena.sandbox.stream import Capture, Link, sort

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


class Channel:
    """A shell in a container at the other end of `link`.

    `usable` turns false when the shell is lost, and also when a command left something running
    behind: that may write later, and its output must not appear to be the next command's.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self.usable = True

    def run(
        self, argv: Sequence[str], cwd: str | None, limit: int, deadline: float
    ) -> tuple[End, int, Capture, Capture]:
        """Run one command and wait for it: how waiting ended, exit code, stdout, stderr."""
        marker = secrets.token_hex(16)
        out, err = Capture(limit, marker.encode()), Capture(limit, marker.encode())
        self._link.send(line(argv, cwd, marker).encode())
        end = self.wait(out, err, deadline)
        code, others = _numbers(out.status)
        if end is End.DONE and code is None:
            end = End.BROKEN
        self.usable = end is End.DONE and others == 0
        return end, code or 0, out, err

    def wait(self, out: Capture, err: Capture, deadline: float) -> End:
        """Read until both markers came, or the stream or the time is over."""
        while not (out.done and err.done):
            pieces = self._link.read(deadline)
            if pieces is None:
                return End.DEADLINE
            if not pieces:
                out.end()
                err.end()
                return End.BROKEN
            sort(pieces, out, err)
            if time.monotonic() > deadline:  # endless output is never waited for
                return End.DEADLINE
        return End.DONE

    def close(self) -> None:
        """Let the shell end; what it started goes on."""
        self._link.send(b"\nexit\n")
        self._link.close()


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
