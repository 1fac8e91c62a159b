from math import sqrt

import pytest
from statsmodels.stats.power import TTestPower

from arena.stats.paired import (
    default_margin,
    smallest_gap,
    suite_power,
    tasks_for_gap,
)


@pytest.mark.parametrize(
    ("discordant", "gap", "tasks"),
    [(0.2, 0.05, 626), (0.2, 0.10, 155), (0.3, 0.10, 234), (0.1, 0.05, 312), (0.15, 0.03, 1306)],
)
def test_published_tasks_for_a_gap(discordant, gap, tasks):
    assert abs(tasks_for_gap(gap, discordant=discordant) - tasks) <= 1


@pytest.mark.parametrize(
    ("tasks", "gap"),
    [(20, 0.280), (50, 0.177), (100, 0.125), (200, 0.089), (300, 0.072), (500, 0.056)],
)
def test_published_smallest_gap(tasks, gap):
    assert smallest_gap(tasks) == pytest.approx(gap, abs=0.0005)


def test_agrees_with_statsmodels_at_many_tasks():
    solved = TTestPower().solve_power(effect_size=0.05 / sqrt(0.1975), alpha=0.05, power=0.8)
    assert solved == pytest.approx(621.98, abs=0.01)
    assert tasks_for_gap(0.05) == pytest.approx(solved, rel=0.01)


def test_one_line_for_plans_and_footers():
    assert suite_power(20).line == (
        "20 tasks can show a gap of 28 points or more between two pass rates (80% power, 5% error,"
        " one attempt); gaps of 20, 10, 5 points need 37, 155, 626 tasks."
    )


def test_margin_depends_on_the_suite():
    assert (default_margin(99), default_margin(100)) == (0.20, 0.10)


def test_limits():
    assert smallest_gap(1) == 1
    assert tasks_for_gap(1.0) >= 1
