"""Where the time comes from. A clock is a callable that returns seconds."""

import time

system_clock = time.monotonic


class ManualClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        """Move forward; time does not run backwards."""
        if seconds < 0:
            raise ValueError("a clock cannot go back")
        self.now += seconds
