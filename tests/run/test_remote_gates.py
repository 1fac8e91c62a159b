"""Request gates of trials on other machines: kept as long as anything of them may be heard."""

import threading

import pytest

from arena.errors import HarnessError
from arena.money.budget import Amount
from arena.records import RateLimits
from arena.run.node import RemoteRequestGates
from tests.contracts.test_request_gate import HELD, Rig, begin, end


def test_a_call_that_outlives_its_try_is_settled_and_is_the_last():
    rig = Rig(remote=True)
    rig.ask("gate", "owner", "announce", begin(), HELD)
    rig.gates.leave("owner", lost=False)
    rig.ask("gate", "owner", "settle", end(), Amount(), None)
    assert list(rig.book.ended) == ["call1"]
    with pytest.raises(HarnessError, match="the trial is over"):
        rig.ask("gate", "owner", "announce", begin(2), HELD)


def test_a_try_without_calls_on_their_way_leaves_no_gate_behind():
    rig = Rig(remote=True)
    rig.gates.leave("owner", lost=False)
    with pytest.raises(HarnessError, match="given this trial up"):
        rig.ask("gate", "owner", "announce", begin(), HELD)


def test_a_call_that_waits_when_its_try_ends_is_refused_and_gives_everything_back():
    rig = Rig(remote=True, rate=RateLimits(concurrency=1))
    other = rig.limiter.acquire(1)
    refused = []

    def wait():
        try:
            rig.ask("gate", "owner", "announce", begin(), HELD)
        except HarnessError as error:
            refused.append(str(error))

    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(0.3)
    rig.gates.leave("owner", lost=False)
    rig.limiter.release(other, tokens=0)
    waiting.join(30)
    assert refused == ["the trial is over"]
    assert rig.book.begun == []
    assert rig.limiter.acquire(1).waited_s < 10


def test_a_try_that_was_lost_makes_no_call_but_what_one_came_to_is_written_down():
    rig = Rig(remote=True)
    rig.ask("gate", "owner", "announce", begin(), HELD)
    rig.gates.leave("owner", lost=True)
    assert rig.budget.spent == HELD
    with pytest.raises(HarnessError, match="the trial is over"):
        rig.ask("gate", "owner", "announce", begin(2), HELD)
    rig.ask("gate", "owner", "settle", end(), Amount(), None)
    assert list(rig.book.ended) == ["call1"]
    assert rig.budget.spent == HELD


def test_nodes_may_talk():
    said = []
    RemoteRequestGates(said.append).say("making image …")
    assert said == ["making image …"]
