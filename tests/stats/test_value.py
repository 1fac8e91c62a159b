"""Value of a solved task: the hull, its switch points, and how sure a best buy is."""

import numpy as np
import pytest

from arena.stats.paired import not_worse
from arena.stats.value import (
    Draws,
    best_at,
    chances,
    drawn_in,
    means_of,
    regret,
    switch_interval,
    task_weights,
    upper_hull,
    value_per_task,
)
from tests.benchmarks import decisions
from tests.stats.reference import COST_A, COST_B, A, B


def test_value_is_worth_less_cost():
    found = value_per_task(np.array([0.6, 0.45]), np.array([0.34, 0.02]), 5.0)
    assert found == pytest.approx([2.66, 2.23])


def test_hull_walks_from_nothing_to_the_highest_rate():
    rates, costs = np.array([0.45, 0.6, 0.5, 0.3]), np.array([0.02, 0.34, 0.3, 0.01])
    hull = upper_hull(rates, costs)
    # 0.01 / 0.3 < 0.02 / 0.45; the third lies below the line from the first to the second.
    assert [place for place, _ in hull] == [3, 0, 1]
    assert [usd for _, usd in hull] == pytest.approx([0.01 / 0.3, 0.01 / 0.15, 0.32 / 0.15])


@pytest.mark.parametrize("seed", range(20))
def test_hull_is_who_is_worth_most_at_every_value(seed):
    rng = np.random.default_rng(seed)
    rates, costs = rng.random(6), rng.random(6)
    means, hull = Draws(rates[None], costs[None]), upper_hull(rates, costs)
    for value in np.geomspace(0.01, 1000, 200):
        reached = [place for place, usd in hull if usd <= value]
        assert best_at(means, value)[0] == (reached[-1] if reached else -1)


def test_hull_of_who_solves_nothing_is_empty_and_free_work_pays_at_once():
    assert upper_hull(np.zeros(2), np.ones(2)) == []
    assert upper_hull(np.array([0.5, 0.5]), np.array([0.0, 1.0])) == [(0, 0.0)]


def test_chances_add_up_and_follow_the_value():
    passes, costs = np.stack((A, B), axis=1) / 3, np.stack((COST_A, COST_B), axis=1) / 3
    means = means_of(passes, costs, task_weights(20, 2))
    found = chances(means.plain, np.array([0.01, 1.0, 1e4]))
    assert found.sum(axis=1) == pytest.approx([1, 1, 1])
    assert found[0].tolist() == [0, 0, 1], "a task worth a cent pays for nobody"
    assert found[1, 1] > 0.9, "the cheap one"
    assert found[2, 0] > 0.9, "the one that passes more"
    assert regret(means.plain, 1, 1.0) < regret(means.plain, 0, 1.0)


def test_alike_on_few_tasks_is_not_alike():
    alike, costs = np.zeros((8, 2)), np.full((8, 2), 0.1)
    alike[:3] = 1
    means = means_of(alike, costs, task_weights(8, 2))
    at = chances(means.plain, np.array([1e3]))[0]
    assert at[:2] == pytest.approx([0.5, 0.5], abs=0.05)
    costs[:, 1] = 0.01
    means = means_of(alike, costs, task_weights(8, 2))
    assert chances(means.plain, np.array([5.0]))[0, 1] < 0.9, "a task in eight may have been missed"
    assert switch_interval(means.plain, 1, 0)[1] is None


def test_luck_is_taken_off_the_best_of_several_and_not_off_a_clear_winner():
    rng = np.random.default_rng(4)
    equal = (rng.random((24, 5)) < 0.5).astype(float)
    seen = equal.mean(axis=0)
    assert np.ptp(drawn_in(equal)) < np.ptp(seen) / 4
    clear = np.zeros((100, 3))
    clear[:70, 0] = clear[:40, 1] = clear[:38, 2] = 1
    assert drawn_in(clear)[0] == pytest.approx(0.7, abs=0.02)
    clear[:, 2] = 0
    assert drawn_in(clear)[2] == 0, "who solved nothing is credited with nothing"


def test_draws_are_a_function_of_the_seed():
    assert (task_weights(9, 3, draws=50) == task_weights(9, 3, draws=50)).all()
    assert (task_weights(9, 3, draws=50) != task_weights(9, 3, draws=50, seed=1)).any()
    assert task_weights(9, 3, draws=50).sum(axis=1) == pytest.approx(np.ones(50))


@pytest.mark.parametrize(("tasks", "margin", "shown"), [(8, 0.2, False), (13, 0.2, False),
                                                        (14, 0.2, True), (28, 0.1, False),
                                                        (29, 0.1, True)])  # fmt: skip
def test_shown_needs_as_many_tasks_as_a_loss_of_the_margin_needs_to_come_up(tasks, margin, shown):
    found = not_worse(np.zeros(tasks), margin, single=True)
    assert found.shown is shown
    assert found.p >= (1 - margin) ** tasks


def test_one_task_more_of_eight_is_nothing_shown():
    # Three of eight against two of eight: the score test alone has p = 0.036 at 20 points.
    found = not_worse(np.array([1.0] + [0.0] * 7), 0.2, single=True)
    assert not found.shown
    assert found.p > 0.15


@pytest.mark.parametrize("world", ["two twins", "cheap but weaker", "equal"])
@pytest.mark.parametrize("tasks", [8, 24])
def test_a_shown_answer_is_rarely_wrong_and_costs_less_than_the_replaced_rule(world, tasks):
    found = decisions.measure(decisions.WORLDS[world], tasks, 150)
    readers = np.isin(decisions.VALUES, decisions.READERS)
    bound = (0.05 + 2.6 * (0.05 * 0.95 / found.made) ** 0.5) * found.made
    assert found.ranges_wrong <= bound
    assert found.wrong.max() <= bound
    if world != "two twins":  # whom to name of two that are the same costs nothing
        assert found.regret[readers].mean() < found.old_regret[readers].mean() + 0.5
