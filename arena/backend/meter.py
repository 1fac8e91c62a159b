"""The metered backend of one trial: limits before a call, the account of it after.

No agent talks to an endpoint but through this. Each attempt is one billed call: announced durably
before it is sent, settled when it ended, whatever became of it.
"""

import secrets
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from arena.backend import apis, chat
from arena.backend.apis import HistoryMender
from arena.backend.call import RETRYABLE, Call, LimitReached, RetryPolicy, Sender
from arena.backend.chat import Prompt
from arena.backend.limiter import AgentClock, Denial, RequestGate
from arena.backend.replies import CallFailed
from arena.errors import ProviderError
from arena.money import usage
from arena.money.budget import Amount
from arena.money.statement import FIRST_CALL_S, REFUSALS, CallPricing, RecordedCall
from arena.protocols import CallTotals, Transcript
from arena.records import (
    BackendSpec,
    CallBegin,
    CallEnd,
    FxRate,
    Limits,
    Message,
    Reply,
    Stop,
    ToolSpec,
    Usage,
)

FIRST_TOKENS_PER_BYTE = 0.4
"""Before any reply told better; English and code are nearer to 0.3."""
NEARLY_S = 0.05
"""A timeout that fires this early still is the agent's own deadline."""
CONVERSATIONS = 4
"""Prompts that a new one may continue: an agent may hold several conversations at once."""


@dataclass(frozen=True)
class Endpoint:
    """A backend as a run reaches it."""

    spec: BackendSpec
    sender: Sender
    retry: RetryPolicy
    fx: Sequence[FxRate]


@dataclass(frozen=True)
class CallOwner:
    """Whose calls these are."""

    trial_id: str
    try_number: int
    contestant: str


@dataclass
class _Announced:
    begin: CallBegin
    held: Amount
    sent_at: float
    waited_s: float


@dataclass(kw_only=True, eq=False, repr=False)
class TrialBackend:
    """`arena.protocols.Backend` for one trial. Calls may come from several threads."""

    endpoint: Endpoint
    gate: RequestGate
    owner: CallOwner
    limits: Limits
    transcript: Transcript
    clock: AgentClock
    tally: CallTotals = field(default_factory=CallTotals)

    def __post_init__(self) -> None:
        self.spec = self.endpoint.spec
        self._pricing = CallPricing(self.spec, self.endpoint.fx)
        self._lock = threading.Lock()
        self._in_flight = 0
        self._previous: deque[tuple[Prompt, int]] = deque(maxlen=CONVERSATIONS)
        self._tokens_per_byte = FIRST_TOKENS_PER_BYTE
        self._longest_s = FIRST_CALL_S
        self._mending = HistoryMender(self.spec)

    def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        """One answer, after as many attempts as it takes.

        Raises:
            ProviderError: the endpoint did not serve the call after every allowed retry.
            HarnessError: the call could not be written down.
        """
        limit = self.limits.output_tokens
        history, notes = self._mending.applied(messages)
        for note in notes:
            self.transcript.add("note", {"text": note})
        prompt = Prompt.of(history, tools)
        body = apis.DIALECTS[self.spec.api].request_body(self.spec, prompt, limit)
        try:
            return self.perform(Call(prompt, body, limit))
        except LimitReached as reached:
            return Reply(stop=reached.stop)
        except CallFailed as failed:
            if self._mending.learns(failed, messages):
                return self.complete(messages, tools)
            if (stop := self.stop_of(failed)) is None:
                raise self.fault(failed) from None
            return failed.reply.model_copy(update={"stop": stop})

    def perform(self, call: Call) -> Reply:
        """One answer to a whole request; besides the errors of `complete`, it raises these.

        Raises:
            LimitReached: no call may be made any more.
            CallFailed: how the last attempt ended, when no further one can help.
        """
        attempt, backoff_s, waited_s = 0, 0.0, 0.0
        while True:
            step = self._take_step()
            attempt += 1
            going = self._announce(call, step, attempt, waited_s)
            timeout_s = max(0.001, min(self.spec.request_timeout_s, self.clock.remaining_s))
            send = self.endpoint.sender.send
            try:
                reply = send(self.spec, call.body, timeout_s=timeout_s, relay=call.relay)
            except CallFailed as failed:
                self._settle(going, call.prompt, failed.reply, failed)
                failed.attempts = attempt
                waited_s = self._before_next(failed, call, backoff_s, going)
                backoff_s += waited_s
            except BaseException:  # nobody knows what became of it
                self.gate.give_up(going.begin.call_id)
                self._left()
                raise
            else:
                reply = _counted(reply, going.begin)
                try:
                    if call.relay is not None:  # whoever waits need not wait for the account
                        call.relay.finish(reply)
                finally:
                    self._settle(going, call.prompt, reply)
                return reply

    def shut(self) -> None:
        """Send no further call: the agent has ended. Those on their way are still accounted for."""
        self.gate.shut()

    def stop_of(self, failed: CallFailed) -> Stop | None:
        """How a failed call ends the trial of an agent that cannot mend it; None is a fault."""
        if failed.outcome in ("context_overflow", "content_filter"):
            return failed.outcome
        return "seconds" if self._is_late(failed) else None

    def fault(self, failed: CallFailed) -> ProviderError:
        """A failed call as a fault of the provider."""
        gone = failed.outcome == "auth" or failed.is_gone
        stops = gone and not self.is_about_one_call(failed)
        what = f"{failed.outcome} after {failed.attempts} attempts: {failed.message}"
        return ProviderError(
            f"{self.spec.name}: {what}",
            stops_contestant=stops or failed.outcome == "quota_exhausted",
        )

    def is_about_one_call(self, failed: CallFailed) -> bool:
        """Whether what is called gone or forbidden is so for this call alone: others succeeded."""
        return failed.is_gone and self.tally.steps > 0

    # ── before ─────────────────────────────────────────────────────────────────────────────────

    def _take_step(self) -> int:
        """Check the trial's own limits, and reserve a step: its number, from 1."""
        if self.clock.remaining_s <= 0:
            raise LimitReached("seconds")
        with self._lock:
            if self.tally.steps + self._in_flight >= self.limits.steps:
                raise LimitReached("steps")
            self._in_flight += 1
            return self.tally.steps + self._in_flight

    def _announce(self, call: Call, step: int, attempt: int, waited_s: float) -> _Announced:
        with self._lock:
            asked = int(call.prompt.size * self._tokens_per_byte) + 1
        held = self._pricing.expected(asked, call.output_limit, self._longest_s)
        begin = CallBegin(
            call_id=secrets.token_hex(8),
            trial_id=self.owner.trial_id,
            try_number=self.owner.try_number,
            contestant=self.owner.contestant,
            endpoint=self.spec.base_url,
            model=self.spec.model,
            step=step,
            attempt=attempt,
            started_at=datetime.now(UTC),
            prompt_estimate=asked,
            prompt_bound=len(call.body) + chat.TEMPLATE_TOKENS,  # a token is at least a byte
            output_limit=call.output_limit,
        )
        try:
            with self.clock.waiting():
                answer = self.gate.announce(begin, held)
        except BaseException:
            self._left()
            raise
        if isinstance(answer, Denial):
            self._left()
            if not answer.doubtful:
                raise LimitReached(answer.short)
            # No outcome of the agent: perhaps nothing was spent.
            rest = f"calls without a reply may have cost the rest of limits.{answer.short}"
            raise ProviderError(f"{self.spec.name}: {rest}")
        return _Announced(answer.begin, held, time.monotonic(), waited_s + answer.waited_s)

    # ── after ──────────────────────────────────────────────────────────────────────────────────

    def _settle(
        self, going: _Announced, prompt: Prompt, reply: Reply, failed: CallFailed | None = None
    ) -> None:
        wall_s = time.monotonic() - going.sent_at
        if failed is not None and failed.outcome in REFUSALS and chat.says(reply.message):
            reply = _counted(reply, going.begin)
        end = CallEnd(
            call_id=going.begin.call_id,
            trial_id=going.begin.trial_id,
            outcome=failed.outcome if failed else "ok",
            sent=failed is None or failed.sent,
            http_status=failed.http_status if failed else 200,
            error=failed.message if failed else "",
            requested_model=self.spec.model,
            repeated_tokens=self._repeated(prompt, reply.usage),
            wall_s=wall_s,
            waited_s=going.waited_s,
            ended_at=datetime.now(UTC),
            **reply.account,
        )
        spent = self._pricing.spent(RecordedCall(going.begin, end), going.held)
        self._note(prompt, reply, end, spent)
        self.gate.settle(end, spent, failed.retry_after_s if failed else None)
        shown = end.model_dump(mode="json", exclude_none=True, exclude={"trial_id", "raw_usage"})
        place = {"step": going.begin.step, "attempt": going.begin.attempt}
        self.transcript.add("call", {**place, **shown})

    def _repeated(self, prompt: Prompt, used: Usage | None) -> int:
        with self._lock:
            earlier = list(self._previous)
        held = max((tokens for one, tokens in earlier if prompt.extends(one)), default=0)
        return min(used.prompt, held) if used else 0

    def _note(self, prompt: Prompt, reply: Reply, end: CallEnd, spent: Amount) -> None:
        with self._lock:
            self._in_flight -= 1
            self.tally.redactions += reply.redacted
            if end.usage is not None:
                self.tally.prompt_tokens += end.usage.prompt
                self.tally.output_tokens += end.usage.output
                self.tally.cost_usd += spent.usd
                self._previous.append((prompt, end.usage.prompt))
                if not end.usage.estimated and prompt.size:
                    self._tokens_per_byte = end.usage.prompt / prompt.size
            if end.outcome == "ok":
                self.tally.steps += 1
                self.tally.truncations += end.truncated
                self._longest_s = max(self._longest_s, end.wall_s)

    # ── when it failed ─────────────────────────────────────────────────────────────────────────

    def _is_late(self, failed: CallFailed) -> bool:
        return failed.outcome in RETRYABLE and self.clock.remaining_s <= NEARLY_S

    def _before_next(
        self, failed: CallFailed, call: Call, backoff_s: float, going: _Announced
    ) -> float:
        """Take the failed attempt off the agent's clock, wait; seconds waited.

        Raises the failure itself where no further attempt can or may succeed.
        """
        if self._is_late(failed):
            raise failed
        self.clock.exclude(time.monotonic() - going.sent_at)
        delay_s = self.endpoint.retry.delay_s(
            failed.outcome, failed.attempts, waited_s=backoff_s, retry_after_s=failed.retry_after_s
        )
        if failed.final or delay_s is None or (call.relay is not None and call.relay.closed):
            raise failed
        with self.clock.waiting():
            self.gate.pause(delay_s)
        if call.relay is not None:
            call.relay.restart()
        return delay_s

    def _left(self) -> None:
        with self._lock:
            self._in_flight -= 1


def _counted(reply: Reply, begin: CallBegin) -> Reply:
    """A reply with its usage, estimated where the endpoint told none, or nothing for something."""
    told = reply.usage
    if told is not None and told.prompt and (told.output or not chat.says(reply.message)):
        return reply
    guessed = usage.estimate(begin.prompt_estimate, len(chat.encoded(reply.message)))
    if told is not None and told.prompt:
        guessed = told.model_copy(update={"output": guessed.output, "estimated": True})
    elif told is not None and told.output:
        kept = {"output": told.output, "reasoning": told.reasoning}
        guessed = guessed.model_copy(update=kept)
    return reply.model_copy(update={"usage": guessed})
