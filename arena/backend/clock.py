"""The agent's clock: wall time less waiting that is not the agent's doing."""

import threading
import time


class AgentClock:
    """Counts from its making. Shared by the threads of one trial.

    Args:
        limit_s: seconds the agent has.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._started = time.monotonic()
        self._excluded_s = 0.0
        self._lock = threading.Lock()

    def exclude(self, seconds: float) -> None:
        """Take waiting for slots, rate limits or retries off the clock."""
        with self._lock:
            self._excluded_s += seconds

    @property
    def excluded_s(self) -> float:
        """Seconds taken off so far."""
        with self._lock:
            return self._excluded_s

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
