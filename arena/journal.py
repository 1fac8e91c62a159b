"""Every event of a run goes through here: into the ledger first, then to whoever watches."""

from collections.abc import Callable

from arena.ledger import CallBeginEvent, CallEndEvent, Event, Ledger
from arena.records import CallBegin, CallEnd

Listener = Callable[[Event], None]


class Journal:
    """The ledger and its listeners; the `CallLog` of the metered backends."""

    def __init__(self, ledger: Ledger, listener: Listener | None = None) -> None:
        self._ledger = ledger
        self._listener = listener

    def append(self, event: Event, *, durable: bool = True) -> None:
        """Write an event, durably where nothing else is said, then show it."""
        self._ledger.append(event, durable=durable)
        if self._listener is not None:
            self._listener(event)

    def begin(self, call: CallBegin) -> None:
        """Announce a call; returns when that is durable."""
        self.append(CallBeginEvent(call=call))

    def end(self, call: CallEnd) -> None:
        """Settle a call; nobody waits for the disk, since one that is lost counts as unsettled."""
        self.append(CallEndEvent(call=call), durable=False)
