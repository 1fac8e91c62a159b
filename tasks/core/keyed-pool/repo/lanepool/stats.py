"""Counters."""

import threading
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Stats:
    """Jobs so far; those that are not counted as over wait or run."""

    submitted: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0


class Counter:
    """Stats that several threads change."""

    def __init__(self):
        self._lock = threading.Lock()
        self._stats = Stats()

    def read(self):
        """The stats now."""
        with self._lock:
            return self._stats

    def add(self, name):
        """Count one more."""
        with self._lock:
            self._stats = replace(self._stats, **{name: getattr(self._stats, name) + 1})

    def settle(self, future):
        """Count a future that is over."""
        if future.cancelled():
            self.add("cancelled")
        else:
            self.add("failed" if future.exception() else "succeeded")
