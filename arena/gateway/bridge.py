"""Between the loop that talks to agents and the threads that call: bodies in, replies out."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping

from pydantic import JsonValue

from arena.backend import apis, chat
from arena.backend.call import DONE
from arena.gateway.proxy_request import BadProxyRequestError, ProxyRequest, error_body
from arena.records import Api, Reply
from arena.serialize import mapping, mappings

REQUEST_LIMIT_BYTES = 32_000_000
HELD_LIMIT_BYTES = 128_000_000
"""Of memory for what one trial sent and has no answer to yet."""
OPENINGS = 500_000
COMMAS = 2_000_000
"""Numbers of objects and lists, and of values, in one request. JSON is read in one go, in which
nobody's stream moves; a conversation of 200,000 tokens has a twentieth of that."""
_PER_OPENING = 100
"""Bytes that an object or a list takes up beyond its text, once it is read."""


class ByteBudget:
    """What all that one trial sends may take up, whoever reads it; used by several threads."""

    def __init__(self) -> None:
        self._left = HELD_LIMIT_BYTES
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take as much, if there is as much."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """Give it back."""
        with self._lock:
            self._left += size


class RequestBody:
    """One body; it counts until it is released, when its request is answered."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._data = bytearray()
        self._openings = self._commas = self._taken = 0

    def add(self, block: bytes) -> None:
        """Take the next part; `BadProxyRequestError` where it is too large or too much is asked."""
        openings = block.count(b"{") + block.count(b"[")
        self._openings += openings
        self._commas += block.count(b",")
        if len(self._data) + len(block) > REQUEST_LIMIT_BYTES:
            raise BadProxyRequestError(f"a request has at most {REQUEST_LIMIT_BYTES} bytes", 413)
        if self._openings > OPENINGS or self._commas > COMMAS:
            raise BadProxyRequestError("the request holds too many objects, lists and values", 413)
        size = len(block) + _PER_OPENING * openings
        if not self._budget.take(size):
            raise BadProxyRequestError("too much is asked at once: wait for other answers", 429)
        self._taken += size
        self._data += block

    def whole(self) -> bytes:
        """All of it, once."""
        data, self._data = self._data, bytearray()
        return bytes(data)

    def release(self) -> None:
        """Give back what it took."""
        self._data.clear()
        self._budget.give(self._taken)
        self._taken = 0


_OPENINGS = frozenset(
    {"message_start", "content_block_start", "response.created", "response.queued"}
    | {"response.in_progress", "response.output_item.added", "response.content_part.added"}
    | {"response.reasoning_summary_part.added"}
)
"""Events that only announce what others say."""
_COMMENT = b": ping\n\n"
"""An event that no client sees: a ping before a message's start is an error to some."""


def opens_only(api: Api, chunk: JsonValue) -> bool:
    """Whether an event of a stream says nothing yet."""
    if not isinstance(chunk, dict) or api != "chat":
        return _type(chunk) in _OPENINGS
    choices = chunk.get("choices")
    if chunk.get("usage") or not isinstance(choices, list):
        return False
    return not any(
        choice.get("finish_reason") or chat.says(mapping(choice, "delta"))
        for choice in mappings(choices)
    )


def _type(chunk: JsonValue) -> JsonValue:
    return chunk.get("type") if isinstance(chunk, dict) else None


class BrokenStreamError(Exception):
    """The endpoint's stream broke off: the agent's connection ends the same way."""


class ReplyBridge:
    """A `Relay` into an event loop. The thread writes, the loop reads.

    Only two things wait here: the events before the first that says anything, so that a stream that
    breaks off before can be asked for again, and the end, until the reply is known to be whole.
    """

    def __init__(self, api: Api, headers: Mapping[str, str]) -> None:
        self.api = api
        self.headers = headers
        self.streamed = False
        self.begun = False
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self.head: asyncio.Future[tuple[int, bytes | None]] = self._loop.create_future()
        """How an answer begins: status and whole body; None for a stream, whose events follow."""
        self._hides_usage = False
        self._is_last = apis.DIALECTS[api].is_last
        self._last = b""
        self._opening: list[bytes] = []
        self._says = False
        self._pieces: asyncio.Queue[bytes | BrokenStreamError | None] = asyncio.Queue()
        self.left = False
        """Whether nobody waits any more."""

    # ── from the thread ────────────────────────────────────────────────────────────────────────

    def read(self, request: ProxyRequest) -> None:
        """What was asked is known: how it wants to be answered."""
        self.streamed = request.streamed
        self._hides_usage = request.api == "chat" and not request.wants_usage

    @property
    def closed(self) -> bool:
        """As `Relay.closed`."""
        return self._says or self.left

    def restart(self) -> None:
        """Forget how the last attempt began."""
        self._opening, self._last = [], b""

    def event(self, raw: bytes, chunk: JsonValue) -> None:
        """Pass an event on, unless it holds the usage that only we asked for."""
        if self._hides_usage and isinstance(chunk, dict) and chunk.get("choices") == []:
            return
        is_done = chunk is None and DONE in raw
        if self._is_last(chunk) or is_done:
            self._opening.append(b"")  # it is a stream, if an empty one
            self._last = raw
        elif chunk is None:  # a comment keeps the connection alive
            self._begin()
            self._put(raw)
        else:
            self._opening.append(raw)
            if _type(chunk) == "ping" and not self._says:  # so does it, where it may not come yet
                self._begin()
                self._put(_COMMENT)
            elif not opens_only(self.api, chunk):
                self._says = True
                self._put_opening()

    def whole(self, body: bytes) -> None:
        """Pass a whole body on."""
        self._last = body

    def finish(self, reply: Reply) -> None:
        """Pass on the end."""
        del reply
        self.end()

    def fail(self, status: int, told: bytes | str, *, overflow: bool = False) -> None:
        """Answer with an error, by the body told or in words, if nothing was answered yet."""
        if isinstance(told, str):
            told = error_body(self.api, status, told, overflow=overflow)
        self._begin(status, told)

    def end(self, last: bytes = b"") -> None:
        """The answer is complete; a second call does nothing."""
        if self.ended:
            return
        self.ended = True
        last = last or self._last
        if self._opening:
            self._put_opening()
        if last and not self.begun:
            self._begin(200, last)
        elif last:
            self._put(last)
        self._put(None)

    def break_off(self) -> None:
        """A stream that has begun is not complete, and the agent is to know."""
        if self.begun and not self.ended:
            self.ended = True
            self._put(BrokenStreamError())

    # ── from the loop ──────────────────────────────────────────────────────────────────────────

    async def pieces(self) -> AsyncIterator[bytes]:
        """The stream as it arrives: at each turn of the loop all that came until then."""
        try:
            while True:
                came = [await self._pieces.get()]
                while not self._pieces.empty():
                    came.append(self._pieces.get_nowait())
                end = came.pop() if not isinstance(came[-1], bytes) else b""
                if said := b"".join(piece for piece in came if isinstance(piece, bytes)):
                    yield said
                if isinstance(end, BrokenStreamError):
                    raise end
                if end is None:
                    return
        finally:
            self.left = True

    def _put_opening(self) -> None:
        self._begin()
        for raw in self._opening:
            self._put(raw)
        self._opening = []

    def _begin(self, status: int = 200, body: bytes | None = None) -> None:
        if not self.begun:
            self.begun = True
            head = status, body
            self._call(lambda: None if self.head.done() else self.head.set_result(head))

    def _put(self, piece: bytes | BrokenStreamError | None) -> None:
        self._call(lambda: self._pieces.put_nowait(piece))

    def _call(self, what: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)
