"""Moving a delivery from state to state."""

from redeliver.states import IllegalTransition, State, check


class Machine:
    """Applies what happens to deliveries, according to a policy."""

    def __init__(self, policy, clock, journal):
        self.policy = policy
        self._clock = clock
        self._journal = journal

    def _move(self, delivery, state):
        check(delivery.name, delivery.state, state)
        delivery.state = state

    def begin(self, delivery):
        """Start an attempt; returns its number, counted from 1."""
        self._move(delivery, State.SENDING)
        delivery.started_at = self._clock()
        delivery.next_at = None
        attempt = delivery.attempts + 1
        self._journal.note("started", delivery.name, attempt)
        return attempt

    def succeed(self, delivery):
        """The endpoint has the message."""
        self._move(delivery, State.DELIVERED)
        delivery.next_at = None
        self._journal.note("delivered", delivery.name)

    def fail(self, delivery, error, retry_after=None):
        """The attempt failed: wait for the next one, or give up."""
        delivery.attempts += 1
        delivery.last_error = error
        self._journal.note("failed", delivery.name, delivery.attempts)
        if delivery.attempts >= self.policy.max_attempts:
            self._move(delivery, State.DEAD)
            delivery.next_at = None
            self._journal.note("dead", delivery.name)
            return
        self._move(delivery, State.WAITING)
        wait = max(self.policy.delay(delivery.attempts), retry_after or 0)
        delivery.next_at = self._clock() + wait

    def times_out_at(self, delivery):
        """When the attempt under way is given up, None if there is none."""
        if delivery.state is not State.SENDING:
            return None
        return delivery.started_at + self.policy.timeout_s

    def pause(self, delivery):
        """Put on hold."""
        self._move(delivery, State.PAUSED)
        self._journal.note("paused", delivery.name)

    def resume(self, delivery):
        """Go on."""
        if delivery.state is not State.PAUSED:
            raise IllegalTransition(delivery.name, delivery.state, State.WAITING)
        self._move(delivery, State.WAITING)
        delivery.next_at = self._clock()
        self._journal.note("resumed", delivery.name)

    def cancel(self, delivery):
        """Give up on purpose."""
        self._move(delivery, State.CANCELLED)
        delivery.next_at = None
        self._journal.note("cancelled", delivery.name)
