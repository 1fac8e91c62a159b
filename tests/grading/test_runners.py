"""How runners prepare files and read what comes back; containers have their own suite."""

import json
import random
import re

import pytest

from arena.grading import go_runner, node_runner
from arena.grading.blackbox_runner import same
from arena.grading.go_runner import _FUNCTION
from arena.grading.job import content
from arena.grading.names import Names, Renaming
from arena.grading.node_runner import _assertions, _gaps, _rename, _tests
from arena.grading.pytest_runner import as_reported
from arena.records import Entry, File


def events(*found: tuple[str, str, int], **more) -> Entry:
    lines = [
        json.dumps({"type": kind, "name": name, "nesting": n, **more}) for kind, name, n in found
    ]
    return Entry(kind="file", data="".join(line + "\n" for line in lines).encode())


FILE = "a.test.js"


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
    assert [(test.id, test.outcome) for test in _tests(content(entry), FILE)] == [
        ("a.test.js::outer > inner", "passed"),
        ("a.test.js::outer > other", "failed"),
        ("a.test.js::outer", "failed"),
        ("a.test.js::inner", "passed"),
    ]


def test_skipped_and_todo_are_not_passed():
    for mark in ("skip", "todo"):
        (test,) = _tests(events(("test:pass", "x", 0), **{mark: True}).data, FILE)
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
        _tests(content(entry), FILE)


def test_names_may_hold_any_separator_of_lines():
    name = "first\u2028second\x85third"
    lines = [{"type": f"test:{kind}", "name": name, "nesting": 0} for kind in ("start", "pass")]
    data = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    assert [test.id for test in _tests(data, FILE)] == [f"{FILE}::{name}"]


def test_names_of_nested_tests_are_bounded_together():
    """Ten thousand groups, one in another, hold two thousand tests: 3 GB of names in 2 MB."""
    nested = [("test:start", "x" * 100, n) for n in range(10_000)]
    entry = events(*nested, *[("test:pass", "x", 9_999)] * 3_000)
    with pytest.raises(ValueError, match="too long names"):
        _tests(entry.data, FILE)


def renaming(seed: int, **around: str) -> Renaming:
    files = {name: File(path=name, data=text.encode()) for name, text in around.items()}
    return Renaming(Names(random.Random(seed), ["a sum of cents", "TestNothingIsLost"]), files, {})


def node_canary(text: str, kind: str, seed: int = 0) -> str:
    """The line that a canary adds."""
    title, planted = node_runner._plant(text, "x y", kind, random.Random(seed))
    assert title.endswith("x y")
    (line,) = set(planted.splitlines()) - {*text.splitlines(), ""}
    return line


def test_node_canaries_fail_in_each_way_that_the_file_asserts():
    text = (
        "const { test } = require('node:test');\nconst assert = require('assert/strict');\n"
        "test('a', () => { assert.deepEqual(a, b); assert.throws(f); });\n"
    )
    found = [node_canary(text, kind) for kind in _assertions(text)]
    assert all(line.startswith("test('x y', async () => { assert.") for line in found)
    assert ["deepEqual([" in found[0], "throws(() => " in found[1]] == [True, True]
    module = node_canary("import { strict as assert } from 'node:assert';\n", "ok(1 === 2)")
    assert "(await import(`node:test`)).test('x y'" in module
    assert "assert.ok(" in module
    bare = node_canary("import { equal } from 'node:assert';\n", "ok(1 === 2)")
    assert "(await import('node:assert')).strict.ok(" in bare


NODE = """\
import { describe, it } from 'node:test';
import assert from 'node:assert';

/* An odd ` and one that is off:
it('is in a comment', () => {});
*/

const text = `
it('is in a template', () => {});
`;

for (const n of [1, 2]) {
  it(`makes ${n}`, () => {});
}

describe('sums', () => {
  it('adds', () => {
    it('within', () => {});
  });
  for (const n of [1, 2]) {
    it(`loops ${n}`, () => {});
  }
  it('takes away', () => {});
});

describe('skipped', { skip: true }, () => {
  it('does nothing', () => {});
});
"""


def test_node_canaries_stand_between_tests_and_never_where_they_would_run_twice_or_not_at_all():
    found = [(NODE[gap.at :].split("\n")[0].strip(), gap.group) for gap in _gaps(NODE)]
    assert found == [
        ("describe('sums', () => {", ""),
        ("it('adds', () => {", "sums"),
        ("it('takes away', () => {});", "sums"),
        ("describe('skipped', { skip: true }, () => {", ""),
    ]


def test_no_comment_begins_in_a_regular_expression():
    text = NODE.replace("() => {});", r"() => { text.replace(/\/*$/, ''); });")
    text = text.replace(
        "  it('takes", "});\n\ndescribe('less', () => {\n  /* As said. */\n  it('takes"
    )
    found = {gap.group: text[gap.at :].partition("(")[2][:6] for gap in _gaps(text) if gap.group}
    assert found == {"sums": "'adds'", "less": "'takes"}


@pytest.mark.parametrize("seed", range(10))
def test_node_titles_and_groups_are_renamed_where_they_are_written_once(seed):
    ids = ["test/a.test.js::sums > adds", "test/a.test.js::sums > takes away"]
    file = File(path="test/a.test.js", data=NODE.replace("takes away", "adds").encode())
    _, renamed = _rename(file, ids[:1], renaming(seed))
    assert renamed[ids[0]].endswith(" > adds"), "two have the name"
    made, renamed = _rename(File(path=file.path, data=NODE.encode()), ids, renaming(seed))
    assert list(renamed) == ids
    assert made.path.endswith(".test.js")
    assert made.path != file.path
    for name in renamed.values():
        path, group, title = re.split("::| > ", name)
        assert path == made.path
        assert f"describe('{group}', " in made.data.decode()
        assert f"it('{title}', " in made.data.decode()
        assert not {group, title} & {"sums", "adds", "takes away"}


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


@pytest.mark.parametrize("seed", range(10))
def test_go_canaries_are_copies_that_fail_in_any_case_between_other_functions(seed):
    texts = {"money/a_test.go": GO}
    name = go_runner._plant(texts, "TestA", renaming(seed))
    planted = texts["money/a_test.go"]
    assert f"func {name}(t *testing.T) {{\n\tdefer t.Errorf(" in planted
    assert planted.count('if Half(3) != 2 {\n\t\tt.Fatal("}")\n\t}\n}') == 2
    assert go_runner._plant(texts, "TestB", renaming(seed + 50))
    assert go_runner._plant(texts, "TestGone", renaming(seed)) is None
    assert len(_FUNCTION.findall(texts["money/a_test.go"])) == 4


def test_go_canaries_stand_anywhere_but_in_a_text():
    texts = {"a_test.go": GO.replace('"}"', "`\nfunc TestC() {}\n`")}
    places = set()
    for seed in range(40):
        planted = dict(texts)
        name = go_runner._plant(planted, "TestB", renaming(seed))
        places.add(re.findall(r"func (\w+)", planted["a_test.go"]).index(name))
    assert places == {0, 2, 3}, "never between A and the text in it"


ODD_GO = """package money

import "testing"

/* it's off, as `it` says:
func TestOff(t *testing.T) {
}
*/

func TestA(t *testing.T) { check(t, '`', "{") }

func TestB(t *testing.T) {
	want := `
func main() {
}
`
	check(t, want) // }
}
"""


@pytest.mark.parametrize("original", ["TestA", "TestB"])
@pytest.mark.parametrize("seed", range(12))
def test_go_canaries_are_whole_copies_whatever_braces_and_comments_say(original, seed):
    texts = {"a_test.go": ODD_GO}
    name = go_runner._plant(texts, original, renaming(seed))
    planted = texts["a_test.go"]
    assert go_runner._names([planted]) == {"TestA", "TestB", name}, "it stands in no comment"
    head, _, rest = planted.partition(f"func {name}(t *testing.T) {{\n\tdefer t.Errorf(")
    _, _, copy = rest.partition("\n")
    body = ODD_GO.partition(f"func {original}(t *testing.T) {{")[2].partition("\nfunc Test")[0]
    assert copy.startswith(f"{body.rstrip().removesuffix('}').rstrip()}\n}}\n\n")
    rest = copy.removeprefix(f"{body.rstrip().removesuffix('}').rstrip()}\n}}\n\n")
    assert (head + rest).rstrip() == ODD_GO.rstrip(), "and nothing else has changed"


def test_go_tests_and_files_are_renamed():
    texts = {"money/a_test.go": GO, "money/b_test.go": "package money\n"}
    asked = {"money:TestA": "TestA", "money:TestGone": "TestGone"}
    new = go_runner._rename(texts, asked, renaming(1), {"money/b_test.go"})
    assert new["money:TestGone"] == "TestGone"
    (path,) = texts.keys() - {"money/b_test.go"}
    assert f"func {new['money:TestA']}(t" in texts[path]
    assert "TestA(" not in texts[path]
    stem = path.removeprefix("money/").removesuffix("_test.go")
    assert "_" not in stem, "no system's or machine's name can stand at its end"


SPEAKING = [
    ("tests/data.txt", "test_one"),
    ("tests/test_b.py", "from tests.test_a import test_one"),
    ("tests/test_one.snap", ""),
]


@pytest.mark.parametrize(("path", "text"), SPEAKING)
def test_a_name_that_another_file_speaks_of_stays(path, text):
    spoken = renaming(0, **{path: text})
    assert spoken.within("tests/test_a.py", "def test_one(): ...", "test_one", "test_snake") == (
        "def test_one(): ...",
        "test_one",
    )


@pytest.mark.parametrize(
    "text", ["def test_one(): test_one", "def test_one(request): request.node.name", ""]
)
def test_a_name_that_its_own_file_speaks_of_stays(text):
    assert renaming(0).within("test_a.py", text, "test_one", "test_snake") == (text, "test_one")


def test_a_test_of_the_same_name_elsewhere_is_no_hindrance():
    other = renaming(0, **{"tests/test_b.py": "def test_one(): ..."})
    text, name = other.within("test_a.py", "def test_one(): ...", "test_one", "test_snake")
    assert name != "test_one"
    assert text == f"def {name}(): ..."


@pytest.mark.parametrize("style", ["test_snake", "TestCamel", "plain words", "kebab-file"])
def test_names_are_made_of_the_repositorys_own(style):
    names = Names(random.Random(0), ["test_half_of_odd_twin", "TestSharesWithRest", "ok 8"])
    drawn = {names.draw(style) for _ in range(50)}
    words = {word.lower() for name in drawn for word in re.findall(r"[A-Z]?[a-z]+|\d", name)}
    assert words == {"half", "of", "odd", "shares", "with", "rest", "ok", "8"} | (
        {"test"} if style.startswith(("test", "Test")) else set()
    )


def test_names_do_not_run_out():
    names = Names(random.Random(0), ["test_x"])
    taken: set[str] = set()
    for _ in range(200):
        taken.add(names.draw("test_snake", lambda name: name not in taken))
    assert len(taken) == 200


@pytest.mark.parametrize(
    ("test_id", "key"),
    [
        ("tests/test_x.py::test_a", "tests.test_x::test_a"),
        ("test_x.py::TestA::test_b[x::y.py]", "test_x.TestA::test_b[x::y.py]"),
    ],
)
def test_names_in_pytest_reports(test_id, key):
    assert as_reported(test_id) == key


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
