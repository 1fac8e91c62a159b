"""When another attempt is worth it, and how long to wait for it."""

import pytest

from arena.backend.call import RETRYABLE, RetryPolicy

POLICY = RetryPolicy(base_s=1, cap_s=8, budget_s=100, attempts=6, costly_attempts=3)


def delays(outcome, attempt, **how):
    return [POLICY.delay_s(outcome, attempt, **{"waited_s": 0, **how}) for _ in range(300)]


@pytest.mark.parametrize(
    "outcome", ["auth", "quota_exhausted", "bad_request", "content_filter", "context_overflow"]
)
def test_what_cannot_succeed_is_given_up_at_once(outcome):
    assert outcome not in RETRYABLE
    assert set(delays(outcome, 1)) == {None}


@pytest.mark.parametrize(("attempt", "ceiling"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 8)])
def test_backoff_doubles_up_to_its_cap_with_full_jitter(attempt, ceiling):
    found = delays("overloaded", attempt)
    assert 0 <= min(found) < 0.1 * ceiling
    assert 0.9 * ceiling < max(found) <= ceiling


def test_the_provider_is_never_asked_sooner_than_it_wants():
    found = delays("rate_limited", 1, retry_after_s=20.0)
    assert min(found) >= 20
    assert max(found) <= 21


def test_attempts_end():
    assert delays("overloaded", 6)[0] is None
    assert delays("timeout", 2)[0] is not None
    assert delays("timeout", 3)[0] is None, "each may have cost a whole generation"


def test_waiting_ends():
    assert delays("rate_limited", 1, waited_s=90, retry_after_s=15)[0] is None
    assert delays("rate_limited", 1, waited_s=90, retry_after_s=5)[0] is not None
