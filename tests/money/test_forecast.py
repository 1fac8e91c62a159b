"""What a run will probably cost."""

from decimal import Decimal

from arena.money import statement as forecasting
from arena.records import Limits, PriceRow, PriceTier, Usage
from tests.money.test_statement import PRICED, call

LIMITS = Limits(usd=Decimal("0.5"))


def forecast(contestant, spec, trials, history, limits):
    return forecasting.forecast(contestant, spec, trials, history, limits, fx=(), seed=0)


def trial(name, *prompts, contestant="c"):
    """Calls with these prompt sizes and no output: one dollar a million tokens."""
    return [
        call(f"{name}{n}", contestant, usage=Usage(input_fresh=prompt, output=0))
        for n, prompt in enumerate(prompts)
    ]


def test_own_trials_are_the_basis():
    history = {"c": [trial("a", 100_000), trial("b", 200_000, 100_000)], "d": [trial("x", 10**7)]}
    found = forecast("c", PRICED, 10, history, LIMITS)
    assert (found.basis, found.earlier_trials) == ("own", 2)
    assert found.expected_usd == Decimal(2)
    assert Decimal("1.2") <= found.low_usd < found.expected_usd < found.high_usd <= Decimal("2.8")
    assert found.ceiling_usd == 5


def test_others_calls_are_priced_as_if_they_were_its_own():
    history = {
        "d": [trial("x", 100_000, contestant="d")],
        "e": [trial("y", 300_000, contestant="e")],
    }
    dear = PRICED.model_copy(
        update={"prices": (PriceRow(tiers=(PriceTier(input="2", output="1"),)),)}
    )
    found = forecast("c", dear, 4, history, LIMITS)
    assert found.basis == "others"
    assert found.expected_usd == Decimal("1.6")
    assert (found.low_usd, found.high_usd) == (Decimal("0.8"), Decimal("2.4"))


def test_without_history_a_usual_trial_is_assumed_and_the_ceiling_stands():
    flat = PRICED.model_copy(
        update={
            "prices": (PriceRow(tiers=(PriceTier(input="1", cached_input="0.1", output="4"),)),)
        }
    )
    found = forecast("c", flat, 3, {}, LIMITS)
    a_call = Decimal("0.0048")  # 2,000 fresh, 8,000 cached and 500 of output
    assert found.basis == "assumed"
    assert found.low_usd == 3 * 8 * a_call
    assert found.expected_usd == 3 * 20 * a_call
    assert found.high_usd == 3 * 60 * a_call
    assert "20 calls (8 to 60) of 10,000 prompt tokens, 8,000 of them" in forecasting.ASSUMPTION
    hourly = PRICED.model_copy(update={"prices": (), "hourly_usd": Decimal(2)})
    assert forecast("c", hourly, 3, {}, LIMITS).expected_usd == 3 * 20 * 9 * Decimal(2) / 3600
    assert found.ceiling_usd == Decimal("1.5")
    assert forecast("c", PRICED, 3, {}, Limits(tokens=5)).ceiling_usd is None


def test_unknown_prices_give_no_forecast():
    bare = PRICED.model_copy(update={"prices": ()})
    found = forecast("c", bare, 3, {"c": [trial("a", 5)]}, LIMITS)
    assert (found.basis, found.expected_usd) == ("none", None)


def test_the_same_seed_gives_the_same_range():
    history = {"c": [trial(str(n), n * 1000) for n in range(1, 9)]}
    assert forecast("c", PRICED, 20, history, LIMITS) == forecast("c", PRICED, 20, history, LIMITS)
