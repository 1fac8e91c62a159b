"""What lacks too many verdicts is shown with its bounds and leads nothing."""

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from arena.report import caveats, charts, columns, exports, site
from arena.report.caveats import missing, notes
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


def test_its_row_is_last_and_marked(lucky):
    rows = lucky.board.rows
    assert [row.who.name for row in rows] == ["steady", "lucky", "gone"]
    assert ("warn", "inconclusive") in columns.badges(rows[1])
    point = next(p for p in charts.points(lucky) if p.contestant.name == "lucky")
    assert point.description.endswith("inconclusive")


SAID = (
    "59 of 90 trials lack a verdict (59 faults): lucky 29 of 30 (pass rate 3% to 100% with them);"
    " gone 30 of 30. They count in no rate; where more than 2% is missing, nothing may be concluded."
)


def test_the_bounds_are_said_and_in_the_json(lucky):
    assert missing(lucky) == SAID
    found = json.loads(exports.export(lucky, "json"))
    by_name = {c["name"]: c for c in found["contestants"]}
    assert by_name["lucky"]["pass_rate_bounds"] == pytest.approx([1 / 30, 1])
    assert [by_name[n]["missing"] for n in ("lucky", "gone", "steady")] == [29, 30, 0]


def test_a_tolerable_gap_has_bounds_too():
    few = score(results({"x": Player([1] * 100, [1.0] * 100, faults={0: 1})}, attempts=1))
    assert few.board.rows[0].inconclusive is None
    assert "1 of 100 trials lack a verdict (1 fault): x 1 of 100 (pass rate 99% to" in missing(few)
    whole = score(results({"x": Player([1] * 9, [1.0] * 9)}, attempts=1))
    assert missing(whole) == ""


@pytest.mark.parametrize("format_", ["markdown", "latex"])
def test_exports_show_who_is_inconclusive(lucky, format_):
    text = exports.export(lucky, format_).decode()
    assert "lucky" in text
    assert "inconclusive" in text


@pytest.mark.parametrize("form", ["page", "terminal", "markdown", "latex"])
def test_missing_trials_are_told_once(lucky, form):
    """Neither counts nor names of what is missing come again in other words."""
    if form == "page":
        found = re.sub(r"<[^>]*>", " ", site.render(lucky))
    elif form == "terminal":
        console = Console(width=1000, file=io.StringIO())
        console.print(exports.render(lucky))
        found = console.file.getvalue()
    else:
        found = exports.export(lucky, form).decode().replace("\\%", "%")
    for fact in ("59 of 90", "29 of 30", "30 of 30", "no verdict", "lack a verdict"):
        assert found.count(fact) <= 1, fact
    assert "lacks a verdict" not in found
    assert "29 of 30 (pass rate 3% to 100% with them)" in found


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
    assert any(standard in c for c in notes(score(run)))
    trials = tuple(
        replace(t, cost=replace(t.cost, standard_usd=None)) if t.contestant == "b" else t
        for t in run.trials
    )
    billed = score(replace(run, trials=trials))
    clause = "Costs are as billed, with whatever caches did, since no other is known of b"
    assert not any(standard in c for c in notes(billed))
    assert f"{clause}." in notes(billed)
    assert clause in exports.export(billed, "markdown").decode()


def test_no_sentence_ends_with_names_that_are_none():
    run = results({"a": Player([1] * 20, [1.0] * 20)}, attempts=1)
    (row,) = score(run).board.rows
    billed = row.model_copy(update={"basis": "billed"})
    scored = score(run)
    board = scored.board.model_copy(update={"rows": (billed,)})
    assert "Costs are as billed, with whatever caches did." in notes(replace(scored, board=board))


def test_a_name_keeps_its_letters_in_the_lead():
    few = results({"a": Player([1] * 4, faults={0: 1}), "b": Player([1] * 4)}, attempts=1)
    assert caveats.answer(score(few)).lead.startswith("a lacks a verdict")
