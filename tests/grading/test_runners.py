"""How runners prepare files and read what comes back; containers have their own suite."""

import json
import random

import pytest

from arena.grading.blackbox_runner import same
from arena.grading.go_runner import _FUNCTION, _plant, _rename
from arena.grading.job import Names
from arena.grading.node_runner import _assertions, _canary, _Part, _tests
from arena.grading.pytest_runner import _key
from arena.records import Entry, File


def events(*found: tuple[str, str, int], **more) -> Entry:
    lines = [
        json.dumps({"type": kind, "name": name, "nesting": n, **more}) for kind, name, n in found
    ]
    return Entry(kind="file", data="".join(line + "\n" for line in lines).encode())


PART = _Part(
    file=File(path="a.test.js", data=b""),
    expected=(),
    must_fail=(),
    reported={"outer > inner": "a.test.js::outer > inner"},
)


def test_nested_tests_are_known_by_the_names_above_them():
    entry = events(
        ("test:start", "outer", 0),
        ("test:start", "inner", 1),
        ("test:pass", "inner", 1),
        ("test:start", "other", 1),
        ("test:fail", "other", 1),
        ("test:fail", "outer", 0),
        ("test:start", "inner", 0),
        ("test:pass", "inner", 0),
    )
    assert [(test.id, test.outcome) for test in _tests(entry, PART)] == [
        ("a.test.js::outer > inner", "passed"),
        ("outer > other", "failed"),
        ("outer", "failed"),
        ("inner", "passed"),
    ]


def test_skipped_and_todo_are_not_passed():
    for mark in ("skip", "todo"):
        (test,) = _tests(events(("test:pass", "x", 0), **{mark: True}), PART)
        assert test.outcome == "skipped"


@pytest.mark.parametrize(
    "entry",
    [
        Entry(kind="absent"),
        Entry(kind="file"),
        Entry(kind="file", too_large=True),
        Entry(kind="symlink", data=b"/etc/passwd"),
        Entry(kind="file", data=b"{}\n"),
        Entry(kind="file", data=b"\xff\n"),
        events(("test:pass", "x", 3)),
        events(("test:pass", "x", -1)),
    ],
)
def test_a_reporters_file_that_cannot_be_believed(entry):
    with pytest.raises(ValueError):
        _tests(entry, PART)


def test_node_canaries_fail_in_each_way_that_the_file_asserts():
    names = Names(random.Random(0))
    text = "const assert = require('assert/strict');\nassert.deepEqual(a, b); assert.throws(f);\n"
    found = [_canary(text, "x y", kind, names) for kind in _assertions(text)]
    assert ["assert.deepEqual([" in found[0], "assert.throws(() => " in found[1]] == [True, True]
    assert all(line.startswith("\n(require('node:test')).test(\"x y\"") for line in found)
    module = _canary("import { strict as assert } from 'node:assert';", "x", "ok(1 === 2)", names)
    assert "(await import('node:test')).test(" in module
    assert "assert.ok(" in module
    bare = _canary("import { equal } from 'node:assert';", "x", "ok(1 === 2)", names)
    assert "(await import('node:assert')).strict.ok(" in bare


GO = """package money

import "testing"

func TestA(t *testing.T) {
	if Half(3) != 2 {
		t.Fatal("}")
	}
}

func TestB(_ *testing.T) {
}
"""


def test_go_canaries_are_copies_that_fail_in_any_case():
    texts = {"money/a_test.go": GO}
    name = _plant(texts, "TestA", Names(random.Random(0)))
    added = texts["money/a_test.go"].removeprefix(GO.rstrip())
    assert f"func {name}(t *testing.T) {{\n\tdefer t.Errorf(" in added
    assert 'if Half(3) != 2 {\n\t\tt.Fatal("}")\n\t}\n}' in added
    assert _plant(texts, "TestB", Names(random.Random(1)))
    assert _plant(texts, "TestGone", Names(random.Random(1))) is None
    assert len(_FUNCTION.findall(texts["money/a_test.go"])) == 4


def test_go_twins_are_renamed():
    texts = {"money/a_test.go": GO}
    assert _rename(texts, "TestA", "TestZ")
    assert "func TestZ(t" in texts["money/a_test.go"]
    assert not _rename(texts, "TestA", "TestZ")


@pytest.mark.parametrize(
    ("test_id", "key"),
    [
        ("tests/test_x.py::test_a", ("tests.test_x", "test_a")),
        ("test_x.py::TestA::test_b[x::y.py]", ("test_x.TestA", "test_b[x::y.py]")),
    ],
)
def test_names_in_pytest_reports(test_id, key):
    assert _key(test_id) == key


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (None, False, False),
        (None, None, True),
        ("1", 1, False),
        ([1, {"a": [True]}], [1, {"a": [True]}], True),
        ([1, {"a": [True]}], [1, {"a": [1]}], False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ([1], [1, 2], False),
        ({}, [], False),
        (1e999, 2, False),
    ],
)
def test_json_values_are_compared_by_type_and_value(one, other, equal):
    assert same(one, other) is equal
    assert same(other, one) is equal
