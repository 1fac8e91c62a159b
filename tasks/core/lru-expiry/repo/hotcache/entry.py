"""What the cache remembers about a key."""

from dataclasses import dataclass, field
from typing import Any, Hashable


@dataclass
class Entry:
    """A value, the moment it is over, and which write it came from."""

    value: Any
    deadline: float
    version: int

    def over(self, now):
        """Has the time to live been used up?"""
        return now >= self.deadline


@dataclass(frozen=True, order=True)
class Ticket:
    """A note in the expiry queue: look at `key` again at `deadline`.

    Every write of a key issues one ticket, numbered like the entry it was
    issued for. Tickets are never taken back out of the middle of the queue.
    """

    deadline: float
    version: int
    key: Hashable = field(compare=False)
