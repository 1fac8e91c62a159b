import json

import pytest

from redeliver import Dispatcher, IllegalTransition, RetryPolicy, State, UnknownDelivery, summary

POLICY = RetryPolicy(max_attempts=3, base_s=10, factor=2, cap_s=100, timeout_s=60)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Recorder:
    def __init__(self):
        self.sent = []

    def send(self, name, attempt, payload):
        self.sent.append((name, attempt))


class World:
    """A dispatcher with its clock and transport."""

    def __init__(self, limit=10, policy=POLICY):
        self.clock = Clock()
        self.transport = Recorder()
        self.policy = policy
        self.limit = limit
        self.d = Dispatcher(self.transport, policy, self.clock, limit)

    @property
    def sent(self):
        return self.transport.sent

    def at(self, now):
        self.clock.now = float(now)
        self.d.step()

    def restart(self):
        document = json.loads(json.dumps(self.d.snapshot()))
        self.load(document)

    def load(self, document):
        self.d = Dispatcher.restore(document, self.transport, self.policy, self.clock, self.limit)

    def seen(self, name):
        info = self.d.info(name)
        return info.state, info.attempts, info.next_at, info.last_error


@pytest.fixture
def world():
    return World()


def second_attempt_under_way(world):
    """Attempt 1 has timed out at 1060, attempt 2 began at 1070."""
    name = world.d.submit("x")
    world.at(1000)
    world.at(1060)
    world.at(1070)
    assert world.sent == [(name, 1), (name, 2)]
    return name


def test_attempts_are_those_that_began(world):
    name = world.d.submit("x")
    assert world.d.info(name).attempts == 0
    world.d.step()
    assert world.d.info(name).attempts == 1
    world.d.result(name, 1, ok=True)
    assert world.d.info(name).attempts == 1


def test_late_failure_is_not_that_of_the_next_attempt(world):
    name = second_attempt_under_way(world)
    events = list(world.d.journal.events)
    world.d.result(name, 1, ok=False, error="late", retry_after=500)
    assert world.seen(name) == (State.SENDING, 2, None, "timeout")
    assert world.d.journal.events == events
    world.d.result(name, 2, ok=False, error="own")
    assert world.seen(name) == (State.WAITING, 2, 1090.0, "own")


def test_late_failure_while_waiting(world):
    name = world.d.submit("x")
    world.at(1000)
    world.at(1060)
    before = world.seen(name)
    world.d.result(name, 1, ok=False, error="late")
    assert world.seen(name) == before == (State.WAITING, 1, 1070.0, "timeout")


def test_same_failure_told_twice(world):
    name = world.d.submit("x")
    world.at(1000)
    world.d.result(name, 1, ok=False, error="503")
    world.d.result(name, 1, ok=False, error="503 again")
    assert world.seen(name) == (State.WAITING, 1, 1010.0, "503")


def test_late_success_while_waiting(world):
    name = world.d.submit("x")
    world.at(1000)
    world.at(1060)
    world.d.result(name, 1, ok=True)
    assert world.seen(name)[:3] == (State.DELIVERED, 1, None)
    assert world.d.next_wakeup() is None
    world.at(2000)
    assert world.sent == [(name, 1)]


def test_late_success_while_the_next_attempt_is_under_way(world):
    name = second_attempt_under_way(world)
    world.d.result(name, 1, ok=True)
    assert world.d.info(name).state is State.DELIVERED
    assert world.d.next_wakeup() is None
    world.d.result(name, 2, ok=False, error="no")
    world.d.result(name, 2, ok=True)
    world.at(5000)
    assert world.d.info(name).state is State.DELIVERED
    assert summary(world.d.journal)["delivered"] == 1


def test_success_of_the_dead(world):
    name = second_attempt_under_way(world)
    world.at(1130)
    world.at(1150)
    world.d.result(name, 3, ok=False, error="last")
    assert world.seen(name) == (State.DEAD, 3, None, "last")
    world.d.result(name, 3, ok=False, error="again")
    assert world.seen(name) == (State.DEAD, 3, None, "last")
    world.d.result(name, 2, ok=True)
    assert world.d.info(name).state is State.DELIVERED


def test_dead_after_all_attempts_failed_and_not_before(world):
    name = second_attempt_under_way(world)
    world.d.result(name, 1, ok=False)
    world.d.result(name, 2, ok=False)
    world.d.result(name, 2, ok=False)
    assert world.d.info(name).state is State.WAITING
    world.at(1090)
    assert world.sent[-1] == (name, 3)
    world.d.result(name, 3, ok=False)
    assert world.d.info(name).state is State.DEAD


def test_single_attempt_policy():
    world = World(policy=RetryPolicy(max_attempts=1, timeout_s=60))
    name = world.d.submit("x")
    world.at(1000)
    assert world.d.info(name).state is State.SENDING
    world.at(1060)
    assert world.d.info(name).state is State.DEAD
    world.d.result(name, 1, ok=True)
    assert world.d.info(name).state is State.DELIVERED


def test_cancelled_stays_cancelled(world):
    name = second_attempt_under_way(world)
    world.d.cancel(name)
    for attempt in (1, 2):
        world.d.result(name, attempt, ok=True)
        world.d.result(name, attempt, ok=False, error="no")
    assert world.seen(name) == (State.CANCELLED, 2, None, "timeout")
    assert world.d.next_wakeup() is None


@pytest.mark.parametrize("attempt", [0, -1, 2, 7])
@pytest.mark.parametrize("ok", [True, False])
def test_number_that_never_began(world, attempt, ok):
    name = world.d.submit("x")
    world.at(1000)
    before = world.seen(name)
    with pytest.raises(ValueError):
        world.d.result(name, attempt, ok=ok)
    assert world.seen(name) == before
    with pytest.raises(UnknownDelivery):
        world.d.result("m77", 1, ok=ok)
    world.d.result(name, 1, ok=True)
    assert world.d.info(name).state is State.DELIVERED


def test_result_before_anything_began(world):
    name = world.d.submit("x")
    with pytest.raises(ValueError):
        world.d.result(name, 1, ok=True)
    assert world.d.info(name).state is State.WAITING


def test_result_after_the_deadline_but_before_the_step(world):
    name = world.d.submit("x")
    world.at(1000)
    world.clock.now = 1075.0
    world.d.result(name, 1, ok=False, error="slow")
    assert world.seen(name) == (State.WAITING, 1, 1085.0, "slow")


def test_late_results_do_not_free_places():
    world = World(limit=2)
    names = [world.d.submit(number) for number in range(6)]
    world.at(1000)
    world.at(1060)
    for name in names[:2]:
        for _ in range(3):
            world.d.result(name, 1, ok=False, error="late")
    assert world.sent == [(names[0], 1), (names[1], 1), (names[2], 1), (names[3], 1)]
    world.at(1061)
    assert len(world.sent) == 4
    world.d.result(names[0], 1, ok=True)
    world.at(1062)
    assert len(world.sent) == 4
    world.d.result(names[2], 1, ok=True)
    world.d.result(names[2], 1, ok=True)
    world.at(1063)
    assert world.sent[4:] == [(names[4], 1)]


def test_cancelling_frees_the_place():
    world = World(limit=1)
    first, second, third = (world.d.submit(number) for number in range(3))
    world.at(1000)
    world.d.cancel(first)
    world.at(1001)
    assert world.sent == [(first, 1), (second, 1)]
    world.d.result(first, 1, ok=False)
    world.d.result(first, 1, ok=True)
    world.at(1002)
    assert len(world.sent) == 2
    world.d.cancel(third)
    world.at(1003)
    assert len(world.sent) == 2


def test_late_success_frees_the_place_of_the_later_attempt():
    world = World(limit=1)
    first = world.d.submit(1)
    world.at(1000)
    world.at(1060)
    world.at(1070)
    second = world.d.submit(2)
    third = world.d.submit(3)
    world.at(1071)
    assert world.sent == [(first, 1), (first, 2)]
    world.d.result(first, 1, ok=True)
    world.at(1072)
    world.d.result(first, 2, ok=False)
    world.at(1073)
    assert world.sent[2:] == [(second, 1)]
    world.d.result(second, 1, ok=True)
    world.at(1074)
    assert world.sent[2:] == [(second, 1), (third, 1)]


def test_pause_while_under_way_and_success(world):
    name = world.d.submit("x")
    world.at(1000)
    world.d.pause(name)
    assert world.d.info(name).state is State.PAUSED
    world.d.result(name, 1, ok=True)
    assert world.d.info(name).state is State.DELIVERED
    with pytest.raises(IllegalTransition):
        world.d.resume(name)


def test_pause_while_under_way_and_resume_before_the_result(world):
    name = world.d.submit("x")
    world.at(1000)
    world.d.pause(name)
    world.at(1005)
    world.d.resume(name)
    assert world.seen(name) == (State.SENDING, 1, None, None)
    world.at(1010)
    assert world.sent == [(name, 1)]
    assert world.d.next_wakeup() == 1060.0
    world.d.result(name, 1, ok=False, error="503")
    assert world.seen(name) == (State.WAITING, 1, 1020.0, "503")


def test_pause_while_under_way_and_failure(world):
    name = world.d.submit("x")
    world.at(1000)
    world.d.pause(name)
    world.clock.now = 1003.0
    world.d.result(name, 1, ok=False, error="503", retry_after=40)
    info = world.d.info(name)
    assert (info.state, info.attempts, info.last_error) == (State.PAUSED, 1, "503")
    assert world.d.next_wakeup() is None
    world.at(1010)
    world.d.resume(name)
    assert world.seen(name) == (State.WAITING, 1, 1043.0, "503")
    world.at(1042)
    assert len(world.sent) == 1
    world.at(1043)
    assert world.sent[1:] == [(name, 2)]


def test_pause_and_timeout(world):
    name = world.d.submit("x")
    world.at(1000)
    world.d.pause(name)
    assert world.d.next_wakeup() == 1060.0
    world.at(1060)
    info = world.d.info(name)
    assert (info.state, info.last_error) == (State.PAUSED, "timeout")
    world.at(1200)
    assert world.sent == [(name, 1)]
    world.d.resume(name)
    assert world.seen(name) == (State.WAITING, 1, 1070.0, "timeout")
    world.at(1200)
    assert world.sent == [(name, 1), (name, 2)]


def test_late_results_while_paused(world):
    name = world.d.submit("x")
    world.at(1000)
    world.at(1060)
    world.d.pause(name)
    world.d.result(name, 1, ok=False, error="late")
    assert world.d.info(name).state is State.PAUSED
    assert world.d.info(name).last_error == "timeout"
    world.d.result(name, 1, ok=True)
    assert world.d.info(name).state is State.DELIVERED


def test_pause_during_the_back_off(world):
    name = world.d.submit("x")
    world.at(1000)
    world.d.result(name, 1, ok=False)
    world.d.pause(name)
    assert world.d.next_wakeup() is None
    world.at(1004)
    world.d.resume(name)
    assert world.seen(name)[:3] == (State.WAITING, 1, 1010.0)
    world.at(1009)
    assert len(world.sent) == 1


def test_pause_before_the_first_attempt(world):
    name = world.d.submit("x")
    world.d.pause(name)
    world.at(1004)
    world.d.resume(name)
    assert world.seen(name)[:3] == (State.WAITING, 0, 1000.0)


def test_last_attempt_fails_while_paused(world):
    name = second_attempt_under_way(world)
    world.at(1130)
    world.at(1150)
    world.d.pause(name)
    world.d.result(name, 3, ok=False, error="last")
    assert world.seen(name) == (State.DEAD, 3, None, "last")
    with pytest.raises(IllegalTransition):
        world.d.resume(name)
    with pytest.raises(IllegalTransition):
        world.d.cancel(name)


def test_paused_attempt_keeps_its_place():
    world = World(limit=1)
    first, second = world.d.submit(1), world.d.submit(2)
    world.at(1000)
    world.d.pause(first)
    world.at(1001)
    assert world.sent == [(first, 1)]
    world.d.result(first, 1, ok=False)
    world.at(1002)
    assert world.sent == [(first, 1), (second, 1)]
    world.d.resume(first)
    world.at(1100)
    assert (first, 2) in world.sent


def test_cancel_while_paused_and_under_way():
    world = World(limit=1)
    first, second = world.d.submit(1), world.d.submit(2)
    world.at(1000)
    world.d.pause(first)
    world.d.cancel(first)
    world.at(1001)
    assert world.sent == [(first, 1), (second, 1)]
    assert world.d.info(first).state is State.CANCELLED


def test_pausing_twice_is_still_refused(world):
    name = world.d.submit("x")
    world.at(1000)
    world.d.pause(name)
    with pytest.raises(IllegalTransition):
        world.d.pause(name)
    world.d.resume(name)
    with pytest.raises(IllegalTransition):
        world.d.resume(name)


def test_restart_with_an_attempt_under_way(world):
    name = world.d.submit("x")
    world.at(1000)
    world.clock.now = 1020.0
    world.restart()
    assert world.seen(name) == (State.WAITING, 1, 1030.0, "interrupted")
    world.at(1029)
    assert world.sent == [(name, 1)]
    world.at(1030)
    assert world.sent == [(name, 1), (name, 2)]
    world.d.result(name, 1, ok=False, error="late")
    assert world.d.info(name).state is State.SENDING
    world.d.result(name, 1, ok=True)
    assert world.d.info(name).state is State.DELIVERED


def test_restart_again_and_again_ends(world):
    name = world.d.submit("x")
    for now in (1000, 2000, 3000):
        world.at(now)
        world.restart()
    assert world.seen(name) == (State.DEAD, 3, None, "interrupted")
    assert world.sent == [(name, 1), (name, 2), (name, 3)]
    world.restart()
    world.d.result(name, 2, ok=True)
    assert world.d.info(name).state is State.DELIVERED


def test_restart_frees_all_places():
    world = World(limit=2)
    names = [world.d.submit(number) for number in range(2)]
    world.at(1000)
    world.restart()
    for name in names:
        world.d.result(name, 1, ok=False)
    third = world.d.submit("new")
    fourth = world.d.submit("newer")
    fifth = world.d.submit("newest")
    world.d.step()
    assert world.sent[2:] == [(third, 1), (fourth, 1)]
    assert fifth == "m5"


def test_pause_survives_a_restart(world):
    waiting, sending = world.d.submit(1), world.d.submit(2)
    world.d.pause(waiting)
    world.at(1000)
    world.d.pause(sending)
    world.clock.now = 1005.0
    world.restart()
    assert world.d.info(waiting).state is world.d.info(sending).state is State.PAUSED
    assert world.d.next_wakeup() is None
    world.at(1100)
    assert world.sent == [(sending, 1)]
    world.d.resume(waiting)
    world.d.resume(sending)
    assert world.seen(waiting) == (State.WAITING, 0, 1000.0, None)
    assert world.seen(sending) == (State.WAITING, 1, 1015.0, "interrupted")


def test_snapshot_changes_nothing(world):
    name = second_attempt_under_way(world)
    first = world.d.snapshot()
    assert world.d.snapshot() == first
    assert world.seen(name) == (State.SENDING, 2, None, "timeout")
    world.d.result(name, 2, ok=True)
    world.restart()
    assert world.d.info(name).state is State.DELIVERED


def old(**row):
    full = {"name": "m1", "payload": "x", "attempts": 0, "next_at": None, "last_error": None}
    return {"version": 1, "deliveries": [{**full, **row}]}


def test_old_snapshot_waiting(world):
    world.load(old(state="waiting", attempts=1, next_at=1005.0, last_error="503"))
    assert world.seen("m1") == (State.WAITING, 1, 1005.0, "503")
    world.at(1005)
    assert world.sent == [("m1", 2)]


def test_old_snapshot_sending(world):
    world.load(old(state="sending", attempts=1, last_error="503"))
    assert world.seen("m1") == (State.WAITING, 2, 1020.0, "interrupted")
    world.d.result("m1", 2, ok=False)
    world.at(1020)
    assert world.sent == [("m1", 3)]
    world.d.result("m1", 2, ok=True)
    assert world.d.info("m1").state is State.DELIVERED


def test_old_snapshot_sending_for_the_last_time(world):
    world.load(old(state="sending", attempts=2))
    assert world.seen("m1") == (State.DEAD, 3, None, "interrupted")


def test_old_snapshot_paused(world):
    world.load(old(state="paused", attempts=1, next_at=1007.0))
    assert world.d.info("m1").state is State.PAUSED
    world.d.resume("m1")
    assert world.seen("m1")[:3] == (State.WAITING, 1, 1007.0)


def test_old_snapshot_paused_while_sending(world):
    world.load(old(state="paused", attempts=0))
    assert world.d.info("m1").state is State.PAUSED
    world.clock.now = 1002.0
    world.d.resume("m1")
    assert world.seen("m1") == (State.WAITING, 1, 1010.0, "interrupted")
    world.at(1010)
    assert world.sent == [("m1", 2)]


@pytest.mark.parametrize("state", ["delivered", "dead", "cancelled"])
def test_old_snapshot_over(world, state):
    world.load(old(state=state, attempts=3))
    assert world.d.info("m1").state is State(state)
    world.restart()
    assert world.d.info("m1").state is State(state)
    assert world.d.next_wakeup() is None


def test_old_snapshot_can_be_saved_again(world):
    world.load(old(state="sending", attempts=1))
    before = world.seen("m1")
    world.restart()
    assert world.seen("m1") == before


def test_success_of_another_delivery_from_inside_send():
    world = World()
    first, second = world.d.submit(1), world.d.submit(2)
    world.at(1000)
    world.at(1060)

    def send(name, attempt, payload):
        world.sent.append((name, attempt))
        if name == first:
            world.d.result(second, 1, ok=True)

    world.transport.send = send
    world.at(1070)
    assert world.sent == [(first, 1), (second, 1), (first, 2)]
    assert world.d.info(second).state is State.DELIVERED
    assert world.d.info(first).state is State.SENDING


def test_transport_that_reports_everything_twice():
    clock = Clock()

    class Stutter:
        def send(self, name, attempt, payload):
            for _ in range(2):
                dispatcher.result(name, attempt, ok=attempt == 3, error="no")

    dispatcher = Dispatcher(Stutter(), POLICY, clock, limit=1)
    names = [dispatcher.submit(number) for number in range(4)]
    for now in (1000, 1010, 1030, 1050):
        clock.now = float(now)
        dispatcher.step()
    assert {dispatcher.info(name).state for name in names} == {State.DELIVERED}
    assert summary(dispatcher.journal) == {
        "submitted": 4,
        "started": 12,
        "failed": 8,
        "delivered": 4,
    }
