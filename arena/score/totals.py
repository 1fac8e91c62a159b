"""Money and tokens of several trials together."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from arena.records import CostStatus
from arena.score.results import Cost, Tokens, TrialRow


def total_tokens(trials: Iterable[TrialRow]) -> Tokens:
    """Tokens of several trials."""
    used = [t.tokens for t in trials]
    return Tokens(
        input=sum(u.input for u in used),
        cached_input=sum(u.cached_input for u in used),
        cache_write=sum(u.cache_write for u in used),
        output=sum(u.output for u in used),
        reasoning=sum(u.reasoning for u in used),
    )


def total_cost(trials: Sequence[TrialRow]) -> Cost:
    """Money of several trials; a basis is None when it is unknown of any of them."""
    made = sum_costs([t.cost for t in trials])
    return replace(made, status=_status({t.cost.status for t in trials if t.calls}))


def sum_costs(costs: Sequence[Cost]) -> Cost:
    """Money of several trials that all made calls."""
    unsettled = [c for c in costs if c.unsettled_calls]
    return Cost(
        billed_usd=_sum(c.billed_usd for c in costs),
        no_cache_usd=_sum(c.no_cache_usd for c in costs),
        standard_usd=_sum(c.standard_usd for c in costs),
        known_usd=sum((c.known_usd for c in costs), Decimal(0)),
        status=_status({c.status for c in costs}),
        unsettled_bound_usd=_sum(c.unsettled_bound_usd for c in unsettled) if unsettled else None,
        unsettled_calls=sum(c.unsettled_calls for c in unsettled),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _status(seen: set[CostStatus]) -> CostStatus:
    """Status of a sum; trials without a call cost nothing, and that is known."""
    if "unknown" in seen and len(seen) == 1:
        return "unknown"
    if seen & {"unknown", "partial"}:
        return "partial"
    return "estimated" if "estimated" in seen else "known"
