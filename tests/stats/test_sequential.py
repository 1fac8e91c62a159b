"""Bets against worst nulls, looked at after every task, and nights after every night."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from arena.stats.intervals import Interval
from arena.stats.sequential import (
    BETS,
    SHIFTS,
    Attempts,
    Detector,
    NightBag,
    change_point,
    confidence_sequence,
    evidence,
    log_growth,
    log_wealth,
    loss_p,
    mean_sequence,
    normal_of,
    rate_sequence,
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


def test_evidence_is_what_all_gamblers_have_together():
    gains = np.array([1.0] * 6 + [-1.0] * 30)
    assert np.exp(evidence(gains).max()) == pytest.approx(np.mean((1 + BETS) ** 6))
    assert evidence(np.array([-1.0])) < 0


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.97])
def test_a_confidence_sequence_holds_at_its_every_end(rate):
    draw = np.random.default_rng(3)
    missed = 0
    for _ in range(300):
        values = (draw.random(120) < rate).astype(float)
        found = confidence_sequence(values, 1)
        missed += not found.lo <= rate <= found.hi
    assert missed / 300 <= ALPHA


def test_a_confidence_sequence_narrows_and_nothing_seen_says_nothing():
    values = np.tile([1.0, 0.0], 200)
    widths = [(ci := confidence_sequence(values[:n], 1)).hi - ci.lo for n in (10, 50, 400)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.2
    assert confidence_sequence(np.array([]), 2.0) == Interval(0, 2)


def arrays(*columns):
    return [np.array(column, dtype=float) for column in columns]


def test_loss_of_one_task_is_fishers_exact_one_sided_p():
    for won, won_before in product(range(5), range(9)):
        table = [[won, 4 - won], [won_before, 8 - won_before]]
        expected = stats.fisher_exact(table, alternative="less").pvalue
        assert loss_p(*arrays([won], [4], [won_before], [8])) == pytest.approx(expected)


def test_loss_over_tasks_counts_every_arrangement():
    # Task 1: one pass among 2 + 2; task 2: three among 2 + 2. By hand: tonight's share of the single
    # pass is 1/2, of the single failure 1/2; so tonight has 1, 2 or 3 of the 4 with 1/4, 1/2, 1/4.
    assert loss_p(*arrays([0, 1], [2, 2], [1, 2], [2, 2])) == pytest.approx(0.25)
    assert loss_p(*arrays([1, 1], [2, 2], [0, 2], [2, 2])) == pytest.approx(0.75)
    assert loss_p(*arrays([1, 2], [2, 2], [0, 1], [2, 2])) == pytest.approx(1.0)


def test_a_night_against_itself_is_no_loss_and_hopeless_tasks_say_nothing():
    passed, scored = arrays([2, 0, 1, 2], [2, 2, 2, 2])
    assert loss_p(passed, scored, passed, scored) > 0.5
    never, often = arrays([0] * 5, [3] * 5)
    assert loss_p(never, often, never, often) == 1.0


def test_a_loss_is_red_as_often_as_it_says():
    rng = np.random.default_rng(5)
    chance = rng.beta(0.6, 0.4, 24)
    low = 0
    for _ in range(600):
        now, before = rng.binomial(2, chance), rng.binomial(20, chance)
        low += loss_p(*arrays(now, [2] * 24, before, [20] * 24)) <= 0.05
    assert low / 600 <= 0.07


def test_every_interval_of_the_sequence_holds_together():
    rng = np.random.default_rng(1)
    missed = 0
    chance = rng.beta(0.6, 0.4, 24)
    for _ in range(100):
        nights = np.cumsum((rng.random((60, 24, 2)) < chance[:, None]).sum(axis=(1, 2)))
        found = [rate_sequence(int(passed), 48 * (i + 1)) for i, passed in enumerate(nights)]
        missed += any(not one.lo <= chance.mean() <= one.hi for one in found)
    assert missed / 100 <= 0.05
    assert rate_sequence(0, 0) == (0.0, 1.0)
    assert rate_sequence(0, 10).lo == 0.0
    assert rate_sequence(10, 10).hi == 1.0
    # B(1 + 5, 1 + 5) / (m^5 (1 - m)^5) = 20 at both limits.
    for limit in rate_sequence(5, 10):
        assert stats.beta(6, 6).pdf(limit) == pytest.approx(1 / 20, rel=1e-6)


@pytest.mark.parametrize(("most", "spread"), [(1.5, 0.02), (20.0, 1.0)])
def test_every_interval_of_a_mean_holds_together(most, spread):
    """24 tasks of unlike costs, twice a night for 60 nights, looked at after each."""
    rng = np.random.default_rng(2)
    typical = rng.lognormal(-2, 0.5, 24)
    missed, widths = 0, []
    for _ in range(150):
        noise = rng.choice([-1.0, 1.0, 5.0], p=[0.75, 0.125, 0.125], size=(60, 24, 2))
        costs = (typical[:, None] * (1 + spread * noise)).clip(0).reshape(60, -1)
        assert costs.max() <= most
        mean = (typical[:, None] * (1 + spread * np.array([-1.0, 1.0, 5.0]))).clip(0).mean(axis=0)
        truth = mean @ [0.75, 0.125, 0.125]
        found = [mean_sequence(costs[: n + 1].ravel(), most) for n in range(60)]
        missed += any(not one.lo <= truth <= one.hi for one in found)
        widths.append((found[-1].hi - found[-1].lo) / truth)
    assert missed / 150 <= 0.05
    assert np.mean(widths) < (0.5 if most < 2 else 1.2)


def test_an_interval_of_a_mean_needs_its_bound():
    values = np.array([0.5, 1.5] * 50)
    found = mean_sequence(values, 2.0)
    # log(2 * 5 / 0.05) + (-log(1 - b) - b) * V over b * n at its narrowest, in units of the bound.
    shares = values / 2
    before = np.array([0, *np.cumsum(shares)[:-1] / np.arange(1, 100)])
    spread = ((shares - before) ** 2).sum()
    half = min((np.log(200) - (np.log(1 - b) + b) * spread) / (100 * b) for b in BETS)
    assert found == pytest.approx((1 - 2 * half, 1 + 2 * half))
    assert mean_sequence(values, 1.0) is None
    assert mean_sequence(np.array([]), 1.0) is None


def nights_of(rng, count, shift=lambda _: 0.0):
    hard = rng.normal(0, 1, 10)
    task = np.repeat(np.arange(10), 3)
    for night in range(count):
        yield Attempts(task, hard[task] + rng.normal(shift(night), 0.5, 30))


def test_scores_of_unchanged_nights_are_uniform_and_independent():
    rng = np.random.default_rng(3)
    found = []
    for _ in range(40):
        bag = NightBag(10)
        scores = [bag.add(night, rng) for night in nights_of(rng, 16)]
        assert scores[0] is None
        found.append(scores[1:])
    values = np.array(found)
    assert stats.kstest(values.ravel(), "uniform").pvalue > 0.01
    assert abs(np.corrcoef(values[:, :-1].ravel(), values[:, 1:].ravel())[0, 1]) < 0.1


def test_ties_are_broken_evenly_and_missing_attempts_are_no_failures():
    rng = np.random.default_rng(4)
    bag = NightBag(2)
    both, one = np.array([0, 0, 1, 1]), np.array([0, 0])
    assert bag.add(Attempts(both, np.zeros(4)), rng) is None
    same = [bag.add(Attempts(both, np.zeros(4)), rng) for _ in range(300)]
    assert stats.kstest(same, "uniform").pvalue > 0.01
    assert 0 < bag.add(Attempts(one, np.zeros(2)), rng) < 1


def test_the_detector_is_the_recursion_of_shiryaev_and_roberts():
    detector = Detector()
    factors = np.array([[np.exp(s * z - s * s / 2) for s in SHIFTS] for z in (0.3, -1.2)])
    assert detector.add(0.3) == pytest.approx(factors[0].mean())
    assert detector.add(-1.2) == pytest.approx((factors[1] * (factors[0] + 1)).mean())


def test_false_alarms_are_as_rare_as_stated():
    rng = np.random.default_rng(6)
    lengths = []
    for _ in range(200):
        detector = Detector()
        lengths.append(next((n for n in range(1, 400) if detector.add(rng.normal()) >= 50), 400))
    assert np.mean(lengths) >= 50


def test_a_change_is_dated():
    rng = np.random.default_rng(7)
    bag = NightBag(10)
    scores = [
        normal_of(p)
        for night in nights_of(rng, 30, lambda night: 0.5 * (night >= 18))
        if (p := bag.add(night, rng)) is not None
    ]
    assert abs(change_point(scores) + 1 - 18) <= 1
