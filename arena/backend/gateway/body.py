"""Requests' bodies as they come in, and how much of them one trial may hold at once."""

import threading

from arena.backend.gateway.asked import NotAskedWellError

REQUEST_LIMIT_BYTES = 32_000_000
ROOM_BYTES = 128_000_000
"""Of memory for the requests of one trial that are under way."""
OPENINGS = 500_000
COMMAS = 2_000_000
"""Numbers of objects and lists, and of values, in one request. JSON is read in one go, in which
nobody's stream moves; a conversation of 200,000 tokens has a twentieth of that."""
_PER_OPENING = 100
"""Bytes that an object or a list takes up beyond its text, once it is read."""


class Room:
    """What the bodies of one trial's requests may take up, from several threads."""

    def __init__(self) -> None:
        self._left = ROOM_BYTES
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


class Body:
    """One body; it holds its room until it is released, when its request is answered."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._blocks: list[bytes] = []
        self._size = self._openings = self._commas = 0
        self._taken = 0

    def add(self, block: bytes) -> None:
        """Take the next part of it.

        Raises:
            NotAskedWellError: it is too large, or too many are under way.
        """
        openings = block.count(b"{") + block.count(b"[")
        self._size += len(block)
        self._openings += openings
        self._commas += block.count(b",")
        if self._size > REQUEST_LIMIT_BYTES:
            raise NotAskedWellError(f"a request has at most {REQUEST_LIMIT_BYTES} bytes", 413)
        if self._openings > OPENINGS or self._commas > COMMAS:
            raise NotAskedWellError("the request holds too many objects, lists and values", 413)
        size = len(block) + _PER_OPENING * openings
        if not self._room.take(size):
            raise NotAskedWellError("too much is asked at once: wait for other answers", 429)
        self._taken += size
        self._blocks.append(block)

    def whole(self) -> bytes:
        """All of it, once."""
        blocks, self._blocks = self._blocks, []
        return b"".join(blocks)

    def release(self) -> None:
        """Give the room back."""
        self._blocks = []
        self._room.give(self._taken)
        self._taken = 0
