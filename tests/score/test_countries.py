import numpy as np
import pytest

from arena.score.compare import country_comparison
from arena.stats.intervals import Interval
from tests.score.made import Player, results

HALF = np.array([3, 0] * 60, float)
NEAR = HALF.copy()
NEAR[:6] = 3 - NEAR[:6]
LOW = np.where(np.arange(120) % 4 == 0, 3.0, 0.0)
RNG = np.random.default_rng(4)


def player(passed, price, country, **more):
    return Player(passed, price * RNG.uniform(0.8, 1.2, len(passed)), country=country, **more)


def run(**more):
    return results(
        {
            "us-big": player(HALF, 9.0, "US", provider="p1"),
            "cn-good": player(NEAR, 0.6, "CN", provider="p2", open_weights=True),
            "cn-cheap": player(LOW, 0.1, "CN", provider="p2", open_weights=False),
            **more,
        }
    )


def test_each_us_contestant_meets_the_cheapest_that_is_not_worse():
    found = country_comparison(run())
    (match,) = found.matches
    assert match.contestant == "us-big"
    assert match.candidates == ("cn-cheap", "cn-good")
    assert match.counterpart == "cn-good"
    assert match.not_worse.shown
    assert match.adjusted_p <= 0.05
    assert match.cost_per_solved_ratio.estimate == pytest.approx(0.6 / 9.0, rel=0.1)
    assert match.level == pytest.approx(0.975)
    assert match.claim == "within"


def test_choosing_among_more_widens_the_interval():
    few = country_comparison(results({n: p for n, p in PLAYERS.items() if n != "cn-2"})).matches[0]
    many = country_comparison(results(PLAYERS)).matches[0]
    assert few.counterpart == many.counterpart == "cn-1"
    lo, hi = few.cost_per_solved_ratio.ci
    assert many.cost_per_solved_ratio.ci.lo < lo
    assert many.cost_per_solved_ratio.ci.hi > hi


PLAYERS = {
    "us": player(HALF, 9.0, "US"),
    "cn-1": player(NEAR, 0.6, "CN"),
    "cn-2": player(LOW, 0.9, "CN"),
}


@pytest.mark.parametrize(
    ("claimed", "claim"),
    [
        (Interval(0.001, 0.01), "dearer"),
        (Interval(0.5, 0.9), "cheaper"),
        (Interval(0.01, 0.14), "within"),
        (Interval(0.01, 0.0667), "open"),
    ],
)
def test_the_claim_is_confirmed_or_refuted_by_a_number(claimed, claim):
    assert country_comparison(run(), claimed=claimed).matches[0].claim == claim


def test_only_the_same_agent_is_compared():
    other = results(
        {
            "us": player(HALF, 9.0, "US"),
            "cn": player(HALF, 1.0, "CN", agent="edits", agent_digest="edits-1"),
        }
    )
    (match,) = country_comparison(other).matches
    assert match.counterpart is None
    assert match.reason == "no counterpart uses the same agent"
    assert match.claim == "not_estimable"


def test_nothing_shown_says_so():
    found = country_comparison(
        results({"us": player(HALF, 9.0, "US"), "cn": player(LOW, 0.1, "CN")})
    )
    assert found.matches[0].counterpart is None
    assert "not worse by 10 points on 120 tasks" in found.matches[0].reason


def test_a_country_without_a_contestant_is_said():
    found = country_comparison(results({"us": player(HALF, 9.0, "US"), "x": Player(HALF)}))
    assert found.absent == ("CN",)
    assert found.matches == ()
