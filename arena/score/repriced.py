"""Every call of a run as recorded, and its money at other prices by the rules of every report."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from arena import ledger
from arena.money.pricing import RecordedCall
from arena.money.statement import statements
from arena.records import BackendSpec, CallBegin, CostStatus, FxRate, Record
from arena.rundir import RunDir
from arena.score.reducer import Sums
from arena.score.results import Cost, sum_costs


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


def recorded(run: Path) -> list[RecordedCall]:
    """Calls in the order they were announced, ended or not.

    Raises:
        InputError: the ledger is broken.
    """
    begun: dict[str, CallBegin] = {}
    found: dict[str, RecordedCall] = {}
    for event in ledger.read(RunDir(run).ledger_path):
        if isinstance(event, ledger.CallBeginEvent):
            begun[event.call.call_id] = event.call
            found[event.call.call_id] = RecordedCall(event.call, None)
        elif isinstance(event, ledger.CallEndEvent) and event.call.call_id in begun:
            found[event.call.call_id] = RecordedCall(begun[event.call.call_id], event.call)
    return list(found.values())


def by_trial(calls: list[RecordedCall]) -> dict[str, list[list[RecordedCall]]]:
    """Calls grouped by trial, by contestant."""
    grouped: dict[str, dict[str, list[RecordedCall]]] = {}
    for call in calls:
        trials = grouped.setdefault(call.begin.contestant, {})
        trials.setdefault(call.begin.trial_id, []).append(call)
    return {name: list(trials.values()) for name, trials in grouped.items()}
