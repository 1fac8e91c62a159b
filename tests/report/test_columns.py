"""CONTRIBUTING.md's recipe for a column of the report, followed word for word."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from arena.report import columns, exports, leaderboard, page, tables
from arena.report.columns import Column
from arena.report.leaderboard import board_columns

STEPS = Column(
    "mean_steps", "float64", "count", "Mean of completed model calls",
    lambda c: c.row.effort.mean_steps, heading="Steps",
)  # fmt: skip
SIZE = Column(
    "patch_kb", "float64", "kilobytes", "Size of the patch", lambda t: t.patch_bytes / 1000
)


def terminal(scored) -> str:
    console = Console(width=240, file=io.StringIO())
    console.print(exports.render(scored))
    return console.file.getvalue()


@pytest.fixture
def shown(scored, monkeypatch) -> dict[str, str]:
    """What each contestant's new figure must read."""
    monkeypatch.setattr(leaderboard, "CONTESTANTS", (*leaderboard.CONTESTANTS, STEPS))
    rows = scored.board.rows
    assert len({row.effort.mean_steps for row in rows}) > 4
    return {row.who.name: f"{row.effort.mean_steps:.2f}" for row in rows}


def test_a_new_column_of_contestants_is_in_every_form_for_people(scored, shown):
    html = page.render(scored)
    assert 'data-tip="Mean of completed model calls">Steps</button>' in html
    by_name = {
        "terminal": terminal(scored).splitlines(),
        "markdown": exports.export(scored, "markdown").decode().splitlines(),
        "latex": exports.export(scored, "latex").decode().splitlines(),
    }
    heads = {"terminal": "frontier  steps", "markdown": "| Steps |", "latex": r"& Steps \\"}
    for form, lines in by_name.items():
        assert any(heads[form] in line for line in lines), form
        for name, value in shown.items():
            assert any(name in line and value in line for line in lines), (form, name)
    for row in scored.board.rows:
        steps = row.effort.mean_steps
        assert f'<td class="number" data-v="{steps}">{shown[row.who.name]}</td>' in html


def test_a_new_column_of_contestants_is_in_every_form_for_programs(scored, shown):
    wanted = {row.who.name: row.effort.mean_steps for row in scored.rows}
    found = json.loads(exports.export(scored, "json"))["contestants"]
    assert {one["name"]: one["mean_steps"] for one in found} == wanted
    text_ = exports.export(scored, "csv", table="contestants").decode()
    rows = csv.DictReader(io.StringIO(text_))
    assert {one["contestant"]: float(one["mean_steps"]) for one in rows} == wanted
    parquet = pq.read_table(io.BytesIO(exports.export(scored, "parquet", table="contestants")))
    assert parquet["mean_steps"].to_pylist() == list(wanted.values())
    described = tables.Run(scored).contestants.describe()[-1]
    assert (described["column"], described["unit"]) == ("mean_steps", "count")


def test_a_new_column_of_trials_is_in_json_and_tables(scored, monkeypatch):
    monkeypatch.setattr(columns, "TRIALS", (*columns.TRIALS, SIZE))
    wanted = [trial.patch_bytes / 1000 for trial in scored.results.trials]
    assert any(wanted)
    found = json.loads(exports.export(scored, "json"))["trials"]
    assert [one["patch_kb"] for one in found] == wanted
    rows = csv.DictReader(io.StringIO(exports.export(scored, "csv").decode()))
    assert [float(one["patch_kb"]) for one in rows] == wanted


def test_a_column_can_be_in_some_forms_alone(scored, monkeypatch):
    column = Column("mean_steps", "float64", "count", "Steps", STEPS.value, columns.JSON)
    monkeypatch.setattr(leaderboard, "CONTESTANTS", (*leaderboard.CONTESTANTS, column))
    assert "mean_steps" in exports.export(scored, "json").decode()
    assert "mean_steps" not in exports.export(scored, "csv", table="contestants").decode()
    assert "mean_steps" not in {c.name for c in board_columns("page", 3)}


@pytest.mark.parametrize(
    "found",
    [leaderboard.CONTESTANTS, columns.TRIALS, columns.CALLS, columns.TESTS, columns.TASKS],
)
def test_no_name_is_there_twice(found):
    for form in ("table", "json"):
        names = [
            (c.json_name if form == "json" else "") or c.name for c in found if form in c.forms
        ]
        assert len(names) == len(set(names))


def test_a_column_that_only_json_can_hold_is_in_no_table():
    for found in (leaderboard.CONTESTANTS, columns.TRIALS):
        assert not [c.name for c in found if c.kind == "object" and "table" in c.forms]


def test_bounds_and_told_costs_are_data_everywhere():
    named = {"unsettled_calls", "unsettled_at_most_usd"}
    for table in (columns.TRIALS, leaderboard.CONTESTANTS):
        for form in ("json", "table"):
            assert named <= {column.name for column in table if form in column.forms}
    assert "cost_told_usd" in {column.name for column in columns.CALLS}
