import json
from pathlib import Path

from arena.report import site, transcript
from arena.report.scored import score
from arena.score.load import load
from tests.report.cast import cast
from tests.report.make_run import make_run


def write(path: Path, *entries: object) -> Path:
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def message(role: str, content: object, **rest: object) -> dict[str, object]:
    return {"kind": "message", "at": 1.0, "message": {"role": role, "content": content, **rest}}


def test_calls_stand_beside_the_message_they_led_to(tmp_path):
    path = write(
        tmp_path / "t.jsonl",
        message("user", "fix it"),
        {"kind": "call", "call_id": "c1", "outcome": "overloaded"},
        {"kind": "call", "call_id": "c2", "outcome": "ok"},
        message("assistant", "hm", reasoning_content="think"),
        message("tool", "exit code: 0"),
        {"kind": "call", "call_id": "c3", "outcome": "timeout"},
    )
    user, assistant, tool, rest = transcript.read_conversation(path)
    assert (user.role, user.text, user.call_ids) == ("user", "fix it", ())
    assert assistant.call_ids == ("c1", "c2")
    assert assistant.thinking == "think"
    assert tool.text == "exit code: 0"
    # The conversation ended in a call that brought no message.
    assert rest.call_ids == ("c3",)


def test_a_command_stands_beside_its_output_or_alone(tmp_path):
    def command(*argv: str, **rest: object) -> dict[str, object]:
        return {
            "kind": "command",
            "at": 1,
            "argv": argv,
            "exit_code": 0,
            "ended": "exited",
            "wall_s": 1.25,
            **rest,
        }

    path = write(
        tmp_path / "t.jsonl",
        command("bash", "-c", "ls"),
        message("tool", "exit code: 0"),
        command("bash", "-c", "sleep 99", ended="timeout", exit_code=None),
        command("git", "diff", "a b"),
        message("assistant", "done"),
    )
    shown = [
        (t.role, t.command, [a.body for a in t.actions]) for t in transcript.read_conversation(path)
    ]
    assert shown == [
        ("tool", "exit code 0 after 1.2 s", []),
        ("command", "timeout after 1.2 s", ["sleep 99"]),
        ("command", "exit code 0 after 1.2 s", ["git diff 'a b'"]),
        ("assistant", "", []),
    ]


def test_tool_calls_show_their_command(tmp_path):
    def call(name: str, arguments: object) -> dict[str, object]:
        return {"id": "1", "type": "function", "function": {"name": name, "arguments": arguments}}

    path = write(
        tmp_path / "t.jsonl",
        message(
            "assistant",
            None,
            tool_calls=[
                call("bash", '{"command": "ls\\n-l"}'),
                call("bash", "not json"),
                call("submit", {}),
                "nonsense",
            ],
        ),
    )
    (turn,) = transcript.read_conversation(path)
    shown = [(a.name, a.body, a.is_command) for a in turn.actions]
    assert shown == [
        ("bash", "ls\n-l", True),
        ("bash", "not json", False),
        ("submit", "{}", False),
        ("call", '"nonsense"', False),
    ]


def test_content_may_be_parts(tmp_path):
    parts = [{"type": "text", "text": "one"}, {"type": "image", "data": "…"}, "two"]
    (turn,) = transcript.read_conversation(write(tmp_path / "t.jsonl", message("assistant", parts)))
    assert turn.text == "one\n[image]\ntwo"


def test_broken_and_unknown_lines_are_shown_not_fatal(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(
        b'{"kind": "note", "at": 0.1, "text": "hello"}\n\xff\xfe not json\n[1]\n'
        b'{"kind": "stop", "at": 2, "stop": "gave_up", "detail": "why", "mistakes": 0}\n'
        b'{"kind": "weird", "x": {"y": 1}}\n{"kind": "mess'
    )
    turns = transcript.read_conversation(path)
    assert [(t.line, t.role, t.text) for t in turns] == [
        (1, "note", "hello"),
        (2, "note", "line 2 of the transcript cannot be read"),
        (3, "note", "[1]"),
        (4, "stop", "gave up: why"),
        (5, "weird", '{"x": {"y": 1}}'),
        (6, "note", "line 6 of the transcript cannot be read"),
    ]


def test_long_things_are_cut_in_the_middle_and_counted(tmp_path):
    text = "a" * transcript.MAX_TEXT_CHARS + "END"
    (turn,) = transcript.read_conversation(write(tmp_path / "t.jsonl", message("user", text)))
    assert "\n3 characters are left out here;" in turn.text
    assert turn.text.endswith("aEND")


def test_a_long_conversation_is_cut_on_its_page(tmp_path):
    run = make_run(tmp_path / "run", tasks=1, attempts=1, actors=cast()[2:3])
    (path,) = run.glob("trials/*/transcript.jsonl")
    write(path, *(message("user", f"zebra {n}") for n in range(403)))
    site.build(score(load(run)))
    (page,) = run.glob("report/trials/*.html")
    assert page.read_text().count("zebra ") == 400
    assert "3 more entries are in the file." in page.read_text()


def test_no_transcript_says_so(tmp_path):
    assert transcript.read_conversation(tmp_path / "none.jsonl") is None
