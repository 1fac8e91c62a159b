import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.stats.paired import difference, not_worse
from tests.stats.reference import EXACT, A, B

D = (A - B) / 3


def test_one_attempt_uses_mcnemar_and_the_score_interval():
    d = np.array([1.0] * 9 + [-1.0] * 2 + [0.0] * 39)
    found = difference(d, single=True)
    assert found.method == "mcnemar_tango"
    assert found.p == pytest.approx(0.0654296875, abs=EXACT)
    assert found.mid_p == pytest.approx(0.03857421875, abs=EXACT)
    assert found.ci == pytest.approx((0.011662, 0.277862), abs=EXACT)


def test_several_attempts_use_student_t():
    found = difference(D, single=False)
    assert found.method == "student_t"
    assert found.ci == pytest.approx((-0.002488, 0.169155), abs=EXACT)
    assert found.p == pytest.approx(0.056337, abs=EXACT)
    assert found.mid_p is None


def test_too_few_differing_tasks_are_not_trusted_to_student_t():
    d = np.array([1 / 3] * 4 + [0.0] * 16)
    found = difference(d, single=False)
    assert found.method == "sign_flip_tango"
    assert found.p == pytest.approx(2 / 16)
    assert found.ci.lo < 0
    same = difference(np.zeros(50), single=False)
    assert same.ci == pytest.approx((-0.071348, 0.071348), abs=EXACT)
    assert same.p == 1


def test_a_constant_difference_has_no_t():
    found = difference(np.full(8, 1 / 3), single=False)
    assert found.method == "sign_flip_tango"
    assert found.p == pytest.approx(2 / 2**8)


def test_published_not_worse():
    assert not_worse(-D, 0.10, single=False).lo == pytest.approx(-0.154234, abs=EXACT)
    assert not_worse(-D, 0.10, single=False).p == pytest.approx(0.344470, abs=EXACT)
    assert not not_worse(-D, 0.10, single=False).shown
    assert not_worse(-D, 0.20, single=False).p == pytest.approx(0.005174, abs=EXACT)
    assert not_worse(-D, 0.20, single=False).shown


def test_published_not_worse_with_one_attempt():
    d = np.array([1.0] * 4 + [-1.0] * 6 + [0.0] * 90)
    assert not_worse(d, 0.10, single=True).lo == pytest.approx(-0.078256, abs=EXACT)
    assert not_worse(d, 0.10, single=True).shown
    assert not not_worse(d, 0.05, single=True).shown


THIRDS = st.lists(st.integers(-3, 3), min_size=1, max_size=60).map(lambda x: np.array(x) / 3)


@given(THIRDS, st.sampled_from([0.05, 0.1, 0.2]))
def test_bound_and_p_agree_and_the_interval_holds_the_estimate(d, margin):
    found, test = difference(d, single=False), not_worse(d, margin, single=False)
    assert found.ci.lo - 1e-9 <= found.estimate <= found.ci.hi + 1e-9
    assert 0 <= test.p <= 1
    above = test.lo > -margin
    # Where few tasks differ, more is asked than a bound
    agree = test.shown == above if np.count_nonzero(d) >= 5 else above or not test.shown
    assert agree or abs(test.lo + margin) < 1e-9
    back = difference(-d, single=False)
    assert back.ci == pytest.approx((-found.ci.hi, -found.ci.lo), abs=1e-9)
    assert back.p == pytest.approx(found.p)
