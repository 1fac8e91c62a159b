"""Offers for whole orders."""

from collections.abc import Iterable
from dataclasses import dataclass

from parcels.fees import fee
from parcels.tariff import Tariff


@dataclass(frozen=True)
class Quote:
    """What the parcels of an order cost, in cents."""

    lines: tuple[tuple[int, int], ...]

    @property
    def total(self) -> int:
        return sum(price for _, price in self.lines)

    def text(self) -> str:
        rows = [f"{grams:>7} g {price / 100:>8.2f}" for grams, price in self.lines]
        return "\n".join([*rows, f"{'total':>9} {self.total / 100:>8.2f}"])


def quote(tariff: Tariff, weights: Iterable[int]) -> Quote:
    """Price every parcel, heaviest first."""
    return Quote(tuple((grams, fee(tariff, grams)) for grams in sorted(weights, reverse=True)))
