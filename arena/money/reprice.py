"""Other prices for an old run: another list, another day's, another rate."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from arena.errors import InputError
from arena.money import prices
from arena.records import BackendSpec, FxRate, PriceRow


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
        InputError: not of that form, or of the dollar itself.
    """
    currency, _, value = text.partition("=")
    if currency == "USD":
        raise InputError("money is in USD: it has no rate", where="--fx", remedy="leave it out")
    try:
        usd = Decimal(value)
    except ArithmeticError:
        usd = Decimal(0)
    if len(currency) != 3 or not currency.isupper() or not usd.is_finite() or usd <= 0:
        raise InputError(
            f"{text!r} is not a rate", where="--fx", remedy="write dollars for one unit: CNY=0.14"
        )
    return currency, usd


def _undated(row: PriceRow) -> PriceRow:
    return row.model_copy(update={"valid_from": None, "valid_to": None})
