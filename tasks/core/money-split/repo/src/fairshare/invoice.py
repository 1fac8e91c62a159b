"""Invoices with a discount and taxes."""

from dataclasses import dataclass
from decimal import Decimal

from fairshare.money import CurrencyMismatch, Money, total_of


@dataclass(frozen=True)
class Line:
    """Something that is sold; the price is for one piece, without tax."""

    text: str
    quantity: int
    price: Money
    tax_rate: Decimal = Decimal(0)

    def __post_init__(self):
        if self.quantity < 0 or self.price < Money.zero(self.price.currency):
            raise ValueError("quantity and price must not be negative")

    @property
    def net(self):
        """Price of all pieces, before the discount."""
        return self.price.times(self.quantity)


class Invoice:
    """Lines in one currency, and one discount on all of them."""

    def __init__(self, currency, discount=None):
        self.currency = currency
        self.discount = discount or Money.zero(currency)
        self.lines = []
        if self.discount.currency != currency:
            raise CurrencyMismatch("the discount is in another currency")

    def add(self, line):
        """Put a line on the invoice."""
        if line.price.currency != self.currency:
            raise CurrencyMismatch(f"the invoice is in {self.currency}")
        self.lines.append(line)

    def subtotal(self):
        """All lines, before discount and tax."""
        return total_of((line.net for line in self.lines), self.currency)

    def line_discounts(self):
        """The part of the discount that belongs to each line."""
        subtotal = self.subtotal()
        if subtotal < self.discount:
            raise ValueError("the discount is larger than the invoice")
        if not self.discount:
            return [Money.zero(self.currency) for _ in self.lines]
        share = self.discount.amount / subtotal.amount
        return [line.net.times(share) for line in self.lines]

    def line_nets(self):
        """What each line costs after the discount, without tax."""
        pairs = zip(self.lines, self.line_discounts())
        return [line.net - discount for line, discount in pairs]

    def line_taxes(self):
        """The tax on each line."""
        pairs = zip(self.lines, self.line_nets())
        return [net.times(line.tax_rate) for line, net in pairs]

    def taxes(self):
        """Tax per rate, lowest rate first."""
        found = {}
        for line, tax in zip(self.lines, self.line_taxes()):
            found[line.tax_rate] = found.get(line.tax_rate, Money.zero(self.currency)) + tax
        return dict(sorted(found.items()))

    def total(self):
        """What the customer pays."""
        net = total_of(self.line_nets(), self.currency)
        return net + total_of(self.taxes().values(), self.currency)
