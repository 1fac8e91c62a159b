"""The form of a provider profile: one closed TOML file a provider, facts only, no code.

Everything says where it comes from: `source`, `checked_on`, and as `evidence` whether it was seen
live, read in documentation or in third-party code, or only recalled.
"""

from datetime import date
from typing import Literal

from pydantic import Field, JsonValue

from arena.records import Api, ErrorRule, Evidence, PriceRow, Quirks, RateLimits, Record
from arena.records.address import Address

Status = Literal["listed", "deprecated", "retired", "alias"]


class Region(Record):
    """One address of a provider."""

    base_url: Address
    """Of chat completions."""
    endpoints: dict[Api, Address] = Field(default_factory=dict)
    """Base URLs of the APIs it offers beside chat completions."""
    residency: str | None = None
    """ISO code of the country where requests are processed; None is unknown."""
    key_env: tuple[str, ...] = ()
    """Where the key differs from the provider's."""
    trains_on_data: bool | None = None
    """Where it differs from the provider's."""
    note: str = ""
    """For whoever reads the file."""


class Rules(Record):
    """What the endpoint does with a request, as far as a user's own parameters can break it."""

    reasoning_field: str | None = None
    """Where the reply carries reasoning; None is unknown or nowhere."""
    replay: Literal["required", "kept", "impossible", "template"] | None = None
    """What must happen to reasoning in later requests of a tool loop."""
    thinking: Literal["on", "off", "model"] | None = None
    """What it is when nothing is asked for."""
    thinking_off: dict[str, JsonValue] = Field(default_factory=dict)
    """Body that turns thinking off; empty where that is impossible or unknown."""
    tool_choice: tuple[str, ...] = ()
    """Accepted values; empty is unknown."""
    temperature: Literal["free", "one", "ignored", "refused", "up_to_one"] | None = None
    """What becomes of a temperature."""
    refuses: tuple[str, ...] = ()
    """Body parameters answered with an error."""
    ignores: tuple[str, ...] = ()
    """Body parameters accepted and silently dropped."""
    rate_limit_headers: tuple[str, ...] = ()
    """Headers of a reply that tell what is left."""


class ModelPrice(PriceRow):
    """A price row of a profile."""

    regions: tuple[str, ...] = ()
    """Regions it applies to; all when empty."""


class ModelQuirks(Record):
    """Where one model differs from its provider."""

    output_limit_param: Literal["max_tokens", "max_completion_tokens"] | None = None
    """How it calls the limit of output tokens."""
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """Sent over chat completions alone."""
    stream: bool | None = None
    """Ask for a stream."""
    reasoning_in_output: bool | None = None
    """Whether `completion_tokens` counts reasoning."""


class ModelRow(Record):
    """One model at one provider."""

    id: str
    """As the endpoint calls it, and after the `/` of its catalogue name."""
    label: str = ""
    """As reports call it."""
    lab: str | None = None
    """Who trained it, where that is not the provider."""
    country: str | None = None
    """ISO code of the lab's country, where that is not the provider's."""
    open_weights: bool | None = None
    """Whether the weights can be had; unknown when left out."""
    licence: str | None = None
    """Of the weights."""
    context_window: int | None = None
    """Tokens of prompt and output together."""
    regions: tuple[str, ...] = ()
    """Regions that serve it; all when empty."""
    status: Status = "listed"
    """Whether it is still served."""
    retires_on: date | None = None
    """First day on which it no longer answers as itself."""
    redirects_to: str | None = None
    """What answers under this name instead, silently."""
    alias_of: str | None = None
    """Model of this provider that this name of our own means."""
    routes: tuple[str, ...] = ()
    """Catalogue names that still serve the same weights."""
    trains_on_data: bool | None = None
    """Where it differs from the provider's."""
    chat_tools: bool = True
    """Whether chat completions take tools; else only other APIs do."""
    quirks: ModelQuirks = ModelQuirks()
    """How it wants to be spoken to."""
    upstream: str | None = None
    """Behind a router: the upstream that is pinned when a user names none."""
    caveats: tuple[str, ...] = ()
    """Said beside every cost."""
    note: str = ""
    """For whoever reads the file."""
    prices: tuple[ModelPrice, ...] = ()
    """One row a period."""
    source: str
    """Where this is known from."""
    checked_on: date
    """When that was looked at."""
    evidence: Evidence
    """How it is known."""

    def priced_in(self, region: str) -> tuple[PriceRow, ...]:
        """Its price rows in one region."""
        return tuple(
            PriceRow(**price.model_dump(exclude={"regions"}))
            for price in self.prices
            if not price.regions or region in price.regions
        )


class Profile(Record):
    """One provider."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Before the `/` of every catalogue name."""
    label: str
    """As reports call it."""
    lab: str | None = None
    """Who trained its models, where that is one."""
    country: str | None = None
    """ISO code of the country of provider and lab; a row may name another lab's."""
    self_hosted: bool = False
    """A server of your own."""
    any_model: bool = False
    """Serves whatever its owner loads: model names are not checked."""
    pin: dict[str, JsonValue] = Field(default_factory=dict)
    """Of a router: body that pins an upstream, with `{upstream}` and `{quantization}` in it."""
    trains_on_data: bool | None = None
    """Whether it may train on what it is sent; unknown when left out."""
    key_env: tuple[str, ...] = ()
    """Accepted environment variables, the usual one first; empty where no key is wanted."""
    regions: dict[str, Region] = Field(min_length=1)
    """The first is the default."""
    own_hosts: tuple[str, ...] = ()
    """Domains below which other addresses of the provider lie, such as one a workspace."""
    api: Api = "chat"
    """What the built-in agent speaks to it."""
    quirks: Quirks = Quirks()
    """How it wants to be spoken to."""
    rules: Rules = Rules()
    """What it does with a request."""
    errors: tuple[ErrorRule, ...] = ()
    """How it says that a call went wrong; tried in order."""
    rate: RateLimits = RateLimits()
    """What one key may do."""
    request_timeout_s: float = 600.0
    """Longest wait for one reply."""
    caveats: tuple[str, ...] = ()
    """Said beside the cost of each of its models."""
    route_caveats: dict[Api, tuple[str, ...]] = Field(default_factory=dict)
    """Caveats that hold on one API alone."""
    notes: tuple[str, ...] = ()
    """For whoever reads the file."""
    recalled: tuple[str, ...] = ()
    """Parts that nothing was found for, whatever the evidence of the rest."""
    models: tuple[ModelRow, ...] = ()
    """What it serves."""
    source: str
    """Where this is known from."""
    checked_on: date
    """When that was looked at."""
    evidence: Evidence
    """How it is known."""
