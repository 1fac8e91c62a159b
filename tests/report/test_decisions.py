"""Decisions in words: what is left out is said, and nobody's text does harm."""

import json
import os
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from arena.report import decisions, site
from arena.report.caveats import answer
from arena.report.scored import score
from arena.score import compare as comparing
from arena.score.baseline import baseline_of
from arena.score.gate import gate
from arena.score.pairs import contender
from arena.score.recommend import ranked_of, recommend
from tests.benchmarks import ledgers
from tests.e2e.rig import arena, start
from tests.score.made import Player, results, retold, task

HALF = np.array([3, 0] * 30, float)
ONES = np.ones(60)
ESCAPE = "\x1b[31mred\x1b[0m"


def mixed():
    entries = [task(i, assurance="ids" if i < 20 else "exit_code") for i in range(60)]
    return results({"a": Player(HALF, ONES), "b": Player(HALF, 2 * ONES)}, tasks=entries)


def test_tasks_of_another_level_are_named():
    run = mixed()
    left = "not in these numbers: 40 tasks graded exit_code; see --assurance exit_code"
    assert left in decisions.recommendation(recommend(run))
    two = comparing.compare(contender(run, "a"), contender(run, "b"))
    told = decisions.comparison(two)
    assert told.count(left) == 1
    assert "20 tasks compared" in told


def test_gates_of_several_levels_are_told_apart():
    found = gate(mixed(), baseline_of(mixed()), margin=0.9)
    for told in (decisions.gate_text(found), decisions.gate_markdown(found)):
        assert "a (ids)" in told.replace("\\", "")
        assert "a (exit_code)" in told.replace("\\", "")
    cases = ET.fromstring(decisions.gate_junit(found)).iter("testcase")
    assert {"a (ids)", "a (exit_code)"} <= {case.get("classname") for case in cases}


def test_a_night_that_cannot_tell_fails_no_case_unless_evidence_is_required():
    small = results({"a": Player([3, 0, 3, 3], [1, 2, 1, 1])})
    for required, kind in ((False, "skipped"), (True, "error")):
        found = gate(small, baseline_of(small), margin=0.05, require_evidence=required)
        assert found.exit_code == (4 if required else 0)
        suite = ET.fromstring(decisions.gate_junit(found))
        told = {case.get("name"): [one.tag for one in case] for case in suite.iter("testcase")}
        assert told["pass_rate"] == [kind]
        assert int(suite.get("errors")) == (len(suite.findall("*/error")) if required else 0)


def test_a_margin_is_said_as_it_was_tested():
    """12.5 points are no 12: what is shown at the one need not hold at the other."""
    run = results({"a": Player(HALF, ONES), "b": Player(HALF, 2 * ONES)})
    said = decisions.recommendation(recommend(run, margin=0.125))
    assert said.startswith("Of those shown not worse than any other by 12.5 points (a, b): ")
    assert "shown not worse than any other by 12.5 points, nearest to it" in said
    found = gate(run, baseline_of(run), margin=0.125, cost_margin=0.075)
    assert "margin 12.5%, cost margin 7.5%." in decisions.gate_markdown(found)


def test_different_bases_are_said():
    one = results({"a": Player(HALF, ONES)})
    other = retold(one, {}, cost=replace(one.trials[0].cost, standard_usd=None))
    sides = contender(one, "a"), contender(other, "a")
    found = comparing.compare(*sides)
    assert found.cost_per_solved_ratio.estimate is None
    assert "costs are not compared: A's are standard, B's billed" in decisions.comparison(found)
    assert "costs are as billed" in decisions.comparison(comparing.compare(sides[1], sides[1]))


def test_who_has_no_verdict_is_named_beside_the_answer():
    run = results(
        {
            "a": Player(HALF, ONES, faults=dict.fromkeys(range(60), 3)),
            "b": Player(HALF, ONES),
            "c": Player(HALF, 2 * ONES),
        }
    )
    found = recommend(run, value_usd=5)
    assert found.pick.name == "b"
    said = "Nothing is known of a: it has no verdict."
    assert decisions.recommendation(found).count(said) == 1
    assert answer(score(run)).lead.endswith(said)


def test_one_contestant_and_no_solved_task_read_well():
    alone = decisions.recommendation(recommend(results({"a": Player([3.0], [1.0])})))
    assert "None" not in alone
    assert "1 tasks" not in alone
    assert "would be cheaper" not in alone
    none = decisions.recommendation(
        recommend(results({n: Player(HALF * 0, ONES) for n in ("a", "b")}))
    )
    assert "No contestant can be recommended (a: it solved nothing; b: it solved nothing)" in none
    assert "no task solved" in none
    assert "unknown" not in none


def test_terminal_codes_do_not_pass():
    run = results({ESCAPE: Player(HALF, ONES), "b": Player(HALF, 2 * ONES)}, name=ESCAPE)
    two = comparing.compare(contender(run, ESCAPE), contender(run, "b"))
    found = gate(run, baseline_of(run))
    texts = (
        decisions.comparison(two),
        decisions.recommendation(recommend(run)),
        decisions.gate_text(found),
        decisions.gate_markdown(found),
        decisions.gate_junit(found),
    )
    assert not any("\x1b" in text for text in texts)
    assert ET.fromstring(texts[-1]).find("testcase").get("classname") == "red"


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run"
    ledgers.write(path, ledgers.manifest(4, 1, 1))
    return path


@pytest.mark.parametrize("flag", ["--junit", "--summary", "--write-baseline"])
def test_a_file_that_cannot_be_written_is_bad_input_and_no_regression(run, tmp_path, flag):
    nowhere = str(tmp_path / "no" / "such" / "file")
    ended = arena("gate", str(run), "--baseline", str(run), flag, nowhere, cwd=tmp_path)
    assert ended.code == 2, ended.err
    assert ended.err.count("\n") == 1
    assert f"arena: {flag}" in ended.err


def test_a_step_summary_that_cannot_be_written_is_named(run, tmp_path):
    nowhere = str(tmp_path / "no" / "summary")
    gated = ("gate", str(run), "--baseline", str(run))
    ended = arena(*gated, cwd=tmp_path, GITHUB_STEP_SUMMARY=nowhere)
    assert ended.code == 2
    assert "GITHUB_STEP_SUMMARY" in ended.err
    kept = tmp_path / "summary.md"
    kept.write_text("before\n")
    arena(*gated, cwd=tmp_path, GITHUB_STEP_SUMMARY=str(kept))
    assert kept.read_text().startswith("before\n### ")


def test_the_levels_flag_reaches_every_decision(run, tmp_path):
    name = ledgers.manifest(4, 1, 1).contestants[0].name
    for args in (
        ("gate", str(run), "--baseline", str(run)),
        ("recommend", str(run)),
        ("compare", str(run), name, name),
    ):
        ended = arena(*args, "--assurance", "reward_file", cwd=tmp_path)
        assert ended.code == 2, args
        assert "no task has assurance reward_file" in ended.err
        ended = arena(*args, "--assurance", "ids", "--format", "json", cwd=tmp_path)
        assert ended.code in {0, 4}, ended.err
        assert json.loads(ended.out)


def test_a_defect_is_no_regression(run, tmp_path):
    """An exit code of 1 would tell a gate's caller that something got worse."""
    (tmp_path / "sitecustomize.py").write_text(
        "import arena.score.gate\narena.score.gate.gate = lambda *_, **__: 1 / 0\n"
    )
    gated = ("gate", str(run), "--baseline", str(run))
    found_in = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    process = start(*gated, cwd=tmp_path, PYTHONPATH=found_in)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 70
    assert "ZeroDivisionError" in err


def told(players, *, attempts=3, **asked):
    """The answer on terminal, as lines, and on the page, without its marks."""
    run = results(players, attempts=attempts)
    seen = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", site.render(score(run))))
    return decisions.recommendation(recommend(run, **asked)).splitlines(), seen


def test_what_is_not_decided_is_shown_nowhere():
    alone = {"a": Player(HALF, ONES)}
    gaps = {"a": Player(HALF, ONES, faults=dict.fromkeys(range(9), 1)), "b": Player(HALF, ONES)}
    for players in (alone, gaps):
        for asked in ({}, {"value_usd": 50}):
            lines, seen = told(players, **asked)
            assert lines[0] == "Not decided."
            assert "shown: " not in seen
            assert re.search(
                r"a solved task is worth .* nowhere .*Contestants", seen, re.IGNORECASE
            )
            found = recommend(results(players), **asked)
            assert not any(buy.sure for buy in found.trade.buys)
            assert not found.trade.decided
        assert "\n".join(lines).count("lacks a verdict") == (players is gaps)


def test_a_contestant_is_not_shown_to_differ_from_itself():
    run = results({"a": Player(HALF, ONES), "b": Player(HALF, 2 * ONES)})
    side, family = contender(run, "a"), ranked_of(run)
    found = comparing.compare(side, side, family=family, value_usd=50)
    assert not found.worth.shown
    other = comparing.compare(contender(run, "b"), side, family=family, value_usd=2)
    assert other.worth.shown
    assert (
        "A less B \N{MINUS SIGN}$0.33 a task, A is worth more in 0% of draws: a difference is shown"
        in (decisions.comparison(other))
    )


def test_costs_that_are_not_known_are_said_before_any_name():
    known = {"a": Player(HALF, ONES), "b": Player(HALF, 2 * ONES)}
    for costs in (None, 0 * ONES):
        (head, *lines), seen = told({**known, "own": Player(3 * (HALF < 4), costs)}, value_usd=2)
        assert head.startswith("Of those with a known cost: At $2.00 a solved task choose a")
        assert "  own: 100%, no known cost; left out: its cost is not known" in lines
        assert "Of those with a known cost: a if a solved task is worth $0.67 or more" in seen
        head, why, *_ = told({"a": known["a"], "own": Player(HALF, costs)}, value_usd=50)[0]
        assert (head, why) == ("Not decided.", "Only a has a known cost.")
    best = {"a": Player(HALF, ONES), "own": Player(ONES * 3)}
    head, why, *_ = told(best, margin=0.1)[0]
    assert head == "Not decided."
    assert why == (
        "Shown not worse than every other by 10 points, but left out: own: its cost is not known."
    )


def test_a_pair_that_decides_nothing_shows_nothing():
    gaps = Player(HALF, ONES, faults=dict.fromkeys(range(9), 1))
    run = results({"a": gaps, "b": Player(3 * (HALF < 4), 2 * ONES)})
    said = decisions.comparison(comparing.compare(contender(run, "a"), contender(run, "b")))
    assert "inconclusive: a lacks" in said
    assert "not worse" not in said


def test_costs_of_who_solves_nothing_are_not_called_unknown():
    run = results({"a": Player(HALF * 0, ONES), "b": Player(HALF)})
    said = decisions.comparison(comparing.compare(contender(run, "a"), contender(run, "b")))
    assert "$0.33 an attempt, no task solved" in said
    assert re.search(r"B: passes 50% \(.*\), no known cost", said)


def test_the_page_quotes_no_p_beside_its_headline():
    dear = Player([3.0] * 15 + [0.0] * 5 + [3.0] * 40, 10 * ONES)
    lines, seen = told({"dear": dear, "cheap": Player([3.0] * 12 + [0.0] * 8 + [3.0] * 40, ONES)})
    line = "cheap, at 1/10 of the cost of dear, is not shown worse: 87% against 92%"
    assert f"{line}." in lines
    assert line in seen
    assert "(p " not in "\n".join(lines)
