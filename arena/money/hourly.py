"""Machines paid by the hour: what an endpoint's calls cost together, shared out by call time.

cost = rate x wall time in which at least one call was in flight, all contestants together. How
well a machine is used is the run's own doing, so the mean concurrency belongs beside every such
cost, and the cost at full use is only ever a labelled what-if.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from arena.records import BackendSpec, Record

SECONDS_PER_HOUR = Decimal(3600)


Machine = tuple[str, Decimal]
"""An endpoint and what it costs an hour."""


class CallSpan(Record):
    """When one call was in flight."""

    call_id: str
    start: datetime
    end: datetime

    @property
    def seconds(self) -> Decimal:
        """Length of the call."""
        return Decimal(str(max(0.0, (self.end - self.start).total_seconds())))


class HourlyShare(Record):
    """Cost of one endpoint's calls."""

    busy_s: Decimal
    """Wall time with at least one call in flight."""
    total_usd: Decimal
    mean_concurrency: Decimal | None
    """Calls in flight on average while busy; None when nothing was."""
    by_call: dict[str, Decimal]
    """USD by call id; adds up to `total_usd` up to the last rounded digit."""


MachineCall = tuple[Machine, CallSpan]


def machine_of(spec: BackendSpec) -> Machine | None:
    """The machine that serves a backend, where it is paid by the hour."""
    return None if spec.hourly_usd is None else (spec.base_url, spec.hourly_usd)


def shares(calls: Iterable[MachineCall]) -> dict[Machine, HourlyShare]:
    """Each machine's time shared among all calls to it, whoever made them."""
    spans: dict[Machine, list[CallSpan]] = {}
    for machine, span in calls:
        spans.setdefault(machine, []).append(span)
    return {machine: share(found, machine[1]) for machine, found in spans.items()}


def share(spans: Sequence[CallSpan], hourly_usd: Decimal) -> HourlyShare:
    """Share an endpoint's busy time among its calls in proportion to their length."""
    busy_s = _busy_s(spans)
    in_flight_s = sum((s.seconds for s in spans), Decimal(0))
    total = hourly_usd * busy_s / SECONDS_PER_HOUR
    per_second = total / in_flight_s if in_flight_s else Decimal(0)
    return HourlyShare(
        busy_s=busy_s,
        total_usd=total,
        mean_concurrency=in_flight_s / busy_s if busy_s else None,
        by_call={s.call_id: s.seconds * per_second for s in spans},
    )


def _busy_s(spans: Sequence[CallSpan]) -> Decimal:
    busy = Decimal(0)
    reached: datetime | None = None
    for span in sorted(spans, key=lambda s: s.start):
        start = span.start if reached is None else max(span.start, reached)
        if span.end > start:
            busy += Decimal(str((span.end - start).total_seconds()))
            reached = span.end
    return busy
