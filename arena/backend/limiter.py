"""Whether and when a call may go, and on whose time it waits: the agent's clock stops.

A gate, where a trial's calls are allowed and accounted for, is all that the trials of a run share:
it may stand in another process than the trial. One limiter per provider and key serves threads in
the order in which they came. A refusal for rate halves the calls allowed in flight, at most once a
second, since one overload refuses many calls at once; each success gives a little back.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from arena.errors import HarnessError
from arena.money.budget import Amount, Resource, TrialBudget
from arena.money.statement import refused
from arena.records import CallBegin, CallEnd, RateLimits

WINDOW_S = 60.0
HALVING_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
"""Longest pause for everybody that one refused call can ask for."""


@dataclass
class LimiterSlot:
    """A slot for one call."""

    entered_at: float
    tokens: int
    waited_s: float


@dataclass
class Limiter:
    """Shared by all threads that use one key at one provider."""

    limits: RateLimits

    def __post_init__(self) -> None:
        self._condition = threading.Condition()
        self._queue: deque[object] = deque()
        self._recent: deque[LimiterSlot] = deque()
        self._in_flight = 0
        self._window: float | None = self.limits.concurrency
        self._halved_at = -HALVING_PAUSE_S
        self._resume_at = 0.0
        self._closed = False

    def acquire(self, tokens: int, over: threading.Event | None = None) -> LimiterSlot:
        """Wait for a slot for a call that will probably use this many tokens.

        Whoever sets `over` and calls `wake` takes the call out of the queue.

        Raises:
            HarnessError: the limiter was closed meanwhile, or the caller's trial is over.
        """
        started = time.monotonic()
        ticket = object()
        with self._condition:
            self._queue.append(ticket)
            try:
                while True:
                    self._check(over)
                    now = time.monotonic()
                    wait_s = self._wait_s(tokens, now) if self._queue[0] is ticket else None
                    if wait_s == 0.0:
                        break
                    self._condition.wait(wait_s)
                slot = LimiterSlot(now, tokens, now - started)
                self._in_flight += 1
                if self.limits.rpm is not None or self.limits.tpm is not None:
                    self._recent.append(slot)
                return slot
            finally:
                self._queue.remove(ticket)
                self._condition.notify_all()

    def release(
        self,
        slot: LimiterSlot,
        *,
        tokens: int | None,
        refused: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        """Give a slot back; `tokens` is what the call really used, None leaves the estimate.

        `refused` is for rate; the provider wants no call of anybody before `retry_after_s`.
        """
        with self._condition:
            self._in_flight -= 1
            if retry_after_s is not None:
                resume = time.monotonic() + min(retry_after_s, LONGEST_PAUSE_S)
                self._resume_at = max(self._resume_at, resume)
            if tokens is not None:
                slot.tokens = tokens
            if refused:
                self._halve()
            elif self._window is not None:
                grown = self._window + 1 / self._window
                self._window = min(grown, self.limits.concurrency or grown)
            self._condition.notify_all()

    def pause(self, seconds: float, over: threading.Event | None = None) -> None:
        """Sleep; `over` and errors as for `acquire`."""
        until = time.monotonic() + seconds
        with self._condition:
            self._check(over)
            while (left := until - time.monotonic()) > 0:
                self._condition.wait(left)
                self._check(over)

    def close(self) -> None:
        """Wake and turn away everybody who waits."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def wake(self) -> None:
        """Let everybody who waits look whether their trial is over."""
        with self._condition:
            self._condition.notify_all()

    def _check(self, over: threading.Event | None) -> None:
        if self._closed:
            raise HarnessError("the run is ending")
        if over is not None and over.is_set():
            raise HarnessError("the trial is over")

    def _halve(self) -> None:
        now = time.monotonic()
        if now - self._halved_at < HALVING_PAUSE_S:
            return
        self._halved_at = now
        window = self._in_flight + 1 if self._window is None else self._window
        self._window = max(1.0, window / 2)

    def _wait_s(self, tokens: int, now: float) -> float | None:
        """0 when a call may go, seconds until it might, None to wait for a release."""
        while self._recent and now - self._recent[0].entered_at >= WINDOW_S:
            self._recent.popleft()
        if now < self._resume_at:
            return self._resume_at - now
        if self._window is not None and self._in_flight >= max(1, int(self._window)):
            return None
        full = self.limits.rpm is not None and len(self._recent) >= self.limits.rpm
        if self.limits.tpm is not None:
            full |= tokens + sum(p.tokens for p in self._recent) > self.limits.tpm
        return self._recent[0].entered_at + WINDOW_S - now if full and self._recent else 0.0


class CallLog(Protocol):
    """Where calls are written down; `begin` returns only when that is durable."""

    def begin(self, call: CallBegin) -> None:
        """A call is about to be sent."""

    def end(self, call: CallEnd) -> None:
        """An announced call ended."""


@dataclass(frozen=True)
class Permit:
    """A call may go."""

    begin: CallBegin
    """As it was announced."""
    waited_s: float
    """For a slot or a rate limit."""


@dataclass(frozen=True)
class Denial:
    """A call may not go, because the trial's budget is used up."""

    short: Resource
    doubtful: bool
    """Only calls without a reply, which may have cost nothing, use it up."""


class RequestGate(Protocol):
    """Lets the calls of one trial go, and takes their account. Calls may come from threads."""

    def announce(self, begin: CallBegin, held: Amount) -> Permit | Denial:
        """Reserve a call, wait for its turn, and write it down durably.

        Raises:
            HarnessError: the run or the trial is ending, or it could not be written down.
        """

    def settle(self, end: CallEnd, spent: Amount, retry_after_s: float | None) -> None:
        """Take the account of an announced call: how it ended, and what it cost for the budgets.

        The provider wants no call of anybody before `retry_after_s`.
        """

    def give_up(self, call_id: str) -> None:
        """An announced call of which nobody knows what became: it counts as reserved."""

    def pause(self, seconds: float) -> None:
        """Sleep before another attempt. Raises `HarnessError`: the run or the trial is ending."""

    def shut(self) -> None:
        """Let no further call go, those that wait for their turn included."""


class LocalRequestGate:
    """The gate itself, beside the budgets and the ledger.

    Each step on the table of calls is one of the table's own: several threads call.
    """

    def __init__(self, budget: TrialBudget, limiter: Limiter, log: CallLog) -> None:
        self._budget = budget
        self._limiter = limiter
        self._log = log
        self._going: dict[str, tuple[Amount, LimiterSlot]] = {}
        self._over = threading.Event()

    def announce(self, begin: CallBegin, held: Amount) -> Permit | Denial:
        if (short := self._budget.hold(held)) is not None:
            return Denial(short, self._budget.held_by_doubt(held))
        try:
            slot = self._limiter.acquire(held.tokens, self._over)
        except BaseException:
            self._budget.settle(held, Amount())
            raise
        begin = begin.model_copy(update={"started_at": datetime.now(UTC)})
        self._going[begin.call_id] = held, slot
        try:
            if self._over.is_set():  # after the step above: `close` finds the call, or this does
                raise HarnessError("the trial is over")  # noqa: TRY301 - undone as any other
            self._log.begin(begin)
        except BaseException:
            if self._going.pop(begin.call_id, None):
                self._budget.settle(held, Amount())
                self._limiter.release(slot, tokens=0)
            raise
        return Permit(begin, slot.waited_s)

    def settle(self, end: CallEnd, spent: Amount, retry_after_s: float | None) -> None:
        """As `RequestGate.settle`; of a call that was given up only the log hears."""
        # Another machine's clock does not count: calls are laid side by side by when they ended.
        end = end.model_copy(update={"ended_at": datetime.now(UTC)})
        used = None if end.usage is None else end.usage.prompt + end.usage.output
        if going := self._going.pop(end.call_id, None):
            held, slot = going
            self._budget.settle(held, spent, certain=end.usage is not None)
            used = 0 if refused(end) else used
            limited = end.outcome == "rate_limited"
            self._limiter.release(slot, tokens=used, refused=limited, retry_after_s=retry_after_s)
        self._log.end(end)

    def give_up(self, call_id: str) -> None:
        """As `RequestGate.give_up`; of a call that is settled nothing is to be given up."""
        if going := self._going.pop(call_id, None):
            held, slot = going
            self._budget.settle(held, held, certain=False)
            self._limiter.release(slot, tokens=None)

    def pause(self, seconds: float) -> None:
        self._limiter.pause(seconds, self._over)

    @property
    def idle(self) -> bool:
        """Whether no call is on its way."""
        return not self._going

    def shut(self) -> None:
        """As `RequestGate.shut`; calls that wait leave the queue at once."""
        self._over.set()
        self._limiter.wake()

    def close(self) -> None:
        """Let no further call go, and give up those whose sender is lost."""
        self.shut()
        for call_id in list(self._going):
            self.give_up(call_id)


class AgentClock:
    """Counts the seconds that an agent has, from its making; waits of its threads may overlap."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._started = time.monotonic()
        self._excluded: list[tuple[float, float]] = []
        self._waiting: list[float] = []
        self._lock = threading.Lock()

    def exclude(self, seconds: float) -> None:
        """Take waiting that has just ended off the clock."""
        now = time.monotonic()
        with self._lock:
            _add(self._excluded, now - seconds, now)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Stands still inside: for slots, rate limits and retries."""
        started = time.monotonic()
        with self._lock:
            self._waiting.append(started)
        try:
            yield
        finally:
            with self._lock:
                self._waiting.remove(started)
                _add(self._excluded, started, time.monotonic())

    @property
    def excluded_s(self) -> float:
        """Seconds taken off so far; overlapping waits count once."""
        with self._lock:
            spans = list(self._excluded)
            if self._waiting:
                _add(spans, min(self._waiting), time.monotonic())
        return sum(end - start for start, end in spans)

    @property
    def wall_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def active_s(self) -> float:
        """Seconds that count."""
        return max(0.0, self.wall_s - self.excluded_s)

    @property
    def remaining_s(self) -> float:
        """Seconds left; 0 when the limit is reached."""
        return max(0.0, self._limit_s - self.active_s)


def _add(spans: list[tuple[float, float]], start: float, end: float) -> None:
    """Add a span that ends now to spans in order, none of which overlap."""
    while spans and spans[-1][1] >= start:
        start = min(start, spans.pop()[0])
    spans.append((start, end))
