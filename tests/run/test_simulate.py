"""The simulator against arithmetic and against its own bounds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from arena.errors import InputError
from arena.records import RateLimits
from arena.run.simulate import Fleet, Spread, Workload, bounds, fewest_hosts, simulate

FREE = RateLimits()


def always(value):
    return Spread(median=value, p90=value)


def work(**how):
    fields = {"tasks": 1, "backends": 1, "calls": always(5), "call_s": always(2.0)}
    return Workload(**{**fields, "cpu_s": 7.0, "idle_s": 3.5, **how})


def fleet(**how):
    return Fleet(**{"cores": 2, "memory_mb": 8192, "container_mb": 1024, **how})


def seconds(estimate):
    return pytest.approx(estimate.hours * 3600)


def test_one_trial_takes_the_sum_of_its_parts():
    found = simulate(work(), fleet(), FREE)
    assert seconds(found) == 5 * 2 + 7 + 3.5


def test_memory_lets_so_many_run_at_once():
    found = simulate(work(tasks=12, cpu_s=0), fleet(), FREE)
    assert found.slots == 6
    assert seconds(found) == 2 * (10 + 3.5)
    assert found.bottleneck == "slots"


def test_cores_are_shared():
    found = simulate(work(tasks=6, calls=always(1), call_s=always(0.1), idle_s=0), fleet(), FREE)
    assert 21 <= found.hours * 3600 < 23
    assert found.bottleneck == "cpu"


def test_a_provider_lets_so_many_calls_go_at_once():
    rate = RateLimits(concurrency=2)
    found = simulate(work(tasks=6, cpu_s=0, idle_s=0), fleet(), rate)
    assert seconds(found) == 6 * 5 * 2.0 / 2
    assert found.bottleneck == "provider concurrency"


def test_calls_a_minute():
    rate = RateLimits(rpm=10)
    found = simulate(work(tasks=6, call_s=always(0.001), cpu_s=0, idle_s=0), fleet(), rate)
    assert 120 <= found.hours * 3600 < 121  # ten at once, then ten more after each minute


def test_tokens_a_minute():
    rate = RateLimits(tpm=1000)
    found = simulate(
        work(tasks=2, call_s=always(0.001), call_tokens=400, cpu_s=0, idle_s=0), fleet(), rate
    )
    assert 240 <= found.hours * 3600 < 241  # two calls of 400 a minute


def test_each_backend_has_limits_of_its_own():
    rate = RateLimits(concurrency=1)
    one = simulate(work(tasks=4, cpu_s=0), fleet(), rate)
    two = simulate(work(tasks=2, backends=2, cpu_s=0), fleet(), rate)
    assert two.hours < 0.7 * one.hours


def test_hosts_share_the_work():
    one = simulate(work(tasks=240), fleet(), FREE)
    four = simulate(work(tasks=240), fleet(hosts=4), FREE)
    assert one.hours / four.hours == pytest.approx(4, rel=0.1)


@settings(max_examples=40, deadline=None)
@given(
    tasks=st.integers(1, 30),
    calls=st.integers(1, 6),
    call_s=st.floats(0.1, 20),
    cpu_s=st.floats(0, 20),
    cores=st.integers(1, 4),
    memory_mb=st.integers(1024, 8192),
    at_once=st.none() | st.integers(1, 5),
)
def test_no_run_is_faster_than_any_limit_allows(
    tasks, calls, call_s, cpu_s, cores, memory_mb, at_once
):
    load = work(tasks=tasks, calls=always(calls), call_s=always(call_s), cpu_s=cpu_s)
    hosts = fleet(cores=cores, memory_mb=memory_mb)
    rate = RateLimits(concurrency=at_once)
    found = simulate(load, hosts, rate)
    for name, alone in bounds(load, hosts, rate).items():
        assert found.hours >= alone * 0.999, name


def test_the_same_seed_gives_the_same():
    load = work(tasks=20, call_s=Spread(median=2, p90=10))
    assert simulate(load, fleet(), FREE) == simulate(load, fleet(), FREE)
    assert simulate(load, fleet(), FREE) != simulate(load, fleet(), FREE, seed=1)


def test_the_fewest_hosts_are_enough_and_one_less_is_not():
    load = work(tasks=300)
    found = fewest_hosts(load, fleet(), FREE, hours=0.1)
    assert found.hours <= 0.1
    less = simulate(load, fleet(hosts=found.hosts - 1), FREE)
    assert less.hours > 0.1


def test_no_number_of_hosts_beats_a_provider():
    with pytest.raises(InputError, match=r"no number of hosts is done in 0\.1 h: .* for rpm"):
        fewest_hosts(work(tasks=100), fleet(), RateLimits(rpm=10), hours=0.1)


def test_ten_thousand_trials_are_simulated_whole():
    load = work(tasks=1250, backends=8, calls=Spread(median=10, p90=20))
    found = simulate(load, fleet(hosts=8, memory_mb=65536), FREE)
    assert found.trials == 10_000
    assert found.hours > 0


def test_a_tail_below_the_median_is_refused():
    with pytest.raises(ValidationError, match="below the median"):
        Spread(median=2, p90=1)


def test_a_providers_limit_of_calls_at_once_decides_how_long_it_takes():
    load = work(tasks=18, call_s=always(0.1), cpu_s=0, idle_s=0.02 * 7)
    found = simulate(load, fleet(concurrency=6), RateLimits(concurrency=3))
    assert found.hours * 3600 == pytest.approx(3.0, rel=0.05)
