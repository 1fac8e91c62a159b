import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from arena.stats.intervals import effective_n, rate_bounds, task_rate, wilson, zero_event_bound
from tests.stats.reference import EXACT, A


@pytest.mark.parametrize(
    ("k", "n", "score"),
    [
        (34, 50, (0.541897, 0.792418)),
        (0, 10, (0, 0.277533)),
        (20, 20, (0.838875, 1)),
        (3, 4, (0.300642, 0.954413)),
    ],
)
def test_published_intervals_of_one_proportion(k, n, score):
    assert wilson(k, n) == pytest.approx(score, abs=EXACT)


def test_no_event_in_sixty():
    assert zero_event_bound(60) == pytest.approx(0.048703, abs=EXACT)


def test_three_attempts_a_task_use_the_effective_n():
    rate = task_rate(A / 3, 60)
    assert rate.mean == pytest.approx(0.716667, abs=EXACT)
    assert rate.n_eff == pytest.approx(28.2872, abs=1e-4)
    assert rate.interval == pytest.approx((0.532807, 0.848715), abs=EXACT)


def test_one_attempt_a_task_is_plain_wilson():
    rate = task_rate(np.array([1.0] * 34 + [0.0] * 16), 50)
    assert rate.interval == pytest.approx((0.541897, 0.792418), abs=EXACT)


def test_effective_n_stays_between_the_tasks_and_all_attempts():
    assert effective_n(np.full(5, 2 / 3), 15) == 15  # every task the same: attempts independent
    assert effective_n(np.array([1.0, 0.0] * 5), 30) == 10  # attempts alike: as one at each task
    assert effective_n(np.ones(4), 12) == 4
    assert effective_n(np.ones(1), 3) == 1


def test_one_failed_attempt_does_not_make_a_suite_surer_than_none():
    nearly = np.array([1.0] * 19 + [2 / 3])
    assert effective_n(nearly, 60) == 20
    assert effective_n(1 - nearly, 60) == 20
    assert task_rate(nearly, 60).interval.lo < task_rate(np.ones(20), 60).interval.lo


def test_no_task_has_no_rate():
    assert task_rate(np.array([]), 0) is None


def test_missing_runs_bound_the_rate():
    assert rate_bounds(40, 50, 3) == pytest.approx((0.754717, 0.811321), abs=EXACT)
    assert rate_bounds(0, 0, 0) is None


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_intervals_agree_with_statsmodels_and_hold_the_estimate(counts):
    k, n = counts
    assert wilson(k, n) == pytest.approx(
        np.clip(proportion_confint(k, n, method="wilson"), 0, 1), abs=1e-9
    )
    lo, hi = wilson(k, n)
    assert 0 <= lo <= k / n <= hi <= 1
