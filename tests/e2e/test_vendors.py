"""The shell agent fixes a task against every vendor's stand-in, through `arena run`."""

from contextlib import ExitStack

from tests.e2e.rig import arena, bakeoff, contestant, gold_command
from tests.servers.openai_stub import calls, error, fault
from tests.servers.sheets import MODELS, SHEETS
from tests.servers.vendor import KEY, Turn, Vendor, bash, tool

TASK = "core/interval-merge"
TROUBLE = {1: error(429, Retry_After="0"), 3: fault("cut")}


def turns():
    """Look twice at once, fix, run the tests, submit."""
    check = "python -m pytest -q 2>&1 | tail -1"
    look = Turn(
        calls(("bash", {"command": "ls"}), ("bash", {"command": "git log"})).message, "tool_calls"
    )
    return [look, bash(gold_command(TASK)), bash(check), tool("submit")]


def test_every_vendor(tmp_path):
    """One contestant a vendor, the same task for all; a 429 and a cut reply on the way."""
    with ExitStack() as stack:
        vendors = {
            name: stack.enter_context(Vendor(name, turns(), faults=TROUBLE.get))
            for name in sorted(SHEETS)
        }
        bakeoff(
            tmp_path,
            [
                contestant(
                    name,
                    vendor.base_url,
                    provider=name,
                    model=MODELS[name],
                    api_key_env="STAND_IN_KEY",
                )
                for name, vendor in vendors.items()
            ],
            tasks=[TASK],
            more="strict = false\n[limits]\nseconds = 120",
        )
        ended = arena(
            "run", "bakeoff.toml", "--out", "run", "--format", "json", "--concurrency", "4",
            cwd=tmp_path, timeout_s=600, STAND_IN_KEY=KEY,
        )  # fmt: skip
    assert ended.code == 0, ended.err
    found = {c["name"]: c for c in ended.json["contestants"]}
    assert {name: c["passed"] for name, c in found.items()} == dict.fromkeys(SHEETS, 1)
    for name, vendor in vendors.items():
        assert vendor.refusals == [], name
        tokens = found[name]["tokens"]
        told = [g for g in vendor.truth if g.told]
        assert len(vendor.truth) == len(told) + 1, "one reply was cut"
        assert tokens["input"] == sum(g.prompt for g in told), name
        assert tokens["cached_input"] == sum(g.cached for g in told), name
        assert tokens["output"] == sum(g.output for g in told), name
        assert found[name]["country"] is None
    leaks = [
        p for p in (tmp_path / "run").rglob("*") if p.is_file() and KEY.encode() in p.read_bytes()
    ]
    assert leaks == []
