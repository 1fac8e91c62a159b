import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.score.sequential import better_evidence, difference_evidence, not_worse_evidence
from tests.score.reference import EXACT, A, B


@pytest.mark.parametrize(
    ("w", "l", "two_sided", "one_sided"),
    [
        (0, 0, 1, 1),
        (5, 0, 5.333333, 10.5),
        (6, 0, 9.142857, 18.142857),
        (7, 0, 16, 31.875),
        (8, 0, 28.444444, 56.777778),
        (9, 2, 3.103030, 6.086364),
        (12, 3, 4.501099, 8.906456),
        (20, 10, 1.152831, 2.224093),
    ],
)
def test_published_evidence_of_a_difference(w, l, two_sided, one_sided):  # noqa: E741
    assert difference_evidence(w, l) == pytest.approx(two_sided, abs=EXACT)
    assert better_evidence(w, l) == pytest.approx(one_sided, abs=EXACT)


@pytest.mark.parametrize(
    ("d", "margin", "expected"),
    [
        (np.zeros(20), 0.10, 3.432161),
        (np.zeros(20), 0.20, 19.303987),
        (np.zeros(100), 0.10, 3015.129988),
        ((B - A) / 3, 0.10, 1.056327),
        ((B - A) / 3, 0.20, 4.232924),
        (np.array(([1] * 3 + [-1] * 4 + [0] * 43) * 2), 0.10, 3.609314),
        (np.array(([1] * 3 + [-1] * 4 + [0] * 43) * 2), 0.20, 1721.809008),
    ],
)
def test_published_evidence_of_not_worse(d, margin, expected):
    assert not_worse_evidence(d, margin) == pytest.approx(expected, rel=1e-6)


@given(st.permutations(range(20)))
def test_evidence_does_not_depend_on_order(order):
    d = (B - A) / 3
    assert not_worse_evidence(d[list(order)], 0.1) == pytest.approx(not_worse_evidence(d, 0.1))


def test_evidence_stays_finite():
    assert np.isfinite(difference_evidence(100_000, 0))
    assert np.isfinite(not_worse_evidence(np.ones(100_000), 0.1))


def test_looking_after_every_pair_keeps_false_alarms_under_five_percent():
    rng = np.random.default_rng(7)
    alarms = 0
    for wins in rng.integers(0, 2, (400, 150)).cumsum(axis=1):
        looks = ((int(w), n - int(w)) for n, w in enumerate(wins, start=1))
        alarms += any(difference_evidence(w, l) >= 20 for w, l in looks)  # noqa: E741
    assert alarms / 400 < 0.05
