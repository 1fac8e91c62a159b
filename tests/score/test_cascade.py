"""Cascades: what a cheap first try gains, and when that is shown."""

from dataclasses import replace

import numpy as np
import pytest

from arena.score.recommend import cascades, ranked_of
from tests.score.made import Player, results

SIZE = 200
CHEAP = np.array([1, 0] * 100, float)
DEAR = np.array([1, 1, 1, 0] * 50, float)


def run(visible):
    """`visible` tells of a trial whether its visible tests passed."""
    found = results(
        {"cheap": Player(CHEAP, np.full(SIZE, 0.1)), "dear": Player(DEAR, np.full(SIZE, 2.0))},
        attempts=1,
    )
    return replace(found, trials=tuple(replace(t, visible=visible(t)) for t in found.trials))


def row(found):
    (one,) = cascades(found, ranked_of(found))
    return one


def test_tests_that_tell_all_save_the_dear_one_where_the_cheap_one_did_it():
    found = row(run(lambda t: "passed" if t.passed else "failed"))
    assert (found.first, found.then, found.tasks) == ("cheap", "dear", SIZE)
    assert found.seen.pass_rate == pytest.approx(0.75)
    assert found.seen.cost_usd == pytest.approx(0.1 + 0.5 * 2.0)
    assert found.seen.passed_on == 0.5
    assert found.seen == found.bound
    lo, hi = found.seen.pass_rate_ci
    assert lo < 0.75 < hi
    assert found.beats


def test_tests_that_pass_everything_leave_the_cheap_one_alone():
    found = row(run(lambda _: "passed"))
    assert found.seen.pass_rate == pytest.approx(0.5)
    assert found.seen.cost_usd == pytest.approx(0.1)
    assert found.seen.passed_on == 0
    assert not found.beats
    assert found.bound.pass_rate == pytest.approx(0.75), "a bound is no cascade that can be had"


def test_tests_that_fail_everything_pay_for_both():
    found = row(run(lambda _: "failed"))
    assert found.seen.pass_rate == pytest.approx(0.75)
    assert found.seen.cost_usd == pytest.approx(2.1)
    assert not found.beats


def test_unknown_visible_tests_leave_the_bound():
    found = row(run(lambda t: None if t.task_id.endswith("7") else "passed"))
    assert found.seen is None
    assert "no outcome of visible tests" in found.unknown
    assert not found.beats
    assert found.bound.cost_usd == pytest.approx(1.1)


def test_without_costs_or_tasks_there_is_none():
    unpriced = results({"a": Player([1.0] * 8), "b": Player([0.0] * 8, [1.0] * 8)}, attempts=1)
    assert cascades(unpriced, ranked_of(unpriced)) == ()
    few = results(
        {"a": Player([1.0] * 4, [1.0] * 4), "b": Player([0.0] * 4, [2.0] * 4)}, attempts=1
    )
    assert cascades(few, ranked_of(few)) == ()
