"""Resolving a configuration."""

from pathlib import Path

import pytest

from arena import config, plan
from arena.errors import InputError
from arena.money.prices import SHIPPED_FX
from arena.records import BackendSpec, Limits
from arena.task import pack
from tests.benchmarks import job


def resolve(params: dict, *, agent: str = "shell", task: str = "core/interval-merge") -> plan.Plan:
    table = {"base_url": "http://127.0.0.1:1/v1", "model": "m"}
    made = config.parse(
        {
            "name": "n",
            "tasks": [task],
            "contestant": [{"name": "c", "backend": table, "params": params, "agent": agent}],
        },
        where="b.toml",
    )
    spec = BackendSpec(name="b", model="m", base_url="http://127.0.0.1:1/v1")
    return plan.resolve(made, base=Path(), backend=lambda _: spec, fx=SHIPPED_FX)


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


@pytest.mark.parametrize("agent", ["cline", "mini-swe-agent"])
@pytest.mark.parametrize("more", ["x" * 130_000, "a \0 b"], ids=["long", "NUL"])
def test_a_statement_that_is_no_argument_is_refused_before_it_costs_anything(tmp_path, agent, more):
    job.write_pack(tmp_path / "bench", 1)
    statement = tmp_path / "bench" / "add-00" / "problem.md"
    statement.write_text(statement.read_text() + more)
    with pytest.raises(InputError, match=rf"'c': {agent} takes its task as an argument.*bench/add"):
        resolve({}, agent=agent, task=str(tmp_path / "bench"))
    for other in ("shell", "codex"):
        assert resolve({}, agent=other, task=str(tmp_path / "bench")).trials == 1
