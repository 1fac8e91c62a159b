from dataclasses import replace

import pytest

from tests.demo.toys import TOYS, Toy, toy

UNREACHABLE = {"new_feature", "red_test"}


@pytest.mark.parametrize("name", sorted(set(TOYS) - UNREACHABLE))
def test_a_large_budget_repairs_what_one_mutation_can(repair, name):
    outcome = repair(TOYS[name], 200)
    assert outcome.ending.stop == "submitted"
    assert outcome.passes, outcome.log[-3000:]
    assert len(outcome.status.splitlines()) == 1, outcome.status


def test_a_small_budget_finds_less_and_leaves_the_tree_as_it_was(repair):
    outcome = repair(TOYS["return_in_the_loop"], 2)
    assert outcome.ending.stop == "submitted"
    assert "2 tried, none works" in outcome.log
    assert (outcome.passes, outcome.status) == (False, "")


@pytest.mark.parametrize("name", ["boundary", "new_feature"])
def test_fenced_blocks_do_as_well_as_tool_calls(repair, name):
    called, fenced = repair(TOYS[name], 200), repair(TOYS[name], 200, protocol="text")
    assert fenced.ending == called.ending
    assert (fenced.diff, fenced.status) == (called.diff, called.status)


def test_an_edit_leaves_the_rest_of_the_file_alone(repair):
    odd = (
        TOYS["boundary"]
        .files["src/grades.py"]
        .replace("\n", "\r\n")
        .replace("if points >= least:", "if  points >= least :  # é\t")
    )
    files = {**TOYS["boundary"].files, "src/grades.py": odd}
    outcome = repair(replace(TOYS["boundary"], files=files), 20)
    assert outcome.passes
    changed = [
        line
        for line in outcome.diff.splitlines()
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert [line.strip() for line in changed] == ["-    if points > 60:", "+    if points >= 60:"]


@pytest.mark.parametrize("name", sorted(UNREACHABLE))
def test_what_cannot_be_reached_is_given_up_with_a_clean_tree(repair, name):
    outcome = repair(TOYS[name], 60)
    assert (outcome.ending.stop, outcome.status, outcome.passes) == ("submitted", "", False)


def test_a_tree_without_python_is_said_to_be_so(repair):
    script = Toy(
        "It fails.\n\n```\n>>> f(1)\n2\n```",
        {"index.js": "module.exports = 1;\n"},
        "raise SystemExit(1)",
    )
    outcome = repair(script, 20)
    assert "No search is possible" in outcome.log
    assert (outcome.ending.stop, outcome.status, outcome.calls) == ("submitted", "", 2)


def test_a_report_without_anything_to_run_is_said_to_be_so(repair):
    outcome = repair(replace(TOYS["boundary"], problem="The grades are wrong."), 20)
    assert "no example of the report fails" in outcome.log
    assert (outcome.ending.stop, outcome.status) == ("submitted", "")


NASTY = toy(
    """
    ```
    >>> from messy import double
    >>> double(4)
    8
    ```
    """,
    "from messy import double\nassert double(5) == 10",
    messy="""
    import os


    def double(number):
        if number > 3:
            return number * 3
        if number < 0:
            os._exit(0)
        return number * 2
    """,
    test_messy="""
    import subprocess
    import sys
    from pathlib import Path

    from messy import double


    def test_small():
        Path("left_behind.txt").write_text("x")
        Path("messy_copy").mkdir(exist_ok=True)
        Path("messy_copy/deep.txt").write_text("x")
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        assert double(2) == 4
    """,
)


def test_what_tests_leave_behind_stays_out_of_the_tree(repair):
    outcome = repair(NASTY, 200)
    assert outcome.status == " M messy.py\n"


def test_a_suite_that_never_ends_does_not_stop_the_search(repair):
    slow = "import time\n\n\ndef test_slow():\n    time.sleep(300)\n"
    outcome = repair(
        replace(TOYS["boundary"], files={**TOYS["boundary"].files, "tests/test_slow.py": slow}), 20
    )
    assert outcome.passes
    assert outcome.ending.mistakes == 0
