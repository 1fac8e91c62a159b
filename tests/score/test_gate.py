import json
from dataclasses import replace

import numpy as np
import pytest

from arena.errors import InputError
from arena.score.baseline import baseline_of, read_baseline, require_sound, text_of
from arena.score.gate import gate
from arena.score.tally import tallies
from tests.score.made import Player, results, retold, task
from tests.stats.reference import COST_A, COST_B, A, B

HALF = np.array([3, 0] * 60, float)
PRICES = np.random.default_rng(9).uniform(0.8, 1.2, 120)


def run(passed=HALF, price=1.0, **more):
    return results({"main": Player(passed, price * PRICES), **more})


def check(found, name):
    return next(c for c in found.checks if c.name == name)


def outcome(found, name):
    return check(found, name).outcome


def test_published_replacement_of_a_by_b():
    old = baseline_of(results({"main": Player(A, COST_A)}))
    new = results({"main": Player(B, COST_B)})
    strict = gate(new, old, margin=0.10)
    assert (strict.outcome, strict.exit_code) == ("inconclusive", 0)
    assert gate(new, old, margin=0.10, require_evidence=True).exit_code == 4
    assert (outcome(strict, "pass_rate"), outcome(strict, "cost")) == ("inconclusive", "pass")
    assert strict.contestants[0].not_worse.lo == pytest.approx(-0.154234, abs=1e-6)
    # 3 attempts a task on both sides: cost per attempt is as the sums of costs are.
    assert strict.contestants[0].cost_ratio.estimate == pytest.approx(
        sum(COST_B) / sum(COST_A), abs=1e-6
    )
    loose = gate(new, old, margin=0.20)
    assert (loose.outcome, loose.exit_code) == ("pass", 0)


def test_the_same_again_passes():
    assert gate(run(), baseline_of(run())).exit_code == 0


def test_fewer_passes_are_a_regression():
    worse = HALF.copy()
    worse[:40] = 0
    found = gate(run(worse), baseline_of(run()))
    assert (found.outcome, found.exit_code) == ("fail", 1)
    assert found.headline == "Regression: main pass_rate."
    assert check(found, "pass_rate").detail.startswith("changed by -0.167")


def test_higher_cost_is_a_regression():
    found = gate(run(price=1.5), baseline_of(run()))
    assert found.exit_code == 1
    assert (outcome(found, "pass_rate"), outcome(found, "cost")) == ("pass", "fail")
    assert gate(run(price=1.5), baseline_of(run()), cost_margin=0.6).exit_code == 0


def test_a_small_suite_is_inconclusive_and_not_a_pass():
    small = results({"main": Player([3, 0, 3, 3], [1, 2, 1, 1])})
    found = gate(small, baseline_of(small), margin=0.05)
    assert (found.outcome, found.exit_code) == ("inconclusive", 0)
    assert found.headline == "Nothing changed, as far as 4 tasks can tell."
    strict = gate(small, baseline_of(small), margin=0.05, require_evidence=True)
    assert strict.exit_code == 4
    assert strict.headline == "Inconclusive: nothing changed, as far as 4 tasks can tell."


def test_faults_and_integrity_come_before_everything():
    old = baseline_of(run())
    faulty = results({"main": Player(HALF, PRICES, faults=dict.fromkeys(range(4), 3))})
    found = gate(faulty, old)
    assert (found.outcome, found.exit_code) == ("unsound", 3)
    assert found.headline == "No verdict: main faults."
    assert "12 of 360" in check(found, "faults").detail
    tolerated = gate(faulty, old, max_faults=0.05)
    assert tolerated.outcome == "inconclusive"
    assert outcome(tolerated, "faults") == "pass"
    assert tolerated.headline == (
        "No regression is shown, nor its absence: main pass_rate, main cost."
    )
    assert "trials are missing unevenly: 12 of main" in check(tolerated, "pass_rate").detail
    assert gate(faulty, baseline_of(faulty), max_faults=0.05).exit_code == 0
    forged = retold(run(), {"id": "core/task-0001-main-2"}, verdict="integrity")
    found = gate(forged, old)
    assert found.exit_code == 3
    assert found.headline == "No verdict: main integrity."
    assert "core/task-0001-main-2" in check(found, "integrity").detail


@pytest.mark.parametrize(
    ("name", "passed", "code"),
    [("oracle", 3, 0), ("oracle", 2, 3), ("nop", 0, 0), ("nop", 1, 3)],
)
def test_broken_controls_forbid_a_verdict(name, passed, code):
    control = Player(np.full(120, float(passed)), agent=name, control=True)
    assert gate(run(**{name: control}), baseline_of(run())).exit_code == code


def test_controls_that_did_not_run_forbid_a_verdict():
    control = Player([0] * 120, agent="oracle", control=True, not_run=dict.fromkeys(range(9), 3))
    assert gate(run(oracle=control), baseline_of(run())).exit_code == 3


def test_a_control_may_lack_as_many_trials_as_anybody():
    """One of 24 is more than 2%, and tolerated; so is what --max-faults tolerates."""
    few = results(
        {
            "main": Player(HALF[:8], PRICES[:8]),
            "oracle": Player([3] * 8, agent="oracle", control=True, faults={2: 1}),
        }
    )
    found = gate(few, baseline_of(few))
    assert (outcome(found, "controls"), found.exit_code) == ("pass", 0)
    assert gate(few, baseline_of(few), max_faults=0.02).exit_code == 3
    more = Player([3] * 120, agent="oracle", control=True, faults=dict.fromkeys(range(5), 3))
    assert gate(run(oracle=more), baseline_of(run())).exit_code == 3
    assert gate(run(oracle=more), baseline_of(run()), max_faults=0.05).exit_code == 0


@pytest.mark.parametrize("most", [None, 1.0])
def test_a_control_without_a_verdict_is_no_sound_one(most):
    oracle = Player([0], agent="oracle", control=True, faults={0: 3})
    one = results({"main": Player([1]), "oracle": oracle}, attempts=1)
    assert outcome(gate(one, baseline_of(one), max_faults=most), "controls") == "unsound"


def test_unpriced_runs_are_gated_on_passes_alone():
    bare = results({"main": Player(HALF)})
    found = gate(bare, baseline_of(bare))
    assert found.exit_code == 0
    assert any("not gated" in c.detail for c in found.checks)
    assert "cost of main: neither run has a known cost: not gated" in found.headline
    assert gate(bare, baseline_of(run())).outcome == "inconclusive"


def test_what_cannot_be_compared_is_bad_input():
    old = baseline_of(run())
    changed = results(
        {"main": Player(HALF, PRICES)}, tasks=[task(i, digest="0") for i in range(120)]
    )
    with pytest.raises(InputError, match="tasks changed"):
        gate(changed, old)
    assert gate(changed, old, anyway=True).notes
    fewer = results({"main": Player(HALF[:100], PRICES[:100])})
    with pytest.raises(InputError, match="tasks only in"):
        gate(fewer, old)
    with pytest.raises(InputError, match="lacks contestants of the baseline: main"):
        gate(results({"other": Player(HALF, PRICES)}), old)
    with pytest.raises(InputError, match="no contestant"):
        baseline_of(results({"nop": Player([0], control=True)}))


def test_new_contestants_are_noted_and_not_gated():
    found = gate(run(extra=Player(HALF * 0)), baseline_of(run()))
    assert found.exit_code == 0
    assert found.notes == ("extra is not in the baseline",)


def test_baseline_file_keeps_all_that_the_gate_needs(tmp_path):
    path = tmp_path / "baseline.json"
    old = baseline_of(results({"main": Player(A, COST_A), "other": Player(B)}))
    path.write_text(text_of(old))
    assert read_baseline(path) == old
    new = results({"main": Player(B, COST_B), "other": Player(B)})
    assert gate(new, read_baseline(path)) == gate(new, old)
    assert path.stat().st_size < 10_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not a baseline"),
        ("{}", "created_at"),
        ("[]", "not a baseline"),
        (None, "no such file"),
    ],
)
def test_broken_baseline_is_one_clear_line(tmp_path, text, reason):
    path = tmp_path / "baseline.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=reason):
        read_baseline(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"passed": 4},
        {"passed": -1},
        {"scored": 4},
        {"planned": 10**400, "scored": 10**400, "passed": 10**400},
        {"cost_usd": "-1"},
    ],
)
def test_counts_that_cannot_be_are_no_baseline(tmp_path, wrong):
    path = tmp_path / "baseline.json"
    whole = json.loads(text_of(baseline_of(run())))
    whole["levels"][0]["contestants"][0]["tasks"]["core/task-0000"].update(wrong)
    path.write_text(json.dumps(whole))
    with pytest.raises(InputError, match="not a baseline"):
        read_baseline(path)


def test_newer_baseline_is_refused(tmp_path):
    path = tmp_path / "baseline.json"
    whole = json.loads(baseline_of(run()).model_dump_json()) | {"baseline_version": 99}
    path.write_text(json.dumps(whole))
    with pytest.raises(InputError, match="newer version"):
        read_baseline(path)


def mixed(script_passes, price=1.0):
    """20 tasks graded test by test that all pass, and 40 graded by a script."""
    entries = [task(i, assurance="ids" if i < 20 else "exit_code") for i in range(60)]
    passed = np.array([3] * 20 + [script_passes] * 40, float)
    return results({"main": Player(passed, price * PRICES[:60])}, tasks=entries)


def test_every_assurance_level_is_gated_on_its_own():
    old = baseline_of(mixed(3))
    found = gate(mixed(0, price=9.0), old)
    assert (found.outcome, found.exit_code) == ("fail", 1)
    rates = {c.level: c.outcome for c in found.checks if c.name == "pass_rate"}
    assert rates == {"ids": "pass", "exit_code": "fail"}
    assert {(one.level, one.tasks) for one in found.contestants} == {("ids", 20), ("exit_code", 40)}
    assert gate(mixed(3), old).exit_code == 0
    alone = gate(mixed(0), old, level="ids")
    assert alone.exit_code == 0
    assert alone.notes == ("tasks graded exit_code are not gated",)
    with pytest.raises(InputError, match="no task is graded exit_code"):
        gate(mixed(3), baseline_of(run()))


def test_costs_on_different_bases_are_no_ratio():
    billed = run()
    lost = retold(billed, {}, cost=replace(billed.trials[0].cost, standard_usd=None))
    found = gate(lost, baseline_of(billed))
    assert outcome(found, "cost") == "inconclusive"
    assert found.outcome == "inconclusive"
    told = check(found, "cost").detail
    assert told == "costs count different things: billed now, standard before"
    assert found.headline == "No regression is shown, nor its absence: main cost."


def test_contestants_of_a_run_are_compared_on_one_basis():
    both = results({"a": Player(HALF, PRICES), "b": Player(HALF, 2 * PRICES)})
    bare = replace(both.trials[0].cost, standard_usd=None)
    mended = retold(both, {"contestant": "b"}, cost=bare)
    assert {t.basis for t in tallies(both).values()} == {"standard"}
    assert {t.basis for t in tallies(mended).values()} == {"billed"}


def test_a_broken_baseline_is_not_the_run_s_doing():
    broken = results({"main": Player(HALF, PRICES, faults=dict.fromkeys(range(9), 3))})
    found = gate(run(), baseline_of(broken))
    assert "in the baseline main lacks a verdict" in check(found, "faults").detail
    with pytest.raises(InputError, match="no baseline: main lacks a verdict for 27 of 360"):
        require_sound(baseline_of(broken), 0.02, where="run")
    require_sound(baseline_of(run()), 0.02, where="run")
