"""Rows, tiers, peak hours, currencies and the three costs of a call."""

import ast
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest

from arena.money import prices
from arena.records import FxRate, PeakWindow, PriceRow, PriceTier, Usage

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday
FLAT = PriceRow(tiers=(PriceTier(input="2", cached_input="0.5", cache_write="2.5", output="10"),))
CALL = Usage(input_fresh=300_000, cache_read=600_000, cache_write=100_000, output=50_000)


def cost(usage, *rows, at=AT, fx=(), **how):
    return prices.call_cost(usage, rows, at=at, fx=fx, **how)


def test_three_costs_of_one_call():
    found = cost(CALL, FLAT, repeated_tokens=800_000)
    output = Decimal("0.5")
    assert found.billed_usd == Decimal("0.6") + Decimal("0.3") + Decimal("0.25") + output
    assert found.no_cache_usd == Decimal(2) + output
    assert found.standard_usd == Decimal("0.4") + Decimal("0.4") + output
    assert (found.status, found.caveats) == ("known", ())


def test_cached_tokens_without_a_cached_price_cost_the_input_price_and_say_so():
    plain = PriceRow(tiers=(PriceTier(input="2", output="10"),))
    found = cost(CALL, plain, repeated_tokens=800_000)
    assert found.billed_usd == found.no_cache_usd == found.standard_usd == Decimal("2.5")
    assert found.caveats == ("cached tokens at the input price", "cache writes at the input price")


def test_unknown_price_is_none_and_never_zero():
    found = cost(CALL)
    assert (found.billed_usd, found.no_cache_usd, found.standard_usd) == (None, None, None)
    assert found.status == "unknown"


def test_a_cost_the_provider_tells_is_billed_and_compared():
    found = cost(CALL, FLAT, reported_usd=Decimal("1.7"))
    assert found.billed_usd == found.reported_usd == Decimal("1.7")
    assert found.computed_usd == Decimal("1.65")
    alone = cost(CALL, reported_usd=Decimal("1.7"))
    assert (alone.billed_usd, alone.standard_usd, alone.status) == (Decimal("1.7"), None, "partial")


def test_a_guess_of_somebody_else_stands_beside_the_price():
    found = cost(CALL, FLAT, reported_usd=Decimal("2.7"), bills_reported=False)
    assert (found.billed_usd, found.reported_usd) == (Decimal("1.65"), Decimal("2.7"))
    assert found.status == "known"
    assert found.caveats == ("the endpoint tells another cost than the price gives",)
    near = cost(CALL, FLAT, reported_usd=Decimal("1.651"), bills_reported=False)
    assert near.caveats == ()
    alone = cost(CALL, reported_usd=Decimal("2.7"), bills_reported=False)
    assert (alone.billed_usd, alone.status) == (None, "unknown")
    assert "a told cost is not taken for the bill" in alone.caveats


def test_a_told_cost_of_nothing_for_something_is_doubted():
    found = cost(CALL, FLAT, reported_usd=Decimal(0))
    assert (found.billed_usd, found.status) == (Decimal("1.65"), "estimated")
    assert found.caveats == ("a told cost of 0 is doubted",)
    alone = cost(CALL, reported_usd=Decimal(0))
    assert (alone.billed_usd, alone.status) == (None, "unknown")
    free = PriceRow(tiers=(PriceTier(input="0", output="0"),))
    assert cost(CALL, free, reported_usd=Decimal(0)).billed_usd == 0


def test_estimated_usage_makes_an_estimated_cost():
    found = cost(Usage(input_fresh=10, output=1, estimated=True), FLAT)
    assert found.status == "estimated"


def test_the_whole_call_is_billed_at_the_tier_of_its_size():
    tiers = (
        PriceTier(input="1", output="4"),
        PriceTier(output_from=201, input="1", output="8"),
        PriceTier(input_from=32_001, input="3", output="16"),
    )
    row = PriceRow(tiers=tiers)

    def price(prompt, output):
        return cost(Usage(input_fresh=prompt, output=output), row).billed_usd * 1_000_000

    assert price(32_000, 200) == 32_000 + 800
    assert price(32_000, 201) == 32_000 + 201 * 8
    assert price(32_001, 1) == 32_001 * 3 + 16


def test_the_prompt_decides_the_tier_with_its_cached_part():
    tiers = (
        PriceTier(input="1", cached_input="0.1", output="1"),
        PriceTier(input_from=101, input="9", cached_input="9", output="9"),
    )
    found = cost(Usage(input_fresh=1, cache_read=100, output=0), PriceRow(tiers=tiers))
    assert found.billed_usd * 1_000_000 == 9 * 101


def test_rows_apply_by_day_and_the_newest_wins():
    old = PriceRow(tiers=(PriceTier(input="1", output="0"),))
    new = PriceRow(valid_from=date(2026, 12, 1), tiers=(PriceTier(input="2", output="0"),))
    gone = PriceRow(valid_to=date(2026, 5, 15), tiers=(PriceTier(input="5", output="0"),))
    million = Usage(input_fresh=1_000_000, output=0)
    before, after = datetime(2026, 11, 30, 23, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    assert cost(million, old, new, at=before).billed_usd == 1
    assert cost(million, old, new, at=after).billed_usd == 2
    assert cost(million, gone).billed_usd is None


PEAK = (
    PeakWindow(weekdays=(1, 2, 3, 4, 5), start=time(1), end=time(4), zone="UTC"),
    PeakWindow(weekdays=(1, 2, 3, 4, 5), start=time(22), end=time(2), zone="Asia/Shanghai"),
)


@pytest.mark.parametrize(
    ("at", "peak"),
    [
        (datetime(2026, 11, 23, 1, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 3, 59, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 4, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 22, 2, 0, tzinfo=UTC), False),  # Sunday
        (datetime(2026, 11, 23, 14, 0, tzinfo=UTC), True),  # 22:00 on Monday in Shanghai
        (datetime(2026, 11, 27, 17, 30, tzinfo=UTC), True),  # 01:30 on Saturday, begun on Friday
        (datetime(2026, 11, 28, 17, 30, tzinfo=UTC), False),  # 01:30 on Sunday
        (datetime(2026, 11, 22, 17, 30, tzinfo=UTC), False),  # 01:30 on Monday, begun on Sunday
    ],
)
def test_peak_hours_count_weekdays_in_the_vendors_zone(at, peak):
    row = PriceRow(
        tiers=(PriceTier(input="1", output="1"),),
        peak=PEAK,
        peak_tiers=(PriceTier(input="2", output="2"),),
    )
    expected = 2 if peak else 1
    assert cost(Usage(input_fresh=1_000_000, output=0), row, at=at).billed_usd == expected


def test_currencies_convert_once_with_the_rate_of_the_run():
    row = PriceRow(currency="CNY", tiers=(PriceTier(input="7", output="0"),), per_request="0.7")
    fx = [FxRate(currency="CNY", usd="0.14", on=date(2026, 11, 1), source="test")]
    found = cost(Usage(input_fresh=1_000_000, output=0), row, fx=fx)
    assert found.billed_usd == Decimal("7.7") * Decimal("0.14")
    unknown = cost(Usage(input_fresh=1, output=0), row, fx=[])
    assert unknown.billed_usd is None
    assert unknown.caveats == ("no rate for CNY",)


def test_a_bound_covers_every_tier_and_hour_a_call_could_reach():
    row = PriceRow(
        tiers=(PriceTier(input="1", output="4"), PriceTier(output_from=201, input="1", output="8")),
        peak=PEAK,
        peak_tiers=(PriceTier(input="3", cache_write="5", output="6"),),
        per_request="0.01",
    )
    bound = prices.bound_usd([row], at=AT, prompt=1_000_000, output=1_000_000, fx=())
    assert bound == Decimal("11.01")
    assert prices.bound_usd([], at=AT, prompt=1, output=1, fx=()) is None
    for output in (1, 200, 201, 1_000_000):
        call = Usage(input_fresh=0, cache_write=1_000_000, output=output)
        assert cost(call, row).billed_usd <= bound


def test_a_runs_own_rates_win_and_others_are_added():
    def rate(currency, usd):
        return FxRate(currency=currency, usd=usd, on=date(2026, 11, 1), source="test")

    begun, now = [rate("CNY", "0.15")], [rate("CNY", "0.1"), rate("EUR", "1.1")]
    kept = {one.currency: one.usd for one in prices.rates_over(now, begun)}
    assert kept == {"CNY": Decimal("0.15"), "EUR": Decimal("1.1")}
    assert prices.rates_over(now, []) == tuple(now)


ARENA = Path(prices.__file__).parent.parent
STARTS = {"cli/run.py", "cli/backends.py", "task/mining/pipeline.py", "money/prices.py"}
"""Where a run, or something that is none, begins: there alone the shipped rates are read."""


@pytest.mark.parametrize("path", sorted(ARENA.rglob("*.py")), ids=lambda path: path.stem)
def test_nothing_falls_back_to_the_shipped_rates(path):
    text = path.read_text()
    assert "SHIPPED_FX" not in text or path.relative_to(ARENA).as_posix() in STARTS
    if "_data" in path.parts or "cli" in path.parts:  # a flag's default is whatever the run has
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            given, defaults = node.args.args, node.args.defaults
            by_default = [one.arg for one in given[len(given) - len(defaults) :]]
            by_default += [
                one.arg
                for one, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
                if default is not None
            ]
            assert not {"fx", "rate", "rates"} & set(by_default), node.name
