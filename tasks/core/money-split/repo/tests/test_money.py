from decimal import Decimal

import pytest

from fairshare import CurrencyMismatch, Money, allocate, split, total_of


def eur(text):
    return Money(text, "EUR")


def test_arithmetic():
    assert eur("1.10") + eur("2.20") == eur("3.30")
    assert eur("1.00") - eur("2.00") == eur("-1.00")
    assert -eur("1.00") < eur("0")
    assert str(eur("3")) == "EUR 3.00"


def test_units():
    assert eur("3.05").units == 305
    assert Money("7", "JPY").units == 7
    assert Money.of_units(1234, "KWD") == Money("1.234", "KWD")


def test_only_whole_units():
    with pytest.raises(ValueError):
        eur("0.001")
    with pytest.raises(ValueError):
        Money("0.5", "JPY")
    with pytest.raises(TypeError):
        Money(0.5, "EUR")


def test_currencies_do_not_mix():
    with pytest.raises(CurrencyMismatch):
        eur("1") + Money("1", "USD")
    with pytest.raises(ValueError):
        Money("1", "XXX")


def test_times():
    assert eur("0.05").times(Decimal("0.1")) == eur("0.01")
    assert eur("2.00").times(3) == eur("6.00")


def test_total_of_nothing():
    assert total_of([], "EUR") == eur("0")


def test_allocate():
    assert allocate(eur("10.00"), [3, 1]) == [eur("7.50"), eur("2.50")]
    assert allocate(eur("1.00"), [Decimal("0.5"), Decimal("0.5")]) == [eur("0.50")] * 2


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 3]], ids=["none", "zero", "negative"])
def test_bad_weights(weights):
    with pytest.raises(ValueError):
        allocate(eur("1"), weights)


def test_split():
    assert split(eur("9.00"), 3) == [eur("3.00")] * 3
    with pytest.raises(ValueError):
        split(eur("9.00"), 0)
