"""What every gate does: calls are announced before they go, and accounted for after."""

import pickle
import threading
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from arena.backend.limiter import Denial, Limiter, LocalRequestGate, Permit
from arena.errors import ArenaError, HarnessError
from arena.money.budget import Amount, Budgets
from arena.records import Budget, CallBegin, CallEnd, Limits, RateLimits, Usage
from arena.run.node import RemoteRequestGate, RemoteRequestGates
from tests.backend.rig import Book

OWNER = "owner"
HELD = Amount(Decimal("0.5"), 500)


class Rig:
    """A gate with what stands behind it."""

    def __init__(self, remote, *, rate=None, tokens=1000):
        self.book = Book()
        limits = Limits(usd=Decimal(1), tokens=tokens)
        self.budget = Budgets(limits, Budget(), {}, {}).open_trial("c")
        self.limiter = Limiter(rate or RateLimits())
        self.behind = LocalRequestGate(self.budget, self.limiter, self.book)
        self.gates = RemoteRequestGates(print)
        self.ending = threading.Event()
        self.gate = self.behind
        if remote:
            self.gates.admit(OWNER, self.behind)
            self.gate = RemoteRequestGate(self.ask, OWNER, self.ending)

    def ask(self, method, *args):
        """As it is on the way from a node, everything pickled on its way."""
        try:
            answer = getattr(self.gates, method)(*pickle.loads(pickle.dumps(args)))
        except ArenaError as error:
            raise pickle.loads(pickle.dumps(error)) from None
        return pickle.loads(pickle.dumps(answer))


@pytest.fixture(params=[False, True], ids=["local", "remote"])
def rig(request):
    return lambda **how: Rig(request.param, **how)


def begin(number=1):
    return CallBegin(
        call_id=f"call{number}",
        trial_id="t",
        contestant="c",
        endpoint="http://e",
        model="m",
        step=1,
        attempt=1,
        started_at=datetime(2020, 1, 1, tzinfo=UTC),
        prompt_estimate=400,
        prompt_bound=900,
        output_limit=100,
    )


def end(number=1, **how):
    fields = {
        "call_id": f"call{number}",
        "trial_id": "t",
        "outcome": "ok",
        "http_status": 200,
        "requested_model": "m",
        "usage": Usage(input_fresh=100, output=10),
        "wall_s": 1.0,
        "ended_at": datetime.now(UTC),
    }
    return CallEnd(**{**fields, **how})


def test_a_call_is_written_down_before_it_may_go(rig):
    made = rig()
    leave = made.gate.announce(begin(), HELD)
    assert isinstance(leave, Permit)
    assert made.book.begun == [leave.begin]
    assert leave.begin.started_at.year > 2020
    assert made.budget.held == HELD


def test_settled_is_what_it_cost(rig):
    made = rig()
    made.gate.announce(begin(), HELD)
    made.gate.settle(end(), Amount(Decimal("0.1"), 110), None)
    assert made.budget.spent == Amount(Decimal("0.1"), 110)
    assert made.budget.held == Amount()
    assert [e.call_id for e in made.book.ends] == ["call1"]


def test_a_spent_budget_is_an_answer(rig):
    made = rig()
    made.gate.announce(begin(1), HELD)
    made.gate.announce(begin(2), HELD)
    denial = made.gate.announce(begin(3), HELD)
    assert denial == Denial("usd", doubtful=False)
    assert len(made.book.begun) == 2


def test_what_nobody_knows_counts_as_reserved_and_is_doubtful(rig):
    made = rig()
    made.gate.announce(begin(1), HELD)
    made.gate.give_up("call1")
    made.gate.give_up("call1")
    made.gate.announce(begin(2), HELD)
    made.gate.settle(end(2), HELD, None)
    assert made.budget.spent == Amount(Decimal(1), 1000)
    assert made.gate.announce(begin(3), HELD) == Denial("usd", doubtful=True)


def test_a_log_that_cannot_be_written_stops_the_call(rig):
    made = rig()

    def full(call):
        raise HarnessError("the disk is full")

    made.book.begin = full
    with pytest.raises(HarnessError, match="the disk is full"):
        made.gate.announce(begin(), HELD)
    assert made.budget.held == Amount()
    assert made.behind.idle


def test_calls_wait_for_their_turn(rig):
    made = rig(rate=RateLimits(concurrency=1))
    made.gate.announce(begin(1), HELD)
    second = []
    waiting = threading.Thread(
        target=lambda: second.append(made.gate.announce(begin(2), HELD)), daemon=True
    )
    waiting.start()
    waiting.join(0.3)
    assert second == []
    made.gate.settle(end(1), Amount(), None)
    waiting.join(30)
    assert second[0].waited_s > 0.1


def test_the_end_of_the_run_turns_away(rig):
    made = rig(rate=RateLimits(concurrency=1))
    made.gate.announce(begin(1), HELD)
    made.limiter.close()
    made.ending.set()
    with pytest.raises(HarnessError, match="ending"):
        made.gate.announce(begin(2), HELD)
    with pytest.raises(HarnessError, match="ending"):
        made.gate.pause(30)


def test_a_lost_sender_gives_its_slot_back_and_may_send_no_more(rig):
    made = rig(rate=RateLimits(concurrency=1))
    made.gate.announce(begin(1), HELD)
    made.behind.close()
    assert made.budget.spent == HELD
    with pytest.raises(HarnessError, match="over"):
        made.gate.announce(begin(2), HELD)
    assert made.limiter.acquire(1).waited_s < 10


def test_a_call_that_waits_when_its_trial_ends_is_not_sent(rig):
    made = rig(rate=RateLimits(concurrency=1))
    made.gate.announce(begin(1), HELD)
    refused = []

    def wait():
        try:
            made.gate.announce(begin(2), HELD)
        except HarnessError as error:
            refused.append(str(error))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(0.3)
    made.behind.shut()
    made.gate.settle(end(1), Amount(), None)
    waiting.join(30)
    assert refused == ["the trial is over"]
    assert [call.call_id for call in made.book.begun] == ["call1"]
    assert list(made.book.ended) == ["call1"]
    assert made.budget.held == Amount()
    assert made.limiter.acquire(1).waited_s < 10


def test_when_a_call_ended_is_told_by_the_gates_own_clock(rig):
    made = rig()
    leave = made.gate.announce(begin(), HELD)
    elsewhere = datetime(2020, 1, 1, tzinfo=UTC)
    made.gate.settle(end(ended_at=elsewhere), Amount(), None)
    (ended,) = made.book.ends
    assert ended.ended_at >= leave.begin.started_at


def test_a_call_that_waits_leaves_the_queue_when_its_trial_ends(rig):
    """At once, though no slot is free: whoever came after it is next."""
    made = rig(rate=RateLimits(concurrency=1))
    other = LocalRequestGate(made.budget, made.limiter, made.book)
    other.announce(begin(1), Amount())
    gone, order = [], []

    def wait():
        try:
            made.gate.announce(begin(2), HELD)
        except HarnessError as error:
            gone.append(str(error))

    def follow():
        other.announce(begin(3), Amount())
        order.append(3)

    threads = []
    for go in (wait, follow):
        threads.append(threading.Thread(target=go, daemon=True))
        threads[-1].start()
        threads[-1].join(0.3)
    made.gate.shut()
    threads[0].join(30)
    assert gone == ["the trial is over"]
    assert made.budget.held == Amount()
    assert order == []
    other.settle(end(1), Amount(), None)
    threads[1].join(30)
    assert order == [3]
    assert [call.call_id for call in made.book.begun] == ["call1", "call3"]


def test_after_its_end_a_trial_sends_nothing(rig):
    made = rig()
    made.gate.announce(begin(1), HELD)
    made.gate.shut()
    with pytest.raises(HarnessError, match="over"):
        made.gate.announce(begin(2), HELD)
    made.gate.settle(end(1), Amount(), None)
    assert [call.call_id for call in made.book.ends] == ["call1"]
    assert made.behind.idle


def test_a_pause_ends_with_the_trial(rig):
    made = rig()
    ended = []

    def sleep():
        try:
            made.behind.pause(600)
        except HarnessError as error:
            ended.append(str(error))

    pausing = threading.Thread(target=sleep, daemon=True)
    pausing.start()
    pausing.join(0.2)
    made.gate.shut()
    pausing.join(30)
    assert ended == ["the trial is over"]
