"""Where a trial's calls are allowed and accounted for: budget, rate limit and log in one step.

A gate is all that the trials of a run share, so it may stand in another process than the trial.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from arena.backend.limiter import Limiter, LimiterSlot
from arena.errors import HarnessError
from arena.money.budget import Amount, Resource, TrialBudget
from arena.money.statement import refused
from arena.records import CallBegin, CallEnd


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
        """Take the account of an announced call.

        Args:
            end: how it ended.
            spent: what it cost, for the budgets.
            retry_after_s: the provider wants no call of anybody before that.
        """

    def give_up(self, call_id: str) -> None:
        """An announced call of which nobody knows what became: it counts as reserved."""

    def pause(self, seconds: float) -> None:
        """Sleep before another attempt.

        Raises:
            HarnessError: the run or the trial is ending.
        """

    def shut(self) -> None:
        """Let no further call go, those that wait for their turn included."""


class LocalRequestGate:
    """The gate itself, beside the budgets and the ledger."""

    def __init__(self, budget: TrialBudget, limiter: Limiter, log: CallLog) -> None:
        self._budget = budget
        self._limiter = limiter
        self._log = log
        self._going: dict[str, tuple[Amount, LimiterSlot]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()

    def announce(self, begin: CallBegin, held: Amount) -> Permit | Denial:
        if (short := self._budget.hold(held)) is not None:
            return Denial(short, self._budget.held_by_doubt(held))
        try:
            permit = self._limiter.acquire(held.tokens, self._over)
        except BaseException:
            self._budget.settle(held, Amount())
            raise
        begin = begin.model_copy(update={"started_at": datetime.now(UTC)})
        try:
            self._enter(begin.call_id, held, permit)
            self._log.begin(begin)
        except BaseException:
            self._leave(begin.call_id, Amount(), certain=True, tokens=0)
            raise
        return Permit(begin, permit.waited_s)

    def settle(self, end: CallEnd, spent: Amount, retry_after_s: float | None) -> None:
        """As `RequestGate.settle`; of a call that was given up only the log hears.

        Another machine's clock does not count: calls are laid side by side by when they ended.
        """
        end = end.model_copy(update={"ended_at": datetime.now(UTC)})
        used = None if end.usage is None else end.usage.prompt + end.usage.output
        self._leave(
            end.call_id,
            spent,
            certain=end.usage is not None,
            tokens=0 if refused(end) else used,
            refused=end.outcome == "rate_limited",
            retry_after_s=retry_after_s,
        )
        self._log.end(end)

    def give_up(self, call_id: str) -> None:
        """As `RequestGate.give_up`; of a call that is settled nothing is to be given up."""
        self._leave(call_id, None, certain=False, tokens=None)

    def pause(self, seconds: float) -> None:
        self._limiter.pause(seconds, self._over)

    @property
    def idle(self) -> bool:
        """Whether no call is on its way."""
        with self._lock:
            return not self._going

    def shut(self) -> None:
        """As `RequestGate.shut`; calls that wait leave the queue at once."""
        with self._lock:
            self._over.set()
        self._limiter.wake()

    def close(self) -> None:
        """Let no further call go, and give up those whose sender is lost."""
        self.shut()
        with self._lock:
            left = list(self._going)
        for call_id in left:
            self.give_up(call_id)

    def _enter(self, call_id: str, held: Amount, permit: LimiterSlot) -> None:
        with self._lock:
            self._going[call_id] = held, permit
            over = self._over.is_set()
        if over:
            raise HarnessError("the trial is over")

    def _leave(
        self,
        call_id: str,
        spent: Amount | None,
        *,
        certain: bool,
        tokens: int | None,
        refused: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        """A call is over, once; where nobody knows what it cost, it cost what it held."""
        with self._lock:
            going = self._going.pop(call_id, None)
        if going is None:
            return
        held, slot = going
        self._budget.settle(held, held if spent is None else spent, certain=certain)
        self._limiter.release(slot, tokens=tokens, refused=refused, retry_after_s=retry_after_s)
