import threading
import time

import pytest

from lanepool import Cancelled, Pool, PoolClosed, Stats, wait_all

PATIENCE = 5


class Held:
    """A job that has begun and goes on until it is released."""

    def __init__(self, pool, lane=None):
        self.begun, self.gate = threading.Event(), threading.Event()
        self.future = pool.submit(self._job, lane=lane)
        assert self.begun.wait(PATIENCE)

    def _job(self):
        self.begun.set()
        self.gate.wait(60)

    def release(self):
        self.gate.set()


class World:
    """A pool whose held jobs are released in the end, whatever happens."""

    def __init__(self):
        self.pools, self.held = [], []
        self.seen = []

    def pool(self, workers):
        self.pools.append(Pool(workers))
        return self.pools[-1]

    def hold(self, pool, lane=None):
        self.held.append(Held(pool, lane))
        return self.held[-1]

    def note(self, pool, name, lane=None):
        return pool.submit(self.seen.append, name, lane=lane)


@pytest.fixture
def bare():
    found = World()
    yield found
    for held in found.held:
        held.release()
    for pool in found.pools:
        pool.shutdown(wait=False, cancel=True)


@pytest.fixture(scope="session")
def lets_others_pass():
    """Does a job that waits for its lane leave the other workers alone? (Found out only once.)"""
    pool = Pool(2)
    held = Held(pool, "x")
    pool.submit(str, lane="x")
    try:
        return pool.submit(str).result(PATIENCE) == ""
    except TimeoutError:
        return False
    finally:
        held.release()
        pool.shutdown(wait=False)


@pytest.fixture
def world(bare, lets_others_pass):
    assert lets_others_pass
    return bare


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def finish(pool):
    """Shut down, but do not wait for ever."""
    thread = threading.Thread(target=pool.shutdown, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_waiting_for_a_lane_takes_no_worker(world):
    pool = world.pool(2)
    held = world.hold(pool, "x")
    second = world.note(pool, "second", "x")
    assert pool.submit(str).result(PATIENCE) == ""
    assert world.note(pool, "other", "y").result(PATIENCE) is None
    assert world.seen == ["other"]
    assert not second.done()
    held.release()
    second.result(PATIENCE)
    assert world.seen == ["other", "second"]


def test_all_other_workers_stay_free(world):
    pool = world.pool(3)
    world.hold(pool, "x")
    for number in range(20):
        world.note(pool, number, "x")
    both = threading.Barrier(2, timeout=PATIENCE)
    wait_all([pool.submit(both.wait), pool.submit(both.wait, lane="y")], PATIENCE)
    assert not both.broken


def test_order_in_a_lane(world):
    pool = world.pool(4)
    held = world.hold(pool, "x")
    futures = [world.note(pool, number, "x") for number in range(50)]
    pool.submit(str).result(PATIENCE)
    held.release()
    wait_all(futures, PATIENCE)
    assert world.seen == list(range(50))


def test_two_busy_lanes(world):
    pool = world.pool(3)
    first, second = world.hold(pool, "x"), world.hold(pool, "y")
    a, b = world.note(pool, "a", "x"), world.note(pool, "b", "y")
    world.note(pool, "c", "z").result(PATIENCE)
    second.release()
    b.result(PATIENCE)
    assert world.seen == ["c", "b"]
    first.release()
    a.result(PATIENCE)


@pytest.mark.parametrize("lane", [0, "", False, (), 0.0], ids=["zero", "empty", "false", "tuple", "float"])
def test_lanes_that_look_like_nothing(world, lane):
    pool = world.pool(2)
    held = world.hold(pool, lane)
    second = world.note(pool, "second", lane)
    world.note(pool, "other").result(PATIENCE)
    assert not second.done()
    assert pool.lanes() == [lane]
    held.release()
    second.result(PATIENCE)


def test_submission_order_of_what_can_begin(world):
    pool = world.pool(2)
    first, free = world.hold(pool, "x"), world.hold(pool)
    futures = [world.note(pool, name, lane) for name, lane in zip("BCDE", ["x", None, "x", None])]
    free.release()
    wait_all([futures[1], futures[3]], PATIENCE)
    assert world.seen == ["C", "E"]
    first.release()
    wait_all(futures, PATIENCE)
    assert world.seen == ["C", "E", "B", "D"]


def test_next_of_the_lane_keeps_its_turn(bare):
    pool = bare.pool(2)
    first, free = bare.hold(pool, "x"), bare.hold(pool)
    futures = [bare.note(pool, name, lane) for name, lane in zip("BCDE", ["x", None, "x", "y"])]
    first.release()
    wait_all(futures, PATIENCE)
    assert bare.seen == ["B", "C", "D", "E"]
    free.release()


def test_cancel_while_waiting_for_the_lane(world):
    pool = world.pool(2)
    held = world.hold(pool, "x")
    doomed, last = world.note(pool, "doomed", "x"), world.note(pool, "last", "x")
    pool.submit(str).result(PATIENCE)
    assert doomed.cancel()
    with pytest.raises(Cancelled):
        doomed.result(0)
    held.release()
    last.result(PATIENCE)
    finish(pool)
    assert world.seen == ["last"]


def test_cancel_anywhere_in_the_lane(world):
    pool = world.pool(2)
    held = world.hold(pool, "x")
    futures = [world.note(pool, number, "x") for number in range(12)]
    pool.submit(str).result(PATIENCE)
    for number in (0, 1, 5, 10, 11):
        assert futures[number].cancel()
    held.release()
    wait_all(futures, PATIENCE)
    again = world.note(pool, "again", "x")
    again.result(PATIENCE)
    assert world.seen == [2, 3, 4, 6, 7, 8, 9, "again"]


def test_cancel_the_job_that_is_next_without_a_free_worker(bare):
    pool = bare.pool(2)
    first, free = bare.hold(pool, "x"), bare.hold(pool)
    doomed = bare.note(pool, "doomed", "y")
    behind = bare.note(pool, "behind", "y")
    assert doomed.cancel()
    free.release()
    behind.result(PATIENCE)
    assert bare.note(pool, "later", "y").result(PATIENCE) is None
    assert bare.seen == ["behind", "later"]
    first.release()


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_failing_job_does_not_hold_up_its_lane(world, error):
    def fail():
        raise error("no")

    pool = world.pool(2)
    held = world.hold(pool, "x")
    failing = pool.submit(fail, lane="x")
    after = world.note(pool, "after", "x")
    pool.submit(str).result(PATIENCE)
    held.release()
    after.result(PATIENCE)
    with pytest.raises(error):
        failing.result(0)


def test_shutdown_does_what_waits_for_a_lane(world):
    pool = world.pool(2)
    held = world.hold(pool, "x")
    futures = [world.note(pool, number, "x") for number in range(5)]
    pool.submit(str).result(PATIENCE)
    pool.shutdown(wait=False)
    with pytest.raises(PoolClosed):
        pool.submit(str, lane="x")
    held.release()
    finish(pool)
    assert [future.done() for future in futures] == [True] * 5
    assert world.seen == list(range(5))
    assert pool.stats() == Stats(submitted=7, succeeded=7)


def test_shutdown_keeps_several_workers_for_what_is_left(world):
    pool = world.pool(2)
    first, second = world.hold(pool, "x"), world.hold(pool, "y")
    meet = threading.Barrier(2, timeout=PATIENCE)
    futures = [pool.submit(meet.wait, lane=lane) for lane in "xy"]
    pool.shutdown(wait=False)
    second.release()
    first.release()
    finish(pool)
    assert [future.exception(0) for future in futures] == [None, None]


def test_shutdown_can_cancel_what_waits_for_a_lane(world):
    pool = world.pool(2)
    held = world.hold(pool, "x")
    waiting = [world.note(pool, number, "x") for number in range(5)]
    pool.submit(str).result(PATIENCE)
    pool.shutdown(wait=False, cancel=True)
    assert all(future.cancelled() for future in waiting)
    held.release()
    finish(pool)
    assert held.future.exception(0) is None
    assert world.seen == []
    assert pool.stats() == Stats(submitted=7, succeeded=2, cancelled=5)


def test_cancelling_shutdown_after_a_plain_one(world):
    pool = world.pool(2)
    held = world.hold(pool, "x")
    waiting = world.note(pool, "waiting", "x")
    pool.submit(str).result(PATIENCE)
    pool.shutdown(wait=False)
    pool.shutdown(wait=False, cancel=True)
    assert waiting.cancelled()
    held.release()
    finish(pool)
    assert world.seen == []


def test_lanes_are_forgotten(world):
    pool = world.pool(2)
    wait_all([world.note(pool, number, f"lane-{number}") for number in range(200)], PATIENCE)
    until(lambda: pool.lanes() == [])
    held = world.hold(pool, "x")
    assert pool.lanes() == ["x"]
    held.release()
    until(lambda: pool.lanes() == [])


def test_lanes_with_waiting_jobs(world):
    pool = world.pool(2)
    first, second = world.hold(pool, "x"), world.hold(pool)
    waiting = [world.note(pool, lane, lane) for lane in ("y", "x", "z", "y")]
    assert sorted(pool.lanes()) == ["x", "y", "z"]
    waiting[2].cancel()
    assert sorted(pool.lanes()) == ["x", "y"]
    waiting[0].cancel()
    assert sorted(pool.lanes()) == ["x", "y"]
    waiting[3].cancel()
    assert pool.lanes() == ["x"]
    first.release()
    second.release()
    wait_all(waiting, PATIENCE)
    until(lambda: pool.lanes() == [])
    assert world.seen == ["x"]


def test_job_submits_to_its_own_lane(bare):
    pool = bare.pool(2)
    inner = []

    def outer():
        inner.append(bare.note(pool, "inner", "x"))
        bare.seen.append("outer")

    pool.submit(outer, lane="x").result(PATIENCE)
    inner[0].result(PATIENCE)
    assert bare.seen == ["outer", "inner"]


def test_callback_submits(bare):
    pool = bare.pool(1)
    done = threading.Event()

    def again(future):
        bare.note(pool, "again", "x").add_done_callback(lambda _: done.set())

    bare.note(pool, "once", "x").add_done_callback(again)
    assert done.wait(PATIENCE)
    assert bare.seen == ["once", "again"]


def test_many_jobs_behind_a_busy_lane(world):
    pool = world.pool(3)
    held = world.hold(pool, "x")
    behind = [world.note(pool, number, "x") for number in range(600)]
    others = [pool.submit(int, lane=number % 7) for number in range(600)]
    wait_all(others, 10 * PATIENCE)
    held.release()
    wait_all(behind, 10 * PATIENCE)
    assert world.seen == list(range(600))


def test_no_overlap_with_many_lanes(world):
    pool = world.pool(6)
    inside, overlaps, order = set(), [], {}
    guard = threading.Lock()

    def job(lane, number):
        with guard:
            if lane in inside:
                overlaps.append(lane)
            inside.add(lane)
            order.setdefault(lane, []).append(number)
        time.sleep(0.0002)
        with guard:
            inside.discard(lane)

    futures = [pool.submit(job, n % 9, n, lane=n % 9) for n in range(600)]
    wait_all(futures, 10 * PATIENCE)
    until(lambda: pool.lanes() == [])
    assert overlaps == []
    assert all(numbers == sorted(numbers) for numbers in order.values())
