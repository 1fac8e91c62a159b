"""Shared expenses: who owes whom."""

from dataclasses import dataclass, field
from decimal import Decimal

from fairshare.money import Money


@dataclass(frozen=True)
class Expense:
    """Somebody paid for several people.

    `shares` maps each person to a weight: 1 for a full share, 2 for somebody
    who counts twice, Decimal("0.5") for a child.
    """

    payer: str
    amount: Money
    shares: dict = field(hash=False)

    def parts(self):
        """What each person's part of the expense is."""
        whole = sum(Decimal(weight) for weight in self.shares.values())
        return {
            person: self.amount.times(Decimal(weight) / whole)
            for person, weight in self.shares.items()
        }


def balances(expenses, currency):
    """What each person gets back (positive) or has to pay (negative)."""
    found = {}
    for expense in expenses:
        nothing = Money.zero(currency)
        found[expense.payer] = found.get(expense.payer, nothing) + expense.amount
        for person, part in expense.parts().items():
            found[person] = found.get(person, nothing) - part
    return found


def transfers(balance):
    """Payments (from, to, amount) that make every balance zero.

    The largest debt goes to the largest claim first.
    """
    claims = sorted(((m.units, p) for p, m in balance.items() if m.units > 0), reverse=True)
    debts = sorted((m.units, p) for p, m in balance.items() if m.units < 0)
    currency = next((money.currency for money in balance.values()), None)
    payments = []
    while claims and debts:
        (claim, creditor), (debt, debtor) = claims.pop(0), debts.pop(0)
        paid = min(claim, -debt)
        payments.append((debtor, creditor, Money.of_units(paid, currency)))
        if claim > paid:
            claims.insert(0, (claim - paid, creditor))
        if -debt > paid:
            debts.insert(0, (debt + paid, debtor))
    return payments
