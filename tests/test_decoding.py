"""Text that anybody may write never ends in an error that nobody expects."""

import json
from contextlib import suppress
from decimal import Decimal

import pytest

from arena.backend import messages
from arena.backend.retry import RetryPolicy
from arena.backend.wire import Prompt
from arena.decoding import DEPTH, from_json
from arena.errors import ProviderError
from arena.grading.script_runner import _reward
from arena.journal import Journal
from arena.ledger import Ledger, read
from arena.records import BackendSpec, Entry, Quirks
from tests.backend.rig import ASK, BASH, rig
from tests.servers.openai_stub import Answer

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


@pytest.mark.parametrize(
    ("levels", "outcome"),
    [(DEPTH - 2, "ok"), (DEPTH, "malformed_reply"), (200, "malformed_reply")],
)
def test_whatever_a_reply_counts_can_be_read_back_from_the_ledger(tmp_path, levels, outcome):
    counts = f'"prompt_tokens":1,"completion_tokens":1,"x":{"[" * levels}{"]" * levels}'
    body = f'{{"choices":[{{"message":{{"content":"ok"}}}}],"usage":{{{counts}}}}}'.encode()
    path = tmp_path / "ledger.jsonl"
    once = RetryPolicy(attempts=1, costly_attempts=1)
    with Ledger(path) as ledger, rig([Answer(body=body)], retry=once) as (_, r):
        r.book = Journal(ledger)
        with suppress(ProviderError):
            r.trial().complete(ASK, [BASH])
    assert [event.call.outcome for event in read(path) if event.kind == "call_end"] == [outcome]
