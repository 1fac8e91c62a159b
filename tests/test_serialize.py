"""Text that anybody may write never ends in an error that nobody expects."""

import contextlib
import json
import tomllib
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.backend import messages
from arena.backend.chat import Prompt
from arena.errors import InputError
from arena.grading.script_runner import _reward
from arena.records import BackendSpec, Entry, Quirks
from arena.serialize import (
    DEPTH,
    from_json,
    json_lines,
    lines_writer,
    read_toml,
    read_yaml,
    to_toml,
    well_formed,
)

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


# ── JSON Lines ─────────────────────────────────────────────────────────────────────────────────


def test_lines_are_told_apart_and_numbered():
    text = '{"a": "x\u2028y"}\n\nnull\n{"torn\n[1]\n' + DEEP + "\n"
    told = []
    found = list(json_lines(text.encode().split(b"\n"), lambda *one: told.append(one)))
    assert found == [(1, {"a": "x\u2028y"}), (3, None), (5, [1])]
    assert [number for number, _ in told] == [4, 6]
    assert "nested too deeply" in told[1][1]
    assert list(json_lines(text.split("\n"), None)) == found


def test_what_is_no_utf8_is_a_broken_line():
    assert list(json_lines([b'"\xff"', b"1"], None)) == [(2, 1)]


def test_halves_of_pairs_go_through_a_file(tmp_path):
    with (tmp_path / "x.jsonl").open("w", encoding="utf-8") as handle:
        lines_writer(handle).write_all([{"a": "\ud83d"}, ["\u2028"]])
    with (tmp_path / "x.jsonl").open("rb") as handle:
        assert list(json_lines(handle, None)) == [(1, {"a": "\ud83d"}), (2, ["\u2028"])]


# ── TOML ───────────────────────────────────────────────────────────────────────────────────────


def test_toml_comes_back_as_it_was_told():
    table = {
        "title": 'a "quoted"\nline \\ \x7f é \U0001f600',
        "half": "\ud83d",
        "tags": ["a", "b"],
        "none": None,
        "empty": (),
        "tests": {"t[x]::é": "why", "timeout_s": 60.0, "on": True, "day": date(2026, 1, 2)},
        "patch": None,
    }
    assert tomllib.loads(to_toml(table)) == {
        "title": table["title"],
        "half": "\ufffd",
        "tags": ["a", "b"],
        "tests": table["tests"],
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"x = ", "not valid TOML"),
        (b"x = " + b"[" * 5000, "nested too deeply"),
        (b".".join([b"a"] * 200) + b" = 1", "nested too deeply"),
        (b"x = " + b"9" * 5000, "not valid TOML"),
        (b"x = '\xff'", "not UTF-8"),
        (None, "no such file"),
    ],
)
def test_bad_toml_is_one_line(tmp_path, text, words):
    path = tmp_path / "x.toml"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(InputError, match=words) as caught:
        read_toml(path)
    assert "x.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_byte_order_mark(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_toml(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    assert read_toml(tmp_path / "x.toml") == {"x": 1}


# ── YAML ───────────────────────────────────────────────────────────────────────────────────────


def yaml_of(folder, text):
    path = folder / "task.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a plain one\n  folded over lines\n\n  and a paragraph", "a plain one folded over lines\nand a paragraph"),
        (r'"tab\tquote\" \u00e9 \x41 \N"', 'tab\tquote" é A \x85'),
        ('"over \\\n  lines,\n  folded"', "over lines, folded"),
        ("'it''s #1: fine'", "it's #1: fine"),
        ("|\n  one\n    two\n\n  three\n", "one\n  two\n\nthree\n"),
        ("|-\n  one\n  two\n", "one\ntwo"),
        ("|+\n  one\n", "one\n\n"),
        ("|2-\n    indented\n  not\n", "  indented\nnot"),
        ("|- # note\n  one # no note\n", "one # no note"),
        (">-\n  one\n  two\n\n  three\n", "one two\nthree"),
        (">\n  one\n    kept\n  two\n", "one\n  kept\ntwo\n"),
        ("word # note", "word"),
        ("no#note", "no#note"),
        ("http://host/x?a=b", "http://host/x?a=b"),
        ("3.10", "3.10"),
        ("60.0   # seconds", "60.0"),
        ("1_000", "1_000"),
        ("0777", "0777"),
        ("1:30", "1:30"),
        ("no", "no"),
        ("On", "On"),
        ("2024-01-02", "2024-01-02"),
        ("~", None),
        ("", None),
        ("'~'", "~"),
        ("!!str 12", "12"),
        ("[a, 'b', 3.10]", ["a", "b", "3.10"]),
        ("\n- a\n- b: c\n", ["a", {"b": "c"}]),
        ("{a: {b: c}}", {"a": {"b": "c"}}),
        (r'"\ud83d"', "\ufffd"),
    ],
)  # fmt: skip
def test_scalars_are_the_text_that_stands_there(tmp_path, text, value):
    found = yaml_of(tmp_path, f"---\nbefore: x\nkey: {text}\nafter: y\n")
    assert found == {"before": "x", "key": value, "after": "y"}
    windows = f"\ufeffbefore: x\nkey: {text}\nafter: y\n".replace("\n", "\r\n")
    assert yaml_of(tmp_path, windows) == found


def test_anchors_are_followed(tmp_path):
    found = yaml_of(tmp_path, "a: &x [1, 2]\nb: *x\n1: c\n")
    assert found == {"a": ["1", "2"], "b": ["1", "2"], "1": "c"}


def bomb():
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b: c", ["line 1", "not YAML"]),
        ("a: b\n\tc: d", ["line 2", "'\\t'"]),
        ("a: x\nb: 1\na: y", ["line 3", "'a' stands twice"]),
        ("? [a]\n: b", ["line 1", "a key must be a text"]),
        ("~: b", ["a key must be a text"]),
        ("a: &x {b: c}\nd:\n  <<: *x\n  e: f", ["line 3", "keys are not merged"]),
        ("a: 1\n---\nb: 2\n", ["line 2", "another document"]),
        ("a: &x [*x]", ["nested too deeply"]),
        ("a: " + "[" * 500 + "]" * 500, ["nested too deeply"]),
        ("a: " + "[" * 50_000, ["nested too deeply"]),
        (bomb(), ["more than 50,000 values"]),
        ("a: " + "x" * 1_100_000, ["longer than"]),
        ("a: !!python/object/apply:os.system [id]", ["line 1", "tag"]),
        ("a: !mine b", ["!mine"]),
        ("a: *gone", ["undefined alias"]),
        ("a: \x01", ["cannot be read"]),
        (b"a: \xff", ["not UTF-8"]),
        ('a: "\\UFFFFFFFF"', ["not YAML"]),
        ("- a\n- b", ["keys and values"]),
        ("", ["keys and values"]),
        ("just words", ["keys and values"]),
    ],
)
def test_bad_yaml_is_one_line_that_says_where(tmp_path, text, words):
    with pytest.raises(InputError) as caught:
        yaml_of(tmp_path, text)
    line = str(caught.value)
    assert "task.yaml" in line
    assert "\n" not in line
    for word in words:
        assert word in line


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(alphabet="ab:-?&*!|>'\"%@`#{}[],<\\\n\t ~0x.\x85\ud83d", max_size=60))
def test_any_text_is_a_mapping_or_an_input_error(tmp_path, text):
    path = tmp_path / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(InputError):
        assert isinstance(read_yaml(path), dict)
