"""What a run will probably cost."""

from decimal import Decimal

from arena.money import forecast as forecasting
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


def test_without_history_there_is_only_the_ceiling():
    found = forecast("c", PRICED, 3, {}, LIMITS)
    assert (found.basis, found.expected_usd, found.low_usd, found.high_usd) == (
        "none",
        None,
        None,
        None,
    )
    assert found.ceiling_usd == Decimal("1.5")
    assert forecast("c", PRICED, 3, {}, Limits(tokens=5)).ceiling_usd is None


def test_unknown_prices_give_no_forecast():
    bare = PRICED.model_copy(update={"prices": ()})
    found = forecast("c", bare, 3, {"c": [trial("a", 5)]}, LIMITS)
    assert (found.basis, found.expected_usd) == ("none", None)


def test_the_same_seed_gives_the_same_range():
    history = {"c": [trial(str(n), n * 1000) for n in range(1, 9)]}
    assert forecast("c", PRICED, 20, history, LIMITS) == forecast("c", PRICED, 20, history, LIMITS)
