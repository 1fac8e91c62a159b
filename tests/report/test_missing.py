"""What lacks too many verdicts is shown with its bounds and leads nothing."""

import json
import re
from dataclasses import replace

import pytest

from arena.report import caveats, charts, decisions, exports, leaderboard, page
from arena.report.caveats import notes
from arena.report.scored import score
from tests.score.made import Player, results

DOLLAR = [1.0] * 30


@pytest.fixture(scope="module")
def lucky():
    """`lucky` has one verdict, a cheap pass; `gone` has none."""
    return score(
        results(
            {
                "lucky": Player([1] * 30, [0.01] * 30, faults=dict.fromkeys(range(1, 30), 1), country="US"),
                "gone": Player([1] * 30, DOLLAR, faults=dict.fromkeys(range(30), 1), country="US"),
                "steady": Player([1] * 27 + [0] * 3, DOLLAR, country="CN"),
            },
            attempts=1,
        )
    )  # fmt: skip


def test_no_group_is_told_by_it(lucky):
    groups = {group.value: group for group in decisions.distinct_groups(lucky)}
    assert (groups["US"].best, groups["US"].cheapest) == (None, None)
    html = page.render(lucky)
    rows = dict(re.findall(r'<th scope="row">(US|CN)</th>(.*)</tr>', html))
    assert rows["US"].endswith("<td>–</td><td>–</td>")
    assert "<td>steady, 90%</td>" in rows["CN"]


def test_its_row_is_last_and_marked(lucky):
    rows = lucky.board.rows
    assert [row.who.name for row in rows] == ["steady", "lucky", "gone"]
    assert not rows[1].on_frontier
    assert ("warn", "inconclusive") in leaderboard.badges(rows[1])
    point = next(p for p in charts.points(lucky) if p.contestant.name == "lucky")
    assert point.description.endswith("inconclusive")


def test_the_bounds_are_said_and_in_the_json(lucky):
    said = notes(lucky)
    assert (
        "Nothing may be concluded: lucky lacks a verdict for 29 of 30 trials (96.7%; at most 2% may"
        " be missing); with these as failed its pass rate would be 3%, with these as passed 100%."
    ) in said
    assert any("gone lacks a verdict" in n and "left out of the recommendation" in n for n in said)
    found = json.loads(exports.export(lucky, "json"))
    by_name = {c["name"]: c for c in found["contestants"]}
    assert by_name["lucky"]["pass_rate_bounds"] == pytest.approx([1 / 30, 1])
    assert [by_name[n]["missing"] for n in ("lucky", "gone", "steady")] == [29, 30, 0]


def test_a_tolerable_gap_has_bounds_too():
    few = score(results({"x": Player([1] * 100, [1.0] * 100, faults={0: 1})}, attempts=1))
    assert few.board.rows[0].inconclusive is None
    assert (
        "x lacks a verdict for 1 of 100 trials; with these as failed its pass rate would be 99%,"
        " with these as passed 100%."
    ) in notes(few)


@pytest.mark.parametrize("format_", ["markdown", "latex"])
def test_exports_show_who_is_inconclusive_and_who_is_left_out(lucky, format_):
    text = exports.export(lucky, format_).decode()
    assert "inconclusive, 29 faults" in text
    assert "its pass rate would be 3" in text
    assert "gone lacks a verdict for 30 of 30 trials" in text
    assert "left out of the recommendation" in text


def test_integrity_is_not_praised_before_there_is_a_verdict(lucky):
    praise = "No trial was judged a breach of integrity."
    assert praise in notes(lucky)
    none = tuple(replace(t, verdict=None) for t in lucky.results.trials)
    assert praise not in notes(score(replace(lucky.results, trials=none)))


def test_costs_that_are_as_billed_are_said_to_be():
    run = results(
        {"a": Player([1] * 20, [1.0] * 20), "b": Player([1] * 20, [2.0] * 20)}, attempts=1
    )
    standard = "Costs compare contestants with equal use of caches"
    assert any(standard in c for c in caveats.caveats(score(run)))
    trials = tuple(
        replace(t, cost=replace(t.cost, standard_usd=None)) if t.contestant == "b" else t
        for t in run.trials
    )
    billed = score(replace(run, trials=trials))
    clause = "Costs are as billed, with whatever caches did, since no other is known of b"
    assert not any(standard in c for c in caveats.caveats(billed))
    assert any(c.startswith(clause) for c in caveats.caveats(billed))
    assert f"{clause}." in notes(billed)
    assert clause in exports.export(billed, "markdown").decode()


def test_no_sentence_ends_with_names_that_are_none():
    run = results({"a": Player([1] * 20, [1.0] * 20)}, attempts=1)
    (row,) = score(run).board.rows
    money = row.money.model_copy(update={"basis": "billed"})
    billed = row.model_copy(update={"money": money})
    scored = score(run)
    board = scored.board.model_copy(update={"rows": (billed,)})
    clause = caveats.billed_clause(replace(scored, board=board))
    assert clause == "Costs are as billed, with whatever caches did"


def test_a_name_keeps_its_letters_in_the_lead():
    few = results({"a": Player([1] * 4, faults={0: 1}), "b": Player([1] * 4)}, attempts=1)
    assert decisions.answer(score(few)).lead.startswith("a lacks a verdict")
