import base64
import json

import pytest

from arena.demo.server import next_action

PROBLEM = "```\n>>> f(1)\n2\n```"
CUT = "the command was ended after 60 seconds"


def said(text, *, done):
    return f"exit code: 0\nnoise\narena-mutate: {json.dumps({'say': text, 'done': done})}\nmore"


BEGUN = said("60 candidates", done=False)
GOING = said("25 tried", done=False)


def command(*observations, problem=PROBLEM):
    return next_action(problem, observations, 60).command


def report(problem):
    encoded = command(problem=problem).split("/report.txt\n")[1].splitlines()[0]
    return base64.b64decode(encoded).decode()


def test_it_begins_by_bringing_the_search():
    first = command()
    assert first.startswith("mkdir -p ")
    assert first.endswith(" begin 60")
    assert "```" not in first
    assert len(first.encode()) < 64_000, "more than 16,000 tokens would be cut by usual limits"


def test_the_report_goes_along_and_nothing_around_it():
    assert report("It – is\n>>> f()\n1") == "It – is\n>>> f()\n1"
    assert report("Use ```bash```.\n<issue>\nIt is\n</issue>\n>>> g()") == "It is"


def test_it_goes_on_until_the_search_is_done():
    assert "go-on" in command(BEGUN)
    assert "go-on" in command(BEGUN, GOING)
    assert command(BEGUN, GOING, said("Candidate 30 works", done=True)) is None


def test_nothing_to_search_is_said_and_submitted():
    action = next_action(PROBLEM, [said("No example fails.", done=True)], 60)
    assert (action.say, action.command) == ("No example fails.", None)


@pytest.mark.parametrize(
    "answer",
    ["exit code: 127\npython3: not found", "", "arena-mutate: {oops}", 'arena-mutate: {"say": 1}'],
)
def test_a_sandbox_without_python_is_left_alone(answer):
    action = next_action(PROBLEM, [answer], 60)
    assert action.command is None
    assert "python3" in action.say


def test_a_batch_that_was_cut_off_is_passed_over_and_two_end_the_search():
    assert "go-on" in command(BEGUN, CUT)
    assert "go-on" in command(BEGUN, CUT, GOING)
    assert command(BEGUN, CUT, CUT) is None


@pytest.mark.parametrize("late", [[], ["There is no tool called x."], ["a", "b"]])
def test_after_the_end_it_only_submits(late):
    assert command(BEGUN, said("Candidate 1 works", done=True), *late) is None


def test_nothing_is_remembered_between_conversations():
    first = command(BEGUN, GOING)
    assert command() == command()
    assert command(BEGUN, GOING) == first
