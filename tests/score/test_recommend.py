import numpy as np
import pytest

from arena.score.recommend import Wanted, recommend
from tests.score.made import Player, results

TASKS = 120
HALF = np.array([3, 0] * 60, float)


def player(passed, price, **more):
    return Player(passed, np.full(len(passed), price), **more)


def shift(passed, wins, losses):
    """The same but for one attempt won on some tasks and lost on others."""
    changed = passed.copy()
    changed[np.flatnonzero(passed == 0)[:wins]] += 1
    changed[np.flatnonzero(passed == 3)[:losses]] -= 1
    return changed


def test_the_cheapest_shown_not_worse_than_every_other_wins():
    run = results(
        {
            "dear": player(HALF, 9.0),
            "fair": player(shift(HALF, 6, 6), 3.0),
            "cheap": player(HALF / 3, 1.0),
        }
    )
    found = recommend(run)
    assert found.margin == 0.10
    assert found.decided
    assert found.pick.name == "fair"
    assert found.pick.shown
    cheap = next(c for c in found.candidates if c.name == "cheap")
    assert not cheap.shown
    assert set(cheap.shown_worse_than) == {"dear", "fair"}
    assert found.headline.startswith("fair is the cheapest backend shown not worse")
    assert found.tasks_needed is None


def test_small_suites_say_not_decided_first_with_the_tasks_needed():
    base = np.array([3, 3, 0, 3, 0, 0, 3, 3], float)
    other = np.array([3, 0, 0, 3, 3, 0, 3, 3], float)
    run = results({"dear": player(base, 9.0), "cheap": player(other, 1.0)})
    found = recommend(run)
    assert found.margin == 0.20
    assert not found.decided
    assert found.pick is None
    assert found.tasks_needed > 8
    assert found.headline.startswith("Not decided")
    assert str(found.tasks_needed) in found.headline
    assert found.cheapest_not_shown_worse.name == "cheap"
    assert found.would_change[0].startswith("cheap: about ")
    assert not any("would be cheaper" in line for line in found.would_change), "than which?"


def test_a_rival_that_is_not_the_best_seen_counts_too():
    # "close" is shown not worse than the best seen, "noisy" is too uncertain to be ruled out.
    rng = np.random.default_rng(2)
    best = HALF
    noisy = np.where(rng.random(TASKS) < 0.48, 3.0, 0.0)
    close = shift(HALF, 6, 6)
    alone = recommend(results({"best": player(best, 9.0), "close": player(close, 1.0)}))
    assert alone.pick.name == "close"
    found = recommend(
        results(
            {
                "best": player(best, 9.0),
                "noisy": player(noisy, 5.0),
                "close": player(close, 1.0),
            }
        )
    )
    close_row = next(c for c in found.candidates if c.name == "close")
    assert close_row.rival == "noisy"
    assert not close_row.shown
    assert not found.decided


def test_what_is_wanted_limits_the_answer_and_not_the_rivals():
    run = results(
        {
            "us": player(HALF, 1.0, country="US"),
            "cn": player(shift(HALF, 6, 6), 2.0, country="CN", open_weights=True),
            "own": player(shift(HALF, 5, 5), 3.0, self_hosted=True, country="CN"),
            "untold": player(HALF, 0.5),
        }
    )
    assert recommend(run).pick.name == "untold"
    assert recommend(run, wanted=Wanted(countries=("CN",))).pick.name == "cn"
    assert recommend(run, wanted=Wanted(countries=("US",))).pick.name == "us"
    assert recommend(run, wanted=Wanted(open_weights=True)).pick.name == "cn"
    assert recommend(run, wanted=Wanted(self_hosted=True)).pick.name == "own"
    assert recommend(run, wanted=Wanted(max_cost_usd=0.5)).pick.name == "untold"
    none = recommend(run, wanted=Wanted(max_cost_usd=0.1))
    assert none.pick is None
    assert none.headline.startswith(
        "Not decided: no contestant can be recommended (untold: it costs"
    )
    assert recommend(run, wanted=Wanted(countries=("cn",))).pick.name == "cn"
    assert recommend(run, wanted=Wanted(residencies=("EU",))).pick is None


def test_who_solves_nothing_or_has_no_price_is_not_recommended():
    run = results({"a": player(HALF * 0, 1.0), "b": player(HALF * 0, 2.0), "c": Player(HALF * 0)})
    found = recommend(run)
    assert not found.decided
    reasons = {c.name: c.excluded for c in found.candidates}
    assert reasons["a"] == ("it solved nothing",)
    assert reasons["c"] == ("its cost is unknown or has no price",)


def test_missing_trials_forbid_an_answer_and_say_so():
    run = results(
        {"a": player(HALF, 2.0), "b": player(HALF, 1.0, faults=dict.fromkeys(range(12), 3))}
    )
    found = recommend(run)
    assert not found.decided
    assert "b lacks a verdict for 36 of 360 trials" in found.headline
    assert "Resume" in found.headline


def test_who_never_ran_is_left_out_and_blocks_nobody():
    run = results(
        {
            "a": player(HALF, 2.0),
            "b": player(HALF, 1.0),
            "locked_out": player(HALF, 1.0, not_run=dict.fromkeys(range(TASKS), 3)),
        }
    )
    found = recommend(run)
    assert found.left_out == ("locked_out",)
    assert found.pick.name == "b"


def test_one_contestant_or_none_is_no_choice():
    assert "at least two" in recommend(results({"a": player(HALF, 1.0)})).headline
    nobody = recommend(results({"nop": Player([0, 0], control=True)}))
    assert not nobody.decided
    assert nobody.candidates == ()


@pytest.mark.parametrize("count", [2, 6])
def test_a_wrong_recommendation_is_rare_at_the_margin(count):
    # Every contestant but the dearest is worse by exactly the margin: any pick of those is wrong.
    rng = np.random.default_rng(11)
    suites, wrong = 150, 0
    for _ in range(suites):
        chance = rng.beta(2, 2, 60) * 0.7 + 0.25
        players = {"best": player(rng.binomial(3, chance).astype(float), 10.0)}
        for i in range(count - 1):
            worse = rng.binomial(3, chance - 0.2).astype(float)
            players[f"cheap{i}"] = player(worse, 1.0 + i)
        pick = recommend(results(players), margin=0.2).pick
        wrong += pick is not None and pick.name != "best"
    assert wrong / suites <= 0.05 + 2 * (0.05 * 0.95 / suites) ** 0.5
