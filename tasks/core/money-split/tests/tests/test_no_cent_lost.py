import random
from decimal import Decimal
from fractions import Fraction

import pytest

from fairshare import (
    Expense,
    Invoice,
    Line,
    Money,
    allocate,
    balances,
    render,
    split,
    total_of,
    transfers,
)

HIGH, LOW = Decimal("0.20"), Decimal("0.07")


def eur(text):
    return Money(text, "EUR")


def units(parts):
    return [part.units for part in parts]


def invoice(currency, discount, *lines):
    made = Invoice(currency, discount=Money(discount, currency))
    for number, (quantity, price, rate) in enumerate(lines):
        made.add(Line(f"line {number}", quantity, Money(price, currency), rate))
    return made


def test_split_in_three():
    assert units(split(eur("100.00"), 3)) == [3334, 3333, 3333]
    assert units(split(eur("0.05"), 2)) == [3, 2]
    assert units(split(eur("0.02"), 3)) == [1, 1, 0]


def test_split_other_currencies():
    assert units(split(Money("100", "JPY"), 3)) == [34, 33, 33]
    assert split(Money("1.000", "KWD"), 3)[0] == Money("0.334", "KWD")


def test_rest_goes_to_the_largest_fraction():
    # exact shares 0.2, 1.4, 8.4 cents; then 1.25, 2.5, 6.25
    assert units(allocate(eur("0.10"), [1, 7, 42])) == [0, 2, 8]
    assert units(allocate(eur("0.10"), [1, 2, 5])) == [1, 3, 6]
    assert units(allocate(eur("0.07"), [Decimal("0.1"), Decimal("0.6"), Decimal("0.3")])) == [1, 4, 2]


def test_equal_fractions_go_to_the_earlier():
    assert units(allocate(eur("0.11"), [1, 1, 1, 1])) == [3, 3, 3, 2]
    assert units(allocate(eur("0.05"), [3, 3, 2, 2])) == [2, 1, 1, 1]


def test_zero_weight_gets_nothing():
    assert units(allocate(eur("100.00"), [0, 1, 1, 1, 0])) == [0, 3334, 3333, 3333, 0]
    assert units(allocate(eur("0.01"), [0, 0, 5])) == [0, 0, 1]


@pytest.mark.parametrize("amount", ["100.00", "0.05", "0.01", "99.99", "10.00"])
def test_refunds_mirror_payments(amount):
    for weights in ([1, 1, 1], [1, 7, 2], [0, 3, 3, 1], [5]):
        parts = allocate(eur(amount), weights)
        assert allocate(-eur(amount), weights) == [-part for part in parts]
    assert split(-eur(amount), 7) == [-part for part in split(eur(amount), 7)]


def test_nothing_is_divided_too():
    assert units(allocate(eur("0"), [1, 2])) == [0, 0]


def test_exact_shares_stay_exact():
    assert units(allocate(eur("0.30"), [Decimal("0.1")] * 3)) == [10, 10, 10]
    assert units(allocate(eur("7.00"), [1] * 7)) == [100] * 7
    assert units(allocate(eur("0.14"), [3, 3, 1])) == [6, 6, 2]


@pytest.mark.parametrize("seed", range(20))
def test_rules_on_random_amounts(seed):
    rng = random.Random(seed)
    currency = rng.choice(["EUR", "JPY", "KWD"])
    total = Money.of_units(rng.randrange(-10**6, 10**6), currency)
    weights = [rng.choice([0, 1, 2, 3, rng.randrange(1000)]) for _ in range(rng.randrange(1, 12))]
    weights.append(1)
    parts = allocate(total, weights)
    assert total_of(parts, currency) == total
    whole = sum(weights)
    cut = []
    for part, weight in zip(parts, weights):
        exact = Fraction(abs(total.units) * weight, whole)
        extra = abs(part.units) - exact.numerator // exact.denominator
        assert extra in (0, 1)
        assert part.units == 0 or (part.units < 0) == (total.units < 0)
        cut.append((exact % 1, extra))
    given = [fraction for fraction, extra in cut if extra]
    kept = [fraction for fraction, extra in cut if not extra]
    assert not given or not kept or min(given) >= max(kept)


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]], ids=["none", "zero", "negative"])
def test_errors_stay(weights):
    with pytest.raises(ValueError):
        allocate(eur("1"), weights)
    with pytest.raises(ValueError):
        split(eur("1"), 0)


def test_times_rounds_to_the_unit_of_the_currency():
    assert Money("100", "JPY").times(Decimal("0.085")) == Money("9", "JPY")
    assert Money("1.005", "KWD").times(Decimal("0.5")) == Money("0.503", "KWD")
    assert eur("0.05").times(Decimal("0.1")) == eur("0.01")
    assert eur("-0.05").times(Decimal("0.1")) == eur("-0.01")


def test_invoice_discount_adds_up():
    made = invoice("EUR", "10.00", *[(1, "10.00", Decimal(0))] * 3)
    assert units(made.line_discounts()) == [334, 333, 333]
    assert made.total() == eur("20.00")


def test_invoice_discount_follows_the_fractions():
    made = invoice("EUR", "0.10", (1, "1.00", HIGH), (7, "1.00", HIGH), (42, "1.00", HIGH))
    assert units(made.line_discounts()) == [0, 2, 8]
    assert units(made.line_nets()) == [100, 698, 4192]


def test_free_line_takes_no_discount():
    made = invoice("EUR", "1.00", (1, "0.00", HIGH), *[(1, "1.00", HIGH)] * 3)
    assert units(made.line_discounts()) == [0, 34, 33, 33]


def test_discount_of_everything():
    made = invoice("EUR", "3.01", (1, "1.00", HIGH), (1, "2.01", LOW))
    assert units(made.line_nets()) == [0, 0]
    assert units(made.line_taxes()) == [0, 0]
    assert made.total() == eur("0")


def test_free_lines_without_discount():
    made = invoice("EUR", "0", (1, "0", HIGH), (2, "0", LOW))
    assert units(made.line_discounts()) == units(made.line_taxes()) == [0, 0]
    assert made.taxes() == {LOW: eur("0"), HIGH: eur("0")}


def test_tax_is_rounded_once_per_rate():
    made = invoice("EUR", "0", *[(1, "0.12", HIGH)] * 4)
    assert made.taxes() == {HIGH: eur("0.10")}
    assert units(made.line_taxes()) == [3, 3, 2, 2]
    assert made.total() == eur("0.58")


def test_tax_of_several_rates():
    made = invoice(
        "EUR", "0.50", (1, "0.33", LOW), (1, "1.07", HIGH), (3, "0.33", LOW), (1, "0.99", HIGH)
    )
    nets, taxes = made.line_nets(), made.line_taxes()
    for rate, where in ((LOW, [0, 2]), (HIGH, [1, 3])):
        base = total_of((nets[n] for n in where), "EUR")
        assert made.taxes()[rate] == base.times(rate)
        assert [taxes[n] for n in where] == allocate(base.times(rate), [nets[n].units for n in where])
    assert list(made.taxes()) == [LOW, HIGH]
    assert made.total() == eur("3.38") - eur("0.50") + total_of(taxes, "EUR")


@pytest.mark.parametrize("seed", range(12))
def test_columns_of_an_invoice_add_up(seed):
    rng = random.Random(seed)
    currency = rng.choice(["EUR", "JPY", "KWD"])
    made = Invoice(currency, discount=Money.of_units(rng.randrange(500), currency))
    made.add(Line("first", 1, Money.of_units(500, currency), HIGH))
    for _ in range(rng.randrange(9)):
        price = Money.of_units(rng.randrange(3000), currency)
        made.add(Line("more", rng.randrange(4), price, rng.choice([HIGH, LOW, Decimal(0)])))
    assert total_of(made.line_discounts(), currency) == made.discount
    assert total_of(made.line_taxes(), currency) == total_of(made.taxes().values(), currency)
    assert made.total() == total_of(made.line_nets() + made.line_taxes(), currency)


def test_invoice_in_yen():
    made = invoice("JPY", "100", *[(1, "333", Decimal("0.1"))] * 3)
    assert units(made.line_discounts()) == [34, 33, 33]
    assert made.taxes() == {Decimal("0.1"): Money("90", "JPY")}
    assert made.total() == Money("989", "JPY")


def test_render_adds_up():
    made = invoice("EUR", "1.00", *[(1, "1.00", Decimal("0.20"))] * 3)
    text = render(made)
    assert [line.split()[3] for line in text.splitlines()[1:4]] == ["0.34", "0.33", "0.33"]
    assert text.splitlines()[-1] == "total: EUR 2.40"


def test_dinner_balances():
    found = balances([Expense("ann", eur("100.00"), {"bob": 1, "ann": 1, "cy": 1})], "EUR")
    assert found == {"ann": eur("66.67"), "bob": eur("-33.34"), "cy": eur("-33.33")}
    assert Expense("ann", eur("0.10"), {"a": 1, "b": 7, "c": 42}).parts() == {
        "a": eur("0"),
        "b": eur("0.02"),
        "c": eur("0.08"),
    }


def test_transfers_settle_everything():
    people = ["ann", "bob", "cy", "di", "ed", "flo", "gus"]
    rng = random.Random(4)
    expenses = [
        Expense(
            rng.choice(people),
            Money.of_units(rng.randrange(1, 5000), "EUR"),
            {person: rng.choice([1, 2, Decimal("0.5")]) for person in rng.sample(people, 3)},
        )
        for _ in range(25)
    ]
    left = balances(expenses, "EUR")
    assert total_of(left.values(), "EUR") == eur("0")
    for debtor, creditor, paid in transfers(left):
        left[debtor] = left[debtor] + paid
        left[creditor] = left[creditor] - paid
    assert not any(left.values())


def test_shared_refund():
    parts = Expense("shop", eur("-1.00"), {"a": 1, "b": 1, "c": 1}).parts()
    assert parts == {"a": eur("-0.34"), "b": eur("-0.33"), "c": eur("-0.33")}
