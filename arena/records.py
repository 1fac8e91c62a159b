"""Frozen data that crosses seams. No behaviour beyond what follows from the fields.

Digests are sha256 over canonical JSON (sorted keys, no blanks), so they do not depend on the
machine, on file times or on key order.
"""

import hashlib
import json
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from arena.errors import FaultKind

Language = Literal["python", "javascript", "go", "other"]
Difficulty = Literal["easy", "medium", "hard", "unknown"]
Runner = Literal["pytest", "node", "go", "junit", "blackbox", "script"]
Assurance = Literal["ids", "exit_code", "reward_file"]
Evidence = Literal["live", "docs", "code", "recalled", "user"]

Verdict = Literal[
    "passed", "failed", "no_patch", "invalid_patch", "timeout", "resource", "integrity"
]
Stop = Literal[
    "submitted",  # the agent said it is done
    "gave_up",  # it ended without saying so
    "steps",
    "seconds",
    "usd",
    "tokens",
    "context_overflow",  # the conversation no longer fits the model
    "content_filter",  # the provider refused the content
    "container_ended",  # the agent ended or filled its own container
    "agent_error",  # the agent's own program broke
]
TestOutcome = Literal["passed", "failed", "error", "skipped", "missing"]
CallOutcome = Literal[
    "ok",
    "rate_limited",
    "overloaded",
    "quota_exhausted",
    "auth",
    "bad_request",
    "context_overflow",
    "content_filter",
    "timeout",
    "connection",
    "malformed_reply",
]
Api = Literal["chat", "messages", "responses"]
CostStatus = Literal["known", "estimated", "partial", "unknown"]

Message = dict[str, JsonValue]
"""One chat message exactly as the OpenAI protocol writes it; an assistant's is kept verbatim."""

Tokens = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """Base of all records: frozen, closed, documented by attribute docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def digest_of(value: JsonValue) -> str:
    """Sha256 (hex) of a JSON value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


# ── tasks ──────────────────────────────────────────────────────────────────────────────────────


class TestPlan(Record):
    """Which hidden tests decide, and how they are run."""

    runner: Runner
    fail_to_pass: tuple[str, ...] = Field(min_length=1)
    """Ids that fail before the fix and must be `passed` after it."""
    pass_to_pass: tuple[str, ...] = ()
    must_fail: tuple[str, ...] = ()
    """Ids of the authored twins: tests with a wrong expected value, failing even after the fix."""
    command: tuple[str, ...] = ()
    """What runner `junit` starts; `{report}` stands for the file that its report belongs in."""
    plugins: tuple[str, ...] = ()
    """Plugins that pytest loads, named as after `-p`; no others are loaded."""
    options: tuple[str, ...] = ()
    """pytest settings, each `name=value`; the repository's own settings do not count."""
    timeout_s: float = Field(default=120.0, gt=0)
    """Time limit for the whole verification command."""

    @model_validator(mode="after")
    def _ids_are_distinct(self) -> "TestPlan":
        ids = (*self.fail_to_pass, *self.pass_to_pass, *self.must_fail)
        if len(set(ids)) != len(ids):
            twice = sorted({i for i in ids if ids.count(i) > 1})
            raise ValueError(f"test ids appear twice: {', '.join(twice)}")
        return self


class Task(Record):
    """One repository-fix task. `root` holds its files; everything else is in the digest."""

    id: str
    """`<pack>/<name>`"""
    pack: str
    title: str
    language: Language
    difficulty: Difficulty = "unknown"
    image: str
    """Folder under `sandboxes/` whose image the task's tree is laid on."""
    tags: tuple[str, ...] = ()
    problem_statement: str
    tests: TestPlan
    allow: tuple[str, ...] = ()
    """Protected paths that a patch to this task may touch."""
    impossible: bool = False
    """A control whose visible tests contradict the statement: a pass is a signal, never a score."""
    private: bool = False
    """Content that may only go to backends a `[policy]` allows."""
    assurance: Assurance = "ids"
    repository: str | None = None
    """The project a task comes from, where several tasks share one (clusters in statistics)."""
    instance_id: str | None = None
    """Its id in the suite that it was imported from."""
    quarantined: tuple[str, ...] = ()
    """Test ids that proved unstable and were taken out of the plan."""
    digest: str
    """Sha256 over everything that can change a result: statement, tree, tests, plan."""
    root: Path = Field(exclude=True)


# ── backends and contestants ───────────────────────────────────────────────────────────────────


class PriceTier(Record):
    """Unit prices per million tokens, for calls of at least this size."""

    input_from: Tokens = 0
    """Smallest whole prompt (tokens) the tier applies to."""
    output_from: Tokens = 0
    input: Decimal = Field(ge=0)
    cached_input: Decimal | None = Field(default=None, ge=0)
    cache_write: Decimal | None = Field(default=None, ge=0)
    output: Decimal = Field(ge=0)


class FxRate(Record):
    """US dollars for one unit of a currency on one day."""

    currency: str
    usd: Decimal = Field(gt=0)
    on: date
    source: str


class PeakWindow(Record):
    """Hours at which `peak_tiers` apply, in the vendor's zone."""

    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    """ISO weekdays, Monday is 1."""
    start: time
    end: time
    zone: str = "UTC"


class PriceRow(Record):
    """What one model costs at one provider during one period."""

    valid_from: date | None = None
    valid_to: date | None = None
    """First day on which the row no longer applies."""
    currency: str = "USD"
    tiers: tuple[PriceTier, ...] = Field(min_length=1)
    peak: tuple[PeakWindow, ...] = ()
    peak_tiers: tuple[PriceTier, ...] = ()
    per_request: Decimal = Field(default=Decimal(0), ge=0)
    source: str = ""
    checked_on: date | None = None
    evidence: Evidence = "user"


class Quirks(Record):
    """How an endpoint wants to be spoken to. The defaults are the plain OpenAI protocol."""

    output_limit_param: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """Sent with every call, such as a switch for thinking or the pinned upstream of a router."""
    stream: bool = False
    """Ask for a stream; some models refuse anything else."""
    stream_usage: bool = True
    """Ask for usage in the last chunk of a stream."""
    messages_bearer: bool = False
    """At its Messages API: the key goes into `Authorization`, not into `x-api-key`."""
    reasoning_in_output: bool | None = None
    """Whether `completion_tokens` counts reasoning; None tells it from the total of each reply."""


class ErrorRule(Record):
    """How one provider says that a call went wrong. Every condition given must hold."""

    outcome: CallOutcome
    http: int | None = None
    code: str | None = None
    """Regular expression for the whole error code, status or type."""
    message: str | None = None
    """Regular expression found anywhere in the message."""
    finish_reason: str | None = None
    """Of a reply that came with HTTP 200."""


class RateLimits(Record):
    """What one key may do at one provider. None is unlimited or unknown."""

    concurrency: int | None = Field(default=None, ge=1)
    rpm: int | None = Field(default=None, ge=1)
    """Requests per minute."""
    tpm: int | None = Field(default=None, ge=1)
    """Prompt and output tokens per minute."""


class BackendSpec(Record):
    """One model behind one endpoint, resolved: nothing is looked up after this."""

    name: str
    """Catalogue name (`provider/model`) or `host/model` for an inline table."""
    provider: str | None = None
    model: str
    base_url: str
    api: Api = "chat"
    endpoints: dict[Api, str] = Field(default_factory=dict)
    """Base URLs of all the APIs that the provider offers, where they are known."""
    refuses: tuple[str, ...] = ()
    """Body parameters that the endpoint answers with an error."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; never the key."""
    quirks: Quirks = Quirks()
    error_rules: tuple[ErrorRule, ...] = ()
    """Tried in order, before the rules that hold everywhere."""
    rate: RateLimits = RateLimits()
    request_timeout_s: float = Field(default=600.0, gt=0)
    """Longest wait for one reply."""
    prices: tuple[PriceRow, ...] = ()
    hourly_usd: Decimal | None = Field(default=None, ge=0)
    """Price of the machine that serves the model, for self-hosted backends."""
    lab: str | None = None
    country: str | None = None
    """ISO code of the country of the lab that trained the model."""
    provider_country: str | None = None
    """ISO code of the country of the company that serves it."""
    residency: str | None = None
    """ISO code of the country where requests are processed; `self` on an own server."""
    open_weights: bool | None = None
    trains_on_data: bool | None = None
    """Whether the provider may train on what it is sent; None is unknown."""
    context_window: int | None = None
    retires_on: date | None = None
    chat_tools: bool = True
    """Whether chat completions take tools; else the built-in agent must speak text, and agents of
    others another API."""
    caveats: tuple[str, ...] = ()
    """What a reader must know beside this backend's cost."""
    profile_digest: str | None = None
    """Of the provider profile this was resolved from."""
    self_hosted: bool = False
    simulated: bool = False
    """The endpoint is not the provider's own: no number may carry the vendor's name."""

    def identity(self) -> JsonValue:
        """What makes two backends the same contestant: never prices, keys or descriptions."""
        return {
            "provider": self.provider,
            "base_url": self.base_url,
            "model": self.model,
            "api": self.api,
            "quirks": self.quirks.model_dump(mode="json"),
        }


class ContestantSpec(Record):
    """An agent on a backend with its parameters."""

    name: str
    agent: str
    agent_digest: str
    """Digest of what the agent is: its kind, prompts and version."""
    backend: BackendSpec | None = None
    params: dict[str, JsonValue] = Field(default_factory=dict)
    control: bool = False
    """Oracle and nop: shown apart, never ranked."""

    recorded_digest: str = ""
    """The digest as the run that met the contestant first computed it: a later version of Arena,
    whose records have more fields, must still match that run's trials."""

    @property
    def digest(self) -> str:
        """Identity over agent, prompts, endpoint, requested model and parameters."""
        backend = self.backend.identity() if self.backend else None
        fresh = digest_of([self.agent, self.agent_digest, backend, self.params])
        return self.recorded_digest or fresh


# ── limits ─────────────────────────────────────────────────────────────────────────────────────


class Limits(Record):
    """Per trial, the same for every contestant."""

    steps: int = Field(default=60, gt=0)
    """Completed model calls."""
    seconds: float = Field(default=900.0, gt=0)
    """The agent's clock: wall time less waiting for slots, rate limits and retries."""
    usd: Decimal | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)
    """Prompt and output tokens of all calls together."""
    output_tokens: int = Field(default=16_000, gt=0)
    """Per call; sent to every backend under its own parameter name."""
    command_seconds: float = Field(default=60.0, gt=0)
    """One command of the agent."""


class Budget(Record):
    """Ceilings above the limits of one trial; None is no ceiling."""

    usd: Decimal | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)


class SandboxLimits(Record):
    """What one container may use, the same for every contestant."""

    memory_mb: int = Field(default=1024, ge=64)
    cpus: float = Field(default=1.0, gt=0)
    pids: int = Field(default=256, ge=16)
    tmp_mb: int = Field(default=256, ge=1)
    disk_mb: int = Field(default=1024, ge=16)
    """Growth of the writable layer before the container is killed."""
    file_mb: int = Field(default=512, ge=1)
    """Largest single file (RLIMIT_FSIZE)."""
    open_files: int = Field(default=4096, ge=64)


# ── one model call ─────────────────────────────────────────────────────────────────────────────


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


# ── sandbox ────────────────────────────────────────────────────────────────────────────────────


class ExecResult(Record):
    """How a command in a sandbox ended. Anything a command can cause is a result, not an error."""

    exit_code: int | None
    """None when the command did not end by itself."""
    stdout: bytes = b""
    stderr: bytes = b""
    ended: Literal["exited", "timeout", "container_ended"] = "exited"
    truncated_bytes: int = 0
    """Output beyond the limit, drained and dropped."""
    wall_s: float

    @property
    def text(self) -> str:
        """Stdout then stderr, decoded with replacement."""
        return (self.stdout + self.stderr).decode("utf-8", "replace")


class File(Record):
    """A regular file to put into a sandbox; `path` is absolute or relative to the work tree."""

    path: str
    data: bytes
    mode: int = 0o644


class Change(Record):
    """One path of the work tree that differs from the image, as the engine tells it."""

    path: str
    """Relative to the work tree, with `/`."""
    kind: Literal["added", "modified", "deleted"]


class Entry(Record):
    """What is at a path: a regular file, a link, or something that no patch may hold."""

    kind: Literal["file", "symlink", "directory", "other", "absent"]
    data: bytes = b""
    """Content of a file, target of a symlink."""
    mode: int = 0
    too_large: bool = False


# ── outcome ────────────────────────────────────────────────────────────────────────────────────


class Brief(Record):
    """What an agent is told about its task."""

    task_id: str
    problem_statement: str
    workdir: str = "/repo"
    limits: Limits
    nonce: str
    """Random, first in the prompt: keeps attempts from sharing a provider's prompt cache."""
    gold_patch: str | None = None
    """Given to the oracle control alone."""


class Ending(Record):
    """How the agent stopped."""

    stop: Stop
    detail: str = ""
    mistakes: int = 0
    """Tool calls that were malformed, unknown or impossible, each answered with an observation."""


class Flag(Record):
    """Something a person should look at. Flags never decide."""

    kind: str
    detail: str
    line: int | None = None
    """Line of the transcript or patch."""


class Fault(Record):
    """The harness, the engine or the provider broke; the model did not."""

    kind: FaultKind
    message: str
    stops_contestant: bool = False
    """No further call of this contestant can succeed: wrong key, no credit, no such model."""


class Verification(Record):
    """What grading a patch in a fresh container showed."""

    verdict: Verdict
    reason: str = ""
    tests: dict[str, TestOutcome] = Field(default_factory=dict)
    stripped: tuple[str, ...] = ()
    """Protected paths the patch touched, removed before it was applied."""
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


class TrialRecord(Record):
    """What became of one try of a trial. Stop, verdict and fault are three separate facts."""

    id: str
    task_id: str
    contestant: str
    attempt: int
    digest: str
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
