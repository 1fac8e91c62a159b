"""The agent's clock: wall time less waiting that is not the agent's doing."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


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
