"""The demo as a newcomer sees it, and with a real language model on this CPU."""

import json
from pathlib import Path

import pytest

from tests.e2e.rig import arena, ours, run_id


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("demo")
    ended = arena("demo", "--format", "json", cwd=folder, timeout_s=400)
    assert ended.code == 0, ended.err
    return folder, ended.json


def test_every_trial_has_a_verdict(demo):
    _, report = demo
    assert len(report["trials"]) == 4 * 8
    assert all(trial["verdict"] for trial in report["trials"])


def test_controls_bound_the_rest(demo):
    _, report = demo
    rows = {row["name"]: row for row in report["contestants"]}
    assert rows["oracle"]["passed"] == 8
    assert rows["nop"]["passed"] == 0
    assert 0 < rows["mutate-20"]["passed"] <= rows["mutate-200"]["passed"] < 8


def test_the_baselines_have_a_known_cost(demo):
    _, report = demo
    rows = {row["name"]: row for row in report["contestants"]}
    for name in ("mutate-20", "mutate-200"):
        assert rows[name]["cost_status"] == "known"
        assert rows[name]["cost_usd"] > 0
        assert rows[name]["tokens"]["output"] > 0


def test_the_page_is_there_and_nothing_is_left(demo):
    folder, _ = demo
    run = folder / "runs" / "demo"
    assert (run / "report" / "index.html").stat().st_size > 10_000
    assert ours(run_id(run)) == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_small_language_model_answers_for_real(tmp_path):
    ended = arena("demo", "--with-llm", "--format", "json", cwd=tmp_path, timeout_s=900)
    assert ended.code == 0, ended.err
    rows = {row["name"]: row for row in ended.json["contestants"]}
    small = rows["smollm2-135m"]
    assert small["scored"] == 8
    assert small["tokens"]["input"] > 1000
    assert small["tokens"]["output"] > 100
    assert small["cost_status"] == "known"
    assert small["median_active_s"] > 0
    run = tmp_path / "runs" / "demo"
    calls = [
        json.loads(line)["call"]
        for line in (run / "ledger.jsonl").read_text().splitlines()
        if '"call_end"' in line and "smollm2" in line
    ]
    assert {call["returned_model"] for call in calls if call["outcome"] == "ok"} == {"smollm2-135m"}
    assert all(call["raw_usage"] for call in calls if call["outcome"] == "ok")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_race_ends_early_with_its_chart(tmp_path):
    ended = arena("demo", "--race", "--format", "json", cwd=tmp_path, timeout_s=500)
    assert ended.code == 0, ended.err
    found = ended.json
    assert found["race"]["decided"]
    assert found["race"]["headline"] == "Choose mutate-20"
    rows = {row["name"]: row for row in found["contestants"]}
    assert rows.keys() == {"mutate-1", "mutate-20"}
    assert rows["mutate-20"]["passed"] > rows["mutate-1"]["passed"]
    assert 20 <= len(found["trials"]) < 40
    run = tmp_path / "runs" / "race"
    assert "<polyline" in (run / "report" / "index.html").read_text()
    assert ours(run_id(run)) == []


def test_the_small_model_does_not_race(tmp_path):
    ended = arena("demo", "--race", "--with-llm", cwd=tmp_path)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "--with-llm" in ended.err
