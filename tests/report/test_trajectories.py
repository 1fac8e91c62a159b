"""Trajectories of every kind of agent, held against the format's own records and the ledger."""

import json
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.report.interchange import trajectories_of_run
from tests.agent.gold import gold_blocks
from tests.agent.rig import AGENTS, TASK, Hand, bake, contestant, profile, recorded, solver
from tests.agent.told import agrees, exported, spent, totals
from tests.e2e.rig import arena, gold_command
from tests.e2e.rig import contestant as unpriced
from tests.servers.many_apis import ManyStub, api
from tests.servers.openai_stub import Answer, by_turn, call, calls, error, text

ROOT = Path(__file__).parents[2]


def thoughtful(answer, api_):
    """The same answer with what the model thought, as its API writes it."""
    field = "thinking" if api_ == "messages" else "reasoning_content"
    return Answer({**answer.message, field: "Touching spans?"}, finish_reason=answer.finish_reason)


def test_every_kind_of_agent_is_told_in_one_form(tmp_path):
    changed, blocks = gold_blocks(TASK)
    edits = by_turn([text(f"```show\n{changed[0]}\n```"), text(blocks), text("DONE")])
    fix = calls(("bash", {"command": gold_command(TASK)}), content="I change the comparison.")
    shell = by_turn([thoughtful(fix, "chat"), call("submit")])

    def claude(request):
        return thoughtful(fix, "messages") if len(request.messages) == 1 else call("submit")

    profile(tmp_path)
    scripts = {"shell": shell, "edits": edits, "own": solver(Hand("bash")), "claude": claude}
    stubs = {name: ManyStub(script) for name, script in scripts.items()}
    anthropic = {"provider": "anthropic", "model": "claude-sonnet-5-5"}
    tables = [contestant(n, n, stubs[n]) for n in ("shell", "edits", "own")]
    tables.append(contestant("claude", "shell", stubs["claude"], backend=anthropic))
    with stubs["shell"], stubs["edits"], stubs["own"], stubs["claude"]:
        tables.append('[[contestant]]\nname = "nop"\nagent = "nop"')
        report, _ = bake(tmp_path, tables, more=AGENTS)
    assert {api(request) for request in stubs["claude"].requests} == {"messages"}
    found = exported(tmp_path)
    assert set(found) == {f"core.interval-merge--{name}--1" for name in stubs}
    for name in stubs:
        agrees(found[f"core.interval-merge--{name}--1"], report, name)

    for name in ("shell", "claude"):
        one = found[f"core.interval-merge--{name}--1"]
        (acted,) = [
            s for s in one.steps if s.tool_calls and s.tool_calls[0].function_name == "bash"
        ]
        assert acted.source == "agent"
        assert acted.message == "I change the comparison."
        assert acted.reasoning_content == "Touching spans?"
        assert acted.tool_calls[0].arguments == {"command": gold_command(TASK)}
        assert acted.observation.results[0].source_call_id == acted.tool_calls[0].tool_call_id
    edited = found["core.interval-merge--edits--1"]
    assert [s.message for s in edited.steps if s.source == "agent"][1:] == [blocks, "DONE"]
    own = found["core.interval-merge--own--1"]
    looked = next(s for s in own.steps if s.tool_calls)
    assert "PATH=" in looked.observation.results[0].content
    assert (own.agent.name, own.agent.model_name) == ("own", "scripted-1")
    times = [datetime.fromisoformat(step.timestamp) for step in own.steps]
    assert times == sorted(times)


def test_each_try_is_told_and_together_they_are_the_account(tmp_path):
    script = [
        call("bash", command="ls"),
        error(400),
        call("bash", command=gold_command(TASK)),
        call("submit"),
    ]
    with ManyStub(script) as stub:
        report, path = bake(tmp_path, [contestant("one", "shell", stub)])
    assert [record["try_number"] for record in recorded(path)] == [1, 2]
    found = exported(tmp_path)
    assert set(found) == {"core.interval-merge--one--1", "core.interval-merge--one--1--try-1"}
    tokens, cost_usd = spent(report, "one")
    added = [sum(pair) for pair in zip(*map(totals, found.values()), strict=True)]
    assert tuple(added) == tokens
    costs = [one.final_metrics.total_cost_usd for one in found.values()]
    assert sum(costs) == pytest.approx(cost_usd)


def test_a_cost_that_nobody_knows_is_not_told(tmp_path):
    script = [call("bash", command=gold_command(TASK)), call("submit")]
    with ManyStub(script) as stub:
        report, _ = bake(tmp_path, [unpriced("one", stub.base_url)])
    assert report["contestants"][0]["cost_usd"] is None
    (one,) = exported(tmp_path).values()
    assert one.final_metrics.total_cost_usd is None
    assert totals(one) == stub.told


NAME = "core.business-days--mutate-20--1"


def tampered(tmp_path, changes):
    """The shipped sample with the entries of one transcript changed."""
    shutil.copytree(ROOT / "reports/samples/demo", tmp_path / "run")
    path = tmp_path / "run/trials" / NAME / "transcript.jsonl"
    entries = [json.loads(line) | changes for line in path.read_text().splitlines()]
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return dict(trajectories_of_run(tmp_path / "run"))


@pytest.mark.parametrize("at", ["soon", -1, 1e300, 10**400, [], None])
def test_a_time_that_is_none_is_the_trial_s_start(tmp_path, at):
    steps = tampered(tmp_path, {"at": at})[NAME]["steps"]
    assert len(steps) > 3
    assert len({step["timestamp"] for step in steps}) == 1


def test_usage_that_is_none_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="usage of call "):
        tampered(tmp_path, {"kind": "call", "usage": {"output": "many"}})


def test_where_no_run_is_nothing_is_written(tmp_path):
    ended = arena("agents", "trajectories", "nowhere", cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert "nowhere" in ended.err
    assert not (tmp_path / "nowhere").exists()
