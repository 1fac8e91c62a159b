"""The shipped agents, really installed and run. Installing one takes minutes, once an engine."""

import pytest

from tests.agent.gold import gold_blocks
from tests.agent.rig import TASK, Hand, bake, contestant, no_key_in, solver, watched
from tests.agent.told import agrees, exported
from tests.e2e.rig import CANARY
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import call, text

DESCRIBED = (("description", "work"),)
HANDS = {
    "claude-code": Hand("Bash", more=DESCRIBED),
    "codex": Hand("exec_command", "cmd"),
    "opencode": Hand("bash", more=DESCRIBED),
    "qwen-code": Hand("run_shell_command", more=(*DESCRIBED, ("is_background", False))),
    "cline": Hand("run_commands", "commands", many=True),
    "mini-swe-agent": Hand("bash"),
}
QUICK = ("codex", "opencode")
"""Their installations are small, and the gateway's tests use one of them too."""
LAST = {"mini-swe-agent": call("bash", command="echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT")}


def repairs(tmp_path, agent, script):
    seen = []
    with ManyStub(watched(script, tmp_path / "runs" / "test", seen)) as stub:
        report, run = bake(tmp_path, [contestant("one", agent, stub)])
    row, trial = report["contestants"][0], report["trials"][0]
    assert (trial["stop"], trial["verdict"]) == ("submitted", "passed"), trial
    assert (row["tokens"]["input"], row["tokens"]["output"]) == stub.told
    assert row["cost_usd"] is not None
    assert trial["steps"] == len(stub.served)
    assert row["flags"] == {}, "what it counts itself is what was metered"
    (trajectory,) = exported(tmp_path).values()
    agrees(trajectory, report, "one")
    no_key_in(stub, run)
    assert CANARY not in seen[0]
    assert "/opt/agent" in seen[0], "its processes were seen"
    return stub, run


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "agent", [pytest.param(a, marks=() if a in QUICK else pytest.mark.slow) for a in HANDS]
)
def test_an_agent_repairs_a_task_through_the_gateway(tmp_path, agent):
    stub, _ = repairs(tmp_path, agent, solver(HANDS[agent], last=LAST.get(agent)))
    looked = " ".join(request.raw.decode() for request in stub.requests)
    assert "PATH=" in looked, "it ran the command that looks around"
    assert not {"/opt/agent/python/bin", "/opt/agent/node/bin"} & set(path_in(looked).split(":"))


def path_in(text_):
    return text_.partition("\\nPATH=")[2].partition("\\n")[0]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_aider_repairs_a_task_through_the_gateway(tmp_path):
    paths, blocks = gold_blocks(TASK)

    def script(request):
        said = str(request.messages[-1]["content"])
        return text(blocks if "SEARCH" in said or len(request.messages) > 2 else " ".join(paths))

    repairs(tmp_path, "aider", script)
