"""Resolving a configuration."""

import re
from collections import defaultdict
from datetime import date
from functools import partial
from pathlib import Path

import pytest

from arena import config
from arena.agent import external
from arena.backend import catalog
from arena.backend.resolve import resolve as backend_of
from arena.errors import InputError
from arena.money.prices import SHIPPED_FX
from arena.records import BackendSpec, Limits, digest_of
from arena.registry import EARLIER_DIGESTS
from arena.run import plan, preview, resume
from arena.rundir.directory import EngineInfo, Manifest
from arena.sandbox.image.store import Image
from arena.serialize import shaped
from arena.task import pack
from tests.benchmarks import job


def resolve(params: dict, *, agent: str = "shell", task: str = "core/interval-merge") -> plan.Plan:
    table = {"base_url": "http://127.0.0.1:1/v1", "model": "m"}
    made = config.BakeoffConfig.model_validate(
        {
            "name": "n",
            "tasks": [task],
            "contestant": [{"name": "c", "backend": table, "params": params, "agent": agent}],
        }
    )
    spec = BackendSpec(name="b", model="m", base_url="http://127.0.0.1:1/v1")
    return plan.resolve(made, base=Path(), backend=lambda _: spec, fx=SHIPPED_FX)


def test_a_plan_is_the_whole_matrix():
    made = resolve({"protocol": "text"})
    assert [task.id for task in made.tasks] == ["core/interval-merge"]
    assert made.trials == 1


def test_a_retired_model_whose_price_has_ended_is_shown_as_retired():
    made = config.BakeoffConfig.model_validate(
        {
            "name": "n",
            "tasks": ["core/interval-merge"],
            "limits": {"usd": 1},
            "contestant": [{"name": "c", "backend": "xai/grok-code-fast-1"}],
        }
    )
    known, today = catalog.load(), date(2026, 11, 24)
    backend = partial(backend_of, catalogue=known, today=today, environ={}, retired=True)
    shown = plan.resolve(made, base=Path(), backend=backend, fx=SHIPPED_FX)
    (ended,) = {row.valid_to for spec in shown.specs for row in spec.prices}
    assert ended is not None


def test_parameters_that_hold_a_fix_are_refused():
    (task,) = pack.load("core/interval-merge", base=Path())
    patch = pack.gold_patch(task) or ""
    added = max((line[1:] for line in patch.splitlines() if line.startswith("+ ")), key=len)
    with pytest.raises(InputError, match="keeps hidden"):
        resolve({"protocol": added})


def test_what_changed_since_a_run_is_named_with_both_values():
    old, new = Limits(steps=60), Limits(steps=80, usd="1")
    changed = resume._changes(old, new, "limits.")
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
    image = Image(
        kind="task", name="t", recipe="i", content="i", base="b", id="i", size_bytes=0, created_s=0
    )
    images = {t.id: image for t in made.tasks}
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
    going = resume.continued(old, new, where="out", say=said.append)
    assert [one.digest for one in going.contestants] == [one.digest for one in old.contestants]
    assert len(said) == 1
    assert f"c goes on with the agent {agent} of this version" in said[0]


def test_a_run_with_other_code_of_an_agent_does_not_go_on():
    new = manifest(resolve({}))
    with pytest.raises(InputError, match="contestant c: the code, prompts or profile of its agent"):
        resume.continued(with_agent(new, "other"), new, where="out", say=pytest.fail)


def test_a_contestant_with_other_params_does_not_go_on():
    old, new = manifest(resolve({})), manifest(resolve({"protocol": "text"}))
    with pytest.raises(InputError, match="contestant c: its params"):
        resume.continued(old, new, where="out", say=pytest.fail)


def test_a_run_that_did_not_change_goes_on_without_a_word():
    new = manifest(resolve({}))
    assert resume.continued(new, new, where="out", say=pytest.fail).contestants == new.contestants


def bakeoff_of(*tables: dict, **more) -> config.BakeoffConfig:
    data = {"name": "n", "tasks": ["core/interval-merge"], "contestant": list(tables), **more}
    return shaped(data, config.BakeoffConfig, where="b.toml")


def planned(*tables: dict, only: tuple[str, ...] = (), **more) -> plan.Plan:
    """Resolved against the shipped catalogue."""
    known = catalog.load()
    return plan.resolve(
        bakeoff_of(*tables, **more),
        base=Path(),
        backend=lambda ref: backend_of(ref, known, today=date(2026, 11, 23), environ={}),
        fx=SHIPPED_FX,
        overrides=plan.Overrides(contestants=only),
        where="b.toml",
    )


GPT = {"name": "gpt", "backend": "openai/gpt-5.1", "efforts": ["low", "high"]}


def test_each_effort_is_a_contestant_of_its_own():
    made = planned(GPT, {"name": "nop", "agent": "nop"})
    assert [(c.name, c.effort, c.family) for c in made.contestants] == [
        ("gpt-low", "low", "gpt"),
        ("gpt-high", "high", "gpt"),
        ("nop", None, ""),
    ]
    low, high, _ = made.contestants
    assert low.backend is not None
    assert low.backend.quirks.extra_body == {"reasoning_effort": "low"}
    (plain,) = planned({"name": "gpt", "backend": "openai/gpt-5.1"}).contestants
    assert len({plain.digest, low.digest, high.digest}) == 3
    kept = manifest(planned({**GPT, "budget": {"usd": 1}}))
    assert kept.contestant_budgets.keys() == {"gpt-low", "gpt-high"}


@pytest.mark.parametrize(
    ("only", "found"),
    [("gpt", ["gpt-low", "gpt-high"]), ("gpt-high", ["gpt-high"])],
)
def test_a_contestant_is_chosen_by_its_name_or_with_all_its_efforts(only, found):
    made = planned(GPT, {"name": "nop", "agent": "nop"}, only=(only,))
    assert [c.name for c in made.contestants] == found


@pytest.mark.parametrize("agent", ["codex", "claude-code", "opencode"])
def test_an_external_agent_is_told_an_effort(agent):
    backend = "anthropic/claude-opus-5" if agent == "claude-code" else "openai/gpt-5.2"
    made = planned({"name": "x", "agent": agent, "backend": backend, "efforts": ["low", "high"]})
    low, _ = made.contestants
    program = made.programs[agent]
    started = program.told(low.effort)
    if agent == "codex":
        assert started.command[-2:] == ("-c", "model_reasoning_effort=low")
    if agent == "claude-code":
        assert started.env["CLAUDE_CODE_EFFORT_LEVEL"] == "low"
    assert program.told(None) == program
    assert len({c.digest for c in made.contestants}) == 2


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"backend": "deepseek/deepseek-v4-pro"}, "contestant 'x-medium': effort 'medium' would"),
        ({"backend": "openai/gpt-4o"}, "'x-medium': .*openai/gpt-4o; it takes no effort"),
        ({"agent": "nop"}, "'x-medium': nop has no model to tell an effort; remove efforts"),
        (
            {"agent": "codex", "backend": "openai/gpt-6-luna", "efforts": ["max"]},
            "'x-max': effort 'max' would be dropped by codex; it takes minimal, low",
        ),
    ],
)
def test_an_effort_that_would_be_dropped_is_refused_in_one_line(table, says):
    with pytest.raises(InputError, match=says) as refused:
        planned({"name": "x", "efforts": ["medium"], **table})
    assert "\n" not in refused.value.line()


def test_an_agent_whose_profile_knows_no_effort_is_refused(tmp_path):
    (tmp_path / "own.toml").write_text(
        'name = "own"\nlabel = "Own"\napi = ["chat"]\ncommand = ["x"]\n'
    )
    table = {"name": "x", "agent": "own", "backend": "openai/gpt-5.1", "efforts": ["low"]}
    with pytest.raises(InputError, match=r"dropped by own; it takes none: its profile has no \[e"):
        planned(table, agents=[str(tmp_path / "own.toml")])


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ([{**GPT, "efforts": ["low", "low"]}], "'low' stands there twice"),
        ([{**GPT, "efforts": ["lowest"]}], "efforts"),
        ([GPT, {"name": "gpt-low", "agent": "nop"}], "two contestants are called 'gpt-low'"),
    ],
)
def test_efforts_in_a_configuration_are_checked(tables, says):
    with pytest.raises(InputError, match=says):
        bakeoff_of(*tables)


def test_the_complete_example_of_the_readme_is_read_and_planned(tmp_path, monkeypatch):
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text()
    (example,) = re.findall(r"```toml\n(# bakeoff.toml\n.*?)```", readme, re.DOTALL)
    (tmp_path / "bakeoff.toml").write_text(example)
    made = config.load(tmp_path / "bakeoff.toml")
    known = catalog.load()
    resolved = plan.resolve(
        made,
        base=tmp_path,
        backend=lambda ref: backend_of(ref, known, today=date(2026, 11, 23), environ={}),
        fx=SHIPPED_FX,
    )
    assert [c.name for c in resolved.contestants] == [
        "deepseek-low", "deepseek-high", "opus", "codex", "rack", "nop",
    ]  # fmt: skip
    monkeypatch.setattr(preview, "_away", lambda made: defaultdict(str))  # no network in tests
    shown = preview.preview(resolved, known=known, today=date(2026, 11, 23))
    assert shown.trials == 6 * 24 * 2
    assert not shown.refusals
    assert not [c.problems for c in shown.contestants if c.problems]
    assert shown.expected_usd is not None
