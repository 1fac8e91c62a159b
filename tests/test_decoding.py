"""Text that anybody may write never ends in an error that nobody expects."""

import json
from decimal import Decimal

import pytest

from arena.backend import messages
from arena.backend.wire import Prompt
from arena.decoding import DEPTH, from_json, well_formed
from arena.grading.script_runner import _reward
from arena.records import BackendSpec, Entry, Quirks

DEEP = "[" * 200_000


def test_values_are_as_json_has_them():
    assert from_json('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert from_json(b"0.1", parse_float=Decimal) == Decimal("0.1")
    assert from_json("NaN", parse_constant=str.lower) == "nan"


@pytest.mark.parametrize("text", ["", "{", DEEP, '{"a":' * 200_000, b"\xff"])
def test_what_is_none_is_one_kind_of_error(text):
    with pytest.raises(ValueError):
        from_json(text)


@pytest.mark.parametrize(("opening", "leaf", "closing"), [("[", "", "]"), ('{"a":', "1", "}")])
def test_levels_are_counted_up_to_a_limit(opening, leaf, closing):
    def nested(levels):
        return opening * levels + leaf + closing * levels

    for text in (nested(DEPTH), f"[{nested(DEPTH - 1)}, {nested(DEPTH - 1)}]"):
        assert from_json(text) == json.loads(text)
        assert from_json(text.encode()) == json.loads(text)
    for text in (nested(DEPTH + 1), f"[1, {nested(DEPTH)}]"):
        with pytest.raises(ValueError, match="nested too deeply"):
            from_json(text)
        with pytest.raises(ValueError, match="nested too deeply"):
            from_json(text.encode("utf-16"))


def test_many_brackets_are_not_many_levels():
    for value in ([[]] * 500, "[" * 500, {"a": "{" * 500, "b": [{}] * 500}):
        assert from_json(json.dumps(value)) == value


def test_halves_of_surrogate_pairs_are_replaced_wherever_they_stand():
    half, whole = json.loads(r'["\ud83d", "\ud83d\ude00"]')
    assert well_formed(f"a{half}b{whole}") == f"a\ufffdb{whole}"
    assert well_formed({half: [1, None, {"x": half}]}) == {"\ufffd": [1, None, {"x": "\ufffd"}]}


def test_a_deep_reward_is_none():
    file = Entry(kind="file", data=DEEP.encode())
    assert _reward(file, Entry(kind="absent")) is None


def streamed_input(text):
    """A message whose one tool call has an input that came in a stream."""
    start = {"type": "tool_use", "id": "t", "name": "bash", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": text}
    chunks = [
        {"type": "message_start", "message": {"role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    ]
    return messages.assemble(chunks)


def test_deep_arguments_in_a_stream_are_an_empty_input():
    assert streamed_input(DEEP)["content"][0]["input"] == {}


def test_arguments_that_a_stream_just_may_have_go_back_to_the_model():
    text = '{"a":' * DEPTH + "1" + "}" * DEPTH
    reply = messages.parse_reply(streamed_input(text), Quirks())
    spec = BackendSpec(name="s", model="m", base_url="http://127.0.0.1:9", api="messages")
    body = messages.request_body(spec, Prompt.of([reply.message], []), 10)
    assert json.loads(text) == json.loads(body)["messages"][0]["content"][0]["input"]
