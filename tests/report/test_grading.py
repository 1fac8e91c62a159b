"""Levels of assurance and quarantined tests, as every kind of report shows them."""

import csv
import io
import json
import shutil

import pytest
from rich.console import Console

from arena.report import caveats, exports, site
from arena.report.scored import score
from arena.rundir.directory import RunDir
from arena.score.load import load
from tests.e2e.rig import arena
from tests.report.make_run import make_run

LUCK = "tests/test_core.py::test_<luck>"


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Four tasks graded by ids, one of them with a quarantined test, and two by a reward file."""
    run = RunDir(make_run(tmp_path_factory.mktemp("mixed") / "run", tasks=6, attempts=1))
    manifest = run.read_manifest()
    changes = [{"quarantined": (LUCK,)}, {}, {}, {}, *[{"assurance": "reward_file"}] * 2]
    tasks = [
        task.model_copy(update=change) for task, change in zip(manifest.tasks, changes, strict=True)
    ]
    run.write_manifest(manifest.model_copy(update={"tasks": tuple(tasks)}))
    return run.path, [task.id for task in tasks]


def terminal(scored):
    console = Console(width=200, file=io.StringIO())
    console.print(exports.render(scored))
    return console.file.getvalue()


def test_levels_are_split_and_each_can_be_asked_for(mixed):
    root, ids = mixed
    strongest, other = (score(load(root), level) for level in (None, "reward_file"))
    assert strongest.board.tasks == tuple(sorted(ids[:4]))
    assert other.board.tasks == tuple(sorted(ids[4:]))
    for scored, tasks in ((strongest, 4), (other, 2)):
        found = json.loads(exports.export(scored, "json"))
        assert found["tasks"] == tasks
        for one in found["contestants"]:
            assert one["trials"] == tasks
            mine = [t for t in found["trials"] if t["contestant"] == one["name"]]
            passed = [t["task"] for t in mine if t["verdict"] == "passed"]
            assert one["passed"] == len(set(passed) & set(scored.board.tasks))
    assert "4 tasks graded test by test" in terminal(strongest)
    assert "Not in these numbers: 2 tasks graded by the reward" in terminal(strongest)
    assert "2 tasks graded by the reward" in terminal(other)


def test_exports_say_which_level_they_are_of(mixed):
    scored = score(load(mixed[0]))
    for format_ in ("markdown", "latex"):
        text = exports.export(scored, format_).decode()
        assert "4 tasks graded test by test (ids)." in text
        assert "Not in these numbers: 2 tasks graded by the reward" in text
        assert f"Quarantined in {mixed[1][0]}, deciding nothing" in text


def test_the_command_takes_the_level(mixed):
    root, _ = mixed
    done = arena("report", str(root), "--format", "json", "--assurance", "reward_file", cwd=root)
    assert (done.json["assurance"], done.json["other_assurance"]) == ("reward_file", ["ids"])
    assert done.json["tasks"] == 2
    refused = arena("report", str(root), "--assurance", "exit_code", cwd=root)
    assert refused.code == 2
    assert "no task has assurance exit_code" in refused.err


def test_tiers_of_statements_and_what_they_do_not_tell_are_shown(mixed, tmp_path):
    run = RunDir(mixed[0])
    manifest = run.read_manifest()
    assert not any("Statements" in note for note in caveats.notes(score(load(mixed[0]))))
    changes = [
        {"provenance": "A"},
        {"provenance": "D", "underspecified": ("--up",)},
        {},
        {},
        {},
        {},
    ]
    tasks = [
        task.model_copy(update=change) for task, change in zip(manifest.tasks, changes, strict=True)
    ]
    shutil.copytree(mixed[0], tmp_path / "run")
    RunDir(tmp_path / "run").write_manifest(manifest.model_copy(update={"tasks": tuple(tasks)}))
    scored = score(load(tmp_path / "run"))
    wanted = [
        "Problem statements: 1 of tier A (a report of the problem), 1 of tier D (a model's words), 2 of no stated tier.",
        f"Underspecified, as their tests need what nobody tells: {tasks[1].id}.",
    ]
    assert set(wanted) <= set(caveats.notes(scored))
    for note in wanted:
        assert note in terminal(scored)
    (_, *rows) = csv.reader(io.StringIO(exports.export(scored, "csv", table="tasks").decode()))
    assert [row[6] for row in rows] == ["A", "D", "", "", "", ""]


def test_quarantined_tests_are_shown_everywhere(mixed):
    root, ids = mixed
    scored = score(load(root))
    assert json.loads(exports.export(scored, "json"))["quarantined"] == {ids[0]: [LUCK]}
    note = f"Quarantined in {ids[0]}, deciding nothing: {LUCK}."
    assert note in terminal(scored)
    assert note in caveats.notes(scored)
    page = site.build(scored).read_text()
    assert "test_&lt;luck&gt;" in page
    assert "<luck>" not in page
