"""Reports of many tools, as the tools write them, and as nobody should believe them."""

import json

import pytest

from arena.grading.findings import ReportError
from arena.grading.reports import read

TAP = """\
TAP version 14
# Subtest: purse
    ok 1 - halves
    not ok 2 - wholes
      ---
      message: '2 is not 3'
      ...
    1..2
not ok 1 - purse
ok 2 - later # SKIP not today
not ok 3 - some day # TODO
ok 4
1..4
"""
CTEST = """\
Test project /repo/build
      Start  1: halves
 1/4 Test  #1: halves ...........................   Passed    0.01 sec
      Start  2: wholes
 2/4 Test  #2: wholes ...........................***Failed    0.02 sec
 3/4 Test  #3: crash ............................***Exception: SegFault  0.10 sec
 4/4 Test  #4: later ............................***Skipped   0.00 sec

50% tests passed, 2 tests failed out of 4
"""
GO = [
    {"Action": "start", "Package": "example.org/purse"},
    {"Action": "run", "Package": "example.org/purse", "Test": "TestHalf"},
    {"Action": "output", "Package": "example.org/purse", "Test": "TestHalf", "Output": "--- PASS"},
    {"Action": "pass", "Package": "example.org/purse", "Test": "TestHalf", "Elapsed": 0},
    {"Action": "fail", "Package": "example.org/purse", "Test": "TestWhole/of_three", "Elapsed": 0},
    {"Action": "skip", "Package": "example.org/purse", "Test": "TestLater", "Elapsed": 0},
    {"Action": "fail", "Package": "example.org/purse", "Elapsed": 0.1},
]
CARGO = [
    {"type": "suite", "event": "started", "test_count": 3},
    {"type": "test", "event": "started", "name": "tests::halves"},
    {"type": "test", "name": "tests::halves", "event": "ok"},
    {"type": "test", "name": "tests::wholes", "event": "failed", "stdout": "thread panicked"},
    {"type": "test", "name": "tests::later", "event": "ignored"},
    {"type": "suite", "event": "failed", "passed": 1, "failed": 1},
]
UNITTEST = """\
Found 9 test(s).
test_doc (purse.tests.Purse.test_doc)
Halves ... of three cents. ... ok
test_noise (purse.tests.Purse.test_noise) ... a line
test_false (of this) and of that
ok
test_wholes (purse.tests.Purse) ... FAIL
test_sub (purse.tests.Purse.test_sub)
Each alone. ...\x20
  test_sub (purse.tests.Purse.test_sub) (i=0)
Each alone. ... FAIL
test_error (purse.tests.Purse.test_error) ... ERROR
test_later (purse.tests.Purse.test_later) ... skipped 'not today'
test_some_day (purse.tests.Purse.test_some_day) ... expected failure
test_too_early (purse.tests.Purse.test_too_early) ... unexpected success
test_dies (purse.tests.Purse.test_dies) ...\x20
"""
LIBTEST = """
running 3 tests
test tests::halves ... ok
test tests::wholes - should panic ... FAILED
test tests::later ... ignored, not today

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out
"""
JEST = {
    "numTotalTests": 3,
    "success": False,
    "testResults": [
        {
            "name": "/repo/src/purse.test.ts",
            "status": "failed",
            "assertionResults": [
                {"ancestorTitles": ["purse"], "title": "halves", "status": "passed"},
                {"ancestorTitles": ["purse", "of cents"], "title": "wholes", "status": "failed"},
                {"ancestorTitles": [], "title": "later", "status": "todo"},
            ],
        },
        {"name": "/repo/src/broken.test.ts", "status": "failed", "assertionResults": []},
    ],
}
MOCHA = {
    "tests": [
        {"title": "halves", "fullTitle": "purse halves", "file": "/repo/test/a.js", "err": {}},
        {
            "title": "wholes",
            "fullTitle": "wholes",
            "file": "/repo/test/a.js",
            "err": {"message": "no"},
        },
        {"title": "later", "fullTitle": "purse later", "file": "/repo/test/a.js", "err": {}},
    ],
    "pending": [{"title": "later", "fullTitle": "purse later", "file": "/repo/test/a.js"}],
    "failures": [],
    "passes": [],
}
JUNIT = """\
<testsuite name="org.acme.PurseTest" tests="3" errors="0" skipped="1" failures="1">
  <testcase name="halves" classname="org.acme.PurseTest" time="0.01"/>
  <testcase name="wholes" classname="org.acme.PurseTest" time="0.02"><failure>no</failure></testcase>
  <testcase name="later" classname="org.acme.PurseTest" time="0"><skipped/></testcase>
</testsuite>
"""


WIDE = {
    "testResults": [
        {
            "name": "x" * 9000,
            "assertionResults": [{"ancestorTitles": [], "title": "", "status": "passed"}] * 9000,
        }
    ]
}


def lines(events):
    return "".join(json.dumps(one) + "\n" for one in events)


@pytest.mark.parametrize(
    ("form", "text", "passed", "failed", "skipped"),
    [
        ("tap", TAP, ["purse > halves", "test 4"], ["purse > wholes"], ["later", "some day"]),
        ("ctest", CTEST, ["halves"], ["wholes", "crash"], ["later"]),
        (
            "unittest",
            UNITTEST.replace("purse.tests.Purse", "P"),
            ["test_doc (P.test_doc) Halves ... of three cents.", "test_noise (P.test_noise)"],
            [
                "test_wholes (P)",
                "test_sub (P.test_sub) Each alone.",
                "test_too_early (P.test_too_early)",
            ],
            ["test_later (P.test_later)", "test_some_day (P.test_some_day)"],
        ),
        (
            "go-json",
            "go: downloading nothing\n" + lines(GO),
            ["example.org/purse::TestHalf"],
            ["example.org/purse::TestWhole/of_three"],
            ["example.org/purse::TestLater"],
        ),
        ("cargo-json", lines(CARGO), ["tests::halves"], ["tests::wholes"], ["tests::later"]),
        ("cargo-json", LIBTEST, ["tests::halves"], ["tests::wholes"], ["tests::later"]),
        (
            "jest-json",
            json.dumps(JEST),
            ["src/purse.test.ts::purse > halves"],
            ["src/purse.test.ts::purse > of cents > wholes"],
            ["src/purse.test.ts::later"],
        ),
        (
            "jest-json",
            json.dumps(JEST).replace("ancestorTitles", "of later versions"),
            ["src/purse.test.ts::halves"],
            ["src/purse.test.ts::wholes"],
            ["src/purse.test.ts::later"],
        ),
        (
            "mocha-json",
            "(node:1) a warning\n" + json.dumps(MOCHA),
            ["test/a.js::purse > halves"],
            ["test/a.js::wholes"],
            ["test/a.js::purse > later"],
        ),
        (
            "junit",
            JUNIT,
            ["org.acme.PurseTest::halves"],
            ["org.acme.PurseTest::wholes"],
            ["org.acme.PurseTest::later"],
        ),
    ],
)
def test_every_form_is_read_as_its_tool_writes_it(form, text, passed, failed, skipped):
    found = read(form, [text.encode()])
    by = {
        kind: [t.id for t in found if t.outcome == kind] for kind in ("passed", "failed", "skipped")
    }
    assert by == {"passed": passed, "failed": failed, "skipped": skipped}


@pytest.mark.parametrize(
    ("form", "text", "words"),
    [
        ("tap", "", "no report"),
        ("tap", "ok 1 - a\n", "cut off"),
        ("tap", "1..3\nok 1 - a\nok 2 - b\n", "plans 3 tests but holds 2"),
        ("tap", "1..1\nok 1 - a\nBail out! no disk\n", "gave up"),
        ("tap", "1..1\n" + " " * 400 + "ok 1 - a\nok 1 - b\n", "nested too deeply"),
        ("jest-json", '{"testResults": [{"name": 1}]}', "not jest-json"),
        ("jest-json", json.dumps(JEST)[:-40], "not jest-json"),
        ("jest-json", "[" * 100_000, "not jest-json"),
        ("mocha-json", '{"tests": [{"title": 3}], "pending": []}', "not mocha-json"),
        ("cargo-json", '{"type": "test", "name": "a"}', "not cargo-json"),
        ("junit", "<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>", "document type"),
        ("ctest", "x" * (17 << 20), "larger than"),
        # Small reports whose tests would fill the memory: one name stands in the ids of many
        ("tap", "    ok\n" * 9000 + "    1..9000\nok - " + "x" * 9000 + "\n1..1\n", "long names"),
        ("tap", "ok\n" * 200_001 + "1..200001\n", "more than 200,000"),
        ("jest-json", json.dumps(WIDE), "long names"),
        # And those that would take for ever: many ways to part a line, and a mark many times
        ("unittest", "a (a)\n" * 100_000 + "\nb (c) ... ok" + " ..." * 100_000, None),
        ("ctest", "1/1 Test #1: a" + " .. ***" * 100_000 + "\n1/1 Test #2: b ... ? 1.0 sec", None),
        (
            "junit",
            f"<testsuite><testcase name='a'>{'<failure/>' * 500_000}</testcase>",
            "whole XML",
        ),
    ],
)
def test_what_cannot_be_believed_is_refused(form, text, words):
    if words is None:
        assert [test.id.split()[0] for test in read(form, [text.encode()])] == ["b"]
        return
    with pytest.raises(ReportError, match=words):
        read(form, [text.encode()])


def test_reports_are_bounded_together():
    one = f"<testsuite><testcase name='{'x' * (7 << 20)}'/></testsuite>".encode()
    assert len(read("junit", [one] * 3)) == 3
    with pytest.raises(ReportError, match="larger than"):
        read("junit", [one] * 10)
