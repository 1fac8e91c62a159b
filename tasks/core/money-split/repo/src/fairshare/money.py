"""An amount of money in one currency."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from fairshare.currency import decimals, unit


class CurrencyMismatch(ValueError):
    """Two amounts in different currencies were put together."""


@dataclass(frozen=True)
class Money:
    """A whole number of the smallest units of a currency."""

    amount: Decimal
    currency: str

    def __post_init__(self):
        if isinstance(self.amount, float):
            raise TypeError("a float is not an exact amount")
        amount = Decimal(self.amount)
        exact = amount.quantize(unit(self.currency))
        if exact != amount:
            raise ValueError(f"{amount} is not a whole number of {self.currency} units")
        object.__setattr__(self, "amount", exact)

    @classmethod
    def of_units(cls, units, currency):
        """So many cents (yen, fils)."""
        return cls(Decimal(units).scaleb(-decimals(currency)), currency)

    @classmethod
    def zero(cls, currency):
        """Nothing."""
        return cls(Decimal(0), currency)

    @property
    def units(self):
        """The amount in cents (yen, fils) as an int."""
        return int(self.amount.scaleb(decimals(self.currency)))

    def _check(self, other):
        if not isinstance(other, Money):
            raise TypeError(f"not money: {other!r}")
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")

    def __add__(self, other):
        self._check(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other):
        self._check(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self):
        return Money(-self.amount, self.currency)

    def __lt__(self, other):
        self._check(other)
        return self.amount < other.amount

    def __le__(self, other):
        self._check(other)
        return self.amount <= other.amount

    def __bool__(self):
        return self.amount != 0

    def __str__(self):
        return f"{self.currency} {self.amount}"

    def times(self, factor):
        """The amount times a number, rounded half up."""
        product = self.amount * Decimal(factor)
        return Money(product.quantize(Decimal("0.01"), ROUND_HALF_UP), self.currency)


def total_of(amounts, currency):
    """The sum of some amounts, zero if there are none."""
    total = Money.zero(currency)
    for amount in amounts:
        total = total + amount
    return total
