"""Cases that are decided on the host, before or after any container: none is opened here."""

import re
import subprocess
import sys

import pytest

from arena.errors import InputError
from arena.grading.audit import refuse_hints
from arena.grading.findings import (
    Findings,
    Reported,
    ReportError,
    Session,
    decide,
    weigh,
)
from arena.grading.job import Bench, content
from arena.grading.reports import read
from arena.grading.verify import verify
from arena.records import Entry, TestPlan
from arena.task import pack


class NoEngine:
    def open(self, *_, **__):
        raise AssertionError("a container was opened")


@pytest.fixture
def task(toys):
    (task,) = pack.load(str(toys / "python"), base=toys)
    return task


@pytest.fixture
def refused(task, tmp_path):
    """The reason for which a patch is invalid."""

    def grade(patch: str) -> str:
        found = verify(task, patch, Bench(NoEngine(), "", None, {}, tmp_path), strict=True)
        assert found.verdict == "invalid_patch"
        assert found.tests == {}
        return found.reason

    return grade


def new(path: str, mode: str = "100644", line: str = "x") -> str:
    return (
        f"diff --git a/{path} b/{path}\nnew file mode {mode}\n"
        f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{line}\n"
    )


def empty(path: str) -> str:
    return f"diff --git a/{path} b/{path}\nnew file mode 100644\n"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../../etc/x", "leaves its folder"),
        ("/etc/x", "absolute"),
        (".git/hooks/post-checkout", "into .git"),
        ("src/.Git/config", "into .git"),
        ("a\\b", "backslash"),
    ],
)
def test_28_paths_out_of_the_tree(refused, path, words):
    assert words in refused(new(path))


def test_28_a_null_in_a_path(refused):
    assert "control character" in refused(
        'diff --git "a/a\\000b" "b/a\\000b"\nnew file mode 100644\n'
    )
    assert "control character" in refused(new("a\0b"))


def test_29_links(refused):
    assert "symbolic link" in refused(new("d", "120000", "/") + new("d/etc/x"))
    assert "symbolic link" in refused(new("README", "120000", "/proc/self/environ"))


def test_30_submodules(refused):
    assert "submodule" in refused(new("lib", "160000", "Subproject commit 0123"))
    update = '[submodule "lib"]\\n\\tupdate = !touch /tmp/x'
    assert ".gitmodules" in refused(new(".gitmodules", line=update))


def test_31_oversized(refused):
    binary = (
        "diff --git a/x b/x\nnew file mode 100644\nindex 0..1\nGIT binary patch\nliteral 1\nIc\n"
    )
    assert "binary" in refused(binary)
    assert "bytes" in refused(new("big", line="x\n+" * 25_000_000))
    assert "files" in refused("".join(empty(f"f{n}") for n in range(10_000)))
    assert "bytes" in refused(new("wide", line="x" * 5_000_000))


def test_41_hints_in_an_agents_words(task):
    refuse_hints("Fix the bug. Run the tests with pytest. return cents // 2", [task], where="x")
    for hint in ("use\n   return (cents  + 1) // 2", "make test_half_of_odd pass"):
        with pytest.raises(InputError, match="toys/python that the task keeps hidden"):
            refuse_hints(f"Fix the bug: {hint}.", [task], where="agent.toml: prompt")


def test_every_case_is_somewhere(toys):
    """All numbers of the table; 43 stands with the report, in tests/report/test_hostile.py."""
    texts = [path.read_text() for path in toys.parent.glob("test_*.py")]
    numbers = {int(number) for text in texts for number in re.findall(r"def test_(\d\d)_", text)}
    assert numbers == set(range(1, 45)) - {43}
    assert (toys.parent.parent / "report" / "test_hostile.py").exists()


# ── 40: nothing fails open ─────────────────────────────────────────────────────────────────────

PLAN = TestPlan(runner="pytest", fail_to_pass=("a", "b"), pass_to_pass=("c",), must_fail=("z",))
GOOD = {"a": "passed", "b": "passed", "c": "passed"}


def weighed(*tests: tuple[str, str], exit_code: int | None = 1, fault: str = "") -> Findings:
    def report() -> list[Reported]:
        if fault:
            raise ReportError(fault)
        return [Reported(id=name, outcome=outcome) for name, outcome in tests]

    session = Session(expected=("a", "b", "c"), must_fail=("z",), exit_code=exit_code)
    return weigh(session, report)


def verdict(*tests: tuple[str, str], **more) -> str:
    return decide(weighed(*tests, **more), PLAN)[0]


RIGHT = (("a", "passed"), ("b", "passed"), ("z", "failed"), ("c", "passed"))


def test_40_a_right_report_passes():
    assert verdict(*RIGHT) == "passed"


@pytest.mark.parametrize(
    ("tests", "exit_code", "expected"),
    [
        (RIGHT[1:], 1, "failed"),
        (RIGHT[:2] + RIGHT[3:], 1, "failed"),
        ((*RIGHT, ("other", "passed")), 1, "failed"),
        ((*RIGHT, ("a", "passed")), 1, "failed"),
        ((*RIGHT[:3], ("c[trunc", "passed")), 1, "failed"),
        ((), 5, "failed"),
        ((), 0, "failed"),
        (RIGHT, 2, "failed"),
        (RIGHT, 3, "failed"),
        (RIGHT, 5, "failed"),
        (RIGHT, 137, "failed"),
        (RIGHT, None, "failed"),
        (RIGHT, 0, "integrity"),
        ((*RIGHT[:2], ("z", "passed"), RIGHT[3]), 1, "integrity"),
        ((*RIGHT[:2], ("z", "skipped"), RIGHT[3]), 1, "failed"),
        ((("a", "skipped"), *RIGHT[1:]), 1, "failed"),
        ((("a", "error"), *RIGHT[1:]), 1, "failed"),
        ((("a", "failed"), *RIGHT[1:]), 1, "failed"),
    ],
)
def test_40_a_report_that_does_not_agree(tests, exit_code, expected):
    assert verdict(*tests, exit_code=exit_code) == expected


def test_40_no_report():
    assert verdict(fault="gone") == "failed"


def test_40_findings_that_say_nothing():
    assert decide(Findings(), PLAN)[0] == "failed"
    assert decide(Findings(tests=GOOD, doubts=("odd",)), PLAN)[0] == "failed"
    assert decide(Findings(tests=GOOD, forged=("odd",)), PLAN)[0] == "integrity"


CASE = '<testcase classname="m" name="a" time="0.1"/>'


def xml(body: str = CASE, counts: str = 'tests="1" failures="0"', head: str = "") -> bytes:
    return f"{head}<testsuites><testsuite {counts}>{body}</testsuite></testsuites>".encode()


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        xml()[:-20],
        xml() + xml(),
        xml(head=BOMB),
        xml(
            '<testcase classname="&x;" name="a"/>',
            head='<!DOCTYPE x [<!ENTITY x SYSTEM "/etc/passwd">]>',
        ),
        xml(counts='tests="0"'),
        xml(counts='tests="1" failures="1"'),
        xml(counts='tests="NaN"'),
        xml(CASE.replace("0.1", "-10000")),
        xml(CASE.replace("0.1", "nan")),
        xml(CASE.replace("0.1", "inf")),
        xml(CASE.replace('name="a"', "")),
        xml(f"<testcase name='b'>{CASE}</testcase>"),
        xml("<x>" * 40 + "</x>" * 40),
        b"<html/>",
        b"<testsuites/>",
        xml("<system-out>" + "x" * 10_000_000 + "</system-out>" + CASE),
    ],
    ids=range(18),
)
def test_40_a_report_that_cannot_be_read(data):
    with pytest.raises(ReportError):
        read("junit", [data])


SUBTESTS = """
import unittest
class T(unittest.TestCase):
    def test_a(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertLess(i, 9)
    def test_b(self):
        for i in range(4):
            with self.subTest(i=i):
                self.assertLess(i, 2)
    def test_c(self):
        for i in range(3):
            with self.subTest(i=i):
                self.skipTest("no") if i else None
"""


def test_40_a_report_on_subtests_is_whole(tmp_path):
    (tmp_path / "test_s.py").write_text(SUBTESTS)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=o.xml"]
    subprocess.run([*argv, "test_s.py"], cwd=tmp_path, capture_output=True, check=False)
    data = (tmp_path / "o.xml").read_bytes()
    assert int(re.search(rb'tests="(\d+)"', data)[1]) > 3, "pytest counts subtests from 9 on"
    tests = read("junit", [data])
    assert {test.id.rpartition("::")[2]: test.outcome for test in tests} == {
        "test_a": "passed",
        "test_b": "failed",
        "test_c": "skipped",
    }


def test_40_a_refused_report_says_why():
    found = weighed(fault="the report says tests='0' but holds 1")
    reason = decide(found, PLAN)[1]
    assert reason.endswith("c (missing); the report says tests='0' but holds 1")


@pytest.mark.parametrize("kind", ["absent", "symlink", "directory", "other"])
def test_40_a_report_that_is_no_file(kind):
    with pytest.raises(ReportError):
        content(Entry(kind=kind, data=xml()))


def test_40_a_task_without_tests_is_none():
    with pytest.raises(ValueError, match="fail_to_pass"):
        TestPlan(runner="pytest", fail_to_pass=())
    with pytest.raises(ValueError, match="appear twice"):
        TestPlan(runner="pytest", fail_to_pass=("a", "a"))


def test_40_a_gold_patch_that_is_none(task, tmp_path):
    broken = task.model_copy(update={"root": tmp_path})
    (tmp_path / "gold.patch").write_text("diff --git a/x b/y\nnew file mode 100644\n")
    with pytest.raises(InputError, match=r"gold\.patch"):
        verify(broken, new("x"), Bench(NoEngine(), "", None, {}), strict=True)
