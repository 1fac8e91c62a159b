import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from arena.stats.paired import holm
from tests.stats.reference import EXACT


def test_published_holm():
    assert holm([0.001, 0.012, 0.030, 0.040, 0.20]) == pytest.approx(
        [0.005, 0.048, 0.090, 0.090, 0.200], abs=EXACT
    )
    assert holm([0.056337, 0.000135, 0.008551]) == pytest.approx(
        [0.056337, 0.000404, 0.017102], abs=2e-6
    )


@settings(max_examples=30)  # the oracle takes 20 ms a call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_agrees_with_statsmodels_in_any_order(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-9)


def test_hypotheses_that_cannot_all_be_true_cost_less():
    assert holm([0.02, 0.5], true_at_most=1) == [0.02, 0.5]
    assert holm([0.01, 0.02, 0.5], true_at_most=2) == pytest.approx([0.02, 0.04, 0.5])
