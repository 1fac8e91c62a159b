import json

import pytest

from arena.baseline.policy import next_action

PROBLEM = "```\n>>> f(1)\n2\n```"


def said(event, **facts):
    return f"exit code: 0\nsome noise\narena-mutate: {json.dumps({'event': event, **facts})}\nmore"


SURVEY = said("survey", goals=1, tests=4, candidates=60)


def command(*observations, budget=60):
    return next_action(PROBLEM, observations, budget).command


def test_it_begins_with_a_survey_that_brings_the_search():
    first = command(budget=60)
    assert first.startswith("mkdir -p ")
    assert "survey --limit 60" in first
    assert "```" not in first
    assert len(first.encode()) < 64_000, "more than 16,000 tokens would be cut by usual limits"


def test_batches_go_on_until_the_budget_is_spent():
    seen = [SURVEY]
    starts = []
    for _ in range(3):
        step = command(*seen)
        starts.append(step.split("try ")[1].split(" --root")[0])
        count = int(step.split("--count ")[1].split()[0])
        seen.append(said("try", tried=count, winner=None))
    assert starts == ["--start 0 --count 25", "--start 25 --count 25", "--start 50 --count 10"]
    assert "finish" in command(*seen)
    assert command(*seen, said("finish")) is None


def test_a_batch_that_ran_out_of_time_goes_on_where_it_stopped():
    assert "--start 7 --count 25" in command(SURVEY, said("try", tried=7, winner=None))


def test_large_budgets_keep_the_turns_few():
    survey = said("survey", goals=1, candidates=4000)
    assert "--start 0 --count 100" in command(survey, budget=4000)


def test_the_winner_is_applied_and_submitted():
    won = said("try", tried=3, winner=2)
    assert "apply --start 2" in command(SURVEY, won)
    assert command(SURVEY, won, said("apply", holds=True, path="a.py", operator="flag")) is None


def test_a_winner_that_does_not_hold_is_passed_over():
    seen = SURVEY, said("try", tried=3, winner=2), said("apply", holds=False)
    assert "try --start 3 --count 25" in command(*seen)


def test_nothing_to_search_is_said_and_submitted():
    survey = said("survey", candidates=0, note="no example fails")
    action = next_action(PROBLEM, [survey], 60)
    assert "finish" in action.command
    assert "no example fails" in action.say
    assert command(survey, said("finish")) is None


@pytest.mark.parametrize(
    "answer", ["exit code: 127\npython3: not found", "", "arena-mutate: {oops}"]
)
def test_a_sandbox_without_python_is_left_alone(answer):
    action = next_action(PROBLEM, [answer], 60)
    assert action.command is None
    assert "python3" in action.say


def test_a_command_that_was_cut_off_counts_as_its_batch():
    cut = "the command was ended after 60 seconds"
    assert "--start 25 --count 25" in command(SURVEY, cut)
    assert "--start 50 --count 10" in command(
        SURVEY, cut, said("try", tried=25, winner=None), budget=99
    )
    assert "finish" in command(SURVEY, cut, cut)


def test_a_change_that_was_cut_off_is_taken_back():
    assert "finish" in command(SURVEY, said("try", tried=1, winner=0), "the command was ended")


@pytest.mark.parametrize("late", [[], ["There is no tool called x."], ["a", "b"]])
def test_after_the_end_it_only_submits(late):
    won = said("try", tried=1, winner=0), said("apply", holds=True)
    assert command(SURVEY, *won, *late) is None


def test_lines_of_another_command_are_not_taken_for_an_answer():
    assert "--start 25" in command(SURVEY, said("finish"))


def test_nothing_is_remembered_between_conversations():
    first = command(SURVEY, said("try", tried=25, winner=None))
    assert command() == command()
    assert command(SURVEY, said("try", tried=25, winner=None)) == first
