"""The states of a delivery and the ways between them."""

from enum import Enum


class State(Enum):
    """Where a delivery stands."""

    WAITING = "waiting"
    SENDING = "sending"
    PAUSED = "paused"
    DELIVERED = "delivered"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def over(self):
        """Nothing more will be tried."""
        return not _NEXT[self]


_NEXT = {
    State.WAITING: {State.SENDING, State.PAUSED, State.CANCELLED},
    State.SENDING: {
        State.WAITING,
        State.PAUSED,
        State.DELIVERED,
        State.DEAD,
        State.CANCELLED,
    },
    State.PAUSED: {State.WAITING, State.CANCELLED},
    State.DELIVERED: set(),
    State.DEAD: set(),
    State.CANCELLED: set(),
}


class IllegalTransition(Exception):
    """A delivery cannot go from its state to the wanted one."""

    def __init__(self, name, current, wanted):
        super().__init__(f"{name}: {current.value} cannot become {wanted.value}")
        self.current = current
        self.wanted = wanted


def check(name, current, wanted):
    """Raise IllegalTransition unless there is a way."""
    if wanted not in _NEXT[current]:
        raise IllegalTransition(name, current, wanted)
