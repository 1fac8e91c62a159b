"""The desks of trials on other machines, and what nodes ask of them."""

import threading
from collections.abc import Callable

from arena.backend.desk import Denial, Leave, LocalDesk
from arena.errors import HarnessError
from arena.money.budget import Amount
from arena.records import CallBegin, CallEnd


class RemoteDesks:
    """A seat is kept until its try has ended and all its calls have.

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

    # ── what nodes ask ─────────────────────────────────────────────────────────────────────────

    def announce(self, seat: str, begin: CallBegin, held: Amount) -> Leave | Denial:
        """A call wants to go.

        Raises:
            HarnessError: the trial is over, or the disk is full.
        """
        return self._desk(seat).announce(begin, held)

    def settle(self, seat: str, end: CallEnd, spent: Amount, retry_after_s: float | None) -> None:
        """A call has ended."""
        self._desk(seat).settle(end, spent, retry_after_s)
        self._forget(seat)

    def give_up(self, seat: str, call_id: str) -> None:
        """Nobody knows what became of a call."""
        self._desk(seat).give_up(call_id)
        self._forget(seat)

    def shut(self, seat: str) -> None:
        """An agent has ended: no call of its trial may go any more."""
        self._desk(seat).shut()

    def say(self, text: str) -> None:
        """A line for whoever watches the run."""
        self._say(text)

    # ── seats ──────────────────────────────────────────────────────────────────────────────────

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
