from hotcache import Cache, ManualClock


def test_set_again_survives_purge():
    clock = ManualClock()
    cache = Cache(maxsize=3, ttl=10, clock=clock)
    cache.set("session", "old")
    clock.advance(8)
    cache.set("session", "new")
    clock.advance(4)
    assert cache.purge() == 0
    assert cache.get("session") == "newer"


def test_refreshed_is_purged_once_in_the_end():
    clock = ManualClock()
    cache = Cache(maxsize=3, ttl=10, clock=clock)
    for _ in range(5):
        cache.set("a", 1)
        clock.advance(3)
    clock.advance(7)
    assert cache.purge() == 2
