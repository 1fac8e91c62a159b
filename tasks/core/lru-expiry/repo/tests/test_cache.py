import pytest

from hotcache import Cache, ManualClock


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def cache(clock):
    return Cache(maxsize=3, ttl=10, clock=clock)


def test_set_and_get(cache):
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert cache.get("b", "none") == "none"
    assert (cache.stats.hits, cache.stats.misses) == (1, 1)


def test_value_gets_old(cache, clock):
    cache.set("a", 1)
    clock.advance(9.5)
    assert "a" in cache
    clock.advance(0.5)
    assert "a" not in cache
    assert cache.get("a") is None


def test_own_ttl(cache, clock):
    cache.set("a", 1, ttl=2)
    cache.set("b", 2)
    clock.advance(2)
    assert cache.keys() == ["b"]


def test_least_recently_used_goes(cache):
    for key in "abc":
        cache.set(key, key.upper())
    cache.get("a")
    cache.set("d", "D")
    assert cache.keys() == ["c", "a", "d"]
    assert cache.stats.evicted == 1


def test_old_goes_before_used(cache, clock):
    cache.set("a", 1)
    cache.set("b", 2, ttl=1)
    cache.set("c", 3)
    clock.advance(2)
    cache.set("d", 4)
    assert cache.keys() == ["a", "c", "d"]
    assert (cache.stats.evicted, cache.stats.expired) == (0, 1)


def test_purge(cache, clock):
    cache.set("a", 1, ttl=1)
    cache.set("b", 2)
    clock.advance(5)
    assert len(cache) == 2
    assert cache.purge() == 1
    assert len(cache) == 1
    assert cache.purge() == 0


def test_touch(cache, clock):
    cache.set("a", 1)
    clock.advance(6)
    assert cache.touch("a")
    clock.advance(6)
    assert cache.get("a") == 1
    assert not cache.touch("zzz")


def test_delete_and_clear(cache):
    cache.set("a", 1)
    assert cache.delete("a")
    assert not cache.delete("a")
    cache.set("b", 1)
    cache.clear()
    assert len(cache) == 0


def test_bad_arguments():
    with pytest.raises(ValueError):
        Cache(maxsize=0)
    with pytest.raises(ValueError):
        Cache(ttl=0)
