"""`arena scale` as a person uses it, and the workload of a run that was made."""

import json
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.run.simulate import workload_of
from tests.e2e.rig import arena

SAMPLE = next((Path(__file__).parents[2] / "reports" / "samples").iterdir())


def test_an_estimate_as_text_and_as_json(tmp_path):
    flags = ["scale", "--tasks", "100", "--backends", "4", "--rpm", "60", "--calls", "10,10"]
    shown = arena(*flags, cwd=tmp_path)
    assert shown.code == 0
    assert shown.out.startswith("400 trials on 1 hosts, 25 at once on each:")
    found = arena(*flags, "--format", "json", cwd=tmp_path).json
    assert found["trials"] == 400
    assert found["bounds"]["rpm"] == pytest.approx(100 * 10 / 60 / 60)
    assert found["hours"] >= max(found["bounds"].values()) * 0.9


def test_the_fewest_hosts(tmp_path):
    flags = ["scale", "--tasks", "100", "--backends", "4", "--within-h", "0.3", "--format", "json"]
    found = arena(*flags, cwd=tmp_path).json
    assert found["hosts"] > 1
    assert found["hours"] <= 0.3


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "--tasks and --backends missing"),
        (["--tasks", "3"], "--backends missing"),
        (["--tasks", "3", "--backends", "1", "--calls", "many"], "--calls"),
        (["--tasks", "3", "--backends", "1", "--call-s", "9,2"], "--call-s"),
        (["--tasks", "99", "--backends", "1", "--rpm", "1", "--within-h", "1"], "--within-h"),
        (["--like", "nowhere"], "no run here"),
    ],
)
def test_bad_input_is_one_line(tmp_path, flags, says):
    ended = arena("scale", *flags, cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.count("\n") == 1, ended.err
    assert says in ended.err


def test_the_trials_of_a_run_are_what_its_ledger_says(tmp_path):
    work = workload_of(SAMPLE)
    lines = (SAMPLE / "ledger.jsonl").read_text().splitlines()
    waits = [e["call"]["wall_s"] for e in map(json.loads, lines) if e["kind"] == "call_end"]
    assert min(waits) <= work.call_s.median <= max(waits)
    assert work.calls.median >= 1
    assert work.cpu_s > 0
    shown = arena("scale", "--like", str(SAMPLE), "--hosts", "2", cwd=tmp_path)
    assert shown.code == 0
    assert f"{work.trials} trials on 2 hosts" in shown.out


def test_a_run_without_calls_says_so(tmp_path):
    for name in ("manifest.json", "ledger.jsonl"):
        (tmp_path / name).write_bytes((SAMPLE / name).read_bytes())
    lines = (tmp_path / "ledger.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "ledger.jsonl").write_text("".join(x for x in lines if '"call_' not in x))
    with pytest.raises(InputError, match="no trial there called a model"):
        workload_of(tmp_path)
