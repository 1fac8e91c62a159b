"""The account of recorded calls: what each settled, and what each may have cost beyond that.

cost = rate x wall time in which at least one call was in flight, all contestants together. How
well a machine is used is the run's own doing, so the mean concurrency belongs beside every such
cost, and the cost at full use is only ever a labelled what-if.

Everything that prices a call asks here: budgets while a run goes on, and every reader of its
ledger. So what was held and what is reported cannot differ by more than what was unknown.

A call whose reply carried usage is settled exactly. Every other announced call is listed with an
upper bound, which is 0 only where the provider refused it before doing anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from arena.money import prices
from arena.money.budget import Amount
from arena.money.prices import CallCost
from arena.records import BackendSpec, CallBegin, CallEnd, CallOutcome, FxRate, Record

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


UNKNOWN = Decimal(0)
"""Unknown money: budgets in USD cannot hold it, so a token limit must."""
_REFUSED: frozenset[CallOutcome] = frozenset({"rate_limited", "quota_exhausted", "auth"})
"""Outcomes a provider only gives before it generates anything."""


class RecordedCall(NamedTuple):
    """An announced call and, once it ended, how."""

    begin: CallBegin
    end: CallEnd | None


def refused(end: CallEnd) -> bool:
    """Whether a call certainly cost nothing: it was turned away, or never left."""
    return end.usage is None and (end.outcome in _REFUSED or not end.sent)


@dataclass(frozen=True)
class CallPricing:
    """The prices of one backend at the rates of one run."""

    spec: BackendSpec
    fx: Sequence[FxRate]

    @property
    def known(self) -> bool:
        """Whether money can be held at all: every price there is comes to dollars."""
        if self.spec.hourly_usd is not None:
            return True
        dollars = [prices.to_usd(UNKNOWN, row.currency, self.fx) for row in self.spec.prices]
        return bool(dollars) and None not in dollars

    def expected(self, prompt: int, output: int, seconds: float) -> Amount:
        """What a call of this size should cost at most; `seconds` for machines paid by the hour."""
        if self.spec.hourly_usd is not None:
            return Amount(self._machine_usd(seconds), prompt + output)
        return Amount(self._bound(datetime.now(UTC), prompt, output) or UNKNOWN, prompt + output)

    def spent(self, call: RecordedCall, held: Amount) -> Amount:
        """What budgets count; without usage what was reserved, unless the call cost nothing."""
        end = call.end
        if end is None or end.usage is None:
            return Amount() if end is not None and refused(end) else held
        tokens = end.usage.prompt + end.usage.output
        if self.spec.hourly_usd is not None:
            return Amount(self._machine_usd(end.wall_s), tokens)
        cost = self.cost(call)
        return Amount((cost and cost.billed_usd) or UNKNOWN, tokens)

    def cost(self, call: RecordedCall) -> CallCost | None:
        """What a call cost by its tokens; None where no usage was told, or time is what is paid."""
        begin, end = call
        if end is None or end.usage is None or self.spec.hourly_usd is not None:
            return None
        return prices.call_cost(
            end.usage,
            self.spec.prices,
            at=begin.started_at,
            fx=self.fx,
            repeated_tokens=end.repeated_tokens,
            reported_usd=end.reported_usd,
        )

    def most_usd(self, call: RecordedCall) -> Decimal | None:
        """The most that a call may have cost of which no usage tells; None without a price."""
        begin, end = call
        if end is not None and refused(end):
            return Decimal(0)
        if self.spec.hourly_usd is not None:
            return self._machine_usd(self.spec.request_timeout_s) if end is None else Decimal(0)
        return self._bound(begin.started_at, begin.prompt_bound, begin.output_limit)

    def by_kind(
        self, fresh: int, read: int, write: int, output: int
    ) -> tuple[Decimal, Decimal, Decimal, Decimal] | None:
        """Dollars of fresh, cached, written and output tokens, where one price holds at any time
        and size; None where there are several, or none.
        """
        if len(self.spec.prices) != 1:
            return None
        row = self.spec.prices[0]
        rate = prices.to_usd(Decimal(1), row.currency, self.fx)
        if rate is None:
            return None
        one, two, three, four = prices.by_kind(row.tiers[0], fresh, read, write, output)
        return one * rate, two * rate, three * rate, four * rate

    def _bound(self, at: datetime, prompt: int, output: int) -> Decimal | None:
        return prices.bound_usd(self.spec.prices, at=at, prompt=prompt, output=output, fx=self.fx)

    def _machine_usd(self, seconds: float) -> Decimal:
        assert self.spec.hourly_usd is not None
        return self.spec.hourly_usd * Decimal(str(seconds)) / SECONDS_PER_HOUR


class CallStatement(Record):
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
) -> list[CallStatement]:
    """The account of many calls, in their order.

    Args:
        calls: all calls of a run: an endpoint's hourly price is shared among them.
        backends: by contestant name.
        fx: rates of the run.
    """
    recorded = list(calls)
    shared = shares(_machine_calls(recorded, backends)).values()
    hours = {name: usd for machine in shared for name, usd in machine.by_call.items()}
    return [
        _statement(one, CallPricing(backends[one.begin.contestant], fx), hours) for one in recorded
    ]


def possibly_billed(end: CallEnd | None) -> bool:
    """Whether an announced call may have cost something that no usage tells."""
    return end is None or end.usage is None or end.usage.estimated


def _statement(
    call: RecordedCall, pricing: CallPricing, hours: Mapping[str, Decimal]
) -> CallStatement:
    begin, end = call
    own = hours.get(begin.call_id)
    open_ = possibly_billed(end)
    return CallStatement(
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
) -> Iterable[MachineCall]:
    """Those that ended, at endpoints paid by the hour."""
    for begin, end in calls:
        if end is not None and (machine := machine_of(backends[begin.contestant])):
            start = end.ended_at - timedelta(seconds=end.wall_s)
            span = CallSpan(call_id=begin.call_id, start=start, end=end.ended_at)
            yield machine, span
