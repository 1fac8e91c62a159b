import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from arena.stats.paired import (
    Discordance,
    discordance,
    mcnemar_exact,
    mcnemar_mid,
    sign_flip,
    t_interval,
    t_p,
    tango_interval,
    tango_z,
)
from tests.stats.reference import EXACT, A, B, C

D = (A - B) / 3


def test_published_mcnemar():
    assert mcnemar_exact(9, 2) == pytest.approx(0.0654296875, abs=EXACT)
    assert mcnemar_mid(9, 2) == pytest.approx(0.038574218750, abs=EXACT)
    assert mcnemar_exact(0, 0) == 1
    assert mcnemar_mid(0, 0) == 1


@pytest.mark.parametrize(
    ("pairs", "level", "expected"),
    [
        ((1, 7, 21), 0.95, (-0.517232, -0.026003)),
        ((9, 2, 50), 0.95, (0.011662, 0.277862)),
        ((9, 2, 50), 0.90, (0.034785, 0.253849)),
        ((0, 0, 50), 0.95, (-0.071348, 0.071348)),
        ((4, 6, 100), 0.95, (-0.091678, 0.048310)),
        ((4, 6, 100), 0.90, (-0.078256, 0.035550)),
    ],
)
def test_published_score_intervals(pairs, level, expected):
    assert tango_interval(Discordance(*pairs), level) == pytest.approx(expected, abs=EXACT)


def test_score_interval_ends_where_the_difference_must():
    assert tango_interval(Discordance(5, 0, 5)).hi == 1
    assert tango_interval(Discordance(0, 5, 5)).lo == -1
    lo, hi = tango_interval(Discordance(1, 0, 1))
    assert -1 <= lo < 1
    assert hi == 1


def test_published_t_interval_of_task_differences():
    assert D.mean() == pytest.approx(0.083333, abs=EXACT)
    assert t_interval(D) == pytest.approx((-0.002488, 0.169155), abs=EXACT)
    assert 2 * t_p(D) == pytest.approx(0.056337, abs=EXACT)
    assert 2 * t_p((A - C) / 3) == pytest.approx(0.000135, abs=EXACT)
    assert 2 * t_p((B - C) / 3) == pytest.approx(0.008551, abs=EXACT)
    assert t_interval(A / 3) == pytest.approx((0.539335, 0.893999), abs=EXACT)
    assert t_interval(B / 3) == pytest.approx((0.451543, 0.815124), abs=EXACT)
    single = np.array([1.0] * 9 + [-1.0] * 2 + [0.0] * 39)
    assert t_interval(single) == pytest.approx((0.011485, 0.268515), abs=EXACT)


def test_no_spread_has_no_t():
    assert t_interval(np.zeros(9)) is None
    assert t_p(np.array([0.5])) is None
    assert t_p(np.ones(4)) is None


def test_published_sign_flip_is_exact():
    assert sign_flip(D) == pytest.approx(0.125, abs=EXACT)
    assert sign_flip(np.zeros(30)) == 1


def test_exact_sign_flip_agrees_with_scipy_on_many_sizes():
    d = np.array([0.9, -0.35, 0.2, 0.61, -0.1, 0.44, 0.7, 0.05, -0.5, 0.33])
    expected = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip(d) == pytest.approx(expected.pvalue, abs=EXACT)


def test_drawn_sign_flip_is_seeded_and_near_the_exact_binomial():
    d = np.array([1.0] * 21 + [-1.0] * 9 + [0.0] * 70)
    assert sign_flip(d) == sign_flip(d)
    assert sign_flip(d) != sign_flip(d, seed=1)
    assert sign_flip(d) == pytest.approx(stats.binomtest(9, 30).pvalue, abs=0.002)


COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200)).filter(
    lambda t: sum(t) > 0
)


@given(COUNTS)
def test_tests_agree_with_statsmodels_and_ignore_agreement(counts):
    b, c, same = counts
    table = [[same, b], [c, 0]]
    assert mcnemar_exact(b, c) == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-9)
    assert mcnemar_mid(b, c) <= mcnemar_exact(b, c)


@given(COUNTS)
def test_score_interval_holds_the_estimate_is_antisymmetric_and_inverts_its_score(counts):
    b, c, _ = counts
    pairs = Discordance(b, c, sum(counts))
    lo, hi = tango_interval(pairs)
    assert -1 <= lo <= (b - c) / sum(counts) <= hi <= 1
    other = tango_interval(Discordance(c, b, sum(counts)))
    assert other == pytest.approx((-hi, -lo), abs=1e-9)
    if lo > -1:
        assert tango_z(pairs, lo) == pytest.approx(stats.norm.ppf(0.975), abs=1e-5)


@given(st.permutations(range(20)))
def test_order_of_tasks_changes_nothing(order):
    order = list(order)
    assert sign_flip(D[order]) == sign_flip(D)
    assert t_interval(D[order]) == pytest.approx(t_interval(D))
    assert discordance(D[order]) == pytest.approx(discordance(D))
