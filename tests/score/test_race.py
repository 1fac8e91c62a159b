"""Races on outcomes: who leaves, who is named, and how often that is wrong."""

from decimal import Decimal

import numpy as np
import pytest
from pydantic import ValidationError

from arena.errors import InputError
from arena.records import Limits, RacePlan, RaceRules
from arena.report.caveats import race_report
from arena.report.scored import score
from arena.score.baseline import baseline_of, series_of
from arena.score.compare import compare
from arena.score.gate import gate
from arena.score.leaderboard import leaderboard
from arena.score.pairs import contender
from arena.score.race import Race, forecast, outcomes, replay, stated
from arena.score.tally import Identity, TaskTally
from arena.stats.paired import t_interval
from arena.stats.sequential import confidence_sequence
from tests.score.made import Player, results, task

VALUE = RaceRules(goal="best_value", value_usd=Decimal(5))
MARGIN = RaceRules(goal="cheapest_not_worse", margin=0.1)


def raced(passed, cost, rules, most_usd=1.0):
    race = Race(passed.shape[1], rules, most_usd, len(passed))
    for place in range(passed.shape[2]):
        race.take(passed[:, :, place], cost[:, :, place])
    return race


def coins(rates, tasks, races, seed=0):
    draw = np.random.default_rng(seed)
    return (draw.random((races, len(rates), tasks)) < np.array(rates)[:, None]).astype(float)


@pytest.mark.parametrize("count", [2, 3, 8])
def test_equals_are_told_apart_no_more_often_than_alpha(count):
    passed = coins([0.5] * count, 200, 2000)
    race = raced(passed, np.full_like(passed, 0.2), VALUE)
    assert race.decided.mean() <= 0.05
    # Any one of them leaves rarely, whoever of the others it is bet against
    assert (~race.live[:, 0]).mean() <= 0.025 + 0.01


def test_equals_in_value_that_differ_in_pass_and_cost():
    # 0.6 at 1.00 and 0.4 at 0.00 are both worth 2.00 a task
    passed = coins([0.6, 0.4], 200, 2000)
    cost = np.broadcast_to(np.array([1.0, 0.0])[:, None], passed.shape)
    assert raced(passed, cost, VALUE).decided.mean() <= 0.05


def test_the_best_is_named_and_the_worst_leaves_first():
    race = raced(coins([0.9, 0.5, 0.1], 200, 200), np.full((200, 3, 200), 0.1), VALUE)
    assert (race.answer == 0).mean() > 0.99
    assert (race.left_after[:, 2] < race.left_after[:, 1]).mean() > 0.95
    assert not race.live[:, 1:][race.answer == 0].any()


def test_a_dear_contestant_must_earn_its_price():
    passed = coins([0.62, 0.60], 300, 200)
    cost = np.broadcast_to(np.array([0.9, 0.01])[:, None], passed.shape)
    race = raced(passed, cost, RaceRules(goal="best_value", value_usd=Decimal(1)))
    assert (race.answer == 1).all()


def test_too_weak_by_the_margin_is_hardly_ever_named():
    # The last is worse by exactly the margin, and by far the cheapest
    passed = coins([0.6, 0.5], 300, 2000)
    cost = np.broadcast_to(np.array([1.0, 0.01])[:, None], passed.shape)
    assert (raced(passed, cost, MARGIN).answer == 1).mean() <= 0.05


def test_the_cheapest_that_is_good_enough_is_named():
    passed = coins([0.6, 0.6, 0.1], 400, 100)
    cost = np.broadcast_to(np.array([1.0, 0.1, 0.01])[:, None], passed.shape)
    race = raced(passed, cost, RaceRules(goal="cheapest_not_worse", margin=0.2))
    assert (race.answer == 1).mean() > 0.9


def test_nothing_after_the_end_counts_and_none_comes_back():
    passed = coins([0.9, 0.1], 100, 1)
    race = raced(passed, np.full_like(passed, 0.1), VALUE)
    (after,) = race.left_after[:, 1]
    cut = raced(passed[:, :, :after], np.full((1, 2, after), 0.1), VALUE)
    assert (cut.answer, cut.left_after.tolist()) == (race.answer, race.left_after.tolist())


def test_unknown_outcomes_are_no_bets():
    passed = coins([0.9, 0.1], 60, 1)
    gaps = np.repeat(passed, 2, axis=2)
    gaps[:, 1, 1::2] = np.nan
    race = raced(gaps, np.full_like(gaps, 0.1), VALUE)
    assert race.answer == 0
    assert race.left_after[0, 1] > raced(passed, np.full_like(passed, 0.1), VALUE).left_after[0, 1]


def test_a_forecast_of_stated_rates_and_a_replay_agree_on_shares():
    passed, cost = stated([0.6, 0.3, 0.3], [1.0, 0.1, 0.05], 200, races=300, seed=1)
    found = forecast(["a", "b", "c"], passed, cost.clip(max=2), VALUE, 2.0, expected=0)
    assert sum(found.answers.values()) + found.undecided == pytest.approx(1)
    assert found.wrong <= 0.05
    assert 0 < found.median_share <= 1
    assert found.median_usd <= found.full_usd


def test_a_replay_spends_no_more_than_the_matrix_and_says_the_same():
    run = results(
        {
            "good": Player([1.0] * 40, [0.1] * 40),
            "bad": Player([0.0] * 40, [0.02] * 40),
            "oracle": Player([1.0] * 40, control=True),
        },
        attempts=1,
        limits=Limits(usd=Decimal("0.2")),
    )
    found = replay(outcomes(run), VALUE, run.manifest, races=50)
    assert (found.answers, found.wrong, found.undecided) == ({"good": 1.0, "bad": 0.0}, 0, 0)
    assert found.median_share < 0.6
    assert "oracle" not in found.answers


def test_spend_is_unknown_where_some_cost_is():
    players = {"good": Player([1.0] * 40, [0.1] * 40), "bad": Player([0.0] * 40)}
    run = results(players, attempts=1, limits=Limits(usd=Decimal("0.2")))
    found = replay(outcomes(run), MARGIN, run.manifest, races=20)
    assert (found.full_usd, found.median_usd, found.high_usd, found.median_share) == (None,) * 4
    assert found.lines[1] == "spend: unknown, as the cost of some trial is"
    assert found.median_time_share > 0


def test_a_race_counts_the_tasks_that_it_takes():
    entries = [task(i, impossible=i == 40) for i in range(41)]
    order = tuple(entry.id for entry in entries)
    players = {"good": Player([1] * 41, [0.1] * 41), "bad": Player([0] * 41, [0.1] * 41)}
    plan = RacePlan(rules=VALUE.model_copy(update={"alpha": 0.025}), order=order)
    run = results(players, attempts=1, tasks=entries, race=plan, limits=Limits(usd=Decimal(1)))
    said = race_report(score(run)).lead
    assert " of 40 tasks." in said
    assert "a chance of error of at most 2.5%, " in said


def test_of_the_cheapest_that_is_good_enough_only_the_latter_is_shown():
    """Alpha is of what passes: the order of costs goes by their means (`docs/racing.md`)."""
    players = {name: Player([1] * 120, [usd] * 120) for name, usd in (("a", 0.1), ("b", 0.2))}
    plan = RacePlan(rules=MARGIN, order=tuple(task(i).id for i in range(120)))
    made = results(players, attempts=1, race=plan, limits=Limits(usd=Decimal(1)))
    said = race_report(score(made))
    assert said.headline == "Choose a"
    assert "It has a pass rate not less by 10 points than any: shown, with a chance" in said.lead
    assert "none still in is cheaper; that is not shown." in said.lead


def test_a_race_is_neither_compared_nor_ranked_nor_gated():
    passed = {"a": Player([1, 0] * 20, [1] * 40), "b": Player([0, 0] * 20, [1] * 40)}
    order = tuple(t.id for t in results(passed, attempts=1).manifest.tasks)
    whole = results(passed, attempts=1)
    run = results(passed, attempts=1, race=RacePlan(rules=VALUE, order=order))
    for one, other in ((run, run), (whole, run), (run, whole)):
        with pytest.raises(InputError, match="it was a race"):
            compare(contender(one, "a"), contender(other, "b"), anyway=True)
    board = leaderboard(run)
    assert (board.pairs, {row.rank for row in board.rows}) == ((), {None})
    with pytest.raises(InputError, match="race"):
        gate(run, baseline_of(whole))
    with pytest.raises(InputError, match="race"):
        baseline_of(run)
    known, notes = series_of(whole, [run])
    assert known.levels[0].contestants == ()
    assert all("a race stops on what it sees" in note for note in notes)


@pytest.mark.parametrize(
    "fields",
    [
        {"goal": "best_value"},
        {"goal": "best_value", "margin": 0.1},
        {"goal": "cheapest_not_worse", "value_usd": 5},
        {"goal": "cheapest_not_worse", "margin": 0.1, "value_usd": 5},
        {"goal": "best_value", "value_usd": 0},
        {"goal": "cheapest_not_worse", "margin": 20},
        {"goal": "best_value", "value_usd": 5, "alpha": 0},
        {"value_usd": 5},
    ],
)
def test_rules_that_decide_nothing_or_two_things_are_refused(fields):
    with pytest.raises(ValidationError):
        RaceRules.model_validate(fields)


def raced_tally(costs, places):
    count = len(costs)
    return TaskTally(
        who=Identity(name="a", digest="d", agent="x", agent_digest="y"),
        tasks=tuple(f"t{i}" for i in range(count)),
        planned=np.ones(count),
        scored=np.ones(count),
        passed=np.zeros(count),
        cost_usd=np.array(costs, dtype=float),
        basis="billed",
        race_places=places,
    )


def test_costs_of_a_race_have_a_confidence_sequence_up_to_the_limit_or_no_interval():
    costs = [0.1, 0.3, 0.2, 0.05] * 10
    places = np.arange(len(costs))[::-1].astype(float)
    raced, fixed = raced_tally(costs, places), raced_tally(costs, None)
    found = raced.cost_interval(Decimal("0.5"))
    assert found == confidence_sequence(np.array(costs[::-1]), 0.5)
    assert found.lo < 0.1625 < found.hi
    assert raced.cost_interval(None) is None
    assert raced.cost_interval(Decimal("0.25")) is None
    assert fixed.cost_interval(None) == t_interval(np.array(costs))
    assert raced.cost_per_solved().solved_per_usd_hi is None
    assert fixed.cost_per_solved().solved_per_usd_hi is not None


def test_the_figures_of_a_forecast():
    """One that always wins, 40 tasks, 3 attempts: all races end after the same number of tasks."""
    passed = np.zeros((7, 2, 40))
    passed[:, 0] = 1
    cost = np.empty_like(passed)
    cost[:, 0], cost[:, 1] = 0.1, 0.02
    race = raced(passed, cost, VALUE)
    tasks = int(race.left_after[0, 1])
    assert 5 < tasks < 20
    task_s = np.array([60.0, 30.0])
    found = forecast(["a", "b"], passed, cost, VALUE, 1.0, attempts=3, task_s=task_s)
    assert found.full_usd == pytest.approx(40 * 3 * 0.12)
    assert found.median_usd == found.high_usd == pytest.approx(tasks * 3 * 0.12)
    assert found.median_share == pytest.approx(tasks / 40)
    assert found.median_time_share == pytest.approx(tasks / 40)
    assert found.full_hours == pytest.approx(40 * 90 / 3600)
    assert found.median_hours == pytest.approx(tasks * 90 / 3600)
    assert found.attempts == {"a": tasks, "b": tasks}
    assert f"time: median {tasks * 90 / 3600:.3g} of 1 hours" in found.lines[2]
    assert forecast(["a", "b"], passed, cost, VALUE, 1.0).full_hours is None


def test_time_is_of_who_takes_it():
    """The slow one that leaves early saves more time than trials."""
    passed = np.zeros((1, 3, 60))
    passed[:, :2] = 1
    cost = np.full_like(passed, 0.1)
    found = forecast(["a", "b", "slow"], passed, cost, VALUE, 1.0, task_s=np.array([1.0, 1, 98]))
    took = found.attempts["slow"]
    assert took < found.attempts["a"] == 60
    assert found.median_time_share == pytest.approx((120 + 98 * took) / 6000)
