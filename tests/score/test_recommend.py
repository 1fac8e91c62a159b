"""The answer: the best buy at a value of a solved task, with what is not sure of it."""

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from arena.errors import InputError
from arena.report.decisions import comparison, recommendation
from arena.report.exports import json_chunks
from arena.report.scored import score
from arena.score.compare import compare
from arena.score.leaderboard import leaderboard
from arena.score.pairs import contender
from arena.score.recommend import Wanted, ranked_of, recommend
from arena.stats.value import SURE
from tests.score.made import Player, results, task

TASKS = 120
HALF = np.array([3, 0] * 60, float)
MOST = np.array([3, 3, 3, 0] * 30, float)


def player(passed, price, **more):
    return Player(passed, np.full(len(passed), price), **more)


def trio():
    """Cheap and weak, dear and strong, and one between that is worth it at no value."""
    return results(
        {
            "dear": player(MOST, 9.0, country="US"),
            "fair": player(HALF, 6.0, country="US"),
            "cheap": player(HALF, 0.9, country="CN", open_weights=True),
        }
    )


def test_without_a_value_the_answer_says_from_where_to_where():
    found = recommend(trio())
    assert [buy.name for buy in found.trade.buys] == ["cheap", "dear"]
    cheap, dear = found.trade.buys
    assert cheap.starts.usd == pytest.approx(0.6, rel=0.05), "0.3 an attempt, half of them passed"
    assert cheap.ends == dear.starts
    # 2.7 more an attempt for a quarter more passed.
    assert dear.starts.usd == pytest.approx(10.8, rel=0.1)
    assert dear.starts.lo < 10.8 < dear.starts.hi
    assert dear.ends is None
    assert cheap.sure.to_usd < dear.starts.usd < dear.sure.from_usd
    assert dear.sure.to_usd is None
    assert found.decided
    assert found.pick is None, "nobody asked at which value"
    said = recommendation(found)
    assert said.startswith("cheap up to $1")
    assert "; dear above (shown: cheap between " in said


def test_at_a_value_one_is_named_with_how_sure_and_what_it_may_cost():
    found = recommend(trio(), value_usd=3)
    assert found.pick.name == found.trade.choice.name == "cheap"
    assert found.trade.choice.chance >= SURE
    assert found.trade.choice.worth_usd == pytest.approx(0.5 * 3 - 0.3, rel=0.05)
    assert found.trade.choice.regret_usd < 0.01
    assert recommendation(found).startswith("At $3.00 a solved task choose cheap.")
    assert recommend(trio(), value_usd=100).pick.name == "dear"
    close = recommend(trio(), value_usd=10.8)
    assert not close.decided
    assert close.pick is None
    assert "is the best guess, " in recommendation(close)
    assert f"% sure; {close.tasks} tasks do not settle it" in recommendation(close)


def test_a_task_worth_less_than_any_solution_pays_for_nobody():
    found = recommend(trio(), value_usd=0.1)
    assert found.trade.choice.name is None
    assert found.decided
    assert "nobody pays for itself" in recommendation(found)


def test_the_run_can_name_the_value():
    run = results({"dear": player(MOST, 9.0), "cheap": player(HALF, 0.9)}, value_usd=Decimal(100))
    assert recommend(run).trade.choice.name == "dear"
    assert recommend(run, value_usd=2).trade.choice.name == "cheap"


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_a_value_that_is_none_is_bad_input(value):
    with pytest.raises(InputError, match="is no amount"):
        recommend(trio(), value_usd=value)


def test_small_suites_show_nothing_and_never_say_choose():
    # The demo: three of eight against two of eight.
    run = results(
        {
            "dear": Player([1, 1, 1, 0, 0, 0, 0, 0], [0.02] * 8),
            "cheap": Player([1, 1, 0, 0, 0, 0, 0, 0], [0.01] * 8),
        },
        attempts=1,
    )
    for found in (recommend(run), recommend(run, value_usd=5), recommend(run, margin=0.2)):
        assert not found.decided
        assert found.pick is None
        assert "hoose" not in recommendation(found)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_fewer_than_five_tasks_show_nothing(size):
    run = results({"a": player(np.full(size, 3.0), 1.0), "b": player(np.zeros(size), 9.0)})
    assert not recommend(run).decided
    assert not recommend(run, value_usd=5).decided


def test_what_costs_much_less_and_is_not_shown_worse_stands_in_the_headline():
    dear, cheap = np.array([1.0] * 18 + [0.0] * 6), np.array([1.0] * 13 + [0.0] * 11)
    run = results({"dear": player(dear, 17.0), "cheap": player(cheap, 1.0)}, attempts=1)
    found = recommend(run, value_usd=1000)
    assert found.trade.choice.name == "dear"
    (rival,) = found.trade.cheaper
    assert (rival.name, rival.than, round(rival.times)) == ("cheap", "dear", 17)
    assert rival.adjusted_p == pytest.approx(0.0625), "five tasks, all one way"
    headline = recommendation(found).splitlines()[0]
    assert "cheap, at 1/17 of the cost of dear, is not shown worse: 54% against 75%" in headline


def test_the_word_cheapest_is_said_of_nobody():
    for options in ({}, {"value_usd": 5}, {"margin": 0.3}):
        assert "cheapest" not in recommendation(recommend(trio(), **options))


def test_compare_and_recommend_tell_one_story():
    run = trio()
    found = recommend(run, value_usd=3)
    for other in ("dear", "fair"):
        two = compare(
            contender(run, "cheap"), contender(run, other), family=ranked_of(run), value_usd=3
        )
        assert two.worth.shown
        assert two.worth.chance >= found.trade.choice.chance
        assert two.worth.gap_usd > 0
        shown = other in next(c for c in found.candidates if c.name == "cheap").shown_worse_than
        assert (two.adjusted_p <= 0.05) is shown
        said = comparison(two)
        assert "both of this pair alone" in said
        assert "p adjusted over all pairs of the run" in said
        assert two.adjusted_p >= two.difference.p
    alone = compare(contender(run, "cheap"), contender(run, "dear"))
    assert alone.adjusted_p is None
    assert alone.worth is None


def test_a_floor_leaves_only_who_is_shown_to_keep_it():
    found = recommend(trio(), margin=0.1)
    assert [c.name for c in found.candidates if c.shown] == ["dear"]
    assert [buy.name for buy in found.trade.buys] == ["dear"]
    assert "Of those shown not worse than any other by 10 points (dear)" in recommendation(found)
    assert recommend(trio()).margin is None
    wide = recommend(trio(), margin=0.4)
    assert {c.name for c in wide.candidates if c.shown} == {"dear", "cheap", "fair"}


def test_a_rival_that_is_not_the_best_seen_counts_for_the_floor_too():
    # "close" is shown not worse than the best seen, "noisy" is too uncertain to be ruled out.
    rng = np.random.default_rng(2)
    noisy = np.where(rng.random(TASKS) < 0.48, 3.0, 0.0)
    best, close = player(HALF, 9.0), player(HALF.copy(), 1.0)
    alone = recommend(results({"best": best, "close": close}), margin=0.1)
    assert next(c for c in alone.candidates if c.name == "close").shown
    found = recommend(
        results({"best": best, "noisy": player(noisy, 5.0), "close": close}), margin=0.1
    )
    row = next(c for c in found.candidates if c.name == "close")
    assert row.rival == "noisy"
    assert not row.shown
    assert not found.decided
    assert "nobody is shown not worse than every other by 10 points" in recommendation(found)


def test_what_is_wanted_limits_the_answer():
    run = trio()
    us = recommend(run, wanted=Wanted(countries=("us",))).trade
    assert {buy.name for buy in us.buys} == {"fair", "dear"}
    only = recommend(run, wanted=Wanted(open_weights=True))
    assert [b.name for b in only.trade.buys] == ["cheap"]
    assert [b.name for b in recommend(run, wanted=Wanted(max_cost_usd=1.0)).trade.buys] == ["cheap"]
    slow = [
        replace(row, active_s=600.0) if row.contestant == "dear" and row.attempt == 1 else row
        for row in run.trials
    ]
    quick = recommend(replace(run, trials=tuple(slow)), wanted=Wanted(max_minutes=5))
    assert "dear" in {buy.name for buy in recommend(run).trade.buys}
    assert "dear" not in {buy.name for buy in quick.trade.buys}
    excluded = next(c.excluded for c in quick.candidates if c.name == "dear")
    assert excluded == ("one trial in ten takes more than 5.0 minutes",)
    none = recommend(run, wanted=Wanted(residencies=("EU",)))
    assert not none.decided
    assert "No contestant can be recommended (" in recommendation(none)


def test_no_cascade_holds_who_is_not_wanted():
    told = recommend(trio(), wanted=Wanted(countries=("US",))).cascades
    assert [(row.first, row.then) for row in told] == [("fair", "dear")]
    assert len(recommend(trio()).cascades) == 3


def test_times_are_those_of_the_tasks_that_count():
    """As the leaderboard's: what tasks of another level and controls take excludes nobody."""
    tasks = [task(i, assurance="ids" if i < 20 else "exit_code") for i in range(TASKS)]
    run = results({"a": player(MOST, 2.0), "b": player(HALF, 1.0)}, tasks=tasks)
    scripts = {entry.id for entry in tasks[20:]}
    slow = [replace(row, active_s=900.0 if row.task_id in scripts else 60.0) for row in run.trials]
    run = replace(run, trials=tuple(slow))
    quick = recommend(run, wanted=Wanted(max_minutes=5))
    assert {row.p90_active_s for row in leaderboard(run).rows} == {60.0}
    assert not any(one.excluded for one in quick.candidates)
    assert all(c.excluded for c in recommend(run, wanted=Wanted(max_minutes=0.5)).candidates)


def test_what_costs_nothing_where_all_were_tried_has_no_price_to_trade_by():
    """One task cost something, and the other contestant lacks it: 1 of 60, which is not too many."""
    first = np.eye(1, 60)[0]
    players = {"a": Player([1.0] * 60, first), "b": Player([1.0] * 60, first[::-1])}
    lacks = {"a": replace(players["a"], faults={59: 1}), "b": replace(players["b"], faults={0: 1})}
    assert recommend(results(lacks, attempts=1)).trade.buys == ()
    dear = results({**lacks, "c": player(np.ones(60), 1.0)}, attempts=1)
    text = "".join(json_chunks(score(dear)))
    assert json.loads(text, parse_constant=pytest.fail)["trade"]["cheaper"] == []


def test_who_solves_nothing_or_has_no_price_is_never_named():
    run = results({"a": player(HALF * 0, 0.1), "b": player(HALF, 2.0), "c": Player(MOST)})
    found = recommend(run)
    assert {buy.name for buy in found.trade.buys} == {"b"}
    assert found.trade.unpriced == ("c",)
    said = recommendation(found)
    assert said.startswith("Of those with a known cost: b if a solved task is worth $")
    assert "c: 75%, no known cost; left out: its cost is not known" in said
    nobody = recommend(results({"a": player(HALF * 0, 1.0), "b": player(HALF * 0, 2.0)}))
    assert not nobody.decided
    assert "it solved nothing" in recommendation(nobody)


def test_missing_trials_forbid_an_answer_and_say_so():
    run = results(
        {"a": player(MOST, 2.0), "b": player(HALF, 1.0, faults=dict.fromkeys(range(12), 3))}
    )
    found = recommend(run)
    assert not found.decided
    assert "b lacks a verdict for 36 of 360 trials" in recommendation(found)
    assert "Resume" in recommendation(found)


def test_who_never_ran_is_left_out_and_blocks_nobody():
    run = results(
        {
            "a": player(HALF, 2.0),
            "b": player(MOST, 1.0),
            "locked_out": player(HALF, 1.0, not_run=dict.fromkeys(range(TASKS), 3)),
        }
    )
    found = recommend(run, value_usd=5)
    assert found.left_out == ("locked_out",)
    assert found.pick.name == "b"


def test_one_contestant_or_none_is_no_choice():
    assert "at least two" in recommendation(recommend(results({"a": player(HALF, 1.0)})))
    nobody = recommend(results({"nop": Player([0, 0], control=True)}))
    assert not nobody.decided
    assert nobody.candidates == ()


@pytest.mark.parametrize("count", [2, 6])
def test_a_wrong_floor_is_rare_at_the_margin(count):
    # Every contestant but the dearest is worse by exactly the margin: to show any is wrong.
    rng = np.random.default_rng(11)
    suites, wrong = 60, 0
    for _ in range(suites):
        chance = rng.beta(2, 2, 60) * 0.7 + 0.25
        players = {"best": player(rng.binomial(3, chance).astype(float), 10.0)}
        for i in range(count - 1):
            worse = rng.binomial(3, chance - 0.2).astype(float)
            players[f"cheap{i}"] = player(worse, 1.0 + i)
        found = recommend(results(players), margin=0.2)
        wrong += any(c.shown and c.name != "best" for c in found.candidates)
    assert wrong / suites <= 0.05 + 2 * (0.05 * 0.95 / suites) ** 0.5
