"""What one call costs: the row of its day, the tier of its size, the hours of its vendor.

Prices are per million tokens in the vendor's own currency and become dollars once, with the dated
rates of the run. Everything is `Decimal`; what cannot be known is None, never 0.

At a machine paid by the hour, cost = rate x wall time in which at least one call was in flight, all
contestants together; the mean concurrency, the run's own doing, belongs beside every such cost.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from arena.errors import InputError
from arena.records import (
    BackendSpec,
    CallEnd,
    CostStatus,
    FxRate,
    PeakWindow,
    PriceRow,
    PriceTier,
    Record,
    Usage,
)

MILLION = Decimal(1_000_000)
SECONDS_PER_HOUR = Decimal(3600)
ECB_CNY = FxRate(
    currency="CNY",
    usd=Decimal("0.150311"),
    on=date(2026, 10, 30),
    source="ECB euro reference rates: 1 EUR = 1.1172 USD = 7.4326 CNY",
)
NOTICED = Decimal("0.01")
"""Of a cost: a told one that differs by more is flagged."""
SHIPPED_FX = (ECB_CNY,)
"""Rates of today: read where a run's manifest begins or a plan has no run yet, and nowhere else;
everything about a run goes by the rates of its manifest."""


class CallCost(Record):
    """Money of one call in USD on three bases."""

    billed_usd: Decimal | None
    """As a provider that bills by it told it, else computed from cached and written tokens."""
    no_cache_usd: Decimal | None
    """With every prompt token at the input price."""
    standard_usd: Decimal | None
    """With repeated tokens, and only those, at the cached price."""
    computed_usd: Decimal | None = None
    """From the price book, also where the provider told a cost."""
    reported_usd: Decimal | None = None
    """As the endpoint told it, whether or not that is the bill."""
    status: CostStatus
    """`partial`: the provider told its bill and the price book has none."""
    caveats: tuple[str, ...] = ()


def row_at(prices: Sequence[PriceRow], at: datetime) -> PriceRow | None:
    """The price row in force on the UTC day of a call."""
    return row_on(prices, at.astimezone(UTC).date())


def row_on(prices: Sequence[PriceRow], day: date) -> PriceRow | None:
    """The price row in force on a day; of several, the one that began last."""
    valid = [
        row
        for row in prices
        if (row.valid_from is None or row.valid_from <= day)
        and (row.valid_to is None or day < row.valid_to)
    ]
    return max(valid, key=lambda row: row.valid_from or date.min, default=None)


def tier_at(row: PriceRow, at: datetime, *, prompt: int, output: int) -> PriceTier | None:
    """Unit prices for a call of this size at this time; the whole call is billed at one tier."""
    tiers = row.peak_tiers if row.peak_tiers and in_peak(row.peak, at) else row.tiers
    fitting = [t for t in tiers if t.input_from <= prompt and t.output_from <= output]
    return max(fitting, key=lambda t: (t.input_from, t.output_from), default=None)


def in_peak(windows: Sequence[PeakWindow], at: datetime) -> bool:
    """Whether a moment lies in any window; a window may run over midnight."""
    for window in windows:
        local = at.astimezone(zone_of(window.zone))
        clock = local.time().replace(tzinfo=None)
        after, before = window.start <= clock, clock < window.end
        inside = (after and before) if window.start < window.end else (after or before)
        began = local if after else local - timedelta(days=1)
        if inside and began.isoweekday() in window.weekdays:
            return True
    return False


def zone_of(name: str) -> tzinfo:
    """A time zone; UTC is one also where no list of them is installed, as on small images."""
    return UTC if name == "UTC" else ZoneInfo(name)


def to_usd(amount: Decimal, currency: str, fx: Sequence[FxRate]) -> Decimal | None:
    """An amount in dollars, or None without a rate for its currency."""
    if currency == "USD":
        return amount
    rate = next((r.usd for r in fx if r.currency == currency), None)
    return None if rate is None else amount * rate


def rates_over(rates: Sequence[FxRate], others: Sequence[FxRate]) -> tuple[FxRate, ...]:
    """Rates with others in the places of those of the same currencies, and behind them."""
    return tuple({rate.currency: rate for rate in (*rates, *others)}.values())


def call_cost(
    usage: Usage,
    prices: Sequence[PriceRow],
    *,
    at: datetime,
    fx: Sequence[FxRate],
    repeated_tokens: int = 0,
    reported_usd: Decimal | None = None,
    bills_reported: bool = True,
) -> CallCost:
    """Cost of one call, sent at `at`, at a backend's price rows and a run's rates.

    A standard cache would have held `repeated_tokens` of its prompt. `bills_reported`: the cost the
    endpoint told, `reported_usd`, is what its provider bills; else it only stands beside ours.
    """
    bill = reported_usd if bills_reported else None
    row = row_at(prices, at)
    tier = row if row is None else tier_at(row, at, prompt=usage.prompt, output=usage.output)
    if row is None or tier is None or to_usd(Decimal(0), row.currency, fx) is None:
        missing = "no price" if tier is None or row is None else f"no rate for {row.currency}"
        bill = bill or None  # nothing for something is doubted
        return CallCost(
            billed_usd=bill,
            no_cache_usd=None,
            standard_usd=None,
            reported_usd=reported_usd,
            status="unknown" if bill is None else "partial",
            caveats=(missing, *_told_caveats(reported_usd, bill, None)),
        )

    cached = tier.input if tier.cached_input is None else tier.cached_input
    written = tier.input if tier.cache_write is None else tier.cache_write

    def money(fresh: int, read: int, write: int) -> Decimal | None:
        prompt = fresh * tier.input + read * cached + write * written
        native = (prompt + usage.output * tier.output) / MILLION
        return to_usd(native + row.per_request, row.currency, fx)

    repeated = min(repeated_tokens, usage.prompt)
    computed = money(usage.input_fresh, usage.cache_read, usage.cache_write)
    doubted = bill == 0 and computed != 0
    billed = computed if bill is None or doubted else bill
    return CallCost(
        billed_usd=billed,
        no_cache_usd=money(usage.prompt, 0, 0),
        standard_usd=money(usage.prompt - repeated, repeated, 0),
        computed_usd=computed,
        reported_usd=reported_usd,
        status="estimated" if usage.estimated or doubted else "known",
        caveats=(*_caveats(usage, tier), *_told_caveats(reported_usd, billed, computed)),
    )


def bound_usd(
    prices: Sequence[PriceRow], *, at: datetime, prompt: int, output: int, fx: Sequence[FxRate]
) -> Decimal | None:
    """The most that a call of at most this size can cost, at any hour and tier it could reach."""
    row = row_at(prices, at)
    if row is None:
        return None
    amounts = [
        (prompt * max(t.input, t.cache_write or Decimal(0)) + output * t.output) / MILLION
        for t in (*row.tiers, *row.peak_tiers)
        if t.input_from <= prompt and t.output_from <= output
    ]
    return to_usd(max(amounts) + row.per_request, row.currency, fx) if amounts else None


def _caveats(usage: Usage, tier: PriceTier) -> tuple[str, ...]:
    found = {
        "usage estimated": usage.estimated,
        "cached tokens at the input price": usage.cache_read and tier.cached_input is None,
        "cache writes at the input price": usage.cache_write and tier.cache_write is None,
    }
    return tuple(text for text, holds in found.items() if holds)


def _told_caveats(
    told: Decimal | None, billed: Decimal | None, computed: Decimal | None
) -> tuple[str, ...]:
    """What is to be said of a told cost that is not the bill."""
    if told is None or told == billed:
        return ()
    if told == 0:
        return ("a told cost of 0 is doubted",)
    if computed is None:
        return ("a told cost is not taken for the bill",)
    differs = abs(told - computed) > NOTICED * computed
    return ("the endpoint tells another cost than the price gives",) if differs else ()


Machine = tuple[str, Decimal]
"""An endpoint and what it costs an hour."""


class CallSpan(NamedTuple):
    """When one call was in flight, in seconds since 1970."""

    call_id: str
    start: float
    end: float

    @classmethod
    def of(cls, end: CallEnd) -> Self:
        ended = end.ended_at.timestamp()
        return cls(end.call_id, ended - end.wall_s, ended)


class HourlyShare(Record):
    """Cost of one endpoint's calls."""

    mean_concurrency: Decimal | None
    """Calls in flight on average while any was; None when none was."""
    by_call: dict[str, Decimal]
    """USD by call id."""


def machine_of(spec: BackendSpec) -> Machine | None:
    """The machine that serves a backend, where it is paid by the hour."""
    return None if spec.hourly_usd is None else (spec.base_url, spec.hourly_usd)


def shares(calls: Iterable[tuple[Machine, CallSpan]]) -> dict[Machine, HourlyShare]:
    """Each machine's time shared among all calls to it, whoever made them."""
    spans: dict[Machine, list[CallSpan]] = {}
    for machine, span in calls:
        spans.setdefault(machine, []).append(span)
    return {machine: share(found, machine[1]) for machine, found in spans.items()}


def share(spans: Sequence[CallSpan], hourly_usd: Decimal) -> HourlyShare:
    """Share an endpoint's busy time among its calls in proportion to their length."""
    length_s = {span.call_id: _seconds(span.start, span.end) for span in spans}
    in_flight_s = sum(length_s.values(), Decimal(0))
    busy_s, reached = Decimal(0), 0.0
    for span in sorted(spans, key=lambda s: s.start):
        busy_s += _seconds(max(span.start, reached), span.end)
        reached = max(span.end, reached)
    total_usd = hourly_usd * busy_s / SECONDS_PER_HOUR
    per_second = total_usd / in_flight_s if in_flight_s else Decimal(0)
    return HourlyShare(
        mean_concurrency=in_flight_s / busy_s if busy_s else None,
        by_call={name: seconds * per_second for name, seconds in length_s.items()},
    )


def _seconds(start: float, end: float) -> Decimal:
    """From one time to another, to the microsecond; 0 where it is before."""
    return Decimal(str(round(max(0.0, end - start), 6)))


def repriced_spec(
    spec: BackendSpec, *, rows: Sequence[PriceRow] | None = None, at: date | None = None
) -> BackendSpec:
    """A recorded backend with other price rows, or with those of a day for every call.

    Peak hours still go by the time and weekday at which a call was made.
    """
    found = tuple(spec.prices if rows is None else rows)
    if at is not None:
        row = row_on(found, at)
        undated = {"valid_from": None, "valid_to": None}
        found = () if row is None else (row.model_copy(update=undated),)
    return spec.model_copy(update={"prices": found})


def parse_rate(text: str, on: date) -> FxRate:
    """`CNY=0.14`, given on a day: dollars for one unit; `InputError` where it is not so."""
    currency, _, value = text.partition("=")
    if currency == "USD":
        raise InputError("money is in USD: it has no rate", where="--fx", remedy="leave it out")
    try:
        usd = Decimal(value)
    except ArithmeticError:
        usd = Decimal(0)
    if len(currency) != 3 or not currency.isupper() or not usd.is_finite() or usd <= 0:
        remedy = "write dollars for one unit: CNY=0.14"
        raise InputError(f"{text!r} is not a rate", where="--fx", remedy=remedy)
    return FxRate(currency=currency, usd=usd, on=on, source="given by the user")
