"""Endpoints and agents may say anything that is JSON; none of it breaks the harness."""

import json
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.backend import apis
from arena.backend.call import Call, RetryPolicy
from arena.backend.chat import MalformedReplyError, Prompt
from arena.backend.replies import CallFailed, classify, problem_in
from arena.errors import ProviderError
from arena.gateway import proxy_request
from arena.gateway.translator import Translator
from arena.records import BackendSpec, Quirks
from arena.rundir.ledger import Ledger, read
from arena.serialize import DEPTH
from tests.backend.rig import ASK, BASH, Rig, rig
from tests.servers.openai_stub import Answer, Stub, error

HALF = "\ud83d"
"""Of an emoji."""
LEVELS = st.sampled_from([DEPTH - 2, DEPTH, 200, 240])
EVENTS = "text/event-stream"
SPEC = BackendSpec(name="s", model="m", base_url="http://127.0.0.1:9")
NAMES = {
    "chat": "choices delta message content tool_calls id index function name arguments usage "
    "prompt_tokens completion_tokens prompt_tokens_details finish_reason model error type",
    "messages": "type message index content_block delta text thinking partial_json input name id "
    "usage input_tokens output_tokens stop_reason content model error",
    "responses": "type response output item output_index content text usage input_tokens status "
    "output_tokens arguments call_id name id model incomplete_details reason error",
}
KINDS = {
    "chat": "function text",
    "messages": "message_start content_block_start content_block_delta message_delta message_stop "
    "text text_delta tool_use input_json_delta thinking_delta",
    "responses": "response.output_item.done response.completed response.incomplete message "
    "function_call reasoning output_text",
}
ASKED = (
    "content text tools name function parameters input_schema tool_choice thinking budget_tokens "
    "max_tokens max_output_tokens stream stream_options id call_id tool_use_id output arguments "
    "cache_control metadata tool_calls tool_call_id summary system instructions url image_url"
)
ASKED_KINDS = "function custom text tool_use tool_result thinking message function_call reasoning"
ROLES = ("user", "assistant", "system", "tool", "developer")


def nested(levels):
    return json.loads("[" * levels + "]" * levels)


def mappings(names, kinds, roles=()):
    """JSON objects with the names that matter, and anything at all behind them."""
    some = [None, "", 0, 1, -1, 1.5, True, "x", 10**30, 10**400, 1e300, HALF, nested(DEPTH // 2)]
    leaves = st.sampled_from([*some, *kinds.split(), *roles])
    named = st.sampled_from([*names.split(), HALF])

    def wider(inner):
        return st.lists(inner, max_size=3) | mapping(inner)

    def mapping(inner):
        typed = st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from(kinds.split()) | inner,
                **({"role": st.sampled_from(roles)} if roles else {}),
            },
        )
        return st.builds(lambda a, b: {**a, **b}, st.dictionaries(named, inner, max_size=5), typed)

    return mapping(st.recursive(leaves, wider, max_leaves=12))


def chat_chunks():
    """Chunks whose form is right, but for what is in them."""
    odd = mappings(NAMES["chat"], KINDS["chat"])
    call = mappings("id index function name arguments", "function")
    delta = st.fixed_dictionaries({}, optional={"content": odd, "tool_calls": st.lists(call)})
    choice = st.fixed_dictionaries({"index": st.just(0), "delta": delta})
    return st.fixed_dictionaries({"choices": st.tuples(choice).map(list)})


@pytest.mark.parametrize("api", NAMES)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_an_odd_reply_is_a_malformed_one_or_taken_for_what_it_says(api, data):
    odd = mappings(NAMES[api], KINDS[api])
    chunks = data.draw(st.lists(odd | chat_chunks() if api == "chat" else odd, max_size=4))
    tongue = apis.DIALECTS[api]
    for chunk in chunks:
        if (problem := problem_in(chunk, 200)) is not None:
            classify(problem, ())
        tongue.is_last(chunk)
    whole = tongue.assemble(chunks)
    tongue.is_whole(whole)
    for body in (whole, *chunks):
        try:
            reply = tongue.parse_reply(body, Quirks())
        except MalformedReplyError as error:
            reply = error.reply
        assert reply.usage is None or reply.usage.prompt >= 0


@cache
def translator(api):
    return Translator(api)


@pytest.mark.parametrize("api", ["chat", "messages", "responses"])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_an_odd_request_is_refused_or_goes_on(api, data):
    odd = mappings(ASKED, ASKED_KINDS, ROLES)
    said = "input" if api == "responses" else "messages"
    body = data.draw(odd) | {"model": "m", said: data.draw(st.lists(odd, min_size=1, max_size=3))}
    with suppress(proxy_request.BadProxyRequestError):
        wish = proxy_request.read(api, json.dumps(body).encode())
        sent, limit = proxy_request.prepared(wish, SPEC, 10)
        assert json.loads(sent)["model"] == "m"
        assert 0 < limit <= 10
        for turn in wish.turns:
            proxy_request.is_models(turn)
        if api != "chat":
            proxy_request.prepared(translator(api).request(wish), SPEC, 10)


def answers(api):
    """Anything as the body of a reply, of an error, or as the events of a stream."""
    odd = mappings(NAMES[api], KINDS[api])
    if api == "chat":
        odd |= chat_chunks()
    told = odd | st.builds(lambda said, levels: said | {"usage": nested(levels)}, odd, LEVELS)
    body = st.builds(lambda said: json.dumps(said).encode(), told)
    events = st.lists(body, max_size=4).map(
        lambda said: b"".join(b"data: %b\n\n" % e for e in said)
    )
    status = st.sampled_from([200, 400, 429, 500])
    return st.builds(lambda body, status: Answer(body=body, status=status), body, status) | (
        st.builds(lambda body: Answer(body=body, headers={"Content-Type": EVENTS}), events)
    )


@pytest.mark.parametrize("api", NAMES)
def test_whatever_is_answered_is_settled_and_can_be_read_back(tmp_path, api):
    path, given_so_far = tmp_path / "ledger.jsonl", []
    once = RetryPolicy(attempts=1, costly_attempts=1)
    with Ledger(path) as ledger, Stub(lambda _: given_so_far[-1]) as stub:

        @given(answer=answers(api))
        @settings(max_examples=100, deadline=None)
        def holds(answer):
            given_so_far.append(answer)
            made = Rig(stub, retry=once, api=api)
            made.book = ledger
            with made.pool, suppress(CallFailed):
                made.trial().perform(Call(Prompt((), b""), b"{}", 10))

        holds()
    kinds = [event.kind for event in read(path)]
    assert kinds == ["call_begin", "call_end"] * len(given_so_far)


def settled(path, *answers, turns=1):
    """How the calls of a trial stand in its ledger, and the requests that were made."""
    once = RetryPolicy(attempts=2, costly_attempts=1, base_s=0.01)
    with Ledger(path) as ledger, rig(answers, retry=once) as (stub, made):
        made.book = ledger
        backend, history = made.trial(), list(ASK)
        with suppress(ProviderError):
            for _ in range(turns):
                history.append(backend.complete(history, [BASH]).message)
    return [event.call for event in read(path) if event.kind == "call_end"], stub.requests


def whole(**more):
    choice = {"message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    return {"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 2}, **more}


@pytest.mark.parametrize(
    ("levels", "outcome"),
    [(DEPTH - 2, "ok"), (DEPTH, "malformed_reply"), (200, "malformed_reply")],
)
def test_counts_are_written_as_deep_as_they_can_be_read_back(tmp_path, levels, outcome):
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "x": nested(levels)}
    ends, _ = settled(tmp_path / "ledger.jsonl", Answer(body=whole(usage=usage)))
    assert [end.outcome for end in ends] == [outcome]


TOLD = {
    "model": ({"model": HALF}, "returned_model"),
    "router": ({"provider": HALF}, "upstream"),
    "end": ({"choices": [{"message": {"content": "x"}, "finish_reason": HALF}]}, "finish_reason"),
}


@pytest.mark.parametrize("where", TOLD)
def test_half_an_emoji_in_a_reply_costs_no_settlement(tmp_path, where):
    more, name = TOLD[where]
    usage = {"prompt_tokens": 5, "completion_tokens": 2, HALF: [{"x": HALF}]}
    answer = Answer(body=whole(usage=usage, **more))
    [end], _ = settled(tmp_path / "ledger.jsonl", answer)
    assert (end.outcome, getattr(end, name)) == ("ok", "\ufffd")
    assert end.raw_usage["\ufffd"] == [{"x": "\ufffd"}]


def test_half_an_emoji_in_an_error_keeps_nothing_from_being_tried_again(tmp_path):
    failed = error(429, {"error": {"message": f"too long: {HALF}", "code": HALF}})
    ends, _ = settled(tmp_path / "ledger.jsonl", failed, Answer(body=whole()))
    assert [end.outcome for end in ends] == ["rate_limited", "ok"]
    assert ends[0].error == "too long: \ufffd (\ufffd)"


def test_half_an_emoji_in_a_message_goes_back_as_it_came(tmp_path):
    message = {"role": "assistant", "content": f"x{HALF}"}
    first = Answer(body=whole(choices=[{"message": message, "finish_reason": "stop"}]))
    ends, requests = settled(tmp_path / "ledger.jsonl", first, Answer(body=whole()), turns=2)
    assert [end.outcome for end in ends] == ["ok", "ok"]
    assert requests[1].messages[-1] == message
    assert rb'"content":"x\ud83d"' in requests[1].raw
