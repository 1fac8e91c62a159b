"""What every API writes, read as the same chat messages."""

import json

import pytest

from arena.report.transcript import read_conversation
from arena.rundir import transcript

CALL = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": '{"a": 1}'}}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "out"}


def test_what_was_said_is_kept_whatever_it_holds(tmp_path):
    """Halves of surrogate pairs are how bytes that are no UTF-8, and torn emoji, come in."""
    said = {"role": "assistant", "content": "caf\udce9 \ud83d \u2028 \x00 \N{GRINNING FACE}"}
    with transcript.TranscriptFile(tmp_path / "t.jsonl") as file:
        file.add("message", {"message": said})
    (line,) = (tmp_path / "t.jsonl").read_text("ascii").splitlines()
    assert json.loads(line)["message"] == said
    shown = read_conversation(tmp_path / "t.jsonl")[0].text
    assert "caf" in shown
    assert shown.encode(), "a page can be written"


@pytest.mark.parametrize(
    ("message", "plain"),
    [
        ({"role": "user", "content": "Hi."}, [{"role": "user", "content": "Hi."}]),
        ({"role": "developer", "content": "Be."}, [{"role": "system", "content": "Be."}]),
        (
            {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "Hm"},
            [
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [CALL],
                    "reasoning_content": "Hm",
                }
            ],
        ),
        (
            {"role": "user", "content": [{"type": "text", "text": "a"}, "b"]},
            [{"role": "user", "content": "a\nb"}],
        ),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]},
            [{"role": "user", "content": "[image]"}],
        ),
        (RESULT, [RESULT]),
    ],
)
def test_chat(message, plain):
    assert transcript.plain(message) == plain


def test_messages():
    said = {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "c1", "name": "bash", "input": {"a": 1}},
        ],
    }
    assert transcript.plain(said) == [
        {"role": "assistant", "content": "I look.", "reasoning_content": "Hm", "tool_calls": [CALL]}
    ]
    parts = [{"type": "text", "text": "out"}]
    heard = {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": parts},
            {"type": "tool_result", "tool_use_id": "c2", "content": "two"},
            {"type": "text", "text": "And now?"},
        ],
    }
    assert transcript.plain(heard) == [
        RESULT,
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
        {"role": "user", "content": "And now?"},
    ]


@pytest.mark.parametrize(
    ("item", "plain"),
    [
        (
            {"type": "function_call", "call_id": "c1", "name": "bash", "arguments": '{"a": 1}'},
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
        ),
        ({"type": "function_call_output", "call_id": "c1", "output": "out"}, RESULT),
        (
            {
                "type": "custom_tool_call_output",
                "call_id": "c1",
                "output": [{"type": "input_text", "text": "out"}],
            },
            RESULT,
        ),
        (
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm"}]},
            {"role": "assistant", "content": "", "reasoning_content": "Hm"},
        ),
        (
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Done.", "annotations": []}],
            },
            {"role": "assistant", "content": "Done."},
        ),
    ],
)
def test_responses(item, plain):
    assert transcript.plain(item) == [plain]


def test_a_tool_without_a_name_is_called_what_it_is():
    (said,) = transcript.plain(
        {"type": "local_shell_call", "call_id": "c1", "action": {"command": ["ls"]}}
    )
    (call,) = said["tool_calls"]
    assert call["function"] == {"name": "local_shell_call", "arguments": '{"command": ["ls"]}'}
