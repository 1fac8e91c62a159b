"""Resolving a configuration."""

from pathlib import Path

import pytest

from arena import config
from arena.agent import external
from arena.errors import InputError
from arena.money.prices import SHIPPED_FX
from arena.records import BackendSpec, Limits, digest_of
from arena.registry import EARLIER_DIGESTS
from arena.run import plan
from arena.rundir.directory import EngineInfo, Manifest
from arena.sandbox.image.images import TaskImage
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


def manifest(made: plan.Plan) -> Manifest:
    images = {t.id: TaskImage(id="i", content="i", workdir="/repo", base="b") for t in made.tasks}
    info = EngineInfo(version="1", platform="any", cpus=1, memory_mb=1)
    return plan.manifest_of(made, images=images, layers={}, engine=info)


def with_agent(made: Manifest, digest: str) -> Manifest:
    """The manifest as a version of Arena wrote it that gave the agent another digest."""
    (spec,) = made.contestants
    then = spec.model_copy(update={"agent_digest": digest, "recorded_digest": ""})
    then = then.model_copy(update={"recorded_digest": then.digest})
    return made.model_copy(update={"contestants": (then,)})


@pytest.mark.parametrize("agent", ["shell", "edits", "codex"])
def test_a_run_of_the_first_version_goes_on_and_one_line_says_with_what(agent):
    new = manifest(resolve({}, agent=agent))
    first = EARLIER_DIGESTS.get(agent)
    if agent in new.programs:
        first = digest_of(external.earlier_identity(new.programs[agent]))
    old, said = with_agent(new, first), []
    going = plan.continued(old, new, where="out", say=said.append)
    assert [one.digest for one in going.contestants] == [one.digest for one in old.contestants]
    assert len(said) == 1
    assert f"c goes on with the agent {agent} of this version" in said[0]


def test_a_run_with_other_code_of_an_agent_does_not_go_on():
    new = manifest(resolve({}))
    with pytest.raises(InputError, match="contestant c: the code, prompts or profile of its agent"):
        plan.continued(with_agent(new, "other"), new, where="out", say=pytest.fail)


def test_a_contestant_with_other_params_does_not_go_on():
    old, new = manifest(resolve({})), manifest(resolve({"protocol": "text"}))
    with pytest.raises(InputError, match="contestant c: its params"):
        plan.continued(old, new, where="out", say=pytest.fail)


def test_a_run_that_did_not_change_goes_on_without_a_word():
    new = manifest(resolve({}))
    assert plan.continued(new, new, where="out", say=pytest.fail).contestants == new.contestants
