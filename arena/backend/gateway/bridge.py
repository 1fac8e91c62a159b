"""From the thread that makes a call to the event loop that answers the agent."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from arena.backend import dialect
from arena.backend.events import DONE
from arena.backend.gateway.asked import Asked
from arena.records import Api, Reply


@dataclass(frozen=True)
class Head:
    """How an answer begins."""

    status: int
    body: bytes | None
    """The whole body; None for a stream, whose events follow."""


class BrokenStreamError(Exception):
    """The endpoint's stream broke off: the agent's connection ends the same way."""


class Bridge:
    """A `Relay` into an event loop. The thread writes, the loop reads.

    What an endpoint sends waits here only until the loop's next turn, or for an agent that reads
    more slowly than the endpoint writes. The end alone waits until the reply is known to be whole.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, api: Api, headers: Mapping[str, str]
    ) -> None:
        self.api = api
        self.headers = headers
        self.streamed = False
        self.head: asyncio.Future[Head] = loop.create_future()
        self.begun = False
        self.ended = False
        self._loop = loop
        self._hides_usage = False
        self._is_last = dialect.of(api).is_last
        self._last = b""
        self._pieces: list[bytes | BrokenStreamError | None] = []
        self._lock = threading.Lock()
        self._come = asyncio.Event()
        self._gone = threading.Event()

    # ── from the thread ────────────────────────────────────────────────────────────────────────

    def read(self, request: Asked) -> None:
        """What was asked is known: how it wants to be answered."""
        self.streamed = request.streamed
        self._hides_usage = request.api == "chat" and not request.wants_usage

    @property
    def closed(self) -> bool:
        """Whether another attempt would be of no use."""
        return self.begun or self._gone.is_set()

    def event(self, raw: bytes, chunk: JsonValue) -> None:
        """Pass an event on, unless it holds the usage that only we asked for."""
        if self._hides_usage and isinstance(chunk, dict) and chunk.get("choices") == []:
            return
        self._begin(Head(200, None))
        if self._is_last(chunk) or (chunk is None and DONE in raw):
            self._last = raw
        else:
            self._put(raw)

    def whole(self, body: bytes) -> None:
        """Pass a whole body on."""
        self._last = body

    def finish(self, reply: Reply) -> None:
        """Pass on the end."""
        del reply
        self.end()

    def fail(self, status: int, body: bytes) -> None:
        """Answer with an error, if nothing was answered yet."""
        self._begin(Head(status, body))

    def end(self, last: bytes = b"") -> None:
        """The answer is complete; a second call does nothing."""
        if self.ended:
            return
        self.ended = True
        last = last or self._last
        if last and not self.begun:
            self._begin(Head(200, last))
        elif last:
            self._put(last)
        self._put(None)

    def break_off(self) -> None:
        """A stream that has begun is not complete, and the agent is to know."""
        if self.begun and not self.ended:
            self.ended = True
            self._put(BrokenStreamError())

    # ── from the loop ──────────────────────────────────────────────────────────────────────────

    def leave(self) -> None:
        """Nobody waits any more."""
        self._gone.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The stream as it arrives: at each turn of the loop all that came until then."""
        while True:
            await self._come.wait()
            self._come.clear()
            with self._lock:
                came, self._pieces = self._pieces, []
            if said := b"".join(piece for piece in came if isinstance(piece, bytes)):
                yield said
            for end in (piece for piece in came if not isinstance(piece, bytes)):
                if end is not None:
                    raise end
                return

    def _begin(self, head: Head) -> None:
        if not self.begun:
            self.begun = True
            self._call(lambda: None if self.head.done() else self.head.set_result(head))

    def _put(self, piece: bytes | BrokenStreamError | None) -> None:
        with self._lock:
            first = not self._pieces
            self._pieces.append(piece)
        if first:  # else the loop is about to come anyway
            self._call(self._come.set)

    def _call(self, what: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)
