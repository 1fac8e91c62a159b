"""What grading writes down of the tests that the agent could see: never the hidden verdict."""

import pytest


@pytest.mark.parametrize("name", ["python", "node"])
def test_shown_tests_that_pass_are_told_beside_any_verdict(toy, name):
    range_ = toy(name)
    solved = range_.grade(range_.gold)
    assert (solved.verdict, solved.visible) == ("passed", "passed")
    idle = range_.attack({"notes.txt": "nothing is fixed\n"})
    assert (idle.verdict, idle.visible) == ("failed", "passed")


def test_shown_tests_that_a_patch_breaks_are_told(toy):
    broken = toy("python").attack({"src/purse/money.py": "def half(cents):\n    return 0\n"})
    assert (broken.verdict, broken.visible) == ("failed", "failed")


def test_nothing_is_told_where_hidden_files_join_the_shown_ones(toy):
    range_ = toy("go")
    assert range_.grade(range_.gold).visible is None
