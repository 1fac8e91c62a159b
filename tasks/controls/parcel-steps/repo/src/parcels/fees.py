"""The price of one parcel."""

from parcels.tariff import Tariff


class TooHeavyError(ValueError):
    """A parcel that a tariff does not cover."""


def steps(tariff: Tariff, grams: int) -> int:
    """How many weight steps a parcel is charged for."""
    if grams <= 0:
        raise ValueError(f"a parcel cannot weigh {grams} g")
    if grams > tariff.limit:
        raise TooHeavyError(f"{grams} g is more than {tariff.limit} g")
    return grams // tariff.step


def fee(tariff: Tariff, grams: int) -> int:
    """Price in cents: the base and what the steps cost."""
    return tariff.base + steps(tariff, grams) * tariff.step_price
