"""Which lanes there are."""

import threading
from contextlib import contextmanager


class Lanes:
    """A lock for each lane."""

    def __init__(self):
        self._guard = threading.Lock()
        self._locks = {}

    def names(self):
        """The lanes there are."""
        with self._guard:
            return list(self._locks)

    @contextmanager
    def turn(self, lane):
        """Wait until nobody else is in the lane, and keep others out."""
        if lane is None:
            yield
            return
        with self._guard:
            lock = self._locks.setdefault(lane, threading.Lock())
        with lock:
            yield
