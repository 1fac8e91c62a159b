"""The adapter for any runner that writes JUnit XML, driven by the task's own command."""

import shutil

import pytest

from arena.records import TestPlan

RUN = (
    *("env", "PYTHONPATH=/repo/src", "python3", "-P", "-m", "pytest", "-q", "tests"),
    *("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir=/repo", "--junitxml={report}"),
)
FORGED_REPORTS = """
from _pytest.reports import TestReport
make = TestReport.from_item_and_call.__func__
def forged(cls, item, call):
    report = make(cls, item, call)
    report.outcome = "passed"
    return report
TestReport.from_item_and_call = classmethod(forged)
"""
INIT = "src/purse/__init__.py"


@pytest.fixture
def any_runner(python):
    plan = TestPlan(
        runner="junit",
        fail_to_pass=(
            "tests.test_rest::test_half_of_odd",
            "tests.test_rest::test_shares_with_rest",
        ),
        pass_to_pass=("tests.test_money::test_text",),
        must_fail=("tests.test_rest_twin::test_half_of_odd",),
        command=RUN,
        timeout_s=60,
    )
    return python.having(tests=plan)


def test_gold_passes_and_nothing_does_not(any_runner):
    assert any_runner.grade(any_runner.gold, strict=True).verdict == "passed"
    assert any_runner.attack({"NOTES.md": "x\n"}).verdict == "failed"


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        ("import os; os._exit(0)\n", "failed"),
        ("import os; os._exit(1)\n", "failed"),
        (FORGED_REPORTS, "integrity"),
    ],
)
def test_forgeries(any_runner, code, verdict):
    assert (
        any_runner.attack({INIT: f"from purse.money import half, shares, text\n{code}"}).verdict
        == verdict
    )


def test_a_runner_that_ends_with_0_where_a_twin_must_fail(any_runner):
    plan = any_runner.task.tests
    lenient = plan.model_copy(update={"command": ("sh", "-c", '"$@"; exit 0', "sh", *RUN)})
    found = any_runner.having(tests=lenient).grade(any_runner.gold)
    assert found.verdict == "integrity"
    assert "ended with 0" in found.reason


LONG_CLAIM = """
import os, sys
path = next(word for word in sys.argv if word.startswith("--junitxml=")).partition("=")[2]
with open(path, "w") as report:
    report.write("<" + "x" * 1_000_000 + "/>")
os._exit(1)
"""


def test_what_a_report_claims_does_not_fill_the_ledger(any_runner):
    found = any_runner.attack({INIT: LONG_CLAIM})
    assert found.verdict == "failed"
    assert len(found.reason) <= 2000


FORGED = """\
<testsuite tests="3">
<testcase classname="tests.test_rest" name="test_half_of_odd"/>
<testcase classname="tests.test_rest" name="test_shares_with_rest"/>
<testcase classname="tests.test_money" name="test_text"/>
</testsuite>
"""


def test_a_report_of_the_patchs_own_is_gone_from_folders_of_hidden_files_too(any_runner, tmp_path):
    """Once hidden files are laid, their folder is root's, and nobody could remove it there."""
    root = tmp_path / "pack" / "python"
    shutil.copytree(any_runner.task.root, root)
    (root / "tests/checks").mkdir()
    (root / "tests/checks/data.txt").write_text("1\n")
    run = f"mkdir out; {' '.join(RUN).replace('{report}', 'out/report.xml')}"
    update = {
        "runner": "command",
        "must_fail": (),
        "command": ("sh", "-c", run),
        "report": "junit",
        "report_files": ("*/report.xml",),
    }
    plan = any_runner.task.tests.model_copy(update=update)
    range_ = any_runner.having(root=root, tests=plan)
    assert range_.grade(range_.gold).verdict == "passed"
    files = {"checks/report.xml": FORGED, INIT: "import os; os._exit(1)\n"}
    assert range_.attack(files).verdict == "failed"
