"""All deliveries, in memory and as a document."""

from redeliver.delivery import Delivery
from redeliver.states import State

VERSION = 1


class UnknownDelivery(KeyError):
    """There is no delivery of that name."""


class SnapshotError(ValueError):
    """The document is not a snapshot that this version understands."""


class Store:
    """Deliveries in the order in which they were submitted."""

    def __init__(self):
        self._deliveries = {}

    def __iter__(self):
        return iter(self._deliveries.values())

    def __len__(self):
        return len(self._deliveries)

    def create(self, payload, now):
        """A new delivery that is due at once."""
        name = f"m{len(self._deliveries) + 1}"
        delivery = Delivery(name, payload, next_at=now)
        self._deliveries[name] = delivery
        return delivery

    def get(self, name):
        """The delivery of that name."""
        try:
            return self._deliveries[name]
        except KeyError:
            raise UnknownDelivery(name) from None

    def dump(self):
        """Everything as a JSON document."""
        return {
            "version": VERSION,
            "deliveries": [
                {
                    "name": delivery.name,
                    "payload": delivery.payload,
                    "state": delivery.state.value,
                    "attempts": delivery.attempts,
                    "next_at": delivery.next_at,
                    "last_error": delivery.last_error,
                }
                for delivery in self
            ],
        }

    @classmethod
    def load(cls, document, now):
        """The store a document describes; what was being sent is due at once."""
        if document.get("version") != VERSION:
            raise SnapshotError(f"unknown version {document.get('version')!r}")
        store = cls()
        for row in document["deliveries"]:
            delivery = Delivery(**{**row, "state": State(row["state"])})
            if delivery.state is State.SENDING:
                delivery.state = State.WAITING
                delivery.next_at = now
            store._deliveries[delivery.name] = delivery
        return store
