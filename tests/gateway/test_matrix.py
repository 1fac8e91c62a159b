"""Claude Code and Codex, really installed and run, with three vendors' profiles."""

import pytest

from tests.agent.rig import bake, contestant, no_key_in, solver
from tests.agent.test_real_agents import HANDS
from tests.e2e.rig import CANARY
from tests.servers.many_apis import api
from tests.servers.many_vendor import ManyVendor

MODELS = {
    ("claude-code", "openai"): "gpt-6-luna",  # which takes no tools over chat while it reasons
    ("codex", "openai"): "gpt-5.1",
    ("claude-code", "anthropic"): "claude-sonnet-5-5",
    ("codex", "anthropic"): "claude-sonnet-5-5",
    ("claude-code", "deepseek"): "deepseek-v4-pro",
    ("codex", "deepseek"): "deepseek-v4-pro",
}
CELLS = [
    ("claude-code", "openai", True, "chat", "messages"),
    ("claude-code", "anthropic", True, "messages", None),
    ("claude-code", "deepseek", True, "messages", None),
    ("claude-code", "deepseek", False, "chat", "messages"),
    ("codex", "openai", True, "responses", None),
    ("codex", "anthropic", True, "chat", "responses"),
    ("codex", "deepseek", True, "responses", None),
    ("codex", "deepseek", False, "chat", "responses"),
]
QUICK = ("codex", "anthropic", True)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("agent", "provider", "all_apis", "route", "translated_from"),
    [pytest.param(*cell, marks=() if cell[:3] == QUICK else pytest.mark.slow) for cell in CELLS],
)
def test_an_agent_repairs_a_task_with_a_vendor(
    tmp_path, agent, provider, all_apis, route, translated_from
):
    with ManyVendor(provider, solver(HANDS[agent]), key=CANARY) as vendor:
        backend = {
            "provider": provider,
            "model": MODELS[agent, provider],
            "base_url": vendor.base_url,
            "endpoints": vendor.endpoints if all_apis else {},
        }
        report, run = bake(tmp_path, [contestant("one", agent, vendor.stub, backend=backend)])
    row, trial = report["contestants"][0], report["trials"][0]
    assert (trial["stop"], trial["verdict"]) == ("submitted", "passed"), trial
    assert (row["api"], row["translated_from"]) == (route, translated_from)
    page = (run / "report" / "index.html").read_text()
    assert f"one {route}" in page
    assert ('<span class="badge warn">translated</span>' in page) == (translated_from is not None)
    assert any("translated" in caveat for caveat in row["caveats"]) == (translated_from is not None)
    assert {api(request) for request in vendor.stub.requests} == {route}
    assert vendor.refusals == []
    assert (row["tokens"]["input"], row["tokens"]["output"]) == vendor.told
    assert trial["steps"] == len(vendor.stub.served)
    assert row["cost_usd"] is not None
    no_key_in(vendor.stub, run)
