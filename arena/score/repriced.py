"""A run's money at other prices, by the rules of every report."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from arena.money.pricing import RecordedCall
from arena.money.statement import statements
from arena.records import BackendSpec, CostStatus, FxRate, Record
from arena.score.fold import Sums
from arena.score.results import Cost
from arena.score.totals import sum_costs


class Repriced(Record):
    """One contestant's money before and after, in USD; None where any trial's is unknown."""

    contestant: str
    calls: int
    billed_before_usd: Decimal | None
    billed_after_usd: Decimal | None
    standard_before_usd: Decimal | None
    standard_after_usd: Decimal | None
    status_before: CostStatus
    status_after: CostStatus
    possibly_billed_before_usd: Decimal | None
    """What calls that were never settled may have cost at most; None when unknown or none."""
    possibly_billed_after_usd: Decimal | None


def compare(
    calls: Sequence[RecordedCall],
    before: Mapping[str, BackendSpec],
    after: Mapping[str, BackendSpec],
    *,
    fx_before: Sequence[FxRate],
    fx_after: Sequence[FxRate],
) -> list[Repriced]:
    """Money of each contestant under two sets of prices, in order of name."""
    old = _costs(calls, before, fx_before)
    new = _costs(calls, after, fx_after)
    return [
        Repriced(
            contestant=name,
            calls=sum(c.begin.contestant == name for c in calls),
            billed_before_usd=old[name].billed_usd,
            billed_after_usd=new[name].billed_usd,
            standard_before_usd=old[name].standard_usd,
            standard_after_usd=new[name].standard_usd,
            status_before=old[name].status,
            status_after=new[name].status,
            possibly_billed_before_usd=old[name].unsettled_bound_usd,
            possibly_billed_after_usd=new[name].unsettled_bound_usd,
        )
        for name in sorted(old)
    ]


def _costs(
    calls: Sequence[RecordedCall], backends: Mapping[str, BackendSpec], fx: Sequence[FxRate]
) -> dict[str, Cost]:
    """Every contestant's trials summed."""
    trials: dict[str, dict[str, Sums]] = {}
    for statement in statements(calls, backends, fx=fx):
        own = trials.setdefault(statement.contestant, {})
        own.setdefault(statement.trial_id, Sums()).pay(statement)
    return {name: sum_costs([s.cost() for s in own.values()]) for name, own in trials.items()}
