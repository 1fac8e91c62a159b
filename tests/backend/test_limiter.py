"""Calls in flight, requests and tokens per minute."""

import threading
import time

import pytest

from arena.backend import limiter as module
from arena.backend.limiter import Limiter
from arena.errors import HarnessError
from arena.records import RateLimits


@pytest.fixture
def short_minute(monkeypatch):
    """A minute of a fifth of a second."""
    monkeypatch.setattr(module, "WINDOW_S", 0.2)
    monkeypatch.setattr(module, "HALVING_PAUSE_S", 0.0)


@pytest.fixture
def endless_minute(monkeypatch):
    """A minute that ends with no test: what waits for it hangs."""
    monkeypatch.setattr(module, "WINDOW_S", 3600.0)


def test_no_limits_no_waiting(endless_minute):
    limiter = Limiter(RateLimits())
    assert len([limiter.acquire(10**9) for _ in range(100)]) == 100


def test_requests_per_minute(short_minute):
    limiter = Limiter(RateLimits(rpm=3))
    permits = [limiter.acquire(1) for _ in range(7)]
    entered = [permit.entered_at for permit in permits]
    assert entered[3] - entered[0] >= 0.2
    assert entered[6] - entered[3] >= 0.2


def test_requests_within_the_limit_of_a_minute_go_at_once(endless_minute):
    limiter = Limiter(RateLimits(rpm=3))
    assert len([limiter.acquire(1) for _ in range(3)]) == 3


def test_tokens_per_minute_count_what_was_used(endless_minute):
    limiter = Limiter(RateLimits(tpm=100))
    for _ in range(4):
        limiter.release(limiter.acquire(60), tokens=10)
    limiter.release(limiter.acquire(60), tokens=60)


def test_tokens_beyond_the_limit_wait_for_the_next_minute(short_minute):
    limiter = Limiter(RateLimits(tpm=100))
    first = limiter.acquire(60)
    limiter.release(first, tokens=60)
    assert limiter.acquire(60).entered_at - first.entered_at >= 0.2


def test_one_call_above_the_limit_of_a_minute_still_goes_alone(short_minute):
    limiter = Limiter(RateLimits(tpm=100))
    limiter.release(limiter.acquire(500), tokens=500)
    assert limiter.acquire(500).waited_s >= 0.15


def test_refusals_halve_and_successes_grow_back(short_minute):
    limiter = Limiter(RateLimits(concurrency=16))
    for expected in (8, 4, 2, 1, 1):
        limiter.release(limiter.acquire(1), tokens=1, refused=True)
        assert limiter._window == expected
    for _ in range(400):
        limiter.release(limiter.acquire(1), tokens=1)
    assert limiter._window == 16


def test_a_storm_of_refusals_halves_once(monkeypatch):
    limiter = Limiter(RateLimits(concurrency=16))
    permits = [limiter.acquire(1) for _ in range(16)]
    for permit in permits:
        limiter.release(permit, tokens=0, refused=True)
    assert limiter._window == 8


def test_without_a_known_limit_refusals_find_one(short_minute):
    limiter = Limiter(RateLimits())
    permits = [limiter.acquire(1) for _ in range(8)]
    limiter.release(permits[0], tokens=0, refused=True)
    assert limiter._window == 4


def test_a_pause_the_provider_asks_for_holds_for_all():
    limiter = Limiter(RateLimits())
    limiter.release(limiter.acquire(1), tokens=0, refused=True, retry_after_s=0.2)
    assert limiter.acquire(1).waited_s >= 0.15


def test_first_come_first_served():
    limiter = Limiter(RateLimits(concurrency=1))
    held = limiter.acquire(1)
    order, threads = [], []

    def go(number):
        permit = limiter.acquire(1)
        order.append(number)
        limiter.release(permit, tokens=1)

    for number in range(8):
        threads.append(threading.Thread(target=go, args=(number,)))
        threads[-1].start()
        time.sleep(0.01)
    limiter.release(held, tokens=1)
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_closing_wakes_everybody():
    limiter = Limiter(RateLimits(concurrency=1))
    limiter.acquire(1)
    raised = []

    def go(wait):
        try:
            wait()
        except HarnessError:
            raised.append(True)

    waits = [lambda: limiter.acquire(1), lambda: limiter.pause(30)]
    threads = [threading.Thread(target=go, args=(w,)) for w in waits]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    limiter.close()
    for thread in threads:
        thread.join(30)
    assert raised == [True, True]
