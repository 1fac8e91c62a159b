"""From a catalog name or an inline table to a spec, and whether it may be sent code at all."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from urllib.parse import urlsplit

from pydantic import JsonValue

from arena.backend.apis import filled, over
from arena.backend.catalog import (
    Catalog,
    ModelRow,
    ProviderProfile,
    Region,
    explain,
    is_at,
    is_retired,
    place_of,
    region_of,
    row_of,
)
from arena.config import BackendTable, Policy, PriceTable
from arena.errors import InputError
from arena.records import Api, BackendSpec, EffortRule, PriceRow, PriceTier, Quirks, digest_of
from arena.records.base import is_local

_OURS = frozenset(
    {"model", "messages", "input", "tools", "n", "stream", "stream_options"}
    | {"max_tokens", "max_completion_tokens", "max_output_tokens"}
)
"""Body parameters that no contestant sets: conversation, form and length of a reply. All of several
replies (`n`) would be paid for, and one read."""


def resolve(
    ref: str | BackendTable,
    catalogue: Catalog,
    *,
    today: date,
    environ: Mapping[str, str],
    retired: bool = False,
) -> BackendSpec:
    """What a run needs to know about a backend, by a catalogue name or a table; no key is read.

    `environ` decides which of several accepted key variables is used. With `retired` a retired
    model is taken as well, to show what became of it.

    Raises:
        InputError: unknown, retired, or a parameter that the endpoint would refuse or drop.
    """
    if isinstance(ref, str):
        profile, region, model = catalogue.find(ref)
        ref = BackendTable(provider=profile.id, region=region, model=model)
    if ref.provider is None:
        return _inline(ref, environ)
    profile = catalogue.provider(ref.provider)
    row = row_of(profile, ref.model)
    ref = ref.model_copy(update={"model": row.id})
    if not retired and is_retired(row, today):
        raise InputError(
            explain(profile, row, today),
            where=f"backend {profile.id}/{row.id}",
            remedy=f"use {row.routes[0]}" if row.routes else "choose another backend",
        )
    region = region_of(profile, row, ref.region or _region_at(profile, row, ref.base_url))
    return _from_profile(profile, region, row, ref, environ)


def _from_profile(
    profile: ProviderProfile,
    region_name: str,
    row: ModelRow,
    table: BackendTable,
    environ: Mapping[str, str],
) -> BackendSpec:
    region = profile.regions[region_name]
    base_url = table.base_url or region.base_url
    own, other_product = _placed(profile, given := (base_url, *table.endpoints.values()))
    simulated = not own
    suffix = "" if region_name == next(iter(profile.regions)) else f"@{region_name}"
    name = f"{profile.id}{suffix}/{table.model}"
    prices = () if other_product else row.priced_in(region_name)
    caveats = (*profile.caveats, *row.caveats)
    if other_product and not table.price:
        caveats += (f"its cost is unknown: {other_product}",)
    others = table.endpoints if table.base_url else region.endpoints
    endpoints: dict[Api, str] = {"chat": base_url, **others}
    strange = other_product or (simulated and not all(map(is_local, given)))
    lab = table.lab or row.lab or profile.lab
    country = table.country or row.country or profile.country
    most = {"concurrency": table.max_concurrency} if table.max_concurrency else {}
    body = {**profile.quirks.extra_body, **row.quirks.extra_body}
    fixed = ("temperature",) if profile.rules.temperature in {"one", "refused"} else ()
    spec = BackendSpec(
        name=f"simulated:{urlsplit(base_url).netloc}/{table.model}" if simulated else name,
        provider=profile.id,
        model=table.model,
        base_url=base_url,
        endpoints=endpoints,
        route_caveats=profile.route_caveats,
        refuses=(*profile.rules.refuses, *fixed),
        api_key_env=table.api_key_env or _key_env(profile, region, environ, simulated=simulated),
        quirks=_quirks(profile, row, table),
        chat_body={k: v for k, v in body.items() if k not in table.extra_body},
        effort=_efforts(profile, row),
        error_rules=profile.errors,
        rate=profile.rate.model_copy(update=most),
        request_timeout_s=profile.request_timeout_s,
        prices=_own_price(table.price) if table.price else prices,
        bills_told_cost=profile.bills_told_cost and not other_product,
        hourly_usd=table.hourly_usd,
        lab=None if simulated else lab,
        country=None if simulated else country,
        provider_country=None if simulated else profile.country,
        residency=table.residency or (None if simulated or other_product else region.residency),
        open_weights=row.open_weights if table.open_weights is None else table.open_weights,
        trains_on_data=None if strange else _trains(profile, region, row),
        context_window=row.context_window,
        retires_on=row.retires_on,
        chat_tools=row.chat_tools,
        caveats=caveats,
        profile_digest=digest_of(profile.model_dump(mode="json")),
        self_hosted=profile.self_hosted if table.self_hosted is None else table.self_hosted,
        simulated=simulated,
    )
    return over(spec, profile.api if profile.api in endpoints else "chat")


def _region_at(profile: ProviderProfile, row: ModelRow, url: str | None) -> str | None:
    """The region whose address was given, where it serves the model."""
    places = ((name, profile.regions[name].base_url) for name in profile.serving(row))
    return next((name for name, base_url in places if url and is_at(url, base_url)), None)


def _placed(profile: ProviderProfile, addresses: Iterable[str]) -> tuple[bool, str]:
    """`place_of` for several: whether each is the provider's, and why prices do not hold at one."""
    places = [place_of(profile, address) for address in addresses]
    return all(own for own, _ in places), next((why for _, why in places if why), "")


def _trains(profile: ProviderProfile, region: Region, row: ModelRow) -> bool | None:
    told = (row.trains_on_data, region.trains_on_data, profile.trains_on_data)
    return next((one for one in told if one is not None), None)


def _key_env(
    profile: ProviderProfile, region: Region, environ: Mapping[str, str], *, simulated: bool
) -> str | None:
    """The accepted variable that is set, else the usual one.

    A self-hosted server wants a key only where one is set. A provider's key is never sent to an
    address that is not the provider's: such an endpoint names its own variable.
    """
    names = region.key_env or profile.key_env
    found = next((name for name in names if environ.get(name, "").strip()), None)
    usual = None if profile.self_hosted else next(iter(names), None)
    return None if simulated else found or usual


def _quirks(profile: ProviderProfile, row: ModelRow, table: BackendTable) -> Quirks:
    where = f"backend {profile.id}/{table.model}"
    _check_body(profile, table.extra_body, where)
    changed = row.quirks.model_dump(exclude={"extra_body"}, exclude_unset=True)
    body = _pin(profile, row, table, where) if profile.pin else {}
    body.update(table.extra_body)
    if table.output_limit_param is not None:
        changed["output_limit_param"] = table.output_limit_param
    if table.streaming is not None:
        if not table.streaming and changed.get("stream", profile.quirks.stream):
            raise InputError("this model answers streams only", where=where)
        changed["stream"] = table.streaming
    return profile.quirks.model_copy(update={**changed, "extra_body": body})


def _efforts(profile: ProviderProfile, row: ModelRow) -> dict[Api, EffortRule]:
    own = row.efforts
    return {
        api: rule.model_copy(update={"levels": own.get(api, own.get("any", rule.levels))})
        for api, rule in profile.effort.items()
    }


def _check_body(profile: ProviderProfile, body: Mapping[str, JsonValue], where: str) -> None:
    rules, label, wrong = profile.rules, profile.label, ""
    told = {"one": "takes 1 alone", "up_to_one": "takes up to 1"}
    told |= {"ignored": "ignores it", "refused": "refuses it"}
    for name, value in body.items():
        if name in rules.refuses:
            wrong = f"{label} refuses {name!r}"
        elif name in rules.ignores:
            wrong = f"{label} drops {name!r} without a word"
        elif name == "temperature" and (said := told.get(rules.temperature or "")):
            number = value if isinstance(value, int | float) else -1
            fits = {"one": number == 1, "up_to_one": 0 <= number <= 1}
            wrong = "" if fits.get(str(rules.temperature)) else f"{name}: {label} {said}"
        elif name in _OURS:
            wrong = f"{name!r} is the same for all, by [limits], or is set for each call"
        if wrong:
            raise InputError(wrong, where=where, remedy="remove it")


def _pin(
    profile: ProviderProfile, row: ModelRow, table: BackendTable, where: str
) -> dict[str, JsonValue]:
    upstream = table.upstream or row.upstream
    if not upstream:
        raise InputError(
            f"{profile.label} would choose who serves each call",
            where=where,
            remedy="name one: upstream = '...'",
        )
    pin = filled(profile.pin, {"upstream": upstream, "quantization": table.quantization})
    assert isinstance(pin, dict)
    return pin


def _inline(table: BackendTable, environ: Mapping[str, str]) -> BackendSpec:
    """An endpoint of nobody's catalogue: a provider of which only the table tells."""
    assert table.base_url is not None
    addresses = (table.base_url, *table.endpoints.values())
    local = all(map(is_local, addresses)) if table.self_hosted is None else table.self_hosted
    nobody = ProviderProfile(
        id="inline",
        label=table.base_url,
        country=table.country,
        self_hosted=local,
        any_model=True,
        trains_on_data=False if local else None,
        regions={"own": Region(base_url=table.base_url, endpoints=table.endpoints)},
        source="",
        checked_on=date.min,
        evidence="user",
    )
    spec = _from_profile(nobody, "own", row_of(nobody, table.model), table, environ)
    name = f"{urlsplit(table.base_url).netloc}/{table.model}"
    return spec.model_copy(update={"name": name, "provider": None, "profile_digest": None})


def _own_price(price: PriceTable) -> tuple[PriceRow, ...]:
    tier = PriceTier(**price.model_dump(exclude={"currency"}))
    return (PriceRow(currency=price.currency, tiers=(tier,)),)


def enforce(
    policy: Policy | None, specs: Sequence[BackendSpec], *, private: Sequence[str] = ()
) -> None:
    """Refuse before the first call, with `InputError`, what a policy does not allow.

    Private tasks may only be sent where there is one.
    """
    if policy is None:
        if private and specs:
            raise InputError(
                f"task {private[0]!r} is private",
                where="[policy]",
                remedy="say where private code may go: countries, residency, allow_training",
            )
        return
    for spec in specs:
        if reasons := violations(policy, spec):
            raise InputError(
                f"not allowed: {'; '.join(reasons)}",
                where=f"[policy]: backend {spec.name}",
                remedy="change the policy or leave the backend out",
            )


def violations(policy: Policy, spec: BackendSpec) -> list[str]:
    """Why a policy does not allow a backend, in words; empty when it does.

    A self-hosted server keeps what it is sent, so only the lab's country counts.
    """
    found = []
    if policy.countries is not None:
        found += _outside("the lab's country", spec.country, policy.countries)
        if not spec.self_hosted:
            found += _outside("the provider's country", spec.provider_country, policy.countries)
    if spec.self_hosted:
        return found
    if policy.residency is not None:
        found += _outside("where it processes requests", spec.residency, policy.residency)
    if not policy.allow_training and spec.trains_on_data is not False:
        unknown = "whether it trains on what it is sent is not known"
        found.append("it may train on what it is sent" if spec.trains_on_data else unknown)
    return found


def _outside(what: str, value: str | None, allowed: Sequence[str]) -> list[str]:
    if value is None:
        return [f"{what} is not known"]
    return [] if value in allowed else [f"{what} is {value}"]
