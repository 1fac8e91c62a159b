"""Text that anybody may write never ends in an error that nobody expects."""

from decimal import Decimal

import pytest

from arena.backend import messages
from arena.decoding import from_json
from arena.grading.script_runner import _reward
from arena.records import Entry

DEEP = "[" * 200_000


def test_values_are_as_json_has_them():
    assert from_json('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert from_json(b"0.1", parse_float=Decimal) == Decimal("0.1")
    assert from_json("NaN", parse_constant=str.lower) == "nan"


@pytest.mark.parametrize("text", ["", "{", DEEP, '{"a":' * 200_000, b"\xff"])
def test_what_is_none_is_one_kind_of_error(text):
    with pytest.raises(ValueError):
        from_json(text)


def test_a_deep_reward_is_none():
    file = Entry(kind="file", data=DEEP.encode())
    assert _reward(file, Entry(kind="absent")) is None


def test_deep_arguments_in_a_stream_are_an_empty_input():
    start = {"type": "tool_use", "id": "t", "name": "bash", "input": {}}
    chunks = [
        {"type": "message_start", "message": {"role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": start},
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": DEEP},
        },
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    ]
    assert messages.assemble(chunks)["content"][0]["input"] == {}
