from redeliver import Dispatcher, RetryPolicy, State


class Quiet:
    def send(self, name, attempt, payload):
        pass


def test_attempts_are_those_that_began():
    dispatcher = Dispatcher(Quiet(), RetryPolicy(), lambda: 1000.0)
    name = dispatcher.submit("x")
    dispatcher.step()
    assert dispatcher.info(name).attempts == 2


def test_same_failure_told_twice():
    dispatcher = Dispatcher(Quiet(), RetryPolicy(base_s=10), lambda: 1000.0)
    name = dispatcher.submit("x")
    dispatcher.step()
    dispatcher.result(name, 1, ok=False, error="503")
    dispatcher.result(name, 1, ok=False, error="503 again")
    info = dispatcher.info(name)
    assert (info.state, info.attempts, info.last_error) == (State.WAITING, 1, "503 again")
