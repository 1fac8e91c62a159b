"""What budgets reserve for a call and count after it, for one backend."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from arena.money import hourly, prices
from arena.money.budget import Amount
from arena.money.statement import refused
from arena.records import BackendSpec, CallBegin, CallEnd, FxRate

UNKNOWN = Decimal(0)
"""Unknown money: budgets in USD cannot hold it, so a token limit must."""


@dataclass(frozen=True)
class Tariff:
    """Prices of one backend as budgets see them."""

    spec: BackendSpec
    fx: Sequence[FxRate]

    def expected(self, prompt: int, output: int, seconds: float) -> Amount:
        """What a call of this size should cost at most; `seconds` for machines paid by the hour."""
        if self.spec.hourly_usd is not None:
            return Amount(self._machine_usd(seconds), prompt + output)
        usd = prices.bound_usd(
            self.spec.prices, at=datetime.now(UTC), prompt=prompt, output=output, fx=self.fx
        )
        return Amount(usd or UNKNOWN, prompt + output)

    def spent(self, begin: CallBegin, end: CallEnd, held: Amount) -> Amount:
        """The settled cost; without usage what was reserved, unless the call cost nothing."""
        if end.usage is None:
            return Amount() if refused(end) else held
        tokens = end.usage.prompt + end.usage.output
        if self.spec.hourly_usd is not None:
            return Amount(self._machine_usd(end.wall_s), tokens)
        cost = prices.call_cost(
            end.usage,
            self.spec.prices,
            at=begin.started_at,
            fx=self.fx,
            reported_usd=end.reported_usd,
        )
        return Amount(cost.billed_usd or UNKNOWN, tokens)

    def _machine_usd(self, seconds: float) -> Decimal:
        assert self.spec.hourly_usd is not None
        return self.spec.hourly_usd * Decimal(str(seconds)) / hourly.SECONDS_PER_HOUR
