"""What is said of a race: on the page, in the terminal, in exports."""

import json
from decimal import Decimal

import pytest

from arena.cli import report as decide
from arena.errors import InputError
from arena.report import exports
from arena.report.caveats import race_report
from arena.report.scored import score
from arena.report.site import render
from arena.rundir.directory import RunDir
from arena.score.load import load
from arena.score.tally import tallies
from arena.stats.sequential import confidence_sequence
from tests.run.test_race import Rig, manifest


@pytest.fixture(params=["ended", "going on"])
def raced(request, tmp_path):
    rig = Rig(tmp_path, manifest(), at_once=4)
    RunDir(tmp_path).write_manifest(rig.manifest)
    rig.session(kill_after=None if request.param == "ended" else 20)
    return rig, score(load(tmp_path))


def test_the_report_comes_to_the_same_end_as_the_run(raced):
    rig, scored = raced
    found = race_report(scored)
    race = rig.order.race
    assert found.decided == bool(race.decided[0])
    became = {line.name: line.became for line in found.lines}
    if found.decided:
        assert found.headline == "Choose good"
        assert f"after {race.tasks} of 60 tasks" in found.lead
        assert became["good"].startswith("the answer")
        assert became["bad"].startswith(f"left after {race.left_after[0, 2]} tasks; passed")
    else:
        assert found.headline == "Not decided"
        assert became["good"].startswith("still in")


def test_page_terminal_and_exports_say_that_it_was_a_race(raced):
    _, scored = raced
    page = render(scored)
    assert "This was a race" in page
    assert "<polyline" in page
    assert "confidence sequences" in page
    assert "This was a race" in exports.export(scored, "markdown").decode()
    rows = json.loads(exports.export(scored, "json"))["contestants"]
    assert {row["name"] for row in rows} == {"good", "fair", "bad", "nop"}


def test_nothing_is_missing_that_was_never_started(raced):
    rig, scored = raced
    assert len(scored.results.trials) == len(set(rig.begun)) < 4 * 60
    if scored.results.manifest.race and rig.order.race.decided[0]:
        assert not any(row.inconclusive for row in scored.board.rows)


def test_intervals_are_wider_than_those_of_a_fixed_number_of_tasks(raced):
    _, scored = raced
    for row in scored.board.rows:
        assert row.ci.hi - row.ci.lo > 0.1
        assert row.per_solved is None or row.per_solved.ci is None


def test_no_race_no_section(tmp_path):
    rig = Rig(tmp_path, manifest(tasks=5).model_copy(update={"race": None}))
    RunDir(tmp_path).write_manifest(rig.manifest)
    scored = score(load(tmp_path))
    assert race_report(scored) is None
    assert "This was a race" not in render(scored)


def test_the_rules_are_in_the_manifest(raced):
    _, scored = raced
    assert scored.results.manifest.race.rules.value_usd == Decimal(1)


def test_no_interval_of_a_race_is_of_a_fixed_number_of_tasks(raced):
    _, scored = raced
    found = json.loads(exports.export(scored, "json"))
    assert found["race"]["decided"] == race_report(scored).decided
    assert {line["name"] for line in found["race"]["lines"]} == {"good", "fair", "bad"}
    assert found["smallest_gap"] is None
    assert found["trade"]["buys"] == found["cascades"] == []
    assert (
        "tasks can show a gap" not in render(scored) + exports.export(scored, "markdown").decode()
    )
    for one in scored.ranked:
        tally = tallies(scored.results)[one.name].seen
        order = scored.results.manifest.race.order
        in_order = sorted(range(len(tally.tasks)), key=lambda i: order.index(tally.tasks[i]))
        assert one.row.ci == confidence_sequence(tally.means[in_order], 1)
        if one.row.mean_ci is not None:
            each = (tally.cost_usd / tally.scored)[in_order]
            assert one.row.mean_ci == confidence_sequence(each, 0.1)
    assert found["pairs"] == found["countries"]["matches"] == []


def test_a_race_has_its_own_answer_and_no_recommendation(raced, tmp_path):
    with pytest.raises(InputError, match="it was a race"):
        decide.recommend(tmp_path)
