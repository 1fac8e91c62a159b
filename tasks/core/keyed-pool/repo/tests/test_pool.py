import threading

import pytest

from lanepool import Cancelled, Pool, PoolClosed, Stats, first_error, wait_all


def test_submit():
    with Pool(2) as pool:
        assert pool.submit(pow, 2, 5).result(5) == 32
        assert pool.submit(int, "ff", base=16).result(5) == 255


def test_map_keeps_order():
    with Pool(3) as pool:
        assert pool.map(lambda n: n * n, range(20)) == [n * n for n in range(20)]


def test_exception():
    with Pool(1) as pool:
        future = pool.submit(lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            future.result(5)
        assert isinstance(first_error([pool.submit(str), future]), ZeroDivisionError)
        assert pool.submit(str).result(5) == ""


def test_one_worker_goes_by_the_order_of_submission():
    seen = []
    with Pool(1) as pool:
        for number in range(10):
            pool.submit(seen.append, number, lane=number or None)
    assert seen == list(range(10))


def test_one_at_a_time_in_a_lane():
    inside, most = [], []

    def job():
        inside.append(1)
        most.append(len(inside))
        inside.pop()

    with Pool(4) as pool:
        wait_all([pool.submit(job, lane="x") for _ in range(100)], timeout=10)
    assert max(most) == 1


def test_lanes_run_side_by_side():
    both = threading.Barrier(2, timeout=5)
    with Pool(2) as pool:
        wait_all([pool.submit(both.wait, lane=lane) for lane in "ab"], timeout=5)


def test_cancel():
    gate = threading.Event()
    with Pool(1) as pool:
        first = pool.submit(gate.wait, 5)
        second = pool.submit(str)
        assert second.cancel()
        assert second.cancelled()
        with pytest.raises(Cancelled):
            second.result()
        gate.set()
        assert first.result(5)
        assert not first.cancel()


def test_shutdown():
    pool = Pool(1)
    gate = threading.Event()
    first = pool.submit(gate.wait, 5)
    second = pool.submit(str)
    pool.shutdown(wait=False)
    with pytest.raises(PoolClosed):
        pool.submit(str)
    gate.set()
    pool.shutdown()
    assert first.result(0) and second.result(0) == ""


def test_shutdown_and_cancel():
    pool = Pool(1)
    gate, started = threading.Event(), threading.Event()
    first = pool.submit(lambda: started.set() or gate.wait(5))
    assert started.wait(5)
    second = pool.submit(str)
    pool.shutdown(wait=False, cancel=True)
    gate.set()
    pool.shutdown()
    assert first.result(0) is True
    assert second.cancelled()
    assert pool.stats() == Stats(submitted=2, succeeded=1, cancelled=1)


def test_callback():
    seen = []
    with Pool(1) as pool:
        future = pool.submit(int)
        future.add_done_callback(seen.append)
        future.result(5)
    assert seen == [future]


def test_workers():
    with pytest.raises(ValueError):
        Pool(0)
