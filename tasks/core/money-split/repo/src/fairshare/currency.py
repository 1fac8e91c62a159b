"""Currencies and their smallest units."""

from decimal import Decimal

_DECIMALS = {
    "BHD": 3,
    "CHF": 2,
    "EUR": 2,
    "GBP": 2,
    "JPY": 0,
    "KRW": 0,
    "KWD": 3,
    "USD": 2,
}


def decimals(code):
    """How many digits after the point amounts in a currency have."""
    try:
        return _DECIMALS[code]
    except KeyError:
        raise ValueError(f"unknown currency {code!r}") from None


def unit(code):
    """The smallest amount of a currency, such as 0.01."""
    return Decimal(1).scaleb(-decimals(code))
