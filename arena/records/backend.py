"""Backends with their prices and quirks, agents' capabilities, and contestants made of them."""

from datetime import date, time
from decimal import Decimal
from typing import Literal

from pydantic import Field, JsonValue

from arena.records.base import Api, CallOutcome, EffortLevel, Evidence, Record, Tokens, digest_of


class AgentCapabilities(Record):
    """What an agent is and needs; its module declares it."""

    label: str
    """One line for people."""
    apis: tuple[Api, ...] = ()
    """What it can speak to its model, the best first; empty for a control, which has no model."""
    needs_tools: bool = False
    """Its model must take tools."""
    needs_gateway: bool = False
    """It is a program of its own in the container, and reaches its model through the gateway."""
    given_gold: bool = False
    """It is given the task's fix, so it must pass every task that has one."""

    @property
    def control(self) -> bool:
        """Whether it bounds the results and is never ranked."""
        return not self.apis


class UnitPrices(Record):
    """Prices per million tokens."""

    input: Decimal = Field(ge=0)
    """Prompt tokens."""
    cached_input: Decimal | None = Field(default=None, ge=0)
    """Prompt tokens read from a cache; without it they cost the input price and are flagged."""
    cache_write: Decimal | None = Field(default=None, ge=0)
    """Prompt tokens written to a cache."""
    output: Decimal = Field(ge=0)
    """Output tokens, reasoning included."""


class PriceTier(UnitPrices):
    """Prices per million tokens, for calls of at least this size."""

    input_from: Tokens = 0
    """Smallest whole prompt (tokens) the tier applies to."""
    output_from: Tokens = 0
    """Smallest output (tokens) the tier applies to."""


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
    """First moment."""
    end: time
    """First moment after it."""
    zone: str = "UTC"
    """Name of the zone, such as `Asia/Shanghai`."""


class PriceRow(Record):
    """What one model costs at one provider during one period."""

    valid_from: date | None = None
    """First day on which the row applies."""
    valid_to: date | None = None
    """First day on which the row no longer applies."""
    currency: str = "USD"
    """Of all its prices."""
    tiers: tuple[PriceTier, ...] = Field(min_length=1)
    """By size of the call, the smallest first."""
    peak: tuple[PeakWindow, ...] = ()
    """When other prices apply."""
    peak_tiers: tuple[PriceTier, ...] = ()
    """Those other prices."""
    per_request: Decimal = Field(default=Decimal(0), ge=0)
    """For each call, whatever its size."""
    source: str = ""
    """Where this is known from."""
    checked_on: date | None = None
    """When that was looked at."""
    evidence: Evidence = "user"
    """How it is known."""


Mend = Literal["empty_turns", "empty_calls", "reasoning"]
"""What an endpoint may not take back: turns without text or calls, empty calls, reasoning."""


class Quirks(Record):
    """How an endpoint wants to be spoken to. The defaults are the plain OpenAI protocol."""

    output_limit_param: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """How it calls the limit of output tokens."""
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
    mends: tuple[Mend, ...] = ()
    """What of a turn it does not take back; mended in the history, where all else stays."""


class EffortRule(Record):
    """How one API of an endpoint is told how hard its model is to think."""

    levels: tuple[EffortLevel, ...] = ()
    """Those that make a difference, the least first; any other it would refuse, drop or round."""
    body: dict[str, JsonValue] = Field(default_factory=dict)
    """Part of every request, with `{effort}` for the level."""
    none: dict[str, JsonValue] = Field(default_factory=dict)
    """That part at level `none`, where it is another one."""
    values: dict[EffortLevel, JsonValue] = Field(default_factory=dict)
    """What stands for a level, such as a budget of tokens, where its name does not."""


class ErrorRule(Record):
    """How one provider says that a call went wrong. Every condition given must hold."""

    outcome: CallOutcome
    """What it means."""
    http: int | None = None
    """Status of the reply."""
    code: str | None = None
    """Regular expression for the whole error code, status or type."""
    message: str | None = None
    """Regular expression found anywhere in the message."""
    finish_reason: str | None = None
    """Of a reply that came with HTTP 200."""


class RateLimits(Record):
    """What one key may do at one provider. None is unlimited or unknown."""

    concurrency: int | None = Field(default=None, ge=1)
    """Calls at once."""
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
    translated_from: Api | None = None
    """What the agent speaks, where the gateway translates it to `api`."""
    endpoints: dict[Api, str] = Field(default_factory=dict)
    """Base URLs of all the APIs that the provider offers, where they are known."""
    refuses: tuple[str, ...] = ()
    """Body parameters that the endpoint answers with an error."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key; never the key."""
    quirks: Quirks = Quirks()
    chat_body: dict[str, JsonValue] = Field(default_factory=dict)
    """What the profile sends with every call over chat completions, and over no other API."""
    effort: dict[Api, EffortRule] = Field(default_factory=dict)
    """How hard its model can be told to think, by API."""
    error_rules: tuple[ErrorRule, ...] = ()
    """Tried in order, before the rules that hold everywhere."""
    rate: RateLimits = RateLimits()
    request_timeout_s: float = Field(default=600.0, gt=0)
    """Longest wait for one reply."""
    prices: tuple[PriceRow, ...] = ()
    bills_told_cost: bool | None = None
    """Whether the cost in a reply is the bill; None in runs older than this key, where it was."""
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
    """Whether chat completions take tools; else agents must speak text or another API."""
    caveats: tuple[str, ...] = ()
    """What a reader must know beside this backend's cost."""
    route_caveats: dict[Api, tuple[str, ...]] = Field(default_factory=dict)
    """Those that hold on one API alone; `caveats` has the ones of the API that is used."""
    profile_digest: str | None = None
    """Of the provider profile this was resolved from."""
    self_hosted: bool = False
    simulated: bool = False
    """The endpoint is not the provider's own: no number may carry the vendor's name."""

    def identity(self) -> JsonValue:
        """What makes two backends the same contestant: never prices, keys or descriptions."""
        quirks = self.quirks.model_dump(mode="json")
        if not self.quirks.mends:  # newer than the digests of earlier runs
            del quirks["mends"]
        own: dict[str, JsonValue] = {
            "provider": self.provider,
            "base_url": self.base_url,
            "model": self.model,
            "api": self.api,
            "quirks": quirks,
        }
        return {**own, "translated_from": self.translated_from} if self.translated_from else own


class ContestantSpec(Record):
    """An agent on a backend with its parameters."""

    name: str
    agent: str
    agent_digest: str
    """Digest of what the agent is: its kind, prompts and version."""
    backend: BackendSpec | None = None
    params: dict[str, JsonValue] = Field(default_factory=dict)
    effort: EffortLevel | None = None
    """How hard its model is told to think; None leaves that to the endpoint."""
    family: str = ""
    """Name in the configuration, which the contestants of its several efforts share."""
    control: bool = False
    """Bounds the results: shown apart, never ranked."""
    recorded_digest: str = ""
    """As the run that first met it computed it: later versions must still match its trials."""

    @property
    def digest(self) -> str:
        """Identity over agent, prompts, endpoint, requested model and parameters."""
        backend = self.backend.identity() if self.backend else None
        fresh = digest_of([self.agent, self.agent_digest, backend, self.params])
        return self.recorded_digest or fresh
