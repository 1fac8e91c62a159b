"""The account of recorded calls: what each settled, and what each may have cost beyond that.

A call whose reply carried usage is settled exactly. Every other announced call is listed with an
upper bound, which is 0 only where the provider refused it before doing anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal

from arena.money import hourly
from arena.money.prices import CallCost
from arena.money.pricing import CallPricing, RecordedCall, refused
from arena.records import BackendSpec, CallEnd, FxRate, Record


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
    calls: Iterable[RecordedCall], backends: Mapping[str, BackendSpec], *, fx: Sequence[FxRate]
) -> list[Statement]:
    """The account of many calls, in their order.

    Args:
        calls: all calls of a run: an endpoint's hourly price is shared among them.
        backends: by contestant name.
        fx: rates of the run.
    """
    recorded = list(calls)
    shared = hourly.shares(_machine_calls(recorded, backends)).values()
    hours = {name: usd for machine in shared for name, usd in machine.by_call.items()}
    return [
        _statement(one, CallPricing(backends[one.begin.contestant], fx), hours) for one in recorded
    ]


def possibly_billed(end: CallEnd | None) -> bool:
    """Whether an announced call may have cost something that no usage tells."""
    return end is None or end.usage is None or end.usage.estimated


def _statement(call: RecordedCall, pricing: CallPricing, hours: Mapping[str, Decimal]) -> Statement:
    begin, end = call
    own = hours.get(begin.call_id)
    open_ = possibly_billed(end)
    return Statement(
        call_id=begin.call_id,
        trial_id=begin.trial_id,
        contestant=begin.contestant,
        cost=pricing.cost(call) if own is None else _hourly_cost(own),
        possibly_billed=open_,
        bound_tokens=_bound_tokens(call) if open_ else 0,
        bound_usd=pricing.most_usd(call) if open_ else Decimal(0),
    )


def _bound_tokens(call: RecordedCall) -> int:
    begin, end = call
    if end is not None and refused(end):
        return 0
    return begin.prompt_bound + begin.output_limit


def _hourly_cost(usd: Decimal) -> CallCost:
    return CallCost(
        billed_usd=usd, no_cache_usd=usd, standard_usd=usd, computed_usd=usd, status="known"
    )


def _machine_calls(
    calls: Sequence[RecordedCall], backends: Mapping[str, BackendSpec]
) -> Iterable[hourly.MachineCall]:
    """Those that ended, at endpoints paid by the hour."""
    for begin, end in calls:
        if end is not None and (machine := hourly.machine_of(backends[begin.contestant])):
            start = end.ended_at - timedelta(seconds=end.wall_s)
            span = hourly.CallSpan(call_id=begin.call_id, start=start, end=end.ended_at)
            yield machine, span
