"""`arena plan` and `arena reprice` as a person would use them."""

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from arena.records import BackendSpec, PriceRow, PriceTier
from arena.rundir import ledger
from tests.agent.rig import AGENTS, profile
from tests.agent.rig import contestant as outside
from tests.benchmarks import job, ledgers
from tests.e2e.rig import arena, bakeoff, contestant, control
from tests.servers.many_apis import ManyStub
from tests.servers.openai_stub import Stub, call, text

ROOT = Path(__file__).parent.parent.parent
PRICE = {"input": 2.0, "output": 8.0}


@pytest.fixture
def old_run(tmp_path: Path) -> Path:
    """Two trials of ten calls each, at the prices of `ledgers`."""
    run = tmp_path / "old"
    ledgers.write(run, ledgers.manifest(2, 1, 1))
    return run


def test_a_plan_tells_what_is_missing_and_what_it_may_cost(tmp_path, old_run):
    with Stub(lambda _: text("no")) as stub:
        bakeoff(
            tmp_path,
            [
                contestant("a", stub.base_url, price=PRICE, api_key_env="NOT_SET_HERE"),
                control("nop"),
            ],
            tasks=["core/interval-merge"],
            attempts=3,
            more="[limits]\nusd = 0.5\n",
        )
        ended = arena(
            "plan", "bakeoff.toml", "--from", str(old_run), "--format", "json", cwd=tmp_path
        )
    assert ended.code == 1, ended.err  # the key is missing
    assert "would not start" in ended.err
    plan = ended.json
    assert plan["trials"] == 6
    first, nop = plan["contestants"]
    assert first["missing_key"] == "NOT_SET_HERE"
    assert nop["cost"] is None
    cost = first["cost"]
    # Ten calls: fresh 200 each, cached 1000 x (0..9) at the input price, output 150 each.
    a_trial = (10 * 200 + 45_000) * 2e-6 + 10 * 150 * 8e-6
    assert float(cost["expected_usd"]) == pytest.approx(3 * a_trial)
    assert float(cost["low_usd"]) <= float(cost["expected_usd"]) <= float(cost["high_usd"])
    assert float(cost["ceiling_usd"]) == 1.5
    assert not stub.requests
    assert not (tmp_path / "runs").exists()


def test_without_history_a_plan_says_what_it_rests_on(tmp_path):
    """A stated default for cost and time; everything there is, so the run would start."""
    with Stub(lambda _: text("no")) as stub:
        tables = [contestant("a", stub.base_url, price=PRICE), control("nop")]
        bakeoff(tmp_path, tables, tasks=["core/interval-merge"], attempts=3)
        ended = arena("plan", "bakeoff.toml", cwd=tmp_path)
        told = arena("plan", "bakeoff.toml", "--format", "json", cwd=tmp_path).json
    assert ended.code == 0, ended.out
    a_trial = 20 * (2_000 * 2e-6 + 8_000 * 2e-6 + 500 * 8e-6)
    assert float(told["expected_usd"]) == pytest.approx(3 * a_trial)
    assert told["expected_s"] == pytest.approx((3 * 20 * 9 + 3 * 10) / 2)
    assert "expected in all: $1.44 and about 5 minutes, 2 trials at once" in ended.out
    assert "basis: no earlier run: a trial is taken to be 20 calls (8 to 60)" in ended.out


def test_private_tasks_without_a_policy_are_a_failure_of_the_plan(tmp_path):
    job.write_pack(tmp_path / "ours", 1)
    pack = tmp_path / "ours" / "pack.toml"
    pack.write_text(pack.read_text() + "private = true\n")
    with Stub(lambda _: text("no")) as stub:
        bakeoff(tmp_path, [contestant("a", stub.base_url, price=PRICE)], tasks=["./ours"])
        ended = arena("plan", "bakeoff.toml", cwd=tmp_path)
    assert ended.code == 1
    assert "REFUSED: [policy]: task " in ended.out
    assert "is private; say where private code may go" in ended.out


OLD = """
id = "deepseek"
[[models]]
id = "deepseek-v4-pro"
prices = [{ tiers = [{ input = "1", output = "2" }], source = "a page", checked_on = 2026-01-01 }]
"""


def test_a_price_nobody_looked_at_for_long_is_told_by_plan_run_and_check(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "deepseek.toml").write_text(OLD)
    backend = {"provider": "deepseek", "model": "deepseek-v4-pro"}
    bakeoff(
        tmp_path,
        [contestant("a", "http://127.0.0.1:1", **backend)],
        tasks=["core/interval-merge"],
        more='profiles = ["own"]',
    )
    said = "its price was last looked at on 2026-01-01"
    planned = arena("plan", "bakeoff.toml", "--format", "json", cwd=tmp_path)
    assert planned.code == 1, planned.err  # nothing listens there
    assert "cannot be reached" in planned.json["contestants"][0]["problems"][0]
    assert said in planned.json["contestants"][0]["stale_price"]
    assert f"a: {said}" in arena("run", "bakeoff.toml", cwd=tmp_path).err
    name = "deepseek/deepseek-v4-pro"
    checked = arena(
        "backends", "check", name, "--profiles", "own", "--format", "json", cwd=tmp_path
    )
    assert checked.code == 1
    assert {f["level"] for f in checked.json["findings"] if said in f["text"]} == {"stale"}


def test_a_missing_extra_is_told_before_anything_is_made(tmp_path):
    profile(tmp_path)
    hidden = tmp_path / "hidden" / "starlette"
    hidden.mkdir(parents=True)
    gone = "raise ModuleNotFoundError('no starlette', name='starlette')"
    (hidden / "__init__.py").write_text(gone)
    with ManyStub(lambda _: None) as stub:
        bakeoff(tmp_path, [outside("one", "own", stub)], tasks=["core/interval-merge"], more=AGENTS)
        env = {"PYTHONPATH": f"{tmp_path / 'hidden'}:{ROOT}", "THE_KEY": "sk-1"}
        planned = arena("plan", "bakeoff.toml", "--format", "json", cwd=tmp_path, **env)
        assert planned.code == 1, planned.err
        (lacking,) = planned.json["not_installed"]
        assert "starlette is missing" in lacking
        assert "pip install 'arena-bakeoff[gateway]'" in lacking
        ended = arena("run", "bakeoff.toml", cwd=tmp_path, **env)
    assert ended.code == 2
    assert "making" not in ended.err
    assert "pip install 'arena-bakeoff[gateway]'" in ended.err


def test_other_rates_and_days_leave_the_run_as_it_was(tmp_path, old_run):
    before = {p.name: p.read_bytes() for p in old_run.iterdir()}
    ended = arena("reprice", str(old_run), "--format", "json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    (row,) = ended.json["contestants"]
    one_trial = 2000 * 2e-6 + 45_000 * 0.2e-6 + 1500 * 8e-6
    assert float(row["billed_before_usd"]) == pytest.approx(2 * one_trial)
    assert row["billed_after_usd"] == row["billed_before_usd"]
    assert {p.name: p.read_bytes() for p in old_run.iterdir()} == before


def test_prices_that_match_nothing_are_bad_input(tmp_path, old_run):
    other = ROOT / "arena" / "backend" / "profiles" / "deepseek.toml"
    ended = arena("reprice", str(old_run), "--prices", str(other), cwd=tmp_path)
    assert ended.code == 2
    assert "has no price of a backend of the run" in ended.err


@pytest.mark.parametrize("later", [{"price": {"input": 20.0, "output": 80.0}}, {"hourly_usd": 36}])
def test_a_resumed_run_keeps_the_prices_it_began_with(tmp_path, later):
    def run(attempts, **fields):
        table = contestant("a", stub.base_url, **fields)
        bakeoff(tmp_path, [table], tasks=["core/interval-merge"], attempts=attempts)
        ended = arena("run", "bakeoff.toml", "--format", "json", cwd=tmp_path)
        assert ended.code == 0, ended.err
        return ended, ended.json["contestants"][0]

    with Stub(lambda _: text("no")) as stub:
        _, first = run(1, price=PRICE)
        told, both = run(2, **later)
    used = both["tokens"]["input"] * 2e-6 + both["tokens"]["output"] * 8e-6
    assert float(first["cost_usd"]) < float(both["cost_usd"]) == pytest.approx(used)
    assert "a goes on at the prices with which the run began" in told.err


def test_a_yuan_price_follows_the_rate(tmp_path):
    run = tmp_path / "yuan"
    made = ledgers.manifest(1, 1, 1)
    tier = PriceTier(input=2, cached_input=2, output=8)
    backend = BackendSpec(
        name="b0",
        model="m0",
        base_url="http://127.0.0.1:1/v1",
        prices=(PriceRow(currency="CNY", tiers=(tier,)),),
    )
    contestant_ = made.contestants[0].model_copy(update={"backend": backend})
    ledgers.write(run, made.model_copy(update={"contestants": (contestant_,)}))
    yuan = (47_000 * 2 + 1500 * 8) / 1_000_000
    for rate in (0.14, 0.15):
        ended = arena("reprice", str(run), "--fx", f"CNY={rate}", "--format", "json", cwd=tmp_path)
        assert ended.code == 0, ended.err
        (row,) = ended.json["contestants"]
        assert float(row["billed_after_usd"]) == pytest.approx(yuan * rate)


def test_a_resumed_run_holds_and_shows_the_rate_it_began_with(tmp_path):
    """The shipped rate falls to a tenth between two sessions of a run in yuan, at its budget."""
    rated = str(ROOT / "tests" / "e2e" / "rated.py")

    def at(rate, *command):
        return arena(*command, "--format", "json", cwd=tmp_path, program=(rated, rate))

    def configure(attempts):
        price = {"input": 1000.0, "output": 1000.0, "currency": "CNY"}
        table = contestant("a", stub.base_url, price=price) + "\nbudget = { usd = 2.2 }"
        limits = "[limits]\nusd = 1.0\noutput_tokens = 100\n"
        bakeoff(tmp_path, [table], tasks=["core/interval-merge"], attempts=attempts, more=limits)

    with Stub(lambda _: call("bash", command="true")) as stub:
        configure(1)
        first = at("0.15", "run", "bakeoff.toml")
        assert first.code == 0, first.err
        configure(4)
        second = at("0.015", "run", "bakeoff.toml")
    run = tmp_path / "runs" / "test"
    ends = [e.record for e in ledger.read(run / "ledger.jsonl") if isinstance(e, ledger.TrialEnd)]
    assert [(one.stop, one.attempt) for one in ends] == [("usd", 1), ("usd", 2)]
    assert ends[0].steps == ends[1].steps > 2
    assert len(stub.requests) == 2 * ends[0].steps
    assert "CNY goes on at 0.15 USD, the rate with which the run began" in second.err
    assert "what is left of the usd budget of a is less than one trial may spend" in second.err
    assert second.code == 3

    tokens = sum(s.usage["prompt_tokens"] + s.usage["completion_tokens"] for s in stub.served)
    spent = tokens * Decimal("0.15") / 1000
    assert Decimal("1.2") < spent <= Decimal("2.2")
    (row,) = second.json["contestants"]
    assert row["cost_usd"] == pytest.approx(float(spent))
    for command in (("report",), ("reprice",)):
        ended = at("0.015", *command, str(run))
        assert ended.code == 0, ended.err
        (row,) = ended.json["contestants"]
        for name in {"cost_usd", "billed_before_usd", "billed_after_usd"} & row.keys():
            assert float(row[name]) == pytest.approx(float(spent))
    planned = at("0.015", "plan", "bakeoff.toml")
    assert planned.code == 1, planned.err  # nobody listens any more
    (row,) = planned.json["contestants"]
    assert float(row["cost"]["expected_usd"]) == pytest.approx(float(4 * spent / 2))
    assert "CNY goes on at 0.15 USD" in planned.err
    fresh = at("0.015", "plan", "bakeoff.toml", "--out", "other", "--from", str(run))
    (row,) = fresh.json["contestants"]
    assert float(row["cost"]["expected_usd"]) == pytest.approx(float(4 * spent / 2 / 10))


def test_a_copy_of_a_run_reports_the_same(tmp_path):
    copy = tmp_path / "copy"
    sample = ROOT / "reports" / "samples" / "demo"
    shutil.copytree(sample, copy)
    of_the_copy, of_the_sample = (
        arena("report", str(run), "--format", "json", cwd=tmp_path) for run in (copy, sample)
    )
    assert of_the_copy.code == 0, of_the_copy.err
    names = {row["name"] for row in of_the_copy.json["contestants"]}
    assert names == {"mutate-200", "mutate-20", "oracle", "nop"}
    assert of_the_copy.json == of_the_sample.json
    assert json.loads((copy / "manifest.json").read_text())["name"] == "demo"
