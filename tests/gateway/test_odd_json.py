"""Endpoints and agents may say anything that is JSON; none of it breaks the harness."""

import json
from contextlib import suppress
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.backend import dialect
from arena.backend.errors import classify, problem_in
from arena.backend.gateway import asked
from arena.backend.gateway.translate.translator import Translator
from arena.backend.wire import MalformedReplyError
from arena.records import BackendSpec, Quirks

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


def mappings(names, kinds, roles=()):
    """JSON objects with the names that matter, and anything at all behind them."""
    some = [None, "", 0, 1, -1, 1.5, True, "x", 10**30, 1e300, "\ud800"]
    leaves = st.sampled_from([*some, *kinds.split(), *roles])
    named = st.sampled_from(names.split())

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
    tongue = dialect.of(api)
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
    with suppress(asked.NotAskedWellError):
        wish = asked.read(api, json.dumps(body).encode())
        sent, limit = asked.prepared(wish, SPEC, 10)
        assert json.loads(sent)["model"] == "m"
        assert 0 < limit <= 10
        for turn in wish.turns:
            asked.is_models(turn)
        if api != "chat":
            asked.prepared(translator(api).request(wish), SPEC, 10)
