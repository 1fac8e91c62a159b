"""Carries connections out of a container to the gateway, and nowhere else.

A program in the container listens on its 127.0.0.1 and sends what it hears over its own standard
output, in frames; this end connects each to the gateway. The container keeps no network.

A frame is kind (1 byte), connection (4 bytes), length (4 bytes), data.
"""

import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self

from arena.errors import EngineError
from arena.protocols import Pipe

READY, OPEN, DATA, CLOSE = range(1, 5)
FORWARDER = (Path(__file__).parent / "forwarder.py").read_text(encoding="utf-8")
"""Source of the program in the container."""
HEAD = struct.Struct(">BII")
FRAME_LIMIT_BYTES = 1 << 20
CONNECTIONS = 64
"""Open at once, of one trial; further ones are closed."""
HELD_LIMIT_BYTES = 128_000_000
"""Of what the gateway has not taken yet, over all connections; who sends more is cut off."""
_CHUNK_BYTES = 1 << 16
_UNSENT_LIMIT_BYTES = 1 << 20
"""Beyond this no more is read from the gateway until the container has taken some."""
_START_S = 30.0
_WAIT_MS = 200
_STDOUT = 1

Connect = Callable[[], AbstractContextManager[socket.socket]]


class BadFrameError(Exception):
    """Something in the container wrote what the forwarder does not."""


class Frames:
    """Takes a stream of frames apart, in whatever pieces it arrives."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Whole frames: kind, connection, data; `BadFrameError` where none looks like this."""
        self._data += data
        while len(self._data) >= HEAD.size:
            kind, connection, size = HEAD.unpack_from(self._data)
            if size > FRAME_LIMIT_BYTES or not READY <= kind <= CLOSE:
                raise BadFrameError
            end = HEAD.size + size
            if len(self._data) < end:
                return
            yield kind, connection, bytes(self._data[HEAD.size : end])
            del self._data[:end]


class Tunnel:
    """The host's end of the forwarder's pipe, in a thread; `connect` leads to the gateway.

    `broke` is told what of ours ended it: the agent's calls go nowhere then.
    """

    def __init__(self, pipe: Pipe, connect: Connect, broke: Callable[[Exception], None]) -> None:
        self._pipe = pipe
        self._connect = connect
        self._broke = broke
        self._frames = Frames()
        self._stop = threading.Event()
        self._ready = threading.Event()
        self.port = 0
        """Where programs in the container reach the gateway, on 127.0.0.1."""
        self._open: dict[int, _Connection] = {}
        self._thread = threading.Thread(target=self._run, name="tunnel", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(_START_S)
        if not self.port:
            self.__exit__()
            raise EngineError("the forwarder in the container did not start")
        return self

    def __exit__(self, *ended: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and self._turn():
                pass
        except BadFrameError:  # the agent broke its own way out
            pass
        except Exception as error:  # noqa: BLE001 - in a thread, where nobody would hear of it
            self._broke(error)
        finally:
            for connection in self._open.values():
                connection.close()
            self._ready.set()

    def _turn(self) -> bool:
        """Wait until something can be done, and do it; whether the container still talks."""
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN | (select.POLLOUT if self._pipe.unsent else 0))
        reads = 0 if self._pipe.unsent > _UNSENT_LIMIT_BYTES else select.POLLIN
        polled = {}
        for connection in self._open.values():
            if events := reads | (select.POLLOUT if connection.unsent else 0):
                poll.register(connection.sock, events)
                polled[connection.sock.fileno()] = connection
        for descriptor, events in poll.poll(_WAIT_MS):
            if descriptor in polled:
                self._serve(polled[descriptor], events)
            elif not self._hear():
                return False
        return True

    def _hear(self) -> bool:
        self._pipe.send(b"")
        while (pieces := self._pipe.read(time.monotonic())) is not None:
            if not pieces:
                return False
            for stream, data in pieces:
                for frame in self._frames.feed(data) if stream == _STDOUT else ():
                    self._take(*frame)
        return True

    def _take(self, kind: int, number: int, data: bytes) -> None:
        if kind == READY:
            self.port = self.port or number
            self._ready.set()
        elif kind == OPEN:
            if number in self._open:
                raise BadFrameError
            if len(self._open) < CONNECTIONS:
                self._open[number] = _Connection(number, self._connect())
            else:
                self._pipe.send(HEAD.pack(CLOSE, number, 0))
        elif number in self._open and kind == DATA:
            self._open[number].send(data)
            if sum(len(one.unsent) for one in self._open.values()) > HELD_LIMIT_BYTES:
                self._cut(number)
        elif number in self._open:
            self._open.pop(number).close()

    def _cut(self, number: int) -> None:
        self._open.pop(number).close()
        self._pipe.send(HEAD.pack(CLOSE, number, 0))

    def _serve(self, connection: "_Connection", events: int) -> None:
        if events & select.POLLOUT:
            connection.send(b"")
        if events & ~select.POLLOUT and (data := connection.receive()) is not None:
            if data:
                self._pipe.send(HEAD.pack(DATA, connection.number, len(data)) + data)
            elif self._open.get(connection.number) is connection:
                self._cut(connection.number)


class _Connection:
    """One connection to the gateway."""

    def __init__(self, number: int, opening: AbstractContextManager[socket.socket]) -> None:
        self.number = number
        self.unsent = bytearray()
        """What the gateway has not taken yet."""
        self._stack = ExitStack()
        self.sock = self._stack.enter_context(opening)
        self.sock.setblocking(False)
        self.close = self._stack.close

    def send(self, data: bytes) -> None:
        self.unsent += data
        try:
            while self.unsent:
                del self.unsent[: self.sock.send(self.unsent)]
        except BlockingIOError:
            return
        except OSError:  # the gateway closed it; reading tells
            self.unsent.clear()

    def receive(self) -> bytes | None:
        try:
            return self.sock.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""
