"""The catalogue as a table, what is wrong with it, what ends soon, and what endpoints do of it.

The last takes one tiny conversation: two turns with one tool show in one go whether the key works,
the parameters are taken, reasoning may go back, and usage is told.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

from arena.backend.call import RetryPolicy
from arena.backend.catalog import Catalog, ModelRow, ProviderProfile, Status, explain, is_retired
from arena.backend.limiter import AgentClock
from arena.backend.meter import CallOwner, TrialBackend
from arena.backend.pool import Backends
from arena.errors import ArenaError, InputError
from arena.money import prices
from arena.money.budget import TrialBudget
from arena.money.statement import RecordedCall, statements
from arena.records import (
    BackendSpec,
    Budget,
    CallBegin,
    CallEnd,
    Evidence,
    FxRate,
    Limits,
    Message,
    PriceRow,
    Record,
    ToolSpec,
    Usage,
)
from arena.serialize import read_toml, to_toml

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
    unsourced = (name for name, profile in catalogue.profiles.items() if not profile.source)
    found = [CatalogFinding("error", name, "no source") for name in unsourced]
    for profile, row in catalogue.rows():
        found += _of_model(catalogue, profile, row)
        found += _of_time(profile, row, today)
    if not names:
        return found
    named = [catalogue.find(name) for name in names]
    wanted = {one for profile, _, model in named for one in (profile.id, f"{profile.id}/{model}")}
    return [finding for finding in found if finding.backend in wanted]


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


# ── live ───────────────────────────────────────────────────────────────────────────────────────

LIMITS = Limits(steps=4, seconds=180, output_tokens=2000)
ADD = ToolSpec(
    name="add",
    description="Add two whole numbers.",
    parameters={
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)
ASK: list[Message] = [
    {"role": "system", "content": "Use the tool add for every sum. Then answer with the number."},
    {"role": "user", "content": "What is 2178 + 9304?"},
]
ANSWER = 11482


class LiveCheck(Record):
    """What one endpoint did."""

    backend: str
    provider: str | None
    model: str
    simulated: bool
    ok: bool
    detail: str
    returned_model: str | None = None
    usage: tuple[Usage, ...] = ()
    """Of each call that told it."""
    cost_usd: Decimal | None
    """Billed; None when any call's cost is unknown."""
    wall_s: float


class _Log:
    def __init__(self) -> None:
        self.begun: list[CallBegin] = []
        self.ended: dict[str, CallEnd] = {}

    def begin(self, call: CallBegin) -> None:
        self.begun.append(call)

    def end(self, call: CallEnd) -> None:
        self.ended[call.call_id] = call

    def add(self, kind: str, record: Mapping[str, object]) -> None:
        """A transcript that nobody keeps."""


def probe(spec: BackendSpec, *, fx: Sequence[FxRate], environ: Mapping[str, str]) -> LiveCheck:
    """Hold the conversation; spends a few hundred tokens. `InputError` where the key is missing."""
    log, started = _Log(), time.monotonic()
    with Backends([spec], fx=fx, retry=RetryPolicy(budget_s=60), environ=environ) as pool:
        backend = TrialBackend(
            endpoint=pool.endpoint(spec),
            gate=pool.gate(spec, TrialBudget(Budget()), log),
            owner=CallOwner("live", 1, spec.name),
            limits=LIMITS,
            transcript=log,
            clock=AgentClock(LIMITS.seconds),
        )
        try:
            detail = _converse(backend)
        except ArenaError as error:
            detail = str(error)
    ends = list(log.ended.values())
    return LiveCheck(
        backend=spec.name,
        provider=spec.provider,
        model=spec.model,
        simulated=spec.simulated,
        ok=not detail,
        detail=detail or "two turns with a tool, usage told each time",
        returned_model=next((e.returned_model for e in ends if e.returned_model), None),
        usage=tuple(e.usage for e in ends if e.usage is not None),
        cost_usd=_cost(log, spec, fx),
        wall_s=time.monotonic() - started,
    )


def record(results: Sequence[LiveCheck], folder: Path, *, today: date) -> list[Path]:
    """Write what was seen as profiles of the user's own that raise the evidence to `live`.

    What an earlier check saw of other models is kept; a stand-in proves nothing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    proven = [r for r in results if r.ok and r.provider and not r.simulated]
    seen = {"checked_on": today, "source": "arena backends check --live", "evidence": "live"}
    written = []
    for provider in sorted({str(r.provider) for r in proven}):
        path = folder / f"{provider}.live.toml"
        earlier = read_toml(path).get("models", []) if path.exists() else []
        rows = {row["id"]: row for row in earlier}
        rows |= {r.model: {"id": r.model, **seen} for r in proven if r.provider == provider}
        path.write_text(to_toml({"id": provider, "models": [*rows.values()]}), encoding="utf-8")
        written.append(path)
    return written


def _converse(backend: TrialBackend) -> str:
    """What is not as it should be, in words; empty when all is well."""
    first = backend.complete(ASK, [ADD])
    if first.stop is not None:
        return f"stopped by {first.stop}"
    if not first.tool_calls:
        return f"did not call the tool: {first.text[:80]!r}"
    history = [*ASK, first.message]
    for call in first.tool_calls:
        content = str(ANSWER) if call.name == ADD.name else "unknown tool"
        history.append({"role": "tool", "tool_call_id": call.id, "content": content})
    second = backend.complete(history, [ADD])
    if second.stop is not None:
        return f"stopped by {second.stop}"
    if str(ANSWER) not in second.text.replace(",", "").replace(" ", ""):
        return f"did not answer with the tool's result: {second.text[:80]!r}"
    told = [r.usage is not None and not r.usage.estimated for r in (first, second)]
    return "" if all(told) else "a reply came without usage"


def _cost(log: _Log, spec: BackendSpec, fx: Sequence[FxRate]) -> Decimal | None:
    calls = [RecordedCall(b, log.ended.get(b.call_id)) for b in log.begun]
    costs = [one.billed_usd for one in statements(calls, {spec.name: spec}, fx=fx)]
    return None if None in costs else sum(filter(None, costs), Decimal(0))
