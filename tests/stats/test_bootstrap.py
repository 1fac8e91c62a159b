import numpy as np
import pytest

from arena.stats.intervals import frontier, on_frontier
from tests.stats.reference import COST_A, COST_B, COST_C, A, B, C


def test_published_frontier_and_shares():
    passed = np.stack((A, B, C), axis=1)
    costs = np.stack((COST_A, COST_B, COST_C), axis=1)
    rates = passed.mean(axis=0) / 3
    spent = costs.mean(axis=0) / 3
    assert rates == pytest.approx([0.716667, 0.633333, 0.483333], abs=1e-6)
    assert spent == pytest.approx([0.511667, 0.150667, 0.2], abs=1e-6)
    assert on_frontier(rates, spent).tolist() == [True, True, False]
    found = frontier(passed, costs, np.full((20, 3), 3.0))
    assert found.on.tolist() == [True, True, False]
    assert found.share == pytest.approx([0.9725, 0.9995, 0.008], abs=0.01)


def test_equals_share_the_frontier_and_unknown_is_never_on_it():
    assert on_frontier(np.array([0.5, 0.5]), np.array([1.0, 1.0])).tolist() == [True, True]
    assert on_frontier(np.array([0.5, 0.5]), np.array([1.0, 2.0])).tolist() == [True, False]
    assert on_frontier(np.array([0.9, 0.1]), np.array([np.nan, 2.0])).tolist() == [False, True]


def test_missing_tasks_leave_a_contestants_mean_alone():
    passed = np.array([[3.0, 3.0], [0.0, 0.0], [3.0, 0.0]])
    attempts = np.array([[3.0, 3.0], [3.0, 3.0], [3.0, 0.0]])
    share = frontier(passed, np.ones((3, 2)), attempts, replicates=500).share
    assert share[0] > share[1]
    assert ((share >= 0) & (share <= 1)).all()


def test_brute_force_agrees():
    rng = np.random.default_rng(5)
    rates, costs = rng.integers(0, 5, (200, 6)) / 4, rng.integers(1, 6, (200, 6)) / 2
    for rate, cost, found in zip(rates, costs, on_frontier(rates, costs), strict=True):
        for i in range(6):
            beaten = any(
                rate[j] >= rate[i]
                and cost[j] <= cost[i]
                and (rate[j], cost[j]) != (rate[i], cost[i])
                for j in range(6)
            )
            assert found[i] == (not beaten)
