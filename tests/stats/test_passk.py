import numpy as np
import pytest

from arena.stats.intervals import mean_pass_k
from tests.stats.reference import EXACT


@pytest.mark.parametrize(
    ("n", "c", "k", "any_pass", "all_pass"),
    [
        (5, 2, 1, 0.4, 0.4),
        (5, 2, 3, 0.9, 0),
        (5, 5, 3, 1, 1),
        (5, 0, 3, 0, 0),
        (10, 3, 5, 0.916666667, 0),
        (200, 13, 100, 0.999919497, 0),
    ],
)
def test_published_estimators(n, c, k, any_pass, all_pass):
    found = mean_pass_k(np.array([float(n)]), np.array([float(c)]), k)
    assert found == pytest.approx((any_pass, all_pass), abs=EXACT)


@pytest.mark.parametrize(
    ("k", "expected"), [(1, (0.6, 0.6)), (2, (0.733333, 0.466667)), (3, (0.8, 0.4))]
)
def test_published_means_over_tasks(k, expected):
    passed = np.array([0, 1, 2, 3, 3, 3, 2, 0, 1, 3], float)
    assert mean_pass_k(np.full(10, 3.0), passed, k) == pytest.approx(expected, abs=EXACT)


def test_tasks_with_too_few_attempts_are_left_out():
    attempts, passed = np.array([3.0, 1.0]), np.array([3.0, 0.0])
    assert mean_pass_k(attempts, passed, 3) == (1, 1)
    assert mean_pass_k(attempts, passed, 4) is None
