"""What every transcript does: entries in their order, whatever they hold and whoever adds them."""

import json
import threading

import pytest

from arena.rundir.transcript import TranscriptFile
from tests.backend.rig import Notes


@pytest.fixture(params=["file", "memory"])
def transcript(request, tmp_path):
    """A transcript, and what reads it back as (kind, record)."""
    if request.param == "memory":
        notes = Notes()
        yield notes, lambda: notes.entries
        return
    path = tmp_path / "made" / "transcript.jsonl"

    def read():
        entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [(e.pop("kind"), e) for e in entries if e.pop("at") >= 0]

    with TranscriptFile(path) as file:
        yield file, read


def test_entries_stand_in_their_order_as_they_happen(transcript):
    made, read = transcript
    for number in range(3):
        made.add("note", {"text": str(number)})
        assert read()[-1] == ("note", {"text": str(number)})
    assert [record["text"] for _, record in read()] == ["0", "1", "2"]


@pytest.mark.parametrize("text", ["a\nb", "\0", "\ud800", "é\u2028"])
def test_no_text_can_break_it(transcript, text):
    made, read = transcript
    made.add("message", {"message": {"role": "user", "content": text}})
    made.add("stop", {})
    assert [kind for kind, _ in read()] == ["message", "stop"]
    assert read()[0][1]["message"]["content"] == text


def test_a_gateway_may_add_from_its_own_thread(transcript):
    made, read = transcript
    threads = [
        threading.Thread(target=lambda: [made.add("note", {"text": "x" * 5000}) for _ in range(50)])
        for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert read() == [("note", {"text": "x" * 5000})] * 200
