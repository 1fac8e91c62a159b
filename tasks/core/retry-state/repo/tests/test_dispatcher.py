import json

import pytest

from redeliver import (
    Dispatcher,
    IllegalTransition,
    RetryPolicy,
    SnapshotError,
    State,
    UnknownDelivery,
    summary,
)

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


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def transport():
    return Recorder()


@pytest.fixture
def dispatcher(transport, clock):
    return Dispatcher(transport, POLICY, clock, limit=2)


def test_delivered(dispatcher, transport):
    name = dispatcher.submit("hello")
    assert dispatcher.info(name).state is State.WAITING
    dispatcher.step()
    assert dispatcher.info(name).state is State.SENDING
    assert transport.sent == [(name, 1)]
    dispatcher.result(name, 1, ok=True)
    assert dispatcher.info(name).state is State.DELIVERED
    assert dispatcher.next_wakeup() is None


def test_fails_and_is_tried_again(dispatcher, transport, clock):
    name = dispatcher.submit("hello")
    dispatcher.step()
    dispatcher.result(name, 1, ok=False, error="503")
    info = dispatcher.info(name)
    assert (info.state, info.attempts, info.next_at) == (State.WAITING, 1, 1010.0)
    assert info.last_error == "503"
    dispatcher.step()
    assert len(transport.sent) == 1
    clock.now = dispatcher.next_wakeup()
    dispatcher.step()
    assert transport.sent == [(name, 1), (name, 2)]


def test_dead_in_the_end(dispatcher, clock):
    name = dispatcher.submit("hello")
    for attempt in (1, 2, 3):
        dispatcher.step()
        dispatcher.result(name, attempt, ok=False, error="no")
        clock.now += 50
    assert dispatcher.info(name).state is State.DEAD
    assert dispatcher.info(name).attempts == 3
    assert summary(dispatcher.journal) == {"submitted": 1, "started": 3, "failed": 3, "dead": 1}


def test_retry_after(dispatcher):
    name = dispatcher.submit("hello")
    dispatcher.step()
    dispatcher.result(name, 1, ok=False, retry_after=45)
    assert dispatcher.info(name).next_at == 1045.0


def test_timeout(dispatcher, clock):
    name = dispatcher.submit("hello")
    dispatcher.step()
    assert dispatcher.next_wakeup() == 1060.0
    clock.now = 1060.0
    dispatcher.step()
    info = dispatcher.info(name)
    assert (info.state, info.last_error, info.next_at) == (State.WAITING, "timeout", 1070.0)


def test_limit(dispatcher, transport):
    names = [dispatcher.submit(number) for number in range(3)]
    dispatcher.step()
    assert [name for name, _ in transport.sent] == names[:2]
    dispatcher.result(names[0], 1, ok=True)
    dispatcher.step()
    assert [name for name, _ in transport.sent] == names


def test_pause_and_resume(dispatcher, transport):
    name = dispatcher.submit("hello")
    dispatcher.pause(name)
    dispatcher.step()
    assert transport.sent == []
    with pytest.raises(IllegalTransition):
        dispatcher.pause(name)
    dispatcher.resume(name)
    with pytest.raises(IllegalTransition):
        dispatcher.resume(name)
    dispatcher.step()
    assert transport.sent == [(name, 1)]


def test_cancel(dispatcher, transport):
    name = dispatcher.submit("hello")
    dispatcher.cancel(name)
    dispatcher.step()
    assert transport.sent == []
    with pytest.raises(IllegalTransition):
        dispatcher.pause(name)


def test_unknown(dispatcher):
    with pytest.raises(UnknownDelivery):
        dispatcher.result("m9", 1, ok=True)


def test_restart(dispatcher, transport, clock):
    name = dispatcher.submit({"n": 1})
    dispatcher.step()
    dispatcher.result(name, 1, ok=False, error="503")
    document = json.loads(json.dumps(dispatcher.snapshot()))
    again = Dispatcher.restore(document, transport, POLICY, clock)
    assert again.info(name) == dispatcher.info(name)
    assert again.submit("next") == "m2"
    with pytest.raises(SnapshotError):
        Dispatcher.restore({"version": 99}, transport)


def test_transport_that_answers_at_once(clock):
    class Echo:
        def send(self, name, attempt, payload):
            dispatcher.result(name, attempt, ok=attempt == 2)

    dispatcher = Dispatcher(Echo(), POLICY, clock, limit=1)
    names = [dispatcher.submit(number) for number in range(3)]
    dispatcher.step()
    clock.now += 10
    dispatcher.step()
    assert {dispatcher.info(name).state for name in names} == {State.DELIVERED}
