"""One model call: what is asked, what comes back, and what the ledger keeps of it."""

from datetime import datetime
from decimal import Decimal

from pydantic import Field, JsonValue

from arena.records.base import CallOutcome, Message, Record, Stop, Tokens


class Usage(Record):
    """Tokens of one call: `input_fresh + cache_read + cache_write` is the whole prompt."""

    input_fresh: Tokens
    cache_read: Tokens = 0
    cache_write: Tokens = 0
    output: Tokens
    """All generated tokens, reasoning included."""
    reasoning: Tokens = 0
    """The part of `output` that was reasoning."""
    estimated: bool = False
    """Counted by us because the reply carried no usage."""

    @property
    def prompt(self) -> int:
        """Whole prompt in tokens."""
        return self.input_fresh + self.cache_read + self.cache_write


class ToolSpec(Record):
    """A function the model may call; `parameters` is a JSON schema."""

    name: str
    description: str
    parameters: dict[str, JsonValue]


class ToolCall(Record):
    """A call the model asked for. `arguments` is its own text, JSON or not."""

    id: str
    name: str
    arguments: str


class Reply(Record):
    """What came back from one completed call, or why no call can be made any more."""

    stop: Stop | None = None
    """Set when the conversation is over (a limit, context overflow, content filter)."""
    message: Message = Field(default_factory=dict)
    """The assistant message exactly as it came; append it to the history unchanged."""
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    truncated: bool = False
    """The output limit cut the reply."""
    returned_model: str | None = None
    upstream: str | None = None
    """Who served the call behind a router, where the reply says so."""
    usage: Usage | None = None
    raw_usage: JsonValue = None
    reported_usd: Decimal | None = None
    """Cost as the provider itself told it."""


class CallBegin(Record):
    """One attempt of one model call, written down durably before it is sent."""

    call_id: str
    trial_id: str
    try_number: int = 1
    contestant: str
    endpoint: str
    """Base URL; calls of one endpoint share its hourly price."""
    model: str
    step: int
    """Which completed call of the trial this attempt is for, from 1."""
    attempt: int
    """Attempts for this step, from 1."""
    started_at: datetime
    prompt_estimate: Tokens
    """Expected prompt: what budgets reserve."""
    prompt_bound: Tokens
    """More than the prompt can be (its bytes): what a call that was never settled may have cost."""
    output_limit: Tokens


class CallEnd(Record):
    """How an announced attempt ended.

    Usage is as the provider told it; estimated where a whole reply told none; else None.
    """

    call_id: str
    trial_id: str
    outcome: CallOutcome
    sent: bool = True
    """False when no connection was ever made, so that nothing can have been billed."""
    http_status: int | None = None
    error: str = ""
    """The provider's message, shortened, without keys."""
    requested_model: str
    returned_model: str | None = None
    upstream: str | None = None
    finish_reason: str | None = None
    truncated: bool = False
    usage: Usage | None = None
    raw_usage: JsonValue = None
    reported_usd: Decimal | None = None
    """Cost as the provider itself told it."""
    repeated_tokens: Tokens = 0
    """Prompt tokens that a standard cache would have held: the smaller of this and the previous
    prompt when the earlier messages are a byte-identical prefix of these, else 0."""
    wall_s: float
    """From sending to the end of the reply."""
    waited_s: float = 0.0
    """Before sending: for a slot, a rate limit or the next retry."""
    ended_at: datetime
