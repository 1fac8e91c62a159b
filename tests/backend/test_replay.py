"""What an endpoint sent and does not take back: the history is mended, and that is written down."""

from dataclasses import replace

import pytest

from arena.backend.apis import EMPTY_TURN
from tests.backend.rig import Rig
from tests.backend.test_vendors import converse, rig_for
from tests.servers.sheets import SHEETS
from tests.servers.vendor import Turn, Vendor, bash, say

NUDGE = {"role": "user", "content": "That reply held no tool call."}
EMPTY = Turn({"role": "assistant", "content": ""}, "stop")
NO_CALLS = Turn({"role": "assistant", "content": "hm", "tool_calls": []}, "stop")
BOTH = Turn({"role": "assistant", "content": None, "tool_calls": []}, "stop")
RULES = {
    "empty_turns": ("empty_turn_error", EMPTY),
    "empty_calls": ("empty_calls_error", NO_CALLS),
}
ASK = [{"role": "system", "content": "You fix code."}, {"role": "user", "content": "Fix it."}]


def after(vendor, rig, tools=()):
    """The reply after a turn of the vendor's own, with what was sent back to it."""
    backend = rig.trial()
    first = backend.complete(ASK, tools)
    second = backend.complete([*ASK, first.message, NUDGE], tools)
    return second, vendor.stub.requests[-1].messages[2]


def notes(rig):
    return [record["text"] for kind, record in rig.notes.entries if kind == "note"]


@pytest.mark.parametrize(
    ("provider", "rule"),
    [(p, r) for p in sorted(SHEETS) for r in RULES if getattr(SHEETS[p], RULES[r][0])],
)
def test_a_profile_knows_what_its_vendor_does_not_take_back(provider, rule):
    with Vendor(provider, [RULES[rule][1], say("fixed")]) as vendor:
        rig = rig_for(vendor)
        reply, back = after(vendor, rig)
    assert rule in rig.spec.quirks.mends
    assert reply.text == "fixed"
    assert vendor.refusals == []
    assert rig.book.outcomes == ["ok", "ok"]
    assert notes(rig) == [f"the endpoint does not take message 2 back: mended, {rule}"]
    assert back.get("tool_calls") != []
    assert back["content"] == (EMPTY_TURN if rule == "empty_turns" else "hm")


STRICT = replace(
    SHEETS["vllm"], empty_turn_error="must not be empty", empty_calls_error="an empty array"
)


@pytest.mark.parametrize("turn", [EMPTY, NO_CALLS, BOTH], ids=["empty", "no calls", "both"])
def test_an_unknown_endpoints_rule_is_learned_from_its_refusal_once(turn):
    with Vendor("vllm", [turn, say("go on"), say("fixed")], sheet=STRICT) as vendor:
        rig = rig_for(vendor)
        backend = rig.trial()
        first = backend.complete(ASK, [])
        history = [*ASK, first.message, NUDGE]
        history.append(backend.complete(history, []).message)
        assert backend.complete([*history, NUDGE], []).text == "fixed"
    assert rig.book.outcomes == ["ok", "bad_request", "ok", "ok"]
    assert len(notes(rig)) == 1 + (turn is BOTH)


def test_reasoning_that_an_endpoint_sends_and_refuses_is_left_out():
    sheet = replace(SHEETS["vllm"], reasoning="reasoning", refused_back=frozenset({"reasoning"}))
    with Vendor("vllm", [bash("ls"), say("fixed")], sheet=sheet) as vendor:
        rig = rig_for(vendor)
        _, replies = converse(rig.trial())
    assert [r.text for r in replies] == ["", "fixed"]
    assert replies[0].message["reasoning"]
    assert rig.book.outcomes == ["ok", "bad_request", "ok"]
    assert "reasoning" in notes(rig)[0]


def test_what_nobody_refuses_goes_back_as_it_came():
    with Vendor("sglang", [BOTH, say("fixed")]) as vendor:
        rig = rig_for(vendor)
        _, back = after(vendor, rig)
    assert back["content"] is None
    assert back["tool_calls"] == []
    assert notes(rig) == []


def test_a_refusal_for_another_reason_stays_one():
    with Vendor("vllm", [say("x")], sheet=replace(STRICT, refused=frozenset({"seed"}))) as vendor:
        rig = Rig(
            vendor.stub,
            spec=vendor.spec(extra_body={"seed": 1}),
            environ={"STAND_IN_KEY": vendor.key},
        )
        with pytest.raises(Exception, match="seed is not supported"):
            rig.trial().complete([*ASK, {"role": "assistant", "content": "hi"}, NUDGE], [])
    assert rig.book.outcomes == ["bad_request"]
