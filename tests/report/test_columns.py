"""CONTRIBUTING.md's recipe for a column of the report, followed word for word."""

import csv
import io
import json
import re
import tomllib
from decimal import Decimal
from types import SimpleNamespace
from typing import get_args
from xml.etree import ElementTree as ET

import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from arena import resources
from arena.report import columns, exports, interchange, site
from arena.report.columns import headed

ROW = """
[contestants.mean_steps]
of = "row.mean_steps"
kind = "float64"
unit = "count"
meaning = "Mean of completed model calls"
heading = "Steps"
"""
SIZE = {"kind": "float64", "unit": "kilobytes", "meaning": "Size of the patch"}


def terminal(scored) -> str:
    console = Console(width=240, file=io.StringIO())
    console.print(exports.render(scored))
    return console.file.getvalue()


@pytest.fixture
def shown(scored, monkeypatch) -> dict[str, str]:
    """What each contestant's new figure must read."""
    added = tomllib.loads(ROW)["contestants"]
    steps = columns.column("mean_steps", added["mean_steps"])
    monkeypatch.setattr(columns, "CONTESTANTS", (*columns.CONTESTANTS, steps))
    rows = scored.board.rows
    assert len({row.mean_steps for row in rows}) > 4
    return {row.who.name: f"{row.mean_steps:.2f}" for row in rows}


def test_a_new_column_of_contestants_is_in_every_form_for_people(scored, shown):
    html = site.render(scored)
    assert 'data-tip="Mean of completed model calls">Steps</button>' in html
    by_name = {
        "terminal": terminal(scored).splitlines(),
        "markdown": exports.export(scored, "markdown").decode().splitlines(),
        "latex": exports.export(scored, "latex").decode().splitlines(),
    }
    heads = {"terminal": "tokens/s billed steps", "markdown": "| Steps |", "latex": r"& Steps \\"}
    for form, lines in by_name.items():
        assert any(heads[form] in " ".join(line.split()) for line in lines), form
        for name, value in shown.items():
            assert any(name in line and value in line for line in lines), (form, name)
    for row in scored.board.rows:
        steps = row.mean_steps
        assert f'<td class="number" data-v="{steps}">{shown[row.who.name]}</td>' in html


def test_a_new_column_of_contestants_is_in_every_form_for_programs(scored, shown):
    wanted = {row.who.name: row.mean_steps for row in scored.rows}
    found = json.loads(exports.export(scored, "json"))["contestants"]
    assert {one["name"]: one["mean_steps"] for one in found} == wanted
    text_ = exports.export(scored, "csv", table="contestants").decode()
    rows = csv.DictReader(io.StringIO(text_))
    assert {one["contestant"]: float(one["mean_steps"]) for one in rows} == wanted
    parquet = pq.read_table(io.BytesIO(exports.export(scored, "parquet", table="contestants")))
    assert parquet["mean_steps"].to_pylist() == list(wanted.values())
    described = interchange.Run(scored).contestants.describe()[-1]
    assert (described["column"], described["unit"]) == ("mean_steps", "count")


def test_a_new_column_of_trials_is_in_json_and_tables(scored, monkeypatch):
    size = columns.column("patch_kb", SIZE, lambda trial: trial.patch_bytes / 1000)
    monkeypatch.setattr(columns, "TRIALS", (*columns.TRIALS, size))
    wanted = [trial.patch_bytes / 1000 for trial in scored.results.trials]
    assert any(wanted)
    found = json.loads(exports.export(scored, "json"))["trials"]
    assert [one["patch_kb"] for one in found] == wanted
    rows = csv.DictReader(io.StringIO(exports.export(scored, "csv").decode()))
    assert [float(one["patch_kb"]) for one in rows] == wanted


def test_a_column_can_be_in_some_forms_alone(scored, monkeypatch):
    row = {"of": "row.mean_steps", "kind": "float64", "meaning": "Steps", "forms": ["json"]}
    column = columns.column("mean_steps", row)
    monkeypatch.setattr(columns, "CONTESTANTS", (*columns.CONTESTANTS, column))
    assert "mean_steps" in exports.export(scored, "json").decode()
    assert "mean_steps" not in exports.export(scored, "csv", table="contestants").decode()
    assert "mean_steps" not in {c.name for c in headed(columns.CONTESTANTS, "page", 3)}


@pytest.mark.parametrize(
    "found",
    [
        columns.CONTESTANTS,
        columns.TRIALS,
        columns.CALLS,
        columns.TESTS,
        columns.TASKS,
        columns.PAIRS,
    ],
)
def test_no_name_is_there_twice(found):
    for form in ("table", "json"):
        names = [
            (c.json_name if form == "json" else "") or c.name for c in found if form in c.forms
        ]
        assert len(names) == len(set(names))


def test_a_column_that_only_json_can_hold_is_in_no_table():
    for found in (columns.CONTESTANTS, columns.TRIALS):
        assert not [c.name for c in found if c.kind == "object" and "table" in c.forms]


def test_every_row_says_only_what_a_column_has():
    tables_ = tomllib.loads((resources.reports_dir() / "columns.toml").read_text())
    found = {
        "trials": columns.TRIALS,
        "calls": columns.CALLS,
        "tests": columns.TESTS,
        "tasks": columns.TASKS,
        "pairs": columns.PAIRS,
        "contestants": columns.CONTESTANTS,
    }
    assert tables_.keys() == found.keys() == set(get_args(interchange.TableName))
    for name, read in found.items():
        assert [column.name for column in read] == list(tables_[name])
        for column in read:
            assert column.kind in get_args(columns.Kind)
            assert column.forms <= set(get_args(columns.Form))
            assert column.meaning


def test_a_value_that_is_not_there_is_null_or_what_the_file_says():
    call = SimpleNamespace(cost=None, end=None)
    values = {column.name: column.value for column in columns.CALLS}
    assert values["cost_usd"](call) is None
    assert values["wall_s"](call) is None
    assert values["cost_status"](call) == "unknown"
    assert values["usage_estimated"](call) is False
    call = SimpleNamespace(cost=SimpleNamespace(billed_usd=Decimal("0.25")))
    assert values["cost_usd"](call) == 0.25
    assert type(values["cost_usd"](call)) is float


def test_controls_are_told_apart_in_every_form(scored):
    controls = {row.who.name for row in scored.board.controls}
    assert controls == {"oracle", "nop"}
    run = interchange.Run(scored)
    for name, wanted in (("trials", controls), ("contestants", controls), ("tests", {"oracle"})):
        table = run.table(name).to_pandas()
        assert set(table.loc[table["control"], "contestant"]) == wanted, name
    document = json.loads(exports.export(scored, "json"))
    told = {trial["contestant"] for trial in document["trials"] if trial["control"]}
    assert told == {one["name"] for one in document["contestants"] if one["control"]} == controls
    for form in ("a", "b"):
        assert not controls & {pair[form] for pair in document["pairs"]}
    suites = ET.fromstring(exports.export(scored, "junit"))
    marked = {s.get("name") for s in suites if s.find("properties/property") is not None}
    assert marked == controls
    for form in ("markdown", "latex", "svg"):
        rows = exports.export(scored, form).decode().splitlines()
        assert not [line for line in rows if re.match(r"(\||  \d).*(oracle|nop)", line)]


def test_what_the_page_bounds_is_bounded_in_every_table(scored):
    contestants = interchange.Run(scored).contestants.to_pandas().set_index("contestant")
    told = {c["name"]: c for c in json.loads(exports.export(scored, "json"))["contestants"]}
    for one in scored.contestants:
        solved, found = one.row.per_solved, contestants.loc[one.row.who.name]
        wanted = {
            "pass_rate": one.row.ci,
            "pass_rate_bounds": one.row.missing.rate_bounds,
            "cost_per_attempt_usd": one.row.mean_ci,
            "cost_per_solved_usd": solved.ci if solved else None,
        }
        for name, interval in wanted.items():
            ends = [found[f"{name}_lo"], found[f"{name}_hi"]]
            if interval is None:
                assert pd.isna(ends).all()
                continue
            assert ends == [interval.lo, interval.hi]
            if name.startswith("cost"):
                assert [told[one.row.who.name][f"{name}_{end}"] for end in ("lo", "hi")] == ends
    bounded = {"cost_per_attempt_usd_lo", "cost_per_solved_usd_hi"}
    assert contestants[sorted(bounded)].notna().any().all()


def test_every_pair_is_a_row_with_both_its_p_values(scored):
    pairs = interchange.Run(scored).pairs.to_pandas()
    assert len(pairs) == len(scored.board.pairs) == 28
    for row, pair in zip(pairs.itertuples(), scored.board.pairs, strict=True):
        assert (row.a, row.b) == (pair.a, pair.b)
        assert (row.p, row.adjusted_p) == (pair.difference.p, pair.adjusted_p)
        assert (row.difference_lo, row.difference_hi) == pair.difference.ci
    assert (pairs["p"] < pairs["adjusted_p"]).any()
    assert pairs["shown_worse"].notna().any()
    text = exports.export(scored, "csv", table="pairs").decode()
    parquet = pq.read_table(io.BytesIO(exports.export(scored, "parquet", table="pairs")))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(r["adjusted_p"]) for r in rows] == parquet["adjusted_p"].to_pylist()


def test_times_are_in_every_form(scored):
    names = ("median_active_s", "p90_active_s", "first_byte_s", "tokens_per_s")
    table = interchange.Run(scored).contestants.to_pandas().set_index("contestant")
    told = {c["name"]: c for c in json.loads(exports.export(scored, "json"))["contestants"]}
    for row in scored.board.rows:
        times = {name: getattr(row, name, None) or getattr(row.times, name) for name in names}
        assert times["first_byte_s"] < row.median_active_s < row.p90_active_s
        assert row.times.tokens_per_s > 1
        for name in names:
            assert told[row.who.name][name] == table.loc[row.who.name, name]
            assert told[row.who.name][name] == times[name]
    for form in ("page", "terminal", "markdown", "latex"):
        assert set(names) <= {c.name for c in headed(columns.CONTESTANTS, form)}


def test_bounds_and_told_costs_are_data_everywhere():
    named = {"unsettled_calls", "unsettled_at_most_usd"}
    for table in (columns.TRIALS, columns.CONTESTANTS):
        for form in ("json", "table"):
            assert named <= {column.name for column in table if form in column.forms}
    assert "cost_told_usd" in {column.name for column in columns.CALLS}
