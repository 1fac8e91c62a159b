"""The reward that a script of Harbor's form leaves, with whatever it tells beside it."""

import json

import pytest

from arena.grading.script_runner import _reward
from arena.records import Entry

NONE = Entry(kind="absent")


def file(data):
    return Entry(kind="file", data=data if isinstance(data, bytes) else json.dumps(data).encode())


@pytest.mark.parametrize(
    ("as_json", "as_text", "reward"),
    [
        (file({"reward": 1, "verdict": "done", "tests": {"total": 3}}), NONE, 1),
        (file({"reward": 1, "tests_failed": 0}), NONE, 1),
        (file({"reward": 0.5, "tests_passed": 1}), NONE, 0.5),
        (file({"reward": 1}), file(b"0\n"), 1),
        (file({"tests": {"total": 3}}), file(b"1.0\n"), 1),
        (file({"failed": 0}), file(b" 1 "), 1),
        (file({"style": 1, "speed": 0.25}), NONE, 0.25),
        (file(b"{torn"), file(b"1"), 1),
        (NONE, file(b"1\n"), 1),
        (file({"reward": None}), NONE, None),
        (file({"reward": "NaN"}), NONE, None),
        (file({"reward": [1]}), NONE, None),
        (file({"verdict": "done"}), NONE, None),
        (file([1]), NONE, None),
        (NONE, file(b"inf"), None),
        (file(b'{"reward": 1' + b"0" * 400 + b"}"), NONE, None),
        (file(b'{"style": 1, "speed": 1' + b"0" * 400 + b"}"), NONE, None),
        (NONE, file(b""), None),
        (NONE, NONE, None),
    ],
)
def test_reward_is_the_score_and_nothing_else_is_a_condition(as_json, as_text, reward):
    assert _reward(as_json, as_text) == reward
