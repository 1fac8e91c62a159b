"""Bets against worst nulls, looked at after every task: wealth of 20 is as rare as promised."""

import numpy as np
import pytest

from arena.stats.intervals import Interval
from arena.stats.sequential import (
    BETS,
    anytime_p,
    confidence_sequence,
    evidence,
    log_growth,
    log_wealth,
)

TASKS, SERIES, ALPHA = 300, 4000, 0.05
NULLS = {  # of mean 0, at least -1: what a gambler is offered
    "coin": lambda draw, shape: draw.choice([-1.0, 1.0], shape),
    "rarely different": lambda draw, shape: draw.choice([-1.0, 0, 0, 0, 0, 0, 0, 0, 1.0], shape),
    "rare big win": lambda draw, shape: np.where(draw.random(shape) < 0.05, 1.0, -1 / 19),
    "rare big loss": lambda draw, shape: np.where(draw.random(shape) < 0.05, -1.0, 1 / 19),
    "smooth": lambda draw, shape: draw.uniform(-1, 1, shape),
    "drifting": lambda draw, shape: (
        draw.choice([-1.0, 1.0], shape) * np.linspace(0.05, 1, shape[0])[:, None]
    ),
}


@pytest.mark.parametrize("null", NULLS)
def test_error_is_at_most_alpha_however_one_stops(null):
    gains = NULLS[null](np.random.default_rng(7), (TASKS, SERIES))
    ever = evidence(gains).max(axis=0) >= np.log(1 / ALPHA)
    assert ever.mean() <= ALPHA + 2 * (ALPHA * (1 - ALPHA) / SERIES) ** 0.5


def test_looking_at_a_fixed_test_breaks_the_promise_that_bets_keep():
    gains = np.random.default_rng(7).choice([-1.0, 1.0], (TASKS, SERIES))
    steps = np.arange(1, TASKS + 1)[:, None]
    z = np.cumsum(gains, axis=0) / np.sqrt(steps)
    assert (z[10:] > 1.645).any(axis=0).mean() > 3 * ALPHA


def test_a_real_difference_is_found():
    gains = np.random.default_rng(1).choice([-1.0, 1.0], (TASKS, 500), p=[0.4, 0.6])
    assert (evidence(gains).max(axis=0) >= np.log(20)).mean() > 0.75


def test_wealth_is_what_five_gamblers_have():
    gains = np.array([0.5, -0.2])
    by_hand = np.mean([(1 + 0.5 * b) * (1 - 0.2 * b) for b in BETS])
    assert np.exp(evidence(gains)[-1]) == pytest.approx(by_hand)
    assert log_wealth(log_growth(np.array([np.nan]))) == pytest.approx([0.0])


def test_p_is_one_over_the_most_that_the_wealth_was():
    gains = np.array([1.0] * 6 + [-1.0] * 30)
    assert anytime_p(gains) == pytest.approx(1 / np.mean((1 + BETS) ** 6))
    assert anytime_p(np.array([-1.0])) == 1.0


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.97])
def test_a_confidence_sequence_holds_at_its_every_end(rate):
    draw = np.random.default_rng(3)
    missed = 0
    for _ in range(300):
        values = (draw.random(120) < rate).astype(float)
        found = confidence_sequence(values, Interval(0, 1))
        missed += not found.lo <= rate <= found.hi
    assert missed / 300 <= ALPHA


def test_a_confidence_sequence_narrows_and_nothing_seen_says_nothing():
    values = np.tile([1.0, 0.0], 200)
    widths = [
        (ci := confidence_sequence(values[:n], Interval(0, 1))).hi - ci.lo for n in (10, 50, 400)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.2
    assert confidence_sequence(np.array([]), Interval(-1, 1)) == Interval(-1, 1)
