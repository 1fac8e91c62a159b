from decimal import Decimal

from fairshare import Expense, Money, balances, transfers


def eur(text):
    return Money(text, "EUR")


def test_equal_shares():
    found = balances([Expense("ann", eur("30.00"), {"ann": 1, "bob": 1, "cy": 1})], "EUR")
    assert found == {"ann": eur("20.00"), "bob": eur("-10.00"), "cy": eur("-10.00")}


def test_child_counts_half():
    expense = Expense("ann", eur("10.00"), {"ann": 2, "kid": Decimal("0.5")})
    assert expense.parts() == {"ann": eur("8.00"), "kid": eur("2.00")}


def test_transfers():
    owed = {"ann": eur("20.00"), "bob": eur("-15.00"), "cy": eur("-5.00")}
    assert transfers(owed) == [("bob", "ann", eur("15.00")), ("cy", "ann", eur("5.00"))]


def test_nothing_to_settle():
    assert transfers({}) == []
