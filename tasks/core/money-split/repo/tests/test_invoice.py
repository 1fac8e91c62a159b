from decimal import Decimal

import pytest

from fairshare import CurrencyMismatch, Invoice, Line, Money, render

HIGH, LOW = Decimal("0.20"), Decimal("0.05")


def eur(text):
    return Money(text, "EUR")


@pytest.fixture
def invoice():
    made = Invoice("EUR", discount=eur("5.00"))
    made.add(Line("paper", 2, eur("10.00"), HIGH))
    made.add(Line("book", 1, eur("30.00"), LOW))
    return made


def test_amounts(invoice):
    assert invoice.subtotal() == eur("50.00")
    assert invoice.line_discounts() == [eur("2.00"), eur("3.00")]
    assert invoice.taxes() == {LOW: eur("1.35"), HIGH: eur("3.60")}
    assert invoice.total() == eur("49.95")


def test_without_lines():
    assert Invoice("EUR").total() == eur("0")


def test_free_lines():
    invoice = Invoice("EUR")
    invoice.add(Line("gift", 3, eur("0"), HIGH))
    assert invoice.total() == eur("0")
    assert invoice.line_discounts() == [eur("0")]


def test_discount_too_large():
    invoice = Invoice("EUR", discount=eur("5.00"))
    with pytest.raises(ValueError):
        invoice.total()


def test_one_currency(invoice):
    with pytest.raises(CurrencyMismatch):
        invoice.add(Line("x", 1, Money("1", "USD")))
    with pytest.raises(CurrencyMismatch):
        Invoice("EUR", discount=Money("1", "USD"))


def test_negative_line():
    with pytest.raises(ValueError):
        Line("x", -1, eur("1"))


def test_render(invoice):
    assert render(invoice) == (
        "         net  discount   tax\n"
        "paper  20.00      2.00  3.60\n"
        "book   30.00      3.00  1.35\n"
        "tax 5.0%: EUR 1.35\n"
        "tax 20.0%: EUR 3.60\n"
        "total: EUR 49.95"
    )
