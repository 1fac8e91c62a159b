from hotcache import ManualClock, memoize


def test_memoize():
    clock = ManualClock()
    calls = []

    @memoize(ttl=5, clock=clock)
    def double(n):
        calls.append(n)
        return 2 * n

    assert [double(2), double(2), double(3)] == [4, 4, 6]
    assert calls == [2, 3]
    clock.advance(5)
    assert double(2) == 4
    assert calls == [2, 3, 2]


def test_none_is_remembered():
    calls = []

    @memoize()
    def nothing():
        calls.append(1)

    nothing()
    nothing()
    assert calls == [1]
