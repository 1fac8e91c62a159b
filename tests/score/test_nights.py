"""Nights on disk: the short form of `tests/benchmarks/nights.py`, and each rule by itself."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from arena.errors import InputError
from arena.records import Limits, RacePlan, RaceRules
from arena.report import decisions
from arena.report import trend as drawing
from arena.rundir.directory import RunDir
from arena.score.baseline import series_of
from arena.score.gate import gate
from arena.score.load import load
from arena.score.nights import LeftOut, read_runs, retain, runs_in
from arena.score.trend import trend
from tests.benchmarks.nights import Change, write_nights
from tests.e2e.rig import arena
from tests.score.made import Player, results, retold, task

ROOT = Path(__file__).parents[2]
CHANGED = 18


@pytest.fixture(scope="module")
def thirty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    change = Change(loss=0.2, growth=1.3)
    write_nights(folder, contestants=2, at=CHANGED, change=change)
    return folder


@pytest.fixture(scope="module")
def known(thirty):
    found, broken = read_runs(runs_in([thirty]))
    assert not broken
    return found


def test_the_gate_is_green_on_every_night_before_the_change(known):
    for index in range(1, CHANGED - 1):
        before, notes = series_of(known[index], known[:index])
        assert not notes
        assert gate(known[index], before).exit_code == 0


def test_the_series_alarms_within_days_and_says_since_when_how_large_and_why(known):
    quiet = trend(known[: CHANGED - 1])
    assert not quiet.alarms
    found = trend(known)
    assert drawing.text(found).startswith("Changed: c0, in 30 nights\nalarm: c0: ")
    assert {alarm.contestant for alarm in found.alarms} == {"c0"}
    rate = next(alarm for alarm in found.alarms if alarm.metric == "pass")
    # What `python -m tests.benchmarks.nights alarm` states of 20 points: a few nights.
    assert CHANGED - 1 <= rate.night <= CHANGED + 3
    assert abs(rate.since - (CHANGED - 1)) <= 1
    assert rate.before - rate.after == pytest.approx(0.2, abs=0.08)
    tokens = next(alarm for alarm in found.alarms if alarm.metric == "tokens")
    assert tokens.after / tokens.before == pytest.approx(1.3, abs=0.1)
    assert "returned model name: now m-2, before m" in rate.causes
    assert "fingerprint: now fp_new, before fp_old" in rate.causes
    assert any(cause.startswith("reasoning tokens: 1.") for cause in rate.causes)
    assert any(cause.startswith("seconds per call: 0.5") for cause in rate.causes)
    last = found.contestants[0].points[-1]
    assert last.other_names == ("m-2",)
    assert found.contestants[1].points[-1].other_names == ()
    assert trend(known) == found


def test_the_commands_show_the_series_and_fail_while_an_alarm_stands(thirty):
    here = {"cwd": thirty, "PYTHONPATH": str(ROOT)}
    told = arena("trend", ".", "--format", "json", **here)
    assert told.code == 1, told.err
    series = json.loads(told.out)
    assert len(series["nights"]) == 30
    assert {alarm["contestant"] for alarm in series["alarms"]} == {"c0"}
    page = arena("trend", ".", "--format", "html", "--since", "2026-03-22", **here)
    assert page.code == 0, page.err
    text = (thirty / page.out.strip()).read_text()
    assert "No change is shown in 9 nights" in text
    assert text.count('<svg class="line"') == 18
    gated = arena("gate", "night-10", "--series", ".", "--nights", "3", **here)
    assert gated.code == 0, gated.err


def test_the_folder_does_not_grow_without_end(thirty, tmp_path):
    write_nights(tmp_path, nights=6, contestants=1, change=Change())
    (tmp_path / "baseline.json").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "night-01", target_is_directory=True)
    before = {path.name: load(path) for path in runs_in([tmp_path])}
    with RunDir(tmp_path / "night-02").lock():
        freed = list(retain(tmp_path, nights=2, keep=[tmp_path / "night-03"]))
    assert [Path(one.run).name for one in freed] == ["night-01", "night-04"]
    assert all(one.freed_bytes > 100_000 and not one.whole for one in freed)
    held = {path.parent.name for path in tmp_path.glob("night-*/trials")}
    assert held == {"night-02", "night-03", "night-05", "night-06"}
    assert (tmp_path / "baseline.json").read_text() == "mine"
    assert {path.name: load(path) for path in runs_in([tmp_path])} == before
    list(retain(tmp_path, nights=1, ledgers=3, keep=[tmp_path / "night-01"]))
    left = [path.name for path in sorted(tmp_path.glob("night-*"))]
    assert left == ["night-01", "night-04", "night-05", "night-06"]


def run_on(day, players, **more):
    made = results(players, attempts=2, **more)
    changed = made.manifest.model_copy(
        update={
            "run_id": f"r{day}",
            "created_at": made.manifest.created_at.replace(day=day),
        }
    )
    return replace(made, manifest=changed, path=Path(f"night-{day}"))


EVEN = Player([2, 0, 1, 2] * 6, [1.0] * 24)


def test_a_night_that_cannot_be_compared_is_left_out_and_said():
    nights = [run_on(day, {"main": EVEN}) for day in (1, 2, 3)]
    others = [task(i, image="sha256:2") for i in range(24)]
    changed = run_on(4, {"main": EVEN}, tasks=others)
    known, notes = series_of(changed, nights)
    assert not known.levels[0].contestants
    assert "images changed under tasks" in notes[0]
    first = gate(changed, known, notes=notes)
    assert (first.outcome, first.exit_code) == ("inconclusive", 0)
    assert first.headline == "No earlier night can be compared with this one."
    assert gate(changed, known, require_evidence=True).exit_code == 4
    forged = retold(changed, {"attempt": 1}, verdict="integrity")
    assert gate(forged, known).exit_code == 3
    known, notes = series_of(run_on(5, {"main": EVEN}), [*nights, changed])
    assert len(notes) == 1
    assert known.levels[0].contestants[0].tasks["core/task-0000"].scored == 6


def test_tasks_that_lack_an_attempt_on_one_night_are_left_out_of_it_alone():
    whole = run_on(1, {"main": EVEN})
    torn = run_on(2, {"main": replace(EVEN, faults={0: 1})})
    known, _ = series_of(run_on(3, {"main": EVEN}), [whole, torn])
    scores = known.levels[0].contestants[0].tasks
    assert (scores["core/task-0000"].scored, scores["core/task-0001"].scored) == (2, 4)


def test_a_run_gated_against_itself_is_green_whatever_its_size():
    for size in (1, 2, 5, 24):
        for passed in (0, 1, 2):
            made = results({"main": Player([passed] * size, [1.0] * size)}, attempts=2)
            known, _ = series_of(made, [made])
            found = gate(made, known)
            assert found.exit_code == 0
            told = f"Nothing changed, as far as {size} task{'s' if size > 1 else ''} can tell."
            assert found.headline == told or found.headline.startswith("Pass: ")


def test_one_lost_trial_of_a_small_suite_is_no_red_night():
    nights = [run_on(day, {"main": EVEN}) for day in range(1, 6)]
    lost = run_on(9, {"main": replace(EVEN, faults={3: 1})})
    known, _ = series_of(lost, nights)
    assert gate(lost, known).exit_code == 0
    assert gate(lost, known, max_faults=0.02).exit_code == 3


def test_marks_tell_what_of_ours_changed_and_begin_anew():
    nights = [run_on(day, {"a": EVEN, "b": EVEN}) for day in (1, 2)]
    images = [task(i, image="sha256:2") for i in range(24)]
    nights.append(run_on(3, {"a": EVEN, "b": EVEN}, tasks=images))
    other = replace(EVEN, agent_digest="shell-2")
    nights.append(run_on(4, {"a": EVEN, "b": other}, tasks=images))
    found = trend(nights)
    assert [(m.night, m.contestant) for m in found.marks] == [(2, None), (3, "b")]
    assert "images changed" in found.marks[0].what
    assert found.marks[1].what == "agent changed"
    sequences = [point.sequence for point in found.contestants[0].points]
    assert sequences[0] == sequences[2]
    text = drawing.text(found)
    assert "mark 2026-11-03: images changed" in text
    assert "mark 2026-11-04: b: agent changed" in text


def test_means_with_a_bound_have_a_sequence_and_others_none():
    limits = Limits(usd=Decimal(2), tokens=5000)
    nights = [run_on(day, {"a": EVEN}, limits=limits) for day in range(1, 9)]
    points = trend(nights).contestants[0].points
    assert (points[-1].cost_usd, points[-1].tokens) == (0.5, 1100.0)
    widths = [p.cost_sequence.hi - p.cost_sequence.lo for p in points]
    assert widths == sorted(widths, reverse=True)
    for point in points:
        assert point.cost_sequence.lo < 0.5 < point.cost_sequence.hi
        assert point.tokens_sequence.lo < 1100 < point.tokens_sequence.hi
    text = drawing.render(trend(nights), "nights")
    assert "since the last mark $0." in text
    assert text.count('<polygon class="band"') == 3
    free = trend([run_on(1, {"a": EVEN})]).contestants[0].points[0]
    assert (free.cost_usd, free.cost_sequence, free.tokens_sequence) == (0.5, None, None)
    over = replace(EVEN, costs=[6.0] * 24)
    dear = trend([run_on(1, {"a": over}, limits=limits)]).contestants[0].points[0]
    assert dear.cost_sequence is None


def test_a_rise_that_our_own_change_explains_is_no_alarm():
    low, high = EVEN, replace(EVEN, passed=np.array([2.0] * 24), agent_digest="shell-2")
    nights = [run_on(day, {"a": low if day < 10 else high}) for day in range(1, 20)]
    assert not trend(nights).alarms
    same = replace(high, agent_digest="shell-1")
    silent = [run_on(day, {"a": low if day < 10 else same}) for day in range(1, 20)]
    raised = trend(silent).alarms
    assert [(alarm.metric, alarm.since) for alarm in raised] == [("pass", 9)]


def test_costs_that_count_caches_differently_are_a_mark_and_no_alarm():
    """One night some call had no price but its provider's bill: three times what caches allow."""
    limits = Limits(usd=Decimal(9))
    nights = [run_on(day, {"a": EVEN}, limits=limits) for day in range(1, 21)]
    for place, night in enumerate(nights[9:], 9):
        usd = night.trials[0].cost.billed_usd
        as_billed = replace(night.trials[0].cost, billed_usd=3 * usd, standard_usd=None)
        nights[place] = retold(night, {}, cost=as_billed)
    found = trend(nights)
    assert not found.alarms
    (mark,) = found.marks
    assert (mark.night, mark.what[:31]) == (9, "costs count caches differently:")
    points = found.contestants[0].points
    assert (points[8].cost_usd, points[9].cost_usd) == (0.5, 1.5)
    assert points[9].evidence["cost"] == 0 < points[9].evidence["pass"]


def test_a_race_is_no_night_of_a_series():
    order = tuple(entry.id for entry in run_on(1, {"a": EVEN}).manifest.tasks)
    rules = RaceRules(goal="best_value", value_usd=Decimal(1))
    raced = run_on(3, {"a": EVEN, "b": EVEN}, race=RacePlan(rules=rules, order=order))
    found = trend([run_on(1, {"a": EVEN}), run_on(2, {"a": EVEN}), raced])
    assert [night.run for night in found.nights] == ["night-1", "night-2"]
    assert [one.contestant for one in found.contestants] == ["a"]
    assert "left out: night-3: a race stops on what it sees" in drawing.text(found)


def test_no_runs_and_no_rate_are_bad_input(tmp_path):
    with pytest.raises(InputError, match="no run here"):
        runs_in([tmp_path])
    with pytest.raises(InputError, match="no number of nights"):
        trend([run_on(1, {"a": EVEN})], run_length=0)
    broken = LeftOut(run="night-1", reason="is not an event")
    with pytest.raises(InputError, match="night-1: is not an event: there is no night to show"):
        trend([], left_out=[broken])


def test_a_broken_night_is_left_out_and_said(thirty, tmp_path):
    write_nights(tmp_path, nights=3, contestants=1, change=Change())
    (tmp_path / "night-02" / "ledger.jsonl").write_text("{}\n{}\n")
    found, broken = read_runs(runs_in([tmp_path]))
    assert len(found) == 2
    assert "is not an event" in broken[0].reason
    assert "left out: " in drawing.text(trend(found, left_out=broken))


def test_names_of_a_foreign_run_stay_text():
    hostile = "</script><img src=x onerror=alert(1)>\x1b[31m"
    nights = [run_on(day, {hostile: EVEN}) for day in (1, 2)]
    page = drawing.render(trend(nights), hostile)
    assert "<img" not in page
    assert "\x1b" not in page + drawing.text(trend(nights))


def test_a_failed_night_reads_in_ten_lines():
    players = {f"c{i:02}": EVEN for i in range(30)}
    nights = [run_on(day, players) for day in range(1, 4)]
    worse = {name: replace(EVEN, passed=np.zeros(24), costs=[9.0] * 24) for name in players}
    bad = run_on(9, worse)
    known, _ = series_of(bad, nights)
    found = gate(bad, known, notes=["night-0: left out", "night-1: left out"])
    assert found.exit_code == 1
    lines = decisions.gate_text(found).splitlines()
    assert len(lines) == 10
    assert lines[0] == "Regression: c00 pass_rate, c00 cost, c01 pass_rate and 57 more."
    assert lines[1].startswith("fail pass_rate c00: changed by -0.625")
    assert lines[-1] == "note: night-0: left out (and 1 more)"
