"""A list of what happened."""

from collections import Counter
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Event:
    """`kind` is submitted, started, failed, delivered, dead, paused, resumed or cancelled."""

    at: float
    kind: str
    name: str
    attempt: Optional[int] = None


class Journal:
    """Events in the order in which they happened."""

    def __init__(self, clock):
        self._clock = clock
        self.events = []

    def note(self, kind, name, attempt=None):
        """Write an event down."""
        self.events.append(Event(self._clock(), kind, name, attempt))


def summary(journal):
    """How many events of each kind there were, for the status page."""
    return dict(Counter(event.kind for event in journal.events))
