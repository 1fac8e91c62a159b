"""Requests and replies as JSON; nothing of an assistant message may get lost."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.backend import chat, messages
from arena.backend.chat import MalformedReplyError, Prompt, assemble, parse_reply, request_body
from arena.records import BackendSpec, Quirks, ToolSpec
from tests.servers.openai_stub import sse

TOOL = ToolSpec(name="bash", description="run", parameters={"type": "object"})
HELLO = {"role": "user", "content": "hello"}


def spec(**quirks):
    return BackendSpec(name="p/m", model="m", base_url="http://h", quirks=Quirks(**quirks))


def sent(backend, messages=(HELLO,), tools=(), limit=50):
    return json.loads(request_body(backend, Prompt.of(list(messages), list(tools)), limit))


def test_only_what_is_asked_for_is_sent():
    assert sent(spec()) == {"model": "m", "messages": [HELLO], "max_tokens": 50}
    assert set(sent(spec(), tools=[TOOL])) == {"model", "messages", "max_tokens", "tools"}


def test_quirks_shape_the_request():
    body = sent(
        spec(
            output_limit_param="max_completion_tokens",
            extra_body={"thinking": {"type": "disabled"}, "model": "other"},
            stream=True,
        )
    )
    assert body["max_completion_tokens"] == 50
    assert "max_tokens" not in body
    assert body["thinking"] == {"type": "disabled"}
    assert body["model"] == "m"
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    assert "stream_options" not in sent(spec(stream=True, stream_usage=False))


def test_a_call_has_its_result_over_messages_also_where_that_is_empty():
    called = {"type": "tool_use", "id": "c1", "name": "bash", "input": {}}
    history = [
        HELLO,
        {"role": "assistant", "content": [called]},
        {"role": "tool", "tool_call_id": "c1", "content": ""},
    ]
    body = json.loads(messages.request_body(spec(), Prompt.of(history, [TOOL]), 50))
    (result,) = body["messages"][-1]["content"]
    assert (result["type"], result["tool_use_id"], result["content"]) == ("tool_result", "c1", "")


MESSAGE = {
    "role": "assistant",
    "content": "<think>hm</think>Looking",
    "reasoning_content": "étape 一",
    "reasoning_details": [{"type": "reasoning.text", "text": "x", "signature": "s==", "index": 0}],
    "tool_calls": [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "bash", "arguments": '{"command": "ls"}'},
            "extra_content": {"google": {"thought_signature": "AbC+/=="}},
        }
    ],
    "vendor_field": {"deep": [1, None, 2.5]},
}


def test_a_message_goes_back_verbatim():
    reply = parse_reply({"choices": [{"message": MESSAGE}]}, Quirks())
    assert sent(spec(), [HELLO, reply.message])["messages"][1] == MESSAGE


def chunked(message, finish="tool_calls"):
    """The message as a stream would bring it, through the stub's own cutter."""
    head = {"id": "x", "model": "m"}
    lines = b"".join(sse(head, {"message": message, "finish_reason": finish}, None))
    return [json.loads(line[6:]) for line in lines.split(b"\n\n")[:-2]]


def test_a_streamed_message_is_the_same_message():
    body = assemble(chunked(MESSAGE))
    assert body["choices"][0]["message"] == MESSAGE
    assert body["choices"][0]["finish_reason"] == "tool_calls"


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    content=text,
    reasoning=text,
    arguments=st.lists(text, max_size=4),
)
def test_any_message_survives_streaming(content, reasoning, arguments):
    message = {"role": "assistant", "content": content, "reasoning_content": reasoning}
    if arguments:
        message["tool_calls"] = [
            {"id": f"c{n}", "type": "function", "function": {"name": "bash", "arguments": a}}
            for n, a in enumerate(arguments)
        ]
    found = assemble(chunked(message))["choices"][0]["message"]
    expected = (
        message if reasoning else {k: v for k, v in message.items() if k != "reasoning_content"}
    )
    assert found == expected


def delta(*calls, **more):
    return {"choices": [{"delta": {"tool_calls": list(calls), **more}}]}


def piece(arguments, name=None, **more):
    function = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return {"function": function, **more}


@pytest.mark.parametrize(
    "chunks",
    [
        [
            delta(piece("{", "bash", index=0, id="a")),
            delta(piece("}", index=0)),
            delta(piece("[", "bash", index=1, id="b")),
            delta(piece("]", index=1)),
        ],
        [  # every parallel call is number 0
            delta(piece("{}", "bash", index=0, id="a"), piece("[]", "bash", index=0, id="b"))
        ],
        [  # no numbers at all, the id repeated in each piece
            delta(piece("{", "bash", id="a")),
            delta(piece("}", id="a")),
            delta(piece("[", "bash", id="b")),
            delta(piece("]", id="b")),
        ],
        [  # interleaved
            delta(piece("{", "bash", index=0, id="a"), piece("[", "bash", index=1, id="b")),
            delta(piece("]", index=1), piece("}", index=0)),
        ],
    ],
)
def test_parallel_calls_in_every_numbering(chunks):
    calls = assemble(chunks)["choices"][0]["message"]["tool_calls"]
    assert [(c["id"], c["function"]["arguments"]) for c in calls] == [("a", "{}"), ("b", "[]")]
    assert all("index" not in c for c in calls)


def test_usage_of_a_stream_is_found_wherever_it_stands():
    last = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}
    inside = {"choices": [{"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 3}}]}
    assert assemble([last])["usage"]["completion_tokens"] == 2
    assert assemble([inside])["usage"] == {"prompt_tokens": 3}


def part(text, kind="text", **more):
    return {"type": kind, kind: text, **more}


@pytest.mark.parametrize(
    ("deltas", "message"),
    [
        (  # Mistral
            [
                {"content": ""},
                {"content": [part([part("Let ")], "thinking")]},
                {"content": [part([part("me see")], "thinking")]},
                {"content": "Hel"},
                {"content": "lo"},
            ],
            {"content": [part([part("Let me see")], "thinking"), part("Hello")]},
        ),
        (
            [{"content": "He"}, {"content": [part("l")]}, {"content": [part("lo")]}],
            {"content": [part("Hello")]},
        ),
        (  # LiteLLM before Anthropic
            [
                {"thinking_blocks": [part("Let ", "thinking")]},
                {"thinking_blocks": [part("me", "thinking")]},
                {"thinking_blocks": [part("", "thinking", signature="s==")]},
                {"thinking_blocks": [part("And", "thinking", signature="")]},
                {"thinking_blocks": [part("", "thinking", signature="t==")]},
                {"content": "Hello"},
            ],
            {
                "thinking_blocks": [
                    part("Let me", "thinking", signature="s=="),
                    part("And", "thinking", signature="t=="),
                ],
                "content": "Hello",
            },
        ),
        (
            [{"parts": [part("a", "image")]}, {"parts": [part("b", "image")]}],
            {"parts": [part("a", "image"), part("b", "image")]},
        ),
    ],
)
def test_parts_of_a_stream_are_those_of_the_whole_message(deltas, message):
    chunks = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    reply = parse_reply(assemble([*chunks, end]), Quirks())
    assert reply.message == {"role": "assistant", **message}
    assert reply.text in ("Hello", "")


def test_other_choices_of_a_stream_do_not_mix_in():
    first = {"choices": [{"index": 0, "delta": {"content": "a"}}]}
    second = {"choices": [{"index": 1, "delta": {"content": "b"}}]}
    assert assemble([first, second])["choices"][0]["message"]["content"] == "a"


def test_several_choices_count_as_the_first():
    choices = [{"message": {"content": "a"}}, {"message": {"content": "b"}}]
    assert parse_reply({"choices": choices}, Quirks()).text == "a"


@pytest.mark.parametrize(
    "body",
    [None, [], "x", {}, {"choices": []}, {"choices": [None]}, {"choices": [{"message": None}]}],
)
def test_what_is_no_reply_is_malformed(body):
    with pytest.raises(MalformedReplyError):
        parse_reply(body, Quirks())


def test_a_malformed_reply_still_tells_its_usage():
    with pytest.raises(MalformedReplyError) as raised:
        parse_reply(
            {"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": 0}}, Quirks()
        )
    assert raised.value.reply.usage.prompt == 4


def test_odd_tool_calls_do_not_break_the_reply():
    message = {
        "content": [{"type": "text", "text": "hi"}],
        "tool_calls": [
            None,
            {"id": None, "function": {"name": "bash", "arguments": {"command": "ls"}}},
            {"id": "x", "function": None},
        ],
    }
    reply = parse_reply({"choices": [{"message": message, "finish_reason": ""}]}, Quirks())
    assert reply.text == "hi"
    assert [(c.id, c.arguments) for c in reply.tool_calls] == [("", '{"command": "ls"}')]
    assert reply.finish_reason == "tool_calls"


def test_half_a_surrogate_pair_can_be_sent():
    messages = [{"role": "user", "content": "\ud800"}]
    body = request_body(spec(), Prompt.of(messages, []), 5)
    assert json.loads(body)["messages"] == messages


def test_the_bound_is_above_the_bytes():
    prompt = Prompt.of([{"role": "user", "content": "漢字" * 100}], [TOOL])
    body = request_body(spec(), prompt, 5)
    assert len(body) > 600 + len(chat.encoded(TOOL.model_dump(mode="json")))


def test_a_prompt_extends_another_only_byte_for_byte():
    short, longer = Prompt.of([HELLO], [TOOL]), Prompt.of([HELLO, HELLO], [TOOL])
    assert longer.extends(short)
    assert longer.extends(longer)
    assert not short.extends(longer)
    assert not Prompt.of([HELLO, HELLO], []).extends(short)
    assert not Prompt.of([{"role": "user", "content": "hello "}, HELLO], [TOOL]).extends(short)
