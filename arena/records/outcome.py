"""What a trial may use, what it asks of a model, how it ended, and what became of it."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, model_validator

from arena.errors import FaultKind
from arena.records.base import CallOutcome, Message, Record, Stop, TestOutcome, Tokens, Verdict
from arena.records.container import WORKDIR
from arena.serialize import well_formed

MEMORY_SHARE = 0.8
"""Of a host's memory that running containers may be allowed together."""


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


class ReplyAccount(Record):
    """What a reply tells of itself, as far as it is written down."""

    returned_model: str | None = None
    upstream: str | None = None
    """Who served the call behind a router, where the reply says so."""
    fingerprint: str | None = None
    """Of what answered, where the reply says so (`system_fingerprint`)."""
    finish_reason: str | None = None
    truncated: bool = False
    """The output limit cut the reply."""
    usage: Usage | None = None
    raw_usage: JsonValue = None
    reported_usd: Decimal | None = None
    """Cost as the endpoint itself told it, whoever bills."""
    first_byte_s: float | None = None
    """From sending to the first byte of the body; None where it failed or was not noted."""


class Reply(ReplyAccount):
    """What came back from one completed call, or why no call can be made any more."""

    stop: Stop | None = None
    """Set when the conversation is over (a limit, context overflow, content filter)."""
    message: Message = Field(default_factory=dict)
    """The assistant message exactly as it came; append it to the history unchanged."""
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    redacted: bool = False
    """The endpoint repeated the key, which was taken out of all of it."""

    @property
    def account(self) -> dict[str, Any]:
        """Its fields that a `ReplyAccount` has."""
        return {name: getattr(self, name) for name in ReplyAccount.model_fields}


class CallIdentity(Record):
    """Which attempt of which trial."""

    call_id: str
    trial_id: str


class CallBegin(CallIdentity):
    """One attempt of one model call, written down durably before it is sent."""

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
    """Bytes of the prompt, more than its tokens can be: what a call never settled may cost."""
    output_limit: Tokens


class CallEnd(ReplyAccount, CallIdentity):
    """How an announced attempt ended; `usage` is estimated where a whole reply told none."""

    outcome: CallOutcome
    sent: bool = True
    """False when no connection was ever made, so that nothing can have been billed."""
    http_status: int | None = None
    error: str = ""
    """The provider's message, shortened, without keys."""
    requested_model: str
    repeated_tokens: Tokens = 0
    """Prompt tokens that a standard cache would have held: the smaller of this and the previous
    prompt where that is a byte-identical prefix, else 0."""
    wall_s: float
    """From sending to the end of the reply."""
    waited_s: float = 0.0
    """Before sending: for a slot, a rate limit or the next retry."""
    ended_at: datetime


class Limits(Record):
    """Per trial, the same for every contestant."""

    steps: int = Field(default=60, gt=0)
    """Completed model calls."""
    seconds: float = Field(default=900.0, gt=0)
    """The agent's clock: wall time less waiting for slots, rate limits and retries."""
    usd: Decimal | None = Field(default=None, gt=0)
    """Money for all calls of the trial; needs a backend with a price."""
    tokens: int | None = Field(default=None, gt=0)
    """Prompt and output tokens of all calls together."""
    output_tokens: int = Field(default=16_000, gt=0)
    """Per call; sent to every backend under its own parameter name."""
    command_seconds: float = Field(default=60.0, gt=0)
    """One command of the agent."""


class Budget(Record):
    """Ceilings above the limits of one trial; None is no ceiling."""

    usd: Decimal | None = Field(default=None, ge=0)
    """Money for all calls together."""
    tokens: int | None = Field(default=None, ge=0)
    """Prompt and output tokens of all calls together."""


class RaceRules(Record):
    """`[race]`: what `arena run --race` decides, and how sure it must be."""

    goal: Literal["best_value", "cheapest_not_worse"]
    """Highest value a task, or the cheapest that passes not less by `margin` than any other."""
    alpha: float = Field(default=0.05, gt=0, le=0.5)
    """Chance of a wrong answer, whenever the race ends."""
    value_usd: Decimal | None = Field(default=None, gt=0)
    """With `best_value`: what a pass is worth; a task's value is that less what the trial cost."""
    margin: float | None = Field(default=None, gt=0, lt=1)
    """With `cheapest_not_worse`: the loss of pass rate that is tolerated, as a share."""
    max_usd: Decimal | None = Field(default=None, gt=0)
    """Money for the whole race; a lower `budget.usd` holds as well."""

    @model_validator(mode="after")
    def _has_what_its_goal_needs(self) -> Self:
        needed = {"best_value": "value_usd", "cheapest_not_worse": "margin"}
        for goal, name in needed.items():
            if (getattr(self, name) is not None) != (self.goal == goal):
                raise ValueError(f"goal {self.goal!r} goes with {needed[self.goal]}, and no other")
        return self


class RacePlan(Record):
    """A race as it was fixed before its first call."""

    rules: RaceRules
    order: tuple[str, ...]
    """Ids of all tasks, in the order in which they are raced on."""


class SandboxLimits(Record):
    """What one container may use, the same for every contestant."""

    memory_mb: int = Field(default=1024, ge=64)
    """Memory; there is no swap."""
    cpus: float = Field(default=1.0, gt=0)
    """Share of cores."""
    pids: int = Field(default=256, ge=16)
    """Processes and threads."""
    tmp_mb: int = Field(default=256, ge=1)
    """Size of `/tmp`."""
    disk_mb: int = Field(default=1024, ge=16)
    """Growth of the writable layer before the container is killed."""
    file_mb: int = Field(default=512, ge=1)
    """Largest single file (RLIMIT_FSIZE)."""
    open_files: int = Field(default=4096, ge=64)
    """Open files of one process."""

    def fitting(self, memory_mb: int) -> int:
        """Containers that fit a host's memory together, at least one."""
        return max(1, int(memory_mb * MEMORY_SHARE // self.memory_mb))


class Brief(Record):
    """What an agent is told about its task."""

    task_id: str
    problem_statement: str
    workdir: str = WORKDIR
    limits: Limits
    nonce: str
    """Random, first in the prompt: keeps attempts from sharing a provider's prompt cache."""
    gold_patch: str | None = None
    """Given to the control that applies it, and to nobody else."""


class Flag(Record):
    """Something a person should look at. Flags never decide."""

    kind: str
    detail: str
    line: int | None = None
    """Line of the transcript or patch."""


KILLED = "killed by signal "
NO_CALL = "it ended without a call to its model"
"""How the details of an agent's error begin that reports tell apart from others."""


class Ending(Record):
    """How the agent stopped."""

    stop: Stop
    detail: str = ""
    mistakes: int = 0
    """Tool calls that were malformed, unknown or impossible, each answered with an observation."""
    flags: tuple[Flag, ...] = ()


class Fault(Record):
    """The harness, the engine or the provider broke; the model did not."""

    kind: FaultKind
    message: Annotated[str, AfterValidator(well_formed)]
    stops_contestant: bool = False
    """No further call of this contestant can succeed: wrong key, no credit, no such model."""


class Verification(Record):
    """What grading a patch in a fresh container showed."""

    verdict: Verdict
    reason: str = ""
    tests: dict[str, TestOutcome] = Field(default_factory=dict)
    stripped: tuple[str, ...] = ()
    """Protected paths the patch touched, removed before it was applied."""
    applied: Literal["exact", "fuzzy"] = "exact"
    """`fuzzy` where `git apply` refuses it and GNU `patch`, SWE-bench's next try, does not."""
    visible: Literal["passed", "failed"] | None = None
    """Outcome of those deciding tests that the agent could see and run; None where it saw none."""
    flags: tuple[Flag, ...] = ()
    strict: bool = False
    wall_s: float = 0.0


class TrialSpec(Record):
    """One pairing of task and contestant, one attempt."""

    id: str
    task_id: str
    contestant: str
    attempt: int = Field(ge=1)
    digest: str
    """Over task, image, limits and contestant: a finished trial with the same digest is kept."""


class TrialRecord(TrialSpec):
    """What became of one try of a trial. Stop, verdict and fault are three separate facts."""

    try_number: int = 1
    stop: Stop | None = None
    stop_detail: str = ""
    verification: Verification | None = None
    fault: Fault | None = None
    steps: int = 0
    mistakes: int = 0
    truncations: int = 0
    wall_s: float = 0.0
    active_s: float = 0.0
    """The agent's clock: without waiting for slots, rate limits and retries."""
    patch_bytes: int = 0
    patch_sha256: str = ""
    flags: tuple[Flag, ...] = ()
    started_at: datetime
    ended_at: datetime

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, or None for a trial that a fault ended."""
        return self.verification.verdict if self.verification else None
