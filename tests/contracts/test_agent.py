"""What every agent does: each built-in one, each control, and a program of its own."""

import json

import pytest

from arena.agent import external
from arena.registry import AGENTS, agent_module
from tests.agent.rig import AGENTS as PROFILE
from tests.agent.rig import bake, contestant, no_key_in, profile, recorded
from tests.e2e.rig import control
from tests.servers.many_apis import ManyStub, turn
from tests.servers.openai_stub import call, text

STEPS = 2
ATTEMPTS = 2
NAMES = [*AGENTS, "own"]


def never_done(request):
    """A model that always has one more thing to do; its endpoint is the agent's name."""
    if request.body.get("tools"):
        return call("bash", command=f"echo step {turn(request)}")
    return text("```show\nREADME.md\n```")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One bake-off of all of them: the trials by agent, and the requests by agent."""
    folder = tmp_path_factory.mktemp("agents")
    profile(folder)
    able = {name: agent_module(name).capabilities(name, {}) for name in AGENTS}
    able["own"] = external.capabilities(external.read(folder / "own.toml"))
    assert set(able) == set(NAMES)
    stubs = {name: ManyStub(never_done) for name in NAMES if not able[name].control}
    try:
        for stub in stubs.values():
            stub.__enter__()
        tables = [
            control(name) if able[name].control else contestant(name, name, stubs[name])
            for name in NAMES
        ]
        limits = f"{PROFILE}\n[limits]\nsteps = {STEPS}"
        _, path = bake(folder, tables, more=limits, attempts=ATTEMPTS)
        for stub in stubs.values():
            no_key_in(stub, path)
    finally:
        for stub in stubs.values():
            stub.__exit__(None, None, None)
    trials = {name: [r for r in recorded(path) if r["contestant"] == name] for name in NAMES}
    return trials, {name: stub.requests for name, stub in stubs.items()}


@pytest.mark.parametrize("name", NAMES)
def test_its_end_is_an_outcome_and_never_a_fault(ran, name):
    trials, _ = ran
    assert len(trials[name]) == ATTEMPTS
    for trial in trials[name]:
        assert trial["fault"] is None
        assert trial["verification"]["verdict"]


@pytest.mark.parametrize("name", NAMES)
def test_it_makes_no_call_past_a_limit(ran, name):
    trials, requests = ran
    if name not in requests:
        assert {trial["stop"] for trial in trials[name]} == {"submitted"}
        assert {trial["steps"] for trial in trials[name]} == {0}
        return
    assert {trial["stop"] for trial in trials[name]} == {"steps"}
    assert len(requests[name]) == ATTEMPTS * STEPS


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_nothing_from_one_trial_to_the_next(ran, name):
    """Both attempts begin alike, but for the word that keeps caches apart."""
    _, requests = ran
    first = [r for r in requests.get(name, ()) if turn(r) == 0]
    if name in requests:
        assert len(first) == ATTEMPTS
        said = [r.messages[-1]["content"] for r in first]
        assert said[0] == said[1]
        assert "Back-to-back" in json.dumps(said[0])


@pytest.mark.parametrize("name", AGENTS)
def test_a_fresh_agent_is_made_for_each_trial(name):
    module = agent_module(name)
    assert module.make(name, {}) is not module.make(name, {})
