"""The desks of trials on other machines, and the messages that come for them."""

import threading
from collections.abc import Callable

from arena.backend.desk import Denial, Leave, LocalDesk
from arena.errors import HarnessError
from arena.remote.letters import Announce, GiveUp, LogLine, NodeMessage, Settle, Shut


class RemoteDesks:
    """Answers what nodes ask. A seat is kept until its try has ended and all its calls have.

    Args:
        say: takes what nodes have to tell.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._desks: dict[str, LocalDesk] = {}
        self._left: set[str] = set()

    def seat(self, seat: str, desk: LocalDesk) -> None:
        """A try begins."""
        with self._lock:
            self._desks[seat] = desk

    def leave(self, seat: str, *, lost: bool) -> None:
        """A try has ended. One that was lost keeps its seat: its node may live after all, and
        what a call of it came to must still be written down.
        """
        with self._lock:
            desk = self._desks.get(seat)
            if desk is None:
                return
            if not lost:
                self._left.add(seat)
        if lost:
            desk.close()
        else:
            desk.shut()
            self._forget(seat)

    def answer(self, message: NodeMessage) -> Leave | Denial | None:
        """Do what a node asks.

        Raises:
            HarnessError: the trial is over, or the disk is full.
        """
        match message:
            case Announce(seat, begin, held):
                return self._desk(seat).announce(begin, held)
            case Settle(seat, end, spent, retry_after_s):
                self._desk(seat).settle(end, spent, retry_after_s)
                self._forget(seat)
            case GiveUp(seat, call_id):
                self._desk(seat).give_up(call_id)
                self._forget(seat)
            case Shut(seat):
                self._desk(seat).shut()
            case LogLine(text):
                self._say(text)
        return None

    def _desk(self, seat: str) -> LocalDesk:
        with self._lock:
            if (desk := self._desks.get(seat)) is None:
                raise HarnessError("the run has given this trial up")
            return desk

    def _forget(self, seat: str) -> None:
        with self._lock:
            desk = self._desks.get(seat)
            if desk is not None and seat in self._left and desk.idle:
                del self._desks[seat]
                self._left.remove(seat)
