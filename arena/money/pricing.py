"""What a call costs: reserved before it, settled after it, and at most where nobody told.

Everything that prices a call asks here: budgets while a run goes on, and every reader of its
ledger. So what was held and what is reported cannot differ by more than what was unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

from arena.money import hourly, prices
from arena.money.budget import Amount
from arena.money.prices import CallCost
from arena.records import BackendSpec, CallBegin, CallEnd, CallOutcome, FxRate

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
        return self.spec.hourly_usd * Decimal(str(seconds)) / hourly.SECONDS_PER_HOUR
