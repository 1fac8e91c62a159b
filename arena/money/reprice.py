"""New money for old calls: other prices, another day's, another rate. Usage stays as it was."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from arena.errors import InputError
from arena.money import prices
from arena.money.statement import RecordedCall, Statement, statements
from arena.records import BackendSpec, FxRate, PriceRow, Record


class Repriced(Record):
    """One contestant's money before and after, in USD; None where any call's is unknown."""

    contestant: str
    calls: int
    billed_before_usd: Decimal | None
    billed_after_usd: Decimal | None
    standard_before_usd: Decimal | None
    standard_after_usd: Decimal | None


def repriced_spec(
    spec: BackendSpec, *, rows: Sequence[PriceRow] | None = None, at: date | None = None
) -> BackendSpec:
    """A backend with other prices.

    Args:
        spec: as the run recorded it.
        rows: instead of its own price rows.
        at: price every call by the row in force on this day. Peak hours still go by the time and
            weekday at which a call was made.
    """
    found = tuple(spec.prices if rows is None else rows)
    if at is not None:
        row = prices.row_on(found, at)
        found = () if row is None else (_undated(row),)
    return spec.model_copy(update={"prices": found})


def with_rates(fx: Sequence[FxRate], changes: Mapping[str, Decimal], *, on: date) -> list[FxRate]:
    """Rates of a run with some replaced, by currency; a rate is dollars for one unit."""
    kept = [rate for rate in fx if rate.currency not in changes]
    given = [
        FxRate(currency=currency, usd=usd, on=on, source="given by the user")
        for currency, usd in changes.items()
    ]
    return kept + given


def parse_rate(text: str) -> tuple[str, Decimal]:
    """`CNY=0.14`: dollars for one unit of a currency.

    Raises:
        InputError: not of that form.
    """
    currency, _, value = text.partition("=")
    try:
        usd = Decimal(value)
    except ArithmeticError:
        usd = Decimal(0)
    if len(currency) != 3 or not currency.isupper() or not usd.is_finite() or usd <= 0:
        raise InputError(
            f"{text!r} is not a rate", where="--fx", remedy="write dollars for one unit: CNY=0.14"
        )
    return currency, usd


def compare(
    calls: Sequence[RecordedCall],
    before: Mapping[str, BackendSpec],
    after: Mapping[str, BackendSpec],
    *,
    fx_before: Sequence[FxRate],
    fx_after: Sequence[FxRate],
) -> list[Repriced]:
    """Settled money of each contestant under two sets of prices, in order of name."""
    old, new = statements(calls, before, fx=fx_before), statements(calls, after, fx=fx_after)
    return [
        Repriced(
            contestant=name,
            calls=sum(s.contestant == name for s in old),
            billed_before_usd=_billed(old, name),
            billed_after_usd=_billed(new, name),
            standard_before_usd=_standard(old, name),
            standard_after_usd=_standard(new, name),
        )
        for name in sorted({s.contestant for s in old})
    ]


def _undated(row: PriceRow) -> PriceRow:
    return row.model_copy(update={"valid_from": None, "valid_to": None})


def _billed(found: Sequence[Statement], name: str) -> Decimal | None:
    return _total([s.cost.billed_usd for s in found if s.cost and s.contestant == name])


def _standard(found: Sequence[Statement], name: str) -> Decimal | None:
    return _total([s.cost.standard_usd for s in found if s.cost and s.contestant == name])


def _total(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(amounts) else None
