import json
import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from arena.errors import InputError
from arena.records import Fault
from arena.score.leaderboard import leaderboard
from arena.score.results import CallTimes, Cost
from tests.score.made import FREE, UNKNOWN, Player, results, retold, task
from tests.stats.reference import COST_A, COST_B, COST_C, EXACT, A, B, C

FAULT = Fault(kind="provider", message="503")


def worked(**more):
    return results({"a": Player(A, COST_A), "b": Player(B, COST_B), "c": Player(C, COST_C), **more})


def row(scored, name):
    return next(r for r in (*scored.rows, *scored.controls) if r.who.name == name)


def test_worked_data_set_gives_the_published_board():
    scored = leaderboard(worked())
    a, b, c = (row(scored, n) for n in "abc")
    assert (a.tasks, a.counts.trials, a.counts.scored) == (20, 60, 60)
    assert (a.counts.passed, a.counts.failed, a.counts.faults) == (43, 17, 0)
    assert a.pass_rate == pytest.approx(0.716667, abs=EXACT)
    assert a.ci == pytest.approx((0.532807, 0.848715), abs=EXACT)
    assert a.per_solved.estimate == pytest.approx(0.713953, abs=EXACT)
    assert a.per_solved.ci == pytest.approx((0.432535, 1.179382), abs=EXACT)
    assert b.per_solved.ci == pytest.approx((0.137163, 0.418626), abs=EXACT)
    assert [r.mean_usd for r in (a, b, c)] == pytest.approx([0.511667, 0.150667, 0.2], abs=EXACT)
    assert [r.rank for r in (a, b, c)] == [(1, 2), (1, 2), (3, 3)]
    holm = {(p.a, p.b): p.adjusted_p for p in scored.pairs}
    assert holm == pytest.approx(
        {("a", "b"): 0.056337, ("a", "c"): 0.000404, ("b", "c"): 0.017102}, abs=2e-6
    )
    assert [r.who.name for r in scored.rows] == ["a", "b", "c"]
    assert all(r.inconclusive is None for r in scored.rows)


def test_any_and_all_of_k_on_the_board():
    passed = [0, 1, 2, 3, 3, 3, 2, 0, 1, 3]
    x = row(leaderboard(results({"x": Player(passed)})), "x")
    assert (x.pass_at_k, x.pass_hat_k) == pytest.approx((0.8, 0.4))


def test_faults_are_missing_and_past_two_percent_nothing_is_concluded():
    passed = [1] * 40 + [0] * 13
    run = results(
        {"x": Player(passed, faults={50: 1, 51: 1, 52: 1}), "y": Player([1] * 53)}, attempts=1
    )
    scored = leaderboard(run)
    x = row(scored, "x")
    assert (x.counts.trials, x.counts.scored, x.counts.passed) == (53, 50, 40)
    assert (x.counts.failed, x.counts.faults) == (10, 3)
    assert x.pass_rate == pytest.approx(0.8)
    assert x.missing.rate_bounds == pytest.approx((0.754717, 0.811321), abs=EXACT)
    assert "3 of 53" in x.inconclusive
    assert row(scored, "y").inconclusive is None
    (pair,) = scored.pairs
    assert pair.tasks == 50  # dropped for both
    assert pair.difference.estimate == pytest.approx(-0.2)
    assert pair.inconclusive
    assert pair.adjusted_p == 1
    assert x.rank == (1, 2)


def test_one_missing_attempt_of_many_is_tolerated():
    passed = [1] * 60
    scored = leaderboard(
        results({"x": Player(passed, faults={3: 1}), "y": Player(passed)}, attempts=1)
    )
    assert row(scored, "x").inconclusive is None
    assert scored.pairs[0].tasks == 59


def test_what_was_not_run_is_missing_without_being_a_fault():
    x = row(leaderboard(results({"x": Player([3, 3], not_run={1: 2})})), "x")
    assert (x.counts.faults, x.counts.not_run, x.counts.scored) == (0, 2, 4)
    assert x.pass_rate == 1
    assert x.inconclusive


def test_nothing_run_yet_is_unknown_and_not_zero():
    x = row(leaderboard(results({"x": Player([0, 0], not_run={0: 3, 1: 3})})), "x")
    assert x.pass_rate is None
    assert x.ci is None
    assert x.per_solved is None
    assert x.median_wall_s is None


def test_controls_stand_apart_and_change_no_rank():
    alone = leaderboard(worked())
    scored = leaderboard(
        worked(
            oracle=Player([3] * 20, agent="oracle", control=True),
            nop=Player([0] * 20, agent="nop", control=True),
        )
    )
    assert [r.who.name for r in scored.controls] == ["oracle", "nop"]
    assert all(r.rank is None for r in scored.controls)
    assert scored.rows == alone.rows
    assert scored.pairs == alone.pairs


def test_unknown_and_free_costs_are_no_cost_to_rank_by():
    run = worked(unpriced=Player([3] * 20), free=Player([3] * 20, [0.0] * 20))
    scored = leaderboard(run)
    for name in ("unpriced", "free"):
        money = row(scored, name)
        assert (money.basis, money.mean_usd, money.mean_ci, money.per_solved) == (None,) * 4
    assert row(scored, "unpriced").total.status == "unknown"
    assert row(scored, "unpriced").total.billed_usd is None
    assert row(scored, "free").total.billed_usd == 0


def test_one_unknown_cost_makes_the_sum_partial_and_unranked():
    run = retold(worked(), {"id": "core/task-0003-a-1"}, cost=UNKNOWN)
    a = row(leaderboard(run), "a")
    assert a.total.status == "partial"
    assert a.total.billed_usd is None
    assert float(a.total.known_usd) == pytest.approx(30.70 - 0.8 / 3)
    assert a.per_solved is None
    assert a.billed_per_solved_usd is None


def test_ranking_takes_the_standard_cost_and_falls_back_to_the_billed_one():
    twice = Cost(Decimal(1), Decimal(3), Decimal(2), Decimal(1), "known")
    x = row(leaderboard(retold(results({"x": Player([3] * 4)}), {}, cost=twice)), "x")
    assert (x.basis, x.mean_usd, x.per_solved.estimate) == ("standard", 2, 2)
    assert x.billed_per_solved_usd == 1
    billed = replace(twice, standard_usd=None)
    x = row(leaderboard(retold(results({"x": Player([3] * 4)}), {}, cost=billed)), "x")
    assert (x.basis, x.mean_usd) == ("billed", 1)


def test_spend_of_faulted_trials_is_in_the_total_and_not_in_the_cost_per_solved():
    x = row(leaderboard(results({"x": Player([3, 3, 0], [3, 3, 3], faults={2: 3})})), "x")
    assert x.total.billed_usd == 9
    assert x.mean_usd == 1
    assert x.per_solved.estimate == 1


def test_impossible_controls_are_counted_apart():
    tasks = [task(0), task(1), task(2, impossible=True), task(3, impossible=True)]
    scored = leaderboard(results({"x": Player([3, 0, 3, 1])}, tasks=tasks))
    x = row(scored, "x")
    assert scored.tasks == ("core/task-0000", "core/task-0001")
    assert (x.pass_rate, x.counts.trials) == (0.5, 6)
    assert (x.impossible.passed, x.impossible.trials) == (4, 6)


def test_levels_of_assurance_never_share_a_pass_rate():
    tasks = [task(0), task(1, assurance="reward_file"), task(2, assurance="reward_file")]
    run = results({"x": Player([3, 0, 0])}, tasks=tasks)
    scored = leaderboard(run)
    assert (scored.scope.level, scored.scope.others) == ("ids", {"reward_file": 2})
    assert row(scored, "x").pass_rate == 1
    assert row(leaderboard(run, "reward_file"), "x").pass_rate == 0
    with pytest.raises(InputError):
        leaderboard(run, "exit_code")


def test_integrity_counts_as_failed():
    run = results({"x": Player([1] * 60)}, attempts=1)
    assert "integrity" not in row(leaderboard(run), "x").counts.verdicts
    x = row(leaderboard(retold(run, {"id": "core/task-0000-x-1"}, verdict="integrity")), "x")
    assert (x.counts.failed, x.counts.verdicts) == (1, {"integrity": 1, "passed": 59})


def test_how_fast_an_endpoint_is_counts_the_calls_of_the_whole_run():
    run = results({"x": Player([3, 0])})
    slow, fast = CallTimes(9_000_000, 90, 3, 1_500_000), CallTimes(1_000_000, 110, 0, 0)
    timed = retold(retold(run, {"attempt": 1}, times=slow), {"attempt": 2}, times=fast)
    found = row(leaderboard(timed), "x").times
    assert (found.first_byte_s, found.tokens_per_s) == (0.5, 20.0)
    unknown = row(leaderboard(run), "x").times
    assert (unknown.first_byte_s, unknown.tokens_per_s) == (None, None)


def test_counts_flags_tokens_and_times():
    run = retold(
        results({"x": Player([3, 0])}),
        {"attempt": 2},
        flags=(("history", "git log"),),
        mistakes=2,
        other_names=("x-0901",),
        active_s=40.0,
        tries=3,
    )
    x = row(leaderboard(run), "x")
    assert x.counts.flags == {"history": 2}
    assert x.counts.mistakes == 4
    assert x.counts.other_names == ("x-0901",)
    assert (x.tokens.input, x.tokens.cached_input) == (6000, 4800)
    assert (x.median_active_s, x.p90_active_s) == (10.0, 40.0)
    assert (x.mean_steps, x.median_wall_s) == (10.0, 12.0)


def test_order_of_trials_changes_no_number():
    run = results({"a": Player(A, A + 3), "b": Player(B, B + 6), "c": Player(C)})
    shuffled = list(run.trials)
    np.random.default_rng(3).shuffle(shuffled)

    def rounded(scored):
        return json.loads(scored.model_dump_json(), parse_float=lambda text: round(float(text), 9))

    assert rounded(leaderboard(replace(run, trials=tuple(shuffled)))) == rounded(leaderboard(run))


def test_seed_of_the_run_makes_the_board_reproducible():
    one, other = leaderboard(worked()), leaderboard(worked())
    assert one == other
    assert one.model_dump_json() == other.model_dump_json()


def test_empty_and_lonely_runs_have_a_board():
    alone = leaderboard(results({"x": Player([3] * 4, [1] * 4)}))
    assert alone.rows[0].rank == (1, 1)
    assert alone.pairs == ()
    controls = leaderboard(results({"nop": Player([0], control=True)}))
    assert controls.rows == ()
    only = leaderboard(results({"x": Player([3])}, tasks=[task(0, impossible=True)]))
    assert only.scope.level is None
    assert only.power is None


def test_no_number_is_infinite_or_not_a_number():
    run = worked(
        nothing=Player([0] * 20, COST_A),
        unpriced=Player([3] * 20),
        absent=Player([0] * 20, not_run=dict.fromkeys(range(20), 3)),
    )

    def walk(value):
        if isinstance(value, dict):
            return all(walk(v) for v in value.values())
        if isinstance(value, list | tuple):
            return all(walk(v) for v in value)
        return not isinstance(value, float) or math.isfinite(value)

    assert walk(leaderboard(run).model_dump())
    json.loads(leaderboard(run).model_dump_json(), parse_constant=pytest.fail)


def test_free_controls_cost_nothing_that_is_known():
    control = row(leaderboard(results({"nop": Player([0, 0], control=True)})), "nop")
    assert control.total == FREE


def test_who_lacks_too_many_verdicts_comes_last():
    lucky = Player([3] * 20, [0.01] * 20, faults=dict.fromkeys(range(1, 20), 3))
    scored = leaderboard(worked(lucky=lucky))
    assert [r.who.name for r in scored.rows] == ["a", "b", "c", "lucky"]
    last = scored.rows[-1]
    assert last.pass_rate == 1


def test_what_was_lost_is_of_these_trials_and_unknown_of_a_machine_paid_by_the_hour():
    run = retold(worked(), {"contestant": "a", "attempt": 1}, wasted_usd=Decimal("0.10"))
    cut = replace(run, trials=run.trials[:-9], left_out=run.trials[-9:])
    assert row(leaderboard(run), "a").waste_usd == 2
    assert row(leaderboard(cut), "a").waste_usd == Decimal("1.90")
    specs = [
        spec.model_copy(
            update={"backend": spec.backend.model_copy(update={"hourly_usd": Decimal(2)})}
        )
        for spec in run.manifest.contestants
    ]
    rented = replace(
        worked(), manifest=run.manifest.model_copy(update={"contestants": tuple(specs)})
    )
    assert row(leaderboard(rented), "a").waste_usd == 0
    for loss in ({"tries": 2}, {"failed_call": True}, {"verdict": None, "fault": FAULT}):
        lost = retold(rented, {"contestant": "a", "attempt": 1}, **loss)
        assert [r.waste_usd for r in leaderboard(lost).rows if r.who.name in "ab"].count(None) == 1
