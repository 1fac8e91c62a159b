"""What a run will probably cost, from trials that were already made.

A contestant's own earlier trials are the best guide. Without them the calls of other contestants
are priced as if this backend had made them, which says little about a model that thinks longer:
such a forecast is marked, and its range spans the cheapest and dearest of the others. Where no run
was made at all, a usual trial is assumed: what it is taken to be is said beside the number.
"""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from arena.money.prices import call_cost
from arena.money.statement import RecordedCall, statements
from arena.records import BackendSpec, FxRate, Limits, Record, Usage

Basis = Literal["own", "others", "assumed", "none"]
"""What a forecast rests on; `none` where no price is known."""
DRAWS = 2000
ASSUMED_CALLS = (8, 20, 60)
"""Of a small, a usual and a large trial; the usual one is that of `arena scale`."""
ASSUMED = Usage(input_fresh=2_000, cache_read=8_000, output=500)
"""Of each call."""
ASSUMED_CALL_S = 9.0
"""Mean latency of the calls that `arena scale` takes."""
ASSUMPTION = (
    f"no earlier run: a trial is taken to be {ASSUMED_CALLS[1]} calls ({ASSUMED_CALLS[0]} to"
    f" {ASSUMED_CALLS[2]}) of {ASSUMED.prompt:,} prompt tokens, {ASSUMED.cache_read:,} of them"
    f" cached, and {ASSUMED.output:,} of output, {ASSUMED_CALL_S:.0f} s each"
)


class Forecast(Record):
    """Expected spend of one contestant in USD."""

    contestant: str
    trials: int
    basis: Basis
    earlier_trials: int
    """How many trials it rests on."""
    low_usd: Decimal | None
    """One run in ten is cheaper, if the future is like the past."""
    expected_usd: Decimal | None
    high_usd: Decimal | None
    """One run in ten is dearer."""
    ceiling_usd: Decimal | None
    """What the limit of each trial allows in all."""


def forecast(
    contestant: str,
    spec: BackendSpec,
    trials: int,
    history: Mapping[str, Sequence[Sequence[RecordedCall]]],
    limits: Limits,
    *,
    fx: Sequence[FxRate],
    seed: int,
) -> Forecast:
    """Forecast one contestant's part of a run.

    Args:
        contestant: by name.
        spec: its backend, whose prices apply.
        trials: planned.
        history: calls of earlier trials, by contestant and trial.
        limits: of each trial.
        fx: rates of the run.
        seed: of the run; draws the range.
    """
    own = _costs(history.get(contestant, ()), spec, fx)
    groups = [own] if own else [g for c in history.values() if (g := _costs(c, spec, fx))]
    everything = [cost for group in groups for cost in group]
    basis: Basis
    usd: Sequence[Decimal | None]
    if groups:
        lows, highs = zip(*(_range(group, trials, seed) for group in groups), strict=True)
        expected = trials * sum(everything, Decimal(0)) / len(everything)
        basis, usd = "own" if own else "others", (min(lows), expected, max(highs))
    elif usual := _assumed(spec, trials, fx):
        basis, usd = "assumed", usual
    else:
        basis, usd = "none", (None, None, None)
    return Forecast(
        contestant=contestant,
        trials=trials,
        basis=basis,
        earlier_trials=len(everything),
        low_usd=usd[0],
        expected_usd=usd[1],
        high_usd=usd[2],
        ceiling_usd=None if limits.usd is None else limits.usd * trials,
    )


def _assumed(spec: BackendSpec, trials: int, fx: Sequence[FxRate]) -> list[Decimal]:
    """Dollars of that many small, usual and large trials; empty where no price is known."""
    if spec.hourly_usd is not None:
        a_call: Decimal | None = spec.hourly_usd * Decimal(ASSUMED_CALL_S) / 3600
    else:
        a_call = call_cost(ASSUMED, spec.prices, at=datetime.now(UTC), fx=fx).billed_usd
    return [] if a_call is None else [a_call * calls * trials for calls in ASSUMED_CALLS]


def _costs(
    earlier: Sequence[Sequence[RecordedCall]], spec: BackendSpec, fx: Sequence[FxRate]
) -> list[Decimal]:
    """Billed cost of each earlier trial at this backend's prices, where all of it is known."""
    found = []
    for calls in earlier:
        made = statements(calls, {c.begin.contestant: spec for c in calls}, fx=fx)
        known = [s.cost.billed_usd for s in made if s.cost is not None]
        if calls and None not in known:
            found.append(sum((k for k in known if k is not None), Decimal(0)))
    return found


def _range(costs: Sequence[Decimal], trials: int, seed: int) -> tuple[Decimal, Decimal]:
    """The middle eight tenths of what that many trials cost, drawn from earlier ones."""
    dice = random.Random(seed)
    floats = [float(cost) for cost in costs]
    totals = sorted(sum(dice.choices(floats, k=trials)) for _ in range(DRAWS))
    low, high = totals[DRAWS // 10], totals[DRAWS - DRAWS // 10 - 1]
    return Decimal(str(low)), Decimal(str(high))
