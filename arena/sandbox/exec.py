"""Commands in a container: their output as it arrives, and one shell that many of them share.

The shell reads one line a command and answers with a random marker on both streams. Whoever runs in
the container may break it, for its own account: then the channel is given up and the next
command opens another one. Nothing that decides a verdict comes through here.
"""

import re
import select
import shlex
import socket
import ssl
import struct
import time
from collections.abc import Sequence

from arena.errors import EngineError
from arena.sandbox.docker import Hijacked

STDOUT, STDERR = 1, 2
_CHUNK = 1 << 16
_HEADER = struct.Struct(">BxxxL")
"""Of a piece of output: its stream and length."""


class Demux:
    """Takes the engine's multiplexed stream apart, in whatever pieces it arrives."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = 0
        self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The pieces of output in `data`, each with its stream."""
        pieces = []
        rest = memoryview(data)
        while rest:
            if self._left:
                pieces.append((self._stream, bytes(rest[: self._left])))
                size = len(pieces[-1][1])
                self._left -= size
            else:
                size = _HEADER.size - len(self._header)
                self._header += rest[:size]
                if len(self._header) == _HEADER.size:
                    self._stream, self._left = _HEADER.unpack(self._header)
                    self._header = b""
            rest = rest[size:]
        return pieces


class Capture:
    """The first `limit` bytes of a stream, up to the marker if any; `status` is what follows it."""

    def __init__(self, limit: int, marker: bytes = b"") -> None:
        self._kept = bytearray()
        self._limit = limit
        self._marker = marker
        self._tail = b""
        self._found = False
        self.status = b""
        self.dropped = 0
        self.done = False

    def feed(self, data: bytes) -> None:
        """Take in the next piece of the stream."""
        if not self._found:
            data = self._tail + data
            head, marker, data = data.partition(self._marker) if self._marker else (data, b"", b"")
            self._found = bool(marker)
            may_begin = 0 if self._found else len(self._marker[1:])
            certain = max(len(head) - may_begin, 0)
            self._keep(head[:certain])
            self._tail = head[certain:]
        if self._found and not self.done:
            line, newline, _ = data.partition(b"\n")
            self.status = (self.status + line)[:_CHUNK]
            self.done = bool(newline)

    def end(self) -> None:
        """The stream is over: what was held back as a possible marker is output after all."""
        self._keep(self._tail)
        self._tail = b""

    @property
    def data(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)

    def _keep(self, data: bytes) -> None:
        room = self._limit - len(self._kept)
        self._kept += data[:room]
        self.dropped += max(len(data) - room, 0)


class ExecLink:
    """A hijacked connection to a process in a container: its input, and its output multiplexed."""

    def __init__(self, connection: Hijacked) -> None:
        self._response, self._sock, self._early = connection
        self._demux = Demux()
        self._unsent = memoryview(b"")
        self._close_input = False

    def fileno(self) -> int:
        """For a selector: readable when `read` would give something."""
        return self._sock.fileno()

    @property
    def unsent(self) -> int:
        """Bytes of input that are still queued."""
        return len(self._unsent)

    def send(self, data: bytes, *, last: bool = False) -> None:
        """Queue input; it is written while output is read. `last` closes the input after it."""
        if last and isinstance(self._sock, ssl.SSLSocket):
            raise EngineError("input cannot be fed to a command over TLS; use a unix or ssh socket")
        self._unsent = memoryview(bytes(self._unsent) + data)
        self._close_input = last
        self._write()

    def read(self, deadline: float) -> list[tuple[int, bytes]] | None:
        """The next pieces of output; empty at the end of the stream, None at the deadline (of
        `time.monotonic`), but what is there already is returned after it too.
        """
        while (data := self._receive()) != b"":
            if data is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self._wait(left)
            elif pieces := self._demux.feed(data):
                return pieces
        return []

    def drain(self, out: Capture, err: Capture, deadline: float) -> bool:
        """Read until both markers came or the stream ended; false when the time is over before."""
        captures = {STDOUT: out, STDERR: err}
        while not (out.done and err.done):
            pieces = self.read(deadline)
            if pieces is None:
                return False
            if not pieces:
                out.end()
                err.end()
                return True
            for stream, data in pieces:
                if capture := captures.get(stream):
                    capture.feed(data)
            if time.monotonic() > deadline:  # endless output is never waited for
                return False
        return True

    def close(self) -> None:
        """Close the connection; the process is not touched."""
        self._response.close()
        self._sock.close()

    def _receive(self) -> bytes | None:
        if self._early:
            data, self._early = self._early, b""
            return data
        try:
            return self._sock.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except OSError:  # the engine went away: whoever asks for the exit code next is told so
            return b""

    def _wait(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN | (select.POLLOUT if self.unsent else 0))
        if any(event & select.POLLOUT for _, event in poll.poll(seconds * 1000)):
            self._write()

    def _write(self) -> None:
        try:
            while self.unsent:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
            if self._close_input:
                self._close_input = False
                self._sock.shutdown(socket.SHUT_WR)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return
        except OSError:  # the process ended without reading its input
            self._unsent = memoryview(b"")


# ── one shell for many commands ────────────────────────────────────────────────────────────────

SHELL = ("/bin/sh", "-c", "exec 3>&2 2>/dev/null; exec /bin/sh")
"""The shell's own messages go nowhere; commands get the real stderr back from descriptor 3."""
LINE_LIMIT = 100_000
"""Longest line in bytes; a longer command takes an exec of its own."""
KILLED = 137
_STATUS = re.compile(rb" (\d{1,9}) (-?\d{1,9})")
"""Exit code of a command, and how many of its processes it left behind."""
_OWN_PROCESSES = 3
"""What runs in an idle container: init, its idle child, and the shell."""


class Channel(ExecLink):
    """A shell in a container.

    `usable` turns false when the shell is lost, and also when a command left something running
    behind: that may write later, and its output must not appear to be the next command's.
    """

    usable = True

    def run(self, command: str, out: Capture, err: Capture, deadline: float) -> int | None:
        """Exit code of what a `line` runs, `KILLED` with a lost shell; None at the deadline."""
        self.send(command.encode())
        in_time = self.drain(out, err, deadline)
        told = _STATUS.fullmatch(out.status) if out.done and err.done else None
        self.usable = in_time and told is not None and int(told[2]) == 0
        return (int(told[1]) if told else KILLED) if in_time else None

    def close(self) -> None:
        """Let the shell end; what it started goes on."""
        self.send(b"\nexit\n")
        super().close()


def line(argv: Sequence[str], cwd: str | None, marker: str) -> str:
    """What the shell reads for one command."""
    enter = f"cd -- {shlex.quote(cwd)} || exit 126; " if cwd else ""
    return (
        f"({enter}exec {shlex.join(argv)}) </dev/null 2>&3 3>&-; set -- $? /proc/[0-9]*; "
        f"echo {marker} $1 $(($# - 1 - {_OWN_PROCESSES})); echo {marker} >&3\n"
    )
