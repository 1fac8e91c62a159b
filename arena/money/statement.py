"""The account of recorded calls: what each settled, and what each may have cost beyond that.

A call whose reply carried usage is settled exactly. Every other announced call is listed with an
upper bound, which is 0 only where the provider refused it before doing anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from arena.money import hourly, prices
from arena.money.prices import CallCost
from arena.records import BackendSpec, CallBegin, CallEnd, CallOutcome, FxRate, Record

_REFUSED: frozenset[CallOutcome] = frozenset({"rate_limited", "quota_exhausted", "auth"})
"""Outcomes a provider only gives before it generates anything."""


class RecordedCall(NamedTuple):
    """An announced call and, once it ended, how."""

    begin: CallBegin
    end: CallEnd | None


class Statement(Record):
    """Money of one announced call."""

    call_id: str
    trial_id: str
    contestant: str
    cost: CallCost | None
    """Settled, or estimated where a whole reply told no usage; None: see the bounds."""
    possibly_billed: bool
    """Announced, and the provider told no usage."""
    bound_tokens: int = 0
    """Most that a possibly billed call used in all."""
    bound_usd: Decimal | None = Decimal(0)
    """Most that a possibly billed call cost in all; None without a price."""


def statements(
    calls: Iterable[RecordedCall],
    backends: Mapping[str, BackendSpec],
    *,
    fx: Sequence[FxRate] = prices.DEFAULT_FX,
) -> list[Statement]:
    """The account of many calls, in their order.

    Args:
        calls: all calls of a run: an endpoint's hourly price is shared among them.
        backends: by contestant name.
        fx: rates of the run.
    """
    recorded = list(calls)
    shares = _hourly_shares(recorded, backends)
    return [_statement(call, backends[call.begin.contestant], fx, shares) for call in recorded]


def mean_concurrency(
    calls: Iterable[RecordedCall], backends: Mapping[str, BackendSpec]
) -> dict[str, Decimal]:
    """Calls in flight on average while an hourly endpoint was busy, by contestant."""
    found: dict[str, Decimal] = {}
    for (endpoint, rate), spans in _spans(list(calls), backends).items():
        shared = hourly.share(spans, rate).mean_concurrency
        for name, spec in backends.items():
            if shared is not None and (spec.base_url, spec.hourly_usd) == (endpoint, rate):
                found[name] = shared
    return found


def possibly_billed(end: CallEnd | None) -> bool:
    """Whether an announced call may have cost something that no usage tells."""
    return end is None or end.usage is None or end.usage.estimated


def refused(end: CallEnd) -> bool:
    """Whether a call certainly cost nothing: it was turned away, or never left."""
    return end.usage is None and (end.outcome in _REFUSED or not end.sent)


def _statement(
    call: RecordedCall,
    spec: BackendSpec,
    fx: Sequence[FxRate],
    shares: Mapping[str, Decimal],
) -> Statement:
    begin, end = call
    usage = None if end is None else end.usage
    cost = None
    if spec.hourly_usd is not None:
        cost = _hourly_cost(shares.get(begin.call_id))
    elif usage is not None and end is not None:
        cost = prices.call_cost(
            usage,
            spec.prices,
            at=begin.started_at,
            fx=fx,
            repeated_tokens=end.repeated_tokens,
            reported_usd=end.reported_usd,
        )
    if not possibly_billed(end):
        return Statement(
            call_id=begin.call_id,
            trial_id=begin.trial_id,
            contestant=begin.contestant,
            cost=cost,
            possibly_billed=False,
        )
    return Statement(
        call_id=begin.call_id,
        trial_id=begin.trial_id,
        contestant=begin.contestant,
        cost=cost,
        possibly_billed=True,
        bound_tokens=_bound_tokens(call),
        bound_usd=_bound_usd(call, spec, fx),
    )


def _bound_tokens(call: RecordedCall) -> int:
    begin, end = call
    if end is not None and refused(end):
        return 0
    return begin.prompt_bound + begin.output_limit


def _bound_usd(call: RecordedCall, spec: BackendSpec, fx: Sequence[FxRate]) -> Decimal | None:
    begin, end = call
    if end is not None and refused(end):
        return Decimal(0)
    if spec.hourly_usd is not None:
        if end is not None:
            return Decimal(0)
        seconds = Decimal(str(spec.request_timeout_s))
        return spec.hourly_usd * seconds / hourly.SECONDS_PER_HOUR
    return prices.bound_usd(
        spec.prices,
        at=begin.started_at,
        prompt=begin.prompt_bound,
        output=begin.output_limit,
        fx=fx,
    )


def _hourly_cost(usd: Decimal | None) -> CallCost | None:
    if usd is None:
        return None
    return CallCost(
        billed_usd=usd, no_cache_usd=usd, standard_usd=usd, computed_usd=usd, status="known"
    )


def _hourly_shares(
    calls: Sequence[RecordedCall], backends: Mapping[str, BackendSpec]
) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for (_, rate), spans in _spans(calls, backends).items():
        found.update(hourly.share(spans, rate).by_call)
    return found


def _spans(
    calls: Sequence[RecordedCall], backends: Mapping[str, BackendSpec]
) -> dict[tuple[str, Decimal], list[hourly.CallSpan]]:
    found: dict[tuple[str, Decimal], list[hourly.CallSpan]] = {}
    for begin, end in calls:
        spec = backends[begin.contestant]
        if spec.hourly_usd is None or end is None:
            continue
        start = end.ended_at - timedelta(seconds=end.wall_s)
        span = hourly.CallSpan(call_id=begin.call_id, start=start, end=end.ended_at)
        found.setdefault((spec.base_url, spec.hourly_usd), []).append(span)
    return found
