import pytest

from redeliver import RetryPolicy, State
from redeliver.states import IllegalTransition, check


def test_delay():
    policy = RetryPolicy(base_s=1, factor=3, cap_s=20)
    assert [policy.delay(n) for n in range(1, 6)] == [1, 3, 9, 20, 20]


def test_max_attempts():
    with pytest.raises(ValueError):
        RetryPolicy(max_attempts=0)


def test_over():
    assert {state for state in State if state.over} == {
        State.DELIVERED,
        State.DEAD,
        State.CANCELLED,
    }


def test_check():
    check("m1", State.WAITING, State.SENDING)
    with pytest.raises(IllegalTransition):
        check("m1", State.CANCELLED, State.SENDING)
