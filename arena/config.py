"""`bakeoff.toml`: what a person asks for, checked; `arena.run.plan` looks up what it names."""

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, field_validator, model_validator

from arena.records import Api, Budget, EffortLevel, Limits, RaceRules, Record, SandboxLimits
from arena.records.backend import UnitPrices
from arena.records.base import Address
from arena.serialize import read_record

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""In JSON, where a backslash of the text stands there twice."""


def _is_a_name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("use letters, digits, dots, dashes and underscores, at most 64")
    return value


_Name = Annotated[str, AfterValidator(_is_a_name)]


class PriceTable(UnitPrices):
    """Price of an inline backend, per million tokens."""

    currency: Literal["USD", "CNY"] = "USD"
    """Of all these prices."""


class BackendTable(Record):
    """An endpoint given in the configuration instead of by catalogue name."""

    base_url: Address | None = None
    """Required without `provider`; with it, an endpoint that is not the provider's own."""
    model: str
    """As the endpoint calls it."""
    provider: str | None = None
    """A catalogue provider whose quirks, prices and addresses apply."""
    region: str | None = None
    """One of the provider's regions; its first when left out."""
    upstream: str | None = None
    """Behind a router: who serves every call. Fallbacks are always off."""
    quantization: str | None = None
    """Behind a router: the only quantization to accept, such as `fp8`."""
    api_key_env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Environment variable that holds the key; leave out where the endpoint wants none."""
    price: PriceTable | None = None
    """What it costs; without one the cost is unknown."""
    hourly_usd: Decimal | None = Field(default=None, ge=0)
    """What the machine that serves the model costs an hour."""
    output_limit_param: Literal["max_tokens", "max_completion_tokens"] | None = None
    """How the endpoint calls the limit of output tokens."""
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """Sent with every call, such as a switch for thinking."""
    streaming: bool | None = None
    """Ask for a stream; some models refuse anything else."""
    endpoints: dict[Api, Address] = Field(default_factory=dict)
    """Addresses of `messages` and `responses` beside `base_url`, for agents that speak them. Each
    ends before `/messages` or `/responses`, often in /v1."""
    lab: str | None = None
    """Who trained the model."""
    country: str | None = Field(default=None, pattern=r"^[A-Z]{2}$")
    """ISO code of the country of the lab that trained the model."""
    residency: str | None = None
    """ISO code of the country where requests are processed; `self` on an own server."""
    open_weights: bool | None = None
    """Whether the weights can be had."""
    self_hosted: bool | None = None
    """Whether the endpoint is your own."""
    max_concurrency: int | None = Field(default=None, gt=0)
    """Calls at once."""

    @model_validator(mode="after")
    def _says_where_and_one_price(self) -> Self:
        if self.price is not None and self.hourly_usd is not None:
            raise ValueError("give price or hourly_usd, not both")
        if self.base_url is None and self.provider is None:
            raise ValueError("give a base_url, or a provider of the catalogue")
        if self.base_url is None and self.endpoints:
            raise ValueError("endpoints go with a base_url of their own")
        return self


class ContestantTable(Record):
    """`[[contestant]]`"""

    name: _Name
    """As reports call it."""
    agent: str = "shell"
    """One of `arena agents list`, or of the profiles in `agents`."""
    backend: str | BackendTable | None = None
    """Catalogue name such as `deepseek/deepseek-v4-pro`, or an inline table."""
    params: dict[str, JsonValue] = Field(default_factory=dict)
    """Passed to the agent and part of the contestant's identity."""
    efforts: tuple[EffortLevel, ...] = ()
    """How hard its model is to think; each makes a contestant of its own, such as `gpt-low`."""
    budget: Budget | None = None
    """Of this contestant in the whole run; of each, where efforts make several."""

    def each(self) -> tuple[Self, ...]:
        """One table for each effort."""
        return tuple(
            self.model_copy(update={"name": f"{self.name}-{effort}", "efforts": (effort,)})
            for effort in self.efforts
        ) or (self,)

    @field_validator("efforts")
    @classmethod
    def _are_different(cls, value: tuple[EffortLevel, ...]) -> tuple[EffortLevel, ...]:
        if twice := [level for level in value if value.count(level) > 1]:
            raise ValueError(f"{twice[0]!r} stands there twice")
        return value


class Policy(Record):
    """`[policy]`: where code may be sent. What a backend does not tell counts as not allowed."""

    countries: tuple[str, ...] | None = None
    """ISO codes that are allowed for the lab and the company that serves; all when left out."""
    residency: tuple[str, ...] | None = None
    """ISO codes of where requests may be processed, `self` for an own server; all when left out."""
    allow_training: bool = True
    """Whether a provider may train on what it is sent."""


class Decision(Record):
    """`[decision]`: what the answer is for."""

    value_usd: Decimal | None = Field(default=None, gt=0)
    """US dollars that a solved task is worth: what a fix brings in, or a person's time for it
    costs. Without it the answer is told for every value."""


class BakeoffConfig(Record):
    """A whole bakeoff.toml."""

    name: _Name
    """Of the run: its directory is `runs/<name>` unless told otherwise."""
    tasks: tuple[str, ...] = Field(min_length=1)
    """Packs or tasks: `core`, `core/some-task`, `./our-pack`."""
    attempts: int = Field(default=1, ge=1, le=100, strict=True)
    """Trials of every contestant at every task."""
    concurrency: int = Field(default=4, ge=1, le=512, strict=True)
    """Trials at once; on a cluster, on all nodes together."""
    limits: Limits = Limits()
    """Of every trial."""
    sandbox: SandboxLimits = SandboxLimits()
    """Of every container."""
    strict: bool = True
    """Grade a pass again, up to twice, where its patch has protected files or suspicious lines."""
    seed: int = Field(default=0, ge=0)
    """Of all that is drawn: the order of trials, resampling."""
    budget: Budget = Budget()
    """Of the whole run."""
    race: RaceRules | None = None
    """What `arena run --race` decides; without that flag the whole matrix is run."""
    policy: Policy | None = None
    """Where code may be sent; without it anywhere, but for private packs."""
    decision: Decision = Decision()
    """What the answer is for."""
    profiles: tuple[str, ...] = ()
    """Folders with provider profiles that override the shipped ones."""
    agents: tuple[str, ...] = ()
    """Files, or folders of files, with profiles of agents beside the shipped ones."""
    executor: Literal["local", "ray"] = "local"
    """Where trials run: on this machine's engine, or on the nodes of a Ray cluster."""
    address: str = "auto"
    """Of the cluster's head, `host:port`; `auto` is the one that runs on this machine."""
    contestant: tuple[ContestantTable, ...] = Field(min_length=1)
    """Who takes part."""

    @model_validator(mode="before")
    @classmethod
    def _can_be_written_down(cls, table: object) -> object:
        try:
            written = json.dumps(table, allow_nan=False, default=str)
        except ValueError:
            raise ValueError("inf, nan and numbers of thousands of digits are not taken") from None
        if _NUL.search(written):
            raise ValueError("a text holds a NUL, which no name, path or address can")
        return table

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.address != "auto" and self.executor != "ray":
            raise ValueError("address goes with executor 'ray'")
        names = [one.name.lower() for c in self.contestant for one in c.each()]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"two contestants are called {twice[0]!r}")
        return self


def load(path: Path) -> BakeoffConfig:
    """Read and check a bakeoff.toml; an `InputError` names what is wrong in it."""
    return read_record(path, BakeoffConfig)
