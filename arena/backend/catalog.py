"""The catalog of backends: provider profiles, shipped ones with a user's own over them.

Everything says where it comes from: `source`, `checked_on`, and as `evidence` whether it was seen
live, read in documentation or in third-party code, or only recalled.

Names are `provider/model` or `provider@region/model`; `arena.backend.resolve` makes specs of them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfoNotFoundError

from pydantic import Field, JsonValue, model_validator

from arena import registry
from arena.errors import InputError
from arena.money.prices import zone_of
from arena.records import (
    Api,
    BackendSpec,
    EffortLevel,
    EffortRule,
    ErrorRule,
    Evidence,
    PriceRow,
    Quirks,
    RateLimits,
    Record,
)
from arena.records.base import Address
from arena.serialize import read_toml, shaped

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


class ProviderRules(Record):
    """What the endpoint does with a request, as far as a user's own parameters can break it."""

    reasoning_field: str | None = None
    """Where the reply carries reasoning; None is unknown or nowhere."""
    replay: Literal["required", "kept", "impossible", "template"] | None = None
    """What must happen to reasoning in later requests of a tool loop."""
    thinking: Literal["on", "off", "model"] | None = None
    """What it is when nothing is asked for."""
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

    @model_validator(mode="after")
    def _has_zones(self) -> Self:
        for window in self.peak:
            try:
                zone_of(window.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(f"{window.zone!r} is no time zone known here") from None
        return self


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
    efforts: dict[Api | Literal["any"], tuple[EffortLevel, ...]] = Field(default_factory=dict)
    """Levels of effort that it heeds over each API, or over `any`; else the provider's."""
    quirks: Quirks = Quirks()
    """Where it differs from its provider; its `extra_body` is sent over chat completions alone."""
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
        fit = [price for price in self.prices if not price.regions or region in price.regions]
        dumped = (price.model_dump(exclude={"regions"}, exclude_none=True) for price in fit)
        return tuple(PriceRow(**{"checked_on": self.checked_on, **price}) for price in dumped)


class ProviderProfile(Record):
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
    bills_told_cost: bool = False
    """The cost that its replies tell is what it bills."""
    other_products: dict[Address, str] = Field(default_factory=dict)
    """Addresses at which it sells the same models otherwise, such as a plan's; what that is."""
    api: Api = "chat"
    """What the built-in agent speaks to it."""
    quirks: Quirks = Quirks()
    """How it wants to be spoken to."""
    rules: ProviderRules = ProviderRules()
    """What it does with a request."""
    effort: dict[Api, EffortRule] = Field(default_factory=dict)
    """How it is told how hard to think, by API; one that is not here takes no effort."""
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

    @model_validator(mode="after")
    def _has_patterns(self) -> Self:
        for pattern in (p for rule in self.errors for p in (rule.code, rule.message) if p):
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
        return self

    def serving(self, row: ModelRow) -> tuple[str, ...]:
        """Regions that serve a model, the default first."""
        return row.regions or tuple(self.regions)


SHIPPED = Path(__file__).parent / "profiles"
LISTING = "`arena backends list`"
"""Shows every name."""


@dataclass(frozen=True)
class Catalog:
    """Provider profiles by id."""

    profiles: Mapping[str, ProviderProfile]

    def rows(self) -> Iterator[tuple[ProviderProfile, ModelRow]]:
        """Every model of every provider, in order of provider and file."""
        for profile in self.profiles.values():
            for row in profile.models:
                yield profile, row

    def provider(self, name: str) -> ProviderProfile:
        if name not in self.profiles:
            raise registry.unknown("provider", name, self.profiles, listing=LISTING)
        return self.profiles[name]

    def find(self, name: str) -> tuple[ProviderProfile, str, str]:
        """Provider, region and model of a catalogue name; `InputError` where one is not there."""
        head, slash, model = name.partition("/")
        provider, _, region = head.partition("@")
        if not slash or not model:
            also = [f"{profile.id}/{row.id}" for profile, row in self.rows() if row.id == name]
            listed = f"write provider/model; {LISTING} shows them"
            remedy = f"did you mean {also[0]!r}?" if also else listed
            raise InputError(f"{name!r} is not a backend", remedy=remedy)
        profile = self.provider(provider)
        return profile, region_of(profile, row_of(profile, model), region or None), model


def load(own: Sequence[Path] = ()) -> Catalog:
    """Shipped profiles, each changed by later ones of the same id in a user's own folders or files.

    Such a file may be a whole profile or only what differs; model rows are matched by id. Raises
    `InputError` where one cannot be read or does not fit the form.
    """
    raw: dict[str, dict[str, Any]] = {}
    origin: dict[str, Path] = {}
    for place in (SHIPPED, *own):
        if not place.exists():
            raise InputError("no such folder of profiles", where=str(place))
        for path in sorted(place.glob("*.toml")) if place.is_dir() else [place]:
            data = read_toml(path)
            name = str(data.get("id", path.stem))
            raw[name] = _merged(raw.get(name, {}), data)
            origin[name] = path
    return Catalog(
        {name: shaped(raw[name], ProviderProfile, where=str(origin[name])) for name in sorted(raw)}
    )


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    found = dict(below)
    for key, value in above.items():
        if key == "models" and _are_rows(value) and _are_rows(found.get(key)):
            rows = {row["id"]: row for row in found[key]}
            for row in value:
                rows[row["id"]] = {**rows.get(row["id"], {}), **row}
            found[key] = list(rows.values())
        elif isinstance(value, dict) and isinstance(found.get(key), dict):
            found[key] = _merged(found[key], value)
        else:
            found[key] = value
    return found


def _are_rows(value: Any) -> bool:
    """Whether it is a list of tables with ids; what else it may be is told with the form."""
    return isinstance(value, list) and all(
        isinstance(row, dict) and isinstance(row.get("id"), str) for row in value
    )


def region_of(profile: ProviderProfile, row: ModelRow, name: str | None) -> str:
    """The region asked for, else the first; `InputError` where it does not serve the model."""
    served = profile.serving(row)
    if name is not None and name not in served:
        raise registry.unknown(f"region of {profile.id}", name, served)
    return name or served[0]


def row_of(profile: ProviderProfile, model: str) -> ModelRow:
    """A model's row, aliases followed; an empty one for what a server may have loaded.

    Raises `InputError` where there is no such model.
    """
    rows = {row.id: row for row in profile.models}
    if model in rows:
        meant = rows[model].alias_of or model
        if meant not in rows or rows[meant].alias_of:
            what = f"model {model!r} of {profile.id} is an alias of {meant!r}"
            raise InputError(f"{what}, which is no model of it", remedy="correct alias_of")
        return rows[meant]
    if profile.any_model:
        return ModelRow(id=model, source="", checked_on=profile.checked_on, evidence="user")
    raise registry.unknown(f"model of {profile.id}", model, rows, listing=LISTING)


def is_at(url: str, address: str) -> bool:
    """Whether it is an address or lies below it."""
    return f"{url.rstrip('/')}/".startswith(f"{address.rstrip('/')}/")


def place_of(profile: ProviderProfile, base_url: str) -> tuple[bool, str]:
    """Whether an address is the provider's; and why its prices do not hold there, else empty."""
    listed = [a for r in profile.regions.values() for a in (r.base_url, *r.endpoints.values())]
    for address, product in profile.other_products.items():
        if is_at(base_url, address):
            return True, product
    if profile.self_hosted or base_url.rstrip("/") in {a.rstrip("/") for a in listed}:
        return True, ""
    parts = urlsplit(base_url)
    if parts.scheme != "https":
        return False, ""
    if any((parts.hostname or "").endswith(f".{own}") for own in profile.own_hosts):
        return True, ""
    hosts = {urlsplit(address).netloc for address in (*listed, *profile.other_products)}
    return parts.netloc in hosts, "the catalogue has no price for this address of the provider"


def prices_of(catalogue: Catalog, spec: BackendSpec) -> tuple[PriceRow, ...] | None:
    """What the catalogue says now about a recorded backend's prices; None if it says nothing."""
    profile = catalogue.profiles.get(spec.provider or "")
    row = next((m for m in (profile.models if profile else ()) if m.id == spec.model), None)
    if profile is None or row is None:
        return None
    if place_of(profile, spec.base_url)[1]:
        return ()
    region = spec.name.partition("/")[0].partition("@")[2]  # its address is one of several APIs'
    return row.priced_in(region if region in profile.regions else next(iter(profile.regions)))


def is_retired(row: ModelRow, today: date) -> bool:
    """Whether the name no longer answers as the model it names."""
    return row.status == "retired" or (row.retires_on is not None and row.retires_on <= today)


def explain(profile: ProviderProfile, row: ModelRow, today: date) -> str:
    """In words what became of a model that is retired or will be, and what still serves it."""
    name, since = row.label or row.id, f" since {row.retires_on}" if row.retires_on else ""
    fate = f"{profile.label} ends {name} on {row.retires_on}"
    if is_retired(row, today):
        fate = f"{profile.label} no longer serves {name}{since}"
    redirect = f"; {row.redirects_to} answers under its name" if row.redirects_to else ""
    routes = f"; other routes: {', '.join(row.routes)}" if row.routes else "; no other route known"
    return f"{fate}{redirect}{routes}"
