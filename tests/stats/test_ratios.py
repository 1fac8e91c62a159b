import numpy as np
import pytest
from scipy import stats

from arena.stats.intervals import Ratio, cost_per_solved, fieller, ratio_of_ratios
from tests.stats.reference import COST_A, COST_B, EXACT, A, B

TASKS = np.full(20, 3.0)


def columns(*values):
    return np.stack(values, axis=1)


def test_published_cost_per_solved():
    a, b = cost_per_solved(COST_A, A), cost_per_solved(COST_B, B)
    assert a.estimate == pytest.approx(0.713953, abs=EXACT)
    assert a.ci == pytest.approx((0.432535, 1.179382), abs=EXACT)
    assert b.estimate == pytest.approx(0.237895, abs=EXACT)
    assert b.ci == pytest.approx((0.137163, 0.418626), abs=EXACT)


def test_nothing_solved_has_a_bound_and_no_cost():
    nothing = cost_per_solved(np.full(10, 2.0), np.zeros(10))
    assert nothing.estimate is None
    assert nothing.ci is None
    assert nothing.solved_per_usd_hi == pytest.approx((1 - 0.05 ** (1 / 10)) / 2)
    assert cost_per_solved(np.zeros(3), np.zeros(3)).solved_per_usd_hi is None
    assert cost_per_solved(np.array([]), np.array([])) is None


def test_too_few_solved_is_not_estimable():
    solved = np.array([1.0] + [0.0] * 9)
    result = cost_per_solved(np.full(10, 0.5), solved)
    assert result.estimate == 5
    assert result.ci is None
    assert fieller(np.array([1.0]), np.array([1.0])) is None


def test_published_ratio_of_costs_per_solved():
    ratio = ratio_of_ratios(columns(COST_A, A, COST_B, B))
    assert ratio.estimate == pytest.approx(3.001132, abs=EXACT)
    assert ratio.ci == pytest.approx((2.519646, 3.560244), rel=0.02)


def test_ratio_interval_is_student_t_on_linearised_logarithms():
    shares = [x / x.sum() for x in (COST_A, A, COST_B, B)]
    influence = shares[0] - shares[1] - shares[2] + shares[3]
    half = stats.t.ppf(0.975, 19) * influence.std(ddof=1) * np.sqrt(20)
    ratio = ratio_of_ratios(columns(COST_A, A, COST_B, B))
    assert np.log(ratio.ci) == pytest.approx(
        (np.log(ratio.estimate) - half, np.log(ratio.estimate) + half)
    )


def test_ratio_turns_round_with_its_sides_and_ignores_the_currency():
    ratio = ratio_of_ratios(columns(COST_A, A, COST_B, B))
    back = ratio_of_ratios(columns(COST_B, B, COST_A, A))
    assert back.estimate == pytest.approx(1 / ratio.estimate)
    assert back.ci == pytest.approx((1 / ratio.ci.hi, 1 / ratio.ci.lo), rel=1e-9)
    dearer = ratio_of_ratios(columns(7 * COST_A, A, 7 * COST_B, B))
    assert dearer.estimate == pytest.approx(ratio.estimate)
    assert dearer.ci == pytest.approx(ratio.ci)


def test_ratio_of_costs_per_attempt():
    ratio = ratio_of_ratios(columns(COST_A, TASKS, COST_B, TASKS))
    assert ratio.estimate == pytest.approx(30.70 / 9.04)
    assert ratio.ci.lo < ratio.estimate < ratio.ci.hi


def test_ratio_without_a_value_is_not_estimable():
    assert ratio_of_ratios(columns(COST_A, A * 0, COST_B, B)) == Ratio()
    assert ratio_of_ratios(np.empty((0, 4))) == Ratio()
    one = np.eye(20)[0]
    rare = ratio_of_ratios(columns(COST_A, one, COST_B, B))
    assert rare.estimate == pytest.approx(30.70 / 0.237895, rel=1e-5)
    assert rare.ci is None
