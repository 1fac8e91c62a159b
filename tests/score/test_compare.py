import json
from decimal import Decimal

import pytest

from arena.errors import InputError
from arena.records import Limits, SandboxLimits
from arena.score.compare import compare
from arena.score.pairs import contender, require_comparable
from arena.stats.intervals import Ratio
from tests.score.made import Player, results, task
from tests.stats.reference import COST_A, COST_B, EXACT, A, B

PAIR = {"a": Player(A, COST_A), "b": Player(B, COST_B)}


def both(run, other=None, **options):
    return compare(contender(run, "a"), contender(other or run, "b"), **options)


def test_worked_data_set_gives_the_published_comparison():
    tasks = [task(i, repository=f"repo{i // 4}") for i in range(20)]
    found = both(results(PAIR, tasks=tasks))
    assert found.tasks == 20
    assert found.difference.estimate == pytest.approx(0.083333, abs=EXACT)
    assert found.difference.ci == pytest.approx((-0.002488, 0.169155), abs=EXACT)
    assert found.difference.p == pytest.approx(0.056337, abs=EXACT)
    assert found.exact_p == pytest.approx(0.125, abs=EXACT)
    assert found.cost_per_solved_ratio.estimate == pytest.approx(3.001132, abs=EXACT)
    assert found.cost_per_solved_ratio.ci == pytest.approx((2.519646, 3.560244), rel=0.02)
    assert found.cost_per_attempt_ratio.estimate == pytest.approx(30.70 / 9.04)
    at = {m.a_not_worse.margin: m for m in found.margins}
    assert not at[0.10].b_not_worse.shown
    assert at[0.20].b_not_worse.shown
    assert at[0.20].b_not_worse.lo == pytest.approx(-0.154234, abs=EXACT)
    assert at[0.05].a_not_worse.shown
    assert found.inconclusive is None
    assert found.table is None
    assert len(found.discordant) == 7
    first = found.discordant[0]
    assert (first.task, first.passed_a, first.passed_b) == ("core/task-0001", 3, 2)


def test_one_attempt_gives_the_published_table_and_p():
    a = [1] * 30 + [1] * 9 + [0] * 2 + [0] * 9
    b = [1] * 30 + [0] * 9 + [1] * 2 + [0] * 9
    found = both(results({"a": Player(a), "b": Player(b)}, attempts=1))
    assert found.table == (30, 9, 2, 9)
    assert found.exact_p == found.difference.p == pytest.approx(0.0654296875, abs=EXACT)
    assert found.difference.ci == pytest.approx((0.011662, 0.277862), abs=EXACT)
    assert found.cost_per_solved_ratio == Ratio()
    assert found.a.cost_per_solved_usd is None


def test_turned_round_it_says_the_same():
    run = results(PAIR)
    forth, back = both(run), compare(contender(run, "b"), contender(run, "a"))
    assert back.difference.ci == pytest.approx((-forth.difference.ci.hi, -forth.difference.ci.lo))
    assert back.exact_p == forth.exact_p
    assert back.cost_per_solved_ratio.estimate == pytest.approx(
        1 / forth.cost_per_solved_ratio.estimate
    )
    assert [m.a_not_worse for m in back.margins] == [m.b_not_worse for m in forth.margins]


def test_tasks_with_a_missing_attempt_are_dropped_for_both():
    run = results({"a": Player(A, COST_A, faults={2: 1}), "b": Player(B, COST_B, faults={5: 3})})
    found = both(run)
    assert found.dropped == ("core/task-0002", "core/task-0005")
    assert found.tasks == 18
    kept = [i for i in range(20) if i not in {2, 5}]
    assert found.difference.estimate == pytest.approx((A - B)[kept].mean() / 3)
    assert found.a.cost_per_attempt_usd == pytest.approx(COST_A[kept].sum() / 54)
    assert "3 of 60" in found.inconclusive
    assert (found.a.missing.missing, found.b.missing.missing) == (1, 3)


def test_trials_missing_unevenly_are_inconclusive_below_two_percent():
    passed = [1] * 400
    run = results(
        {"a": Player(passed, faults=dict.fromkeys(range(8), 1)), "b": Player(passed)}, attempts=1
    )
    found = both(run)
    assert found.missing_p < 0.05
    assert "unevenly" in found.inconclusive


def test_two_runs_of_the_same_conditions_are_comparable():
    assert both(results(PAIR), results(PAIR, name="later")).incomparable == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tasks": [task(i, digest="0") if i == 4 else task(i) for i in range(20)]},
         "tasks changed: core/task-0004"),
        ({"tasks": [task(i, image="sha256:2") for i in range(20)]},
         "images changed under tasks: core/task-0000, core/task-0001, core/task-0002 and 17 more"),
        ({"tasks": [task(i + 1) for i in range(20)]}, "tasks only in the first (nightly): core/task-0000"),
        ({"limits": Limits(usd=Decimal(2))}, "usd is None in one and 2 in the other"),
        ({"sandbox": SandboxLimits(cpus=2)}, "cpus is 1.0 in one and 2.0 in the other"),
        ({"strict": False}, "strict verification"),
    ],
)  # fmt: skip
def test_what_is_not_comparable_is_refused_with_the_reason(change, reason):
    run, other = results(PAIR), results(PAIR, **change)
    with pytest.raises(InputError, match="not comparable") as refused:
        both(run, other)
    assert reason in refused.value.line()
    told = both(run, other, anyway=True)
    assert any(reason in r for r in told.incomparable)


def test_other_prompts_of_the_same_agent_are_not_comparable():
    other = results({"b": Player(B, agent_digest="shell-2")})
    reasons = require_comparable(contender(results(PAIR), "a"), contender(other, "b"), anyway=True)
    assert reasons == ("prompts or version of agent shell differ",)
    edits = results({"b": Player(B, agent="edits", agent_digest="edits-1")})
    same = contender(results(PAIR), "a"), contender(edits, "b")
    assert require_comparable(*same, anyway=False) == ()


def test_runs_without_a_shared_task_compare_nothing():
    other = results({"b": Player(B)}, tasks=[task(i + 100) for i in range(20)])
    found = both(results(PAIR), other, anyway=True)
    assert (found.tasks, found.difference, found.exact_p, found.margins) == (0, None, None, ())
    assert found.inconclusive
    json.loads(found.model_dump_json(), parse_constant=pytest.fail)


def test_unknown_contestant_is_named():
    with pytest.raises(InputError, match="known: a, b"):
        contender(results(PAIR), "z")
