"""Output of commands as it arrives: taken apart, capped, drained."""

import select
import socket
import ssl
import time

from arena.errors import EngineError
from arena.sandbox.docker import Hijacked

STDOUT, STDERR = 1, 2
_CHUNK = 1 << 16
_HEADER = 8


class Demux:
    """Takes the engine's multiplexed stream apart, in whatever pieces it arrives."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = 0
        self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The pieces of output in `data`, each with its stream."""
        pieces = []
        at = 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                pieces.append((self._stream, piece))
                self._left -= len(piece)
                at += len(piece)
                continue
            part = data[at : at + _HEADER - len(self._header)]
            at += len(part)
            self._header += part
            if len(self._header) == _HEADER:
                self._stream = self._header[0]
                self._left = int.from_bytes(self._header[4:], "big")
                self._header = b""
        return pieces


class Capture:
    """The first `limit` bytes of one stream, up to an optional marker.

    With a marker, output ends where it begins; the rest of its line is `status`.
    """

    def __init__(self, limit: int, marker: bytes = b"") -> None:
        self._kept = bytearray()
        self._limit = limit
        self._marker = marker
        self._tail = b""
        self._status: bytes | None = None
        self.dropped = 0
        self.done = False

    def feed(self, data: bytes) -> None:
        """Take in the next piece of the stream."""
        if not self._marker:
            self._keep(data)
        elif self._status is None:
            self._scan(self._tail + data)
        elif not self.done:
            self._finish(data)

    def end(self) -> None:
        """The stream is over: what was held back as a possible marker is output after all."""
        self._keep(self._tail)
        self._tail = b""

    @property
    def data(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)

    @property
    def status(self) -> bytes:
        """What stood after the marker on its line."""
        return self._status or b""

    def _scan(self, data: bytes) -> None:
        at = data.find(self._marker)
        if at < 0:
            hold = len(data) - len(self._marker) + 1
            self._keep(data[: max(hold, 0)])
            self._tail = data[max(hold, 0) :]
            return
        self._keep(data[:at])
        self._tail = b""
        self._status = b""
        self._finish(data[at + len(self._marker) :])

    def _finish(self, data: bytes) -> None:
        line, newline, _ = data.partition(b"\n")
        self._status = (self.status + line)[:_CHUNK]
        self.done = bool(newline)

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
        """Of the connection, for a selector."""
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
        """The next pieces of output; empty at the end of the stream, None at the deadline.

        Output that is there already is returned after the deadline too.

        Args:
            deadline: on the clock of `time.monotonic`.
        """
        while True:
            data = self._receive()
            if data == b"":
                return []
            if data:
                pieces = self._demux.feed(data)
                if pieces:
                    return pieces
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            self._wait(left)

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
        wants = select.POLLIN | (select.POLLOUT if len(self._unsent) else 0)
        poll.register(self._sock, wants)
        events = poll.poll(seconds * 1000)
        if any(event & select.POLLOUT for _, event in events):
            self._write()

    def _write(self) -> None:
        try:
            while len(self._unsent):
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
            if self._close_input:
                self._close_input = False
                self._sock.shutdown(socket.SHUT_WR)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return
        except OSError:  # the process ended without reading its input
            self._unsent = memoryview(b"")
