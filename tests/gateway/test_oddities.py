"""Whatever form an endpoint gives its replies, they mean and cost the same, whoever asked."""

from contextlib import suppress
from decimal import Decimal

import httpx2
import pytest

from arena.backend.call import Call
from arena.backend.chat import Prompt, request_body
from arena.backend.replies import CallFailed
from arena.records import Quirks
from tests.backend.rig import ASK, BASH, RetryPolicy, rig
from tests.gateway.rig import sessions
from tests.servers.oddities import MONEY, STREAMS, WHOLE

ODD = {**STREAMS, **WHOLE, **MONEY}
ONCE = RetryPolicy(base_s=0.01, cap_s=0.02, budget_s=0)


def is_stream(odd):
    return isinstance(odd.answer.body, bytes) or "Content-Type" in odd.answer.headers


def settled(odd, made):
    """What the ledger and the bill say of the first attempt."""
    first = made.book.ends[0]
    assert first.outcome == odd.outcome
    assert odd.words in (first.error or "")
    if odd.outcome != "ok":
        return
    told = odd.billed_usd is not None
    assert first.usage.estimated is not told
    paid = made.book.statements(made.spec)[0].cost
    assert paid.status == odd.status
    if told:
        assert (first.usage.prompt, first.usage.output) == (900, 40)
        assert paid.billed_usd == Decimal(odd.billed_usd)


@pytest.mark.parametrize("name", ODD)
def test_a_built_in_agent_reads_what_is_meant(name):
    odd = ODD[name]
    quirks = Quirks(stream=is_stream(odd))
    with rig([odd.answer] * 9, quirks=quirks, bills_told_cost=odd.bills, retry=ONCE) as (_, made):
        prompt = Prompt.of(ASK, [BASH])
        asked, reply = Call(prompt, request_body(made.spec, prompt, 10), 10), None
        with suppress(CallFailed):
            reply = made.trial().perform(asked)
        settled(odd, made)
    assert (reply is not None) == (odd.outcome == "ok")
    if reply is not None:
        assert tuple((one.name, one.arguments) for one in reply.tool_calls) == odd.calls
        assert (reply.text, reply.truncated) == (odd.text, odd.truncated)
        assert reply.message["role"] == "assistant"


@pytest.mark.parametrize("name", ODD)
def test_an_agent_of_its_own_is_metered_alike(name):
    odd = ODD[name]
    answers = sessions([odd.answer] * 9, bills_told_cost=odd.bills, retry=ONCE)
    with answers as made, made.open() as (session, asking):
        with suppress(httpx2.TransportError):
            asking.post(stream=is_stream(odd))
        made.spec = made.rig.spec
        session.settled()
        settled(odd, made)
