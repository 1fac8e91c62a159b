"""Other prices for old calls."""

from datetime import date, time
from decimal import Decimal

import pytest

from arena.errors import InputError
from arena.money import prices
from arena.money.prices import SHIPPED_FX
from arena.records import FxRate, PeakWindow, PriceRow, PriceTier
from arena.score.load import costs
from tests.money.test_statement import PRICED, START, call

NEXT_YEAR = PriceRow(valid_from=date(2027, 1, 1), tiers=(PriceTier(input="2", output="8"),))
NIGHT = PeakWindow(start=time(0), end=time(1))

DAY = date(2026, 2, 2)


def test_another_days_prices_for_the_same_calls():
    spec = PRICED.model_copy(update={"prices": (*PRICED.prices, NEXT_YEAR)})
    then = prices.repriced_spec(spec, at=date(2027, 6, 1))
    calls = [call("a"), call("b")]
    before, after = (costs(calls, {"c": one}, SHIPPED_FX)["c"] for one in (spec, then))
    assert before.billed_usd == Decimal("0.0028")
    assert after.billed_usd == Decimal("0.0056")


def test_a_day_before_the_first_price_has_none():
    spec = PRICED.model_copy(update={"prices": (NEXT_YEAR,)})
    assert prices.repriced_spec(spec, at=date(2026, 1, 1)).prices == ()


def test_peak_hours_still_go_by_the_time_of_the_call():
    peaky = NEXT_YEAR.model_copy(
        update={"peak": (NIGHT,), "peak_tiers": (PriceTier(input="20", output="80"),)}
    )
    spec = prices.repriced_spec(PRICED, rows=[peaky], at=date(2027, 1, 5))
    calls = [call("a"), call("b", after_s=7200)]
    assert START.time() == time(0)
    assert costs(calls, {"c": spec}, [])["c"].billed_usd == Decimal("0.028") + Decimal("0.0028")


def test_another_rate():
    yuan = PRICED.model_copy(
        update={"prices": (PriceRow(currency="CNY", tiers=PRICED.prices[0].tiers),)}
    )
    fx = prices.rates_over(SHIPPED_FX, [prices.parse_rate("CNY=0.2", DAY)])
    before, after = (costs([call("a")], {"c": yuan}, rates)["c"] for rates in ([], fx))
    assert before.billed_usd is None
    assert after.billed_usd == Decimal("0.0014") * Decimal("0.2")


def test_rates_replace_only_their_own_currency():
    other = FxRate(currency="EUR", usd="1.1", on=date(2026, 1, 1), source="x")
    fx = prices.rates_over([*SHIPPED_FX, other], [prices.parse_rate("CNY=1", DAY)])
    assert {r.currency: r.usd for r in fx} == {"EUR": Decimal("1.1"), "CNY": Decimal(1)}


@pytest.mark.parametrize("text", ["CNY", "CNY=", "CNY=x", "cny=1", "CNY=-1", "CNY=NaN", "=1"])
def test_bad_rates(text):
    with pytest.raises(InputError, match="is not a rate"):
        prices.parse_rate(text, DAY)


def test_unknown_is_not_zero_at_other_prices_either():
    calls = [call("a", "alone", ended=False), call("b"), call("c", ended=False)]
    specs = {"alone": PRICED, "c": PRICED}
    bare = {name: prices.repriced_spec(spec, rows=[]) for name, spec in specs.items()}
    before, after = (costs(calls, one, []) for one in (specs, bare))
    assert sorted(before) == sorted(after) == ["alone", "c"]
    alone, both = before["alone"], before["c"]
    assert (alone.billed_usd, alone.status) == (None, "unknown")
    assert alone.unsettled_bound_usd == Decimal("0.006")
    assert (both.billed_usd, both.status) == (Decimal("0.0014"), "estimated")
    assert (after["c"].billed_usd, after["c"].status) == (None, "unknown")


def test_the_dollar_has_no_rate():
    with pytest.raises(InputError, match="it has no rate"):
        prices.parse_rate("USD=2", DAY)
