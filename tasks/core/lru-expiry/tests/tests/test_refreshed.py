import random

import pytest

from hotcache import Cache, ManualClock, memoize


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def cache(clock):
    return Cache(maxsize=3, ttl=10, clock=clock)


def test_set_again_survives_purge(cache, clock):
    cache.set("session", "old")
    clock.advance(8)
    cache.set("session", "new")
    clock.advance(4)
    assert cache.purge() == 0
    assert cache.get("session") == "new"
    assert cache.stats.expired == 0


def test_touched_survives_purge(cache, clock):
    cache.set("session", "s")
    clock.advance(8)
    assert cache.touch("session")
    clock.advance(4)
    assert cache.purge() == 0
    assert "session" in cache


def test_refreshed_is_purged_once_in_the_end(cache, clock):
    for _ in range(5):
        cache.set("a", 1)
        clock.advance(3)
    assert cache.purge() == 0
    clock.advance(7)
    assert cache.purge() == 1
    assert len(cache) == 0
    assert cache.purge() == 0
    assert cache.stats.expired == 1


def test_refreshed_is_dropped_at_its_own_deadline(cache, clock):
    cache.set("a", 1)
    clock.advance(8)
    cache.set("a", 2)
    clock.advance(9)
    assert cache.purge() == 0
    clock.advance(1)
    assert cache.purge() == 1
    assert len(cache) == 0


def test_purge_between_the_deadlines_does_not_lose_the_second(cache, clock):
    cache.set("a", 1)
    clock.advance(5)
    cache.touch("a")
    clock.advance(6)
    assert cache.purge() == 0
    clock.advance(4)
    assert cache.purge() == 1
    assert len(cache) == 0


def test_full_cache_keeps_a_refreshed_entry(cache, clock):
    cache.set("session", 1)
    cache.set("b", 2)
    cache.set("c", 3)
    clock.advance(8)
    cache.set("b", 2)
    cache.set("session", 1)
    clock.advance(4)
    cache.set("d", 4)
    assert cache.keys() == ["b", "session", "d"]
    assert (cache.stats.expired, cache.stats.evicted) == (1, 0)


def test_full_of_refreshed_entries_evicts_one(cache, clock):
    for key in "abc":
        cache.set(key, 1)
    clock.advance(8)
    for key in "abc":
        cache.touch(key)
    clock.advance(4)
    cache.set("d", 1)
    assert cache.keys() == ["b", "c", "d"]
    assert (cache.stats.expired, cache.stats.evicted) == (0, 1)


def test_shortened_entry_goes_early(cache, clock):
    cache.set("a", 1)
    cache.set("a", 2, ttl=1)
    clock.advance(1)
    assert cache.purge() == 1
    clock.advance(20)
    assert cache.purge() == 0
    assert cache.stats.expired == 1


def test_old_ticket_of_a_shortened_key_spares_its_successor(cache, clock):
    cache.set("a", 1)
    cache.set("a", 2, ttl=1)
    clock.advance(6)
    assert cache.purge() == 1
    cache.set("a", 3)
    clock.advance(5)
    assert cache.purge() == 0
    assert cache.get("a") == 3


def test_deleted_and_set_again(cache, clock):
    cache.set("a", 1)
    clock.advance(6)
    cache.delete("a")
    cache.set("a", 2)
    clock.advance(5)
    assert cache.purge() == 0
    assert cache.get("a") == 2


def test_same_deadline_twice_counts_once(cache, clock):
    cache.set("a", 1)
    cache.set("a", 2)
    clock.advance(10)
    assert cache.purge() == 1
    assert cache.stats.expired == 1


def test_never_refreshed_is_purged(cache, clock):
    cache.set("a", 1)
    cache.set("b", 1, ttl=20)
    clock.advance(10)
    assert cache.purge() == 1
    assert cache.keys() == ["b"]
    assert len(cache) == 1


def test_memoized_values_stay_after_recomputing():
    clock = ManualClock()
    calls = []

    @memoize(maxsize=2, ttl=10, clock=clock)
    def load(name):
        calls.append(name)
        return name.upper()

    load("x")
    clock.advance(10)
    load("x")
    clock.advance(1)
    load.cache.purge()
    load("x")
    assert calls == ["x", "x"]


@pytest.mark.parametrize("seed", range(6))
def test_against_a_plain_dictionary(seed, clock):
    rng = random.Random(seed)
    cache = Cache(maxsize=1000, ttl=10, clock=clock)
    expected = {}
    for step in range(400):
        key = rng.randrange(12)
        action = rng.choice(["set", "set", "touch", "delete", "advance", "purge"])
        live = {k for k, (_, end) in expected.items() if end > clock()}
        if action == "set":
            ttl = rng.choice([None, 1, 4, 25])
            cache.set(key, step, ttl)
            expected[key] = (step, clock() + (10 if ttl is None else ttl))
        elif action == "touch":
            assert cache.touch(key) == (key in live)
            if key in live:
                expected[key] = (expected[key][0], clock() + 10)
        elif action == "delete":
            cache.delete(key)
            expected.pop(key, None)
        elif action == "advance":
            clock.advance(rng.choice([0, 1, 3, 6]))
        else:
            assert cache.purge() == len(expected) - len(live)
            expected = {k: expected[k] for k in live}
            assert len(cache) == len(expected)
        for k, (value, end) in expected.items():
            assert (k in cache) == (end > clock())
            if end > clock():
                assert cache.get(k) == value
