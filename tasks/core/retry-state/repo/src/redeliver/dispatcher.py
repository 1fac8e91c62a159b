"""The outside of the package."""

import time

from redeliver.delivery import Info
from redeliver.journal import Journal
from redeliver.machine import Machine
from redeliver.policy import RetryPolicy
from redeliver.states import State
from redeliver.store import Store


class Dispatcher:
    """Sends messages through a transport, with at most `limit` under way."""

    def __init__(self, transport, policy=RetryPolicy(), clock=time.time, limit=10):
        if limit < 1:
            raise ValueError("limit must be at least 1")
        self.limit = limit
        self.journal = Journal(clock)
        self._transport = transport
        self._clock = clock
        self._machine = Machine(policy, clock, self.journal)
        self._store = Store()
        self._under_way = 0

    @classmethod
    def restore(cls, document, transport, policy=RetryPolicy(), clock=time.time, limit=10):
        """A dispatcher that goes on where a snapshot was taken."""
        dispatcher = cls(transport, policy, clock, limit)
        dispatcher._store = Store.load(document, clock())
        return dispatcher

    def snapshot(self):
        """Everything that is known as a JSON document; changes nothing."""
        return self._store.dump()

    def submit(self, payload):
        """Accept a message; returns the name of the delivery."""
        delivery = self._store.create(payload, self._clock())
        self.journal.note("submitted", delivery.name)
        return delivery.name

    def step(self):
        """Give up on silent attempts, then begin as many as are due and allowed."""
        now = self._clock()
        for delivery in self._store:
            times_out_at = self._machine.times_out_at(delivery)
            if times_out_at is not None and times_out_at <= now:
                self._machine.fail(delivery, "timeout")
                self._under_way -= 1
        for delivery in self._due(now):
            if self._under_way >= self.limit:
                break
            attempt = self._machine.begin(delivery)
            self._under_way += 1
            self._transport.send(delivery.name, attempt, delivery.payload)

    def _due(self, now):
        waiting = [d for d in self._store if d.state is State.WAITING and d.next_at <= now]
        return sorted(waiting, key=lambda delivery: delivery.next_at)

    def result(self, name, attempt, ok, error=None, retry_after=None):
        """Take note of what became of an attempt."""
        delivery = self._store.get(name)
        self._under_way -= 1
        if ok:
            self._machine.succeed(delivery)
        else:
            self._machine.fail(delivery, error, retry_after)

    def pause(self, name):
        """Begin no more attempts until `resume`."""
        self._machine.pause(self._store.get(name))

    def resume(self, name):
        """Go on after `pause`."""
        self._machine.resume(self._store.get(name))

    def cancel(self, name):
        """Give up a delivery."""
        self._machine.cancel(self._store.get(name))

    def info(self, name):
        """What is known about a delivery."""
        delivery = self._store.get(name)
        return Info(
            name=delivery.name,
            state=delivery.state,
            attempts=delivery.attempts,
            next_at=delivery.next_at,
            last_error=delivery.last_error,
        )

    def next_wakeup(self):
        """When `step` will next have something to do, None if never."""
        times = [d.next_at for d in self._store if d.state is State.WAITING]
        times += [self._machine.times_out_at(d) for d in self._store]
        return min((at for at in times if at is not None), default=None)
