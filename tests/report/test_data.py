import json
import math
from dataclasses import replace

import pytest

from arena.report.exports import export
from arena.report.scored import score
from arena.score.load import load
from tests.report.cast import cast
from tests.report.make_run import make_run

CONTESTANT = {
    "name", "agent", "backend", "country", "digest", "trials", "scored", "passed", "failed",
    "faults", "pass_rate", "pass_rate_ci", "cost_usd", "cost_known_usd", "cost_status",
    "cost_per_solved_usd", "tokens", "median_wall_s", "median_active_s", "p90_active_s",
    "first_byte_s", "tokens_per_s", "best_buy_from_usd",
}  # fmt: skip
TRIAL = {
    "id", "task", "contestant", "attempt", "stop", "verdict", "fault", "cost_usd", "steps", "wall_s",
}  # fmt: skip


def strict(text: str) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture(scope="module")
def found(scored):
    return strict(export(scored, "json").decode())


def test_it_is_valid_whether_it_has_trials_or_not(scored, found):
    without = replace(scored, results=replace(scored.results, trials=()))
    bare = strict(export(without, "json").decode())
    assert bare["trials"] == []
    assert bare.keys() == found.keys()


def test_it_has_every_promised_field(found):
    assert {"schema", "run", "tasks", "attempts", "contestants", "trials"} <= found.keys()
    assert (found["schema"], found["run"], found["tasks"], found["attempts"]) == (
        2,
        "nightly",
        12,
        3,
    )
    for contestant in found["contestants"]:
        assert contestant.keys() >= CONTESTANT
        assert contestant["tokens"].keys() == {
            "input", "cached_input", "cache_write", "output", "reasoning",
        }  # fmt: skip
    for trial in found["trials"]:
        assert trial.keys() >= TRIAL


def test_counts_and_money_add_up(found):
    by_name = {c["name"]: c for c in found["contestants"]}
    assert len(by_name) == 10
    for name, contestant in by_name.items():
        trials = [t for t in found["trials"] if t["contestant"] == name]
        assert contestant["trials"] == len(trials) == 36
        assert contestant["passed"] == sum(t["verdict"] == "passed" for t in trials)
        assert contestant["scored"] == contestant["passed"] + contestant["failed"]
        assert contestant["scored"] + contestant["faults"] + contestant["not_run"] == 36
        known = sum(t["cost_known_usd"] for t in trials)
        assert math.isclose(contestant["cost_known_usd"], known, rel_tol=1e-9, abs_tol=1e-12)
        if contestant["cost_usd"] is not None:
            assert math.isclose(contestant["cost_usd"], known, rel_tol=1e-9, abs_tol=1e-12)
    unpriced = by_name["brume-medium"]
    assert (unpriced["cost_usd"], unpriced["cost_status"]) == (None, "unknown")
    assert unpriced["cost_per_solved_usd"] is None
    assert by_name["nop"]["cost_per_solved_usd"] is None, "nothing solved"
    assert by_name["nop"]["pass_rate_ci"][0] == 0
    assert by_name["lantern-3"]["best_buy_from_usd"] > 0
    assert by_name["local-14b"]["best_buy_from_usd"] is None
    assert [buy["name"] for buy in found["trade"]["buys"]] == [
        c["name"]
        for c in sorted(by_name.values(), key=lambda c: c["best_buy_from_usd"] or 0)
        if c["best_buy_from_usd"] is not None
    ]


def test_a_run_that_has_not_begun_is_valid_json(tmp_path):
    run = make_run(tmp_path / "run", tasks=2, attempts=1, actors=cast()[:4], finished=0.0)
    scored = score(load(run))
    found = strict(export(scored, "json").decode())
    assert {t["verdict"] for t in found["trials"]} == {None}
    assert {c["pass_rate"] for c in found["contestants"]} == {None}
