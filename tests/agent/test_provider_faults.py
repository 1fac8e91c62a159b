"""An endpoint that breaks streams off, under agents: never a failure of the model."""

import json
import threading
from dataclasses import replace

import pytest

from tests.agent.rig import AGENTS, HERE, TASK, Hand, contestant, recorded, solver
from tests.agent.test_real_agents import HANDS, LAST
from tests.e2e.rig import CANARY, arena, bakeoff
from tests.servers.many_apis import ManyStub, breaking
from tests.servers.openai_stub import fault

QUICK = [("own", 1, 1), ("own", 0, 4), ("own", 1, 9), ("codex", 1, 4)]
ALL = [("own", at, times) for at in range(3) for times in range(1, 10)] + [
    (agent, at, times)
    for number, agent in enumerate(HANDS, 1)
    for at in range(3)
    for times in range(1 + (number + at) % 3, 10, 3)
]
"""The user's own agent breaks at each turn one to nine times; of the shipped ones each at each turn,
three of those times, so that two of them meet each.
"""


def streaming(folder, tries, timeout_s):
    """The profile `own.toml` of an agent that streams."""
    form = (HERE / "own_agent.toml").read_text().replace('scale = "1"', f'scale = "{tries}"')
    form = form.partition("[report]")[0].replace("@api@", '"chat"')
    source = (HERE / "streaming_agent.py").read_text()
    source = source.replace("urlopen(request)", f"urlopen(request, timeout={timeout_s})")
    (folder / "own.toml").write_text(form.replace("@source@", source))


def run(folder, agent, script, *, more="", tries=2, timeout_s=None):
    streaming(folder, tries, timeout_s)
    with ManyStub(script) as stub:
        bakeoff(folder, [contestant("one", agent, stub)], tasks=[TASK], more=f"{AGENTS}\n{more}")
        ended = arena(
            "run", "bakeoff.toml", "--format", "json", cwd=folder, timeout_s=900, THE_KEY=CANARY
        )
    assert ended.code in {0, 3}, ended.err
    return ended, stub, folder / "runs" / "test"


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("agent", "at", "times"),
    [pytest.param(*one, marks=() if one in QUICK else pytest.mark.slow) for one in ALL],
)
def test_streams_that_break_off_are_never_the_models_failure(tmp_path, agent, at, times):
    hand = HANDS.get(agent, Hand("bash"))
    script = breaking(solver(hand, last=LAST.get(agent)), at=at, times=times)
    ended, stub, path = run(tmp_path, agent, script)
    row, trial = ended.json["contestants"][0], ended.json["trials"][0]
    assert trial["verdict"] in {"passed", None}, trial
    tries = recorded(path)
    for record in tries[:-1]:
        assert record["fault"]["kind"] in {"provider", "uncertain"}, record
    if trial["verdict"] is None:
        assert tries[-1]["fault"]["kind"] in {"provider", "uncertain"}
        assert len(tries) == 3, "it was made again"
    whole = [served.usage for served in stub.served if served.told]
    assert row["tokens"]["input"] == sum(usage["prompt_tokens"] for usage in whole)
    assert row["tokens"]["output"] == sum(usage["completion_tokens"] for usage in whole)


def test_endings_are_counted_by_kind_wherever_results_are_shown(tmp_path):
    ended, _, path = run(tmp_path, "own", lambda _: fault("cut"))
    assert ended.code == 3
    row, trial = ended.json["contestants"][0], ended.json["trials"][0]
    assert (trial["stop"], trial["verdict"]) == (None, None)
    assert row["endings"] == {"provider_fault": 1}
    assert row["faults"] == 1
    assert "the provider failed" in (path / "report" / "index.html").read_text()
    shown = " ".join(arena("report", "runs/test", cwd=tmp_path).out.split())
    assert "1 the provider failed" in shown
    assert json.loads(arena("report", "runs/test", "--format", "json", cwd=tmp_path).out)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_agents_own_time_out_on_a_slow_endpoint_is_tried_again(tmp_path):
    waits, lock, solve = [60.0], threading.Lock(), solver(Hand("bash"))

    def script(request):
        with lock:
            return replace(solve(request), delay_s=waits.pop() if waits else 0.0)

    ended, _, path = run(tmp_path, "own", script, tries=1, timeout_s=33)
    slow, last = recorded(path)
    assert slow["fault"]["kind"] == "uncertain"
    assert "left a call that had taken more than 30 seconds" in slow["fault"]["message"]
    assert (last["fault"], ended.json["trials"][0]["verdict"]) == (None, "passed")
    assert ended.json["contestants"][0]["endings"] == {"submitted": 1}
