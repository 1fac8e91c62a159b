"""The catalogue as tables: which backends there are, what is wrong with them, what ends soon."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Literal, NamedTuple

from arena.backend.catalog import Catalog, ModelRow, ProviderProfile, Status, explain, is_retired
from arena.errors import InputError
from arena.money import prices
from arena.records import Evidence, PriceRow, Record

SOON = timedelta(days=60)
STALE = timedelta(days=180)
"""After this a fact wants to be looked up again."""
PRICE_STALE = timedelta(days=60)
"""After this a price does."""


class BackendRow(Record):
    """One backend in one region, as a list shows it."""

    name: str
    label: str
    lab: str | None
    country: str | None
    residency: str | None
    open_weights: bool | None
    licence: str | None
    context_window: int | None
    status: Status
    retires_on: date | None
    price: PriceRow | None
    """In force today; the base tier is the first."""
    key_env: tuple[str, ...]
    evidence: Evidence
    checked_on: date
    note: str = ""


class CatalogFinding(NamedTuple):
    """Something about the catalogue that a person should know."""

    level: Literal["error", "stale", "retirement", "warning"]
    backend: str
    text: str


def listed(
    catalogue: Catalog,
    *,
    today: date,
    country: str | None = None,
    open_weights: bool | None = None,
    residency: str | None = None,
) -> list[BackendRow]:
    """Backends that fit every condition given (ISO codes of countries); the unknown fits none."""
    return [
        row
        for profile, model in catalogue.rows()
        for name in profile.serving(model)
        if (row := _row(profile, name, model, today))
        and _same(country, row.country)
        and open_weights in {None, row.open_weights}
        and _same(residency, row.residency)
    ]


def _same(wanted: str | None, value: str | None) -> bool:
    return wanted is None or (value is not None and wanted.casefold() == value.casefold())


def _row(profile: ProviderProfile, region: str, model: ModelRow, today: date) -> BackendRow:
    served = profile.regions[region]
    suffix = "" if region == profile.serving(model)[0] else f"@{region}"
    own = {
        "name": f"{profile.id}{suffix}/{model.id}",
        "label": model.label or model.id,
        "lab": model.lab or profile.lab,
        "country": model.country or profile.country,
        "residency": served.residency,
        "status": "retired" if is_retired(model, today) else model.status,
        "price": prices.row_on(model.priced_in(region), today),
        "key_env": served.key_env or profile.key_env,
    }
    return BackendRow(**{**model.model_dump(include=set(BackendRow.model_fields)), **own})


def check(catalogue: Catalog, *, today: date, names: Sequence[str] = ()) -> list[CatalogFinding]:
    """What is wrong, ends within sixty days, or wants looking up again.

    With names (`provider/model`) of these and their providers alone; `InputError` on unknown ones.
    """
    found = [
        *(f for profile in catalogue.profiles.values() for f in _of_profile(profile)),
        *(f for profile, row in catalogue.rows() for f in _of_model(catalogue, profile, row)),
        *(f for profile, row in catalogue.rows() for f in _of_time(profile, row, today)),
    ]
    if not names:
        return found
    named = [catalogue.find(name) for name in names]
    wanted = {one for profile, _, model in named for one in (profile.id, f"{profile.id}/{model}")}
    return [finding for finding in found if finding.backend in wanted]


def _of_profile(profile: ProviderProfile) -> Iterator[CatalogFinding]:
    for rule in profile.errors:
        for pattern in (rule.code, rule.message):
            try:
                re.compile(pattern or "")
            except re.error as error:
                yield CatalogFinding("error", profile.id, f"{pattern!r} is no expression: {error}")
    if not profile.source:
        yield CatalogFinding("error", profile.id, "no source")


def _of_model(
    catalogue: Catalog, profile: ProviderProfile, row: ModelRow
) -> Iterator[CatalogFinding]:
    name = f"{profile.id}/{row.id}"
    for wrong in _wrong_in(catalogue, profile, row):
        yield CatalogFinding("error", name, wrong)
    if row.status == "listed" and not row.prices and not profile.self_hosted:
        yield CatalogFinding("warning", name, "no price is known")


def _wrong_in(catalogue: Catalog, profile: ProviderProfile, row: ModelRow) -> Iterator[str]:
    if not row.source:
        yield "no source"
    if row.alias_of is not None and row.alias_of not in {m.id for m in profile.models}:
        yield f"alias of {row.alias_of!r}, which is not there"
    for region in {*row.regions, *(r for p in row.prices for r in p.regions)}:
        if region not in profile.regions:
            yield f"no region {region!r}"
    for route in row.routes:
        try:
            catalogue.find(route)
        except InputError as error:
            yield f"route {route!r}: {error.what}"
    for price in row.prices:
        for tiers in (price.tiers, price.peak_tiers):
            if tiers and not any(t.input_from == t.output_from == 0 for t in tiers):
                yield "no price tier starts at 0"
        if bool(price.peak) != bool(price.peak_tiers):
            yield "peak hours without peak prices, or the reverse"
        if not price.source:
            yield "a price has no source"


def _of_time(profile: ProviderProfile, row: ModelRow, today: date) -> Iterator[CatalogFinding]:
    name = f"{profile.id}/{row.id}"
    if row.retires_on is not None and today < row.retires_on <= today + SOON:
        yield CatalogFinding("retirement", name, explain(profile, row, today))
    if not is_retired(row, today) and today - row.checked_on > STALE:
        yield CatalogFinding("warning", name, f"last looked up on {row.checked_on}")
    stale = {stale_price(row.priced_in(region), today) for region in profile.serving(row)} - {""}
    for text in () if is_retired(row, today) else sorted(stale):
        yield CatalogFinding("stale", name, text)


def stale_price(rows: Sequence[PriceRow], today: date) -> str:
    """In words, that the price in force was looked at long ago; empty where it was not."""
    price = prices.row_on(rows, today)
    if price is None or price.checked_on is None or today - price.checked_on <= PRICE_STALE:
        return ""
    days = (today - price.checked_on).days
    return f"its price was last looked at on {price.checked_on}, {days} days ago"
