"""Resolving a configuration."""

from pathlib import Path

import pytest

from arena import config, plan
from arena.errors import InputError
from arena.records import BackendSpec, Limits
from arena.task import pack


def resolve(params: dict) -> plan.Plan:
    table = {"base_url": "http://127.0.0.1:1/v1", "model": "m"}
    made = config.parse(
        {
            "name": "n",
            "tasks": ["core/interval-merge"],
            "contestant": [{"name": "c", "backend": table, "params": params}],
        },
        where="b.toml",
    )
    spec = BackendSpec(name="b", model="m", base_url="http://127.0.0.1:1/v1")
    return plan.resolve(made, base=Path(), backend=lambda _: spec)


def test_a_plan_is_the_whole_matrix():
    made = resolve({"protocol": "text"})
    assert [task.id for task in made.tasks] == ["core/interval-merge"]
    assert made.trials == 1


def test_parameters_that_hold_a_fix_are_refused():
    (task,) = pack.load("core/interval-merge", base=Path())
    patch = pack.gold_patch(task) or ""
    added = max((line[1:] for line in patch.splitlines() if line.startswith("+ ")), key=len)
    with pytest.raises(InputError, match="keeps hidden"):
        resolve({"protocol": added})


def test_what_changed_since_a_run_is_named_with_both_values():
    old, new = Limits(steps=60), Limits(steps=80, usd="1")
    changed = plan._changes(old, new, "limits.")
    assert changed == ["limits.steps (60, now 80)", "limits.usd (None, now 1)"]


def test_an_unknown_parameter_names_the_agent():
    with pytest.raises(InputError, match="protocoll"):
        resolve({"protocoll": "text"})
