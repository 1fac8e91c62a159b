"""Time: the agent's clock, and connections that end at their deadlines."""

import heapq
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class AgentClock:
    """Counts from its making. Shared by the threads of one trial, whose waits may overlap.

    Args:
        limit_s: seconds the agent has.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._started = time.monotonic()
        self._excluded: list[tuple[float, float]] = []
        self._waiting: list[float] = []
        self._lock = threading.Lock()

    def exclude(self, seconds: float) -> None:
        """Take waiting that has just ended off the clock."""
        now = time.monotonic()
        with self._lock:
            _add(self._excluded, now - seconds, now)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Stands still inside: for slots, rate limits and retries."""
        started = time.monotonic()
        with self._lock:
            self._waiting.append(started)
        try:
            yield
        finally:
            with self._lock:
                self._waiting.remove(started)
                _add(self._excluded, started, time.monotonic())

    @property
    def excluded_s(self) -> float:
        """Seconds taken off so far; overlapping waits count once."""
        with self._lock:
            spans = list(self._excluded)
            if self._waiting:
                _add(spans, min(self._waiting), time.monotonic())
        return sum(end - start for start, end in spans)

    @property
    def wall_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def active_s(self) -> float:
        """Seconds that count."""
        return max(0.0, self.wall_s - self.excluded_s)

    @property
    def remaining_s(self) -> float:
        """Seconds left; 0 when the limit is reached."""
        return max(0.0, self._limit_s - self.active_s)


def _add(spans: list[tuple[float, float]], start: float, end: float) -> None:
    """Add a span that ends now to spans in order, none of which overlap."""
    while spans and spans[-1][1] >= start:
        start = min(start, spans.pop()[0])
    spans.append((start, end))


_SPARE = 64
"""Entries of connections that are done may stay among the others until they are so many."""


class Watchdog:
    """Shuts a connection down when its time is up, however slowly bytes still come."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._watched: dict[int, socket.socket] = {}
        self._due: list[tuple[float, int]] = []
        self._count = 0
        self._closed = False
        self._thread: threading.Thread | None = None

    def watch(self, sock: socket.socket, seconds: float) -> int:
        """Shut the connection down after so many seconds, unless the ticket is given back."""
        with self._change:
            self._count += 1
            self._watched[self._count] = sock
            if len(self._due) > 2 * len(self._watched) + _SPARE:
                self._due = [entry for entry in self._due if entry[1] in self._watched]
                heapq.heapify(self._due)
            heapq.heappush(self._due, (time.monotonic() + seconds, self._count))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._due[0][1] == self._count:
                self._change.notify_all()
            return self._count

    def release(self, ticket: int) -> None:
        """The connection is nobody's any more, or somebody else's."""
        with self._change:
            self._watched.pop(ticket, None)

    def close(self) -> None:
        """Watch nothing any more."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with self._change:
            while not self._closed:
                while self._due and (
                    self._due[0][1] not in self._watched or self._due[0][0] <= time.monotonic()
                ):
                    sock = self._watched.pop(heapq.heappop(self._due)[1], None)
                    if sock is not None:
                        with suppress(OSError):
                            sock.shutdown(socket.SHUT_RDWR)
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                self._change.wait(wait_s)
