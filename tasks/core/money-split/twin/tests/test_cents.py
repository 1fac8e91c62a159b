from fairshare import Expense, Money, balances, split


def eur(text):
    return Money(text, "EUR")


def test_split_in_three():
    assert [part.units for part in split(eur("100.00"), 3)] == [3333, 3334, 3334]


def test_dinner_balances():
    found = balances([Expense("ann", eur("100.00"), {"bob": 1, "ann": 1, "cy": 1})], "EUR")
    assert found == {"ann": eur("66.66"), "bob": eur("-33.34"), "cy": eur("-33.33")}
