import csv
import io
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arena.errors import InputError
from arena.report import exports, interchange


@pytest.fixture(scope="module")
def loaded(run):
    return interchange.load(run)


def test_tables_are_tidy_and_typed(loaded):
    trials, calls, tests, contestants = (
        loaded.table(name).to_pandas() for name in ("trials", "calls", "tests", "contestants")
    )
    assert (len(trials), len(contestants)) == (360, 10)
    assert trials["trial_id"].is_unique
    assert set(calls["trial_id"]) < set(trials["trial_id"])
    assert set(tests["trial_id"]) < set(trials["trial_id"])
    assert str(calls["started_at"].dtype) == "datetime64[us, UTC]"
    assert trials["cost_usd"].dtype == float
    spent = calls.groupby("trial_id")["cost_usd"].sum()
    both = trials.set_index("trial_id")["cost_usd"].dropna().to_frame("trial").join(spent)
    both = both[both["cost_usd"].notna()]
    assert len(both) > 200
    assert all(map(math.isclose, both["trial"], both["cost_usd"]))


def test_unknown_is_null_and_never_zero(loaded):
    trials = loaded.trials.to_pandas()
    assert trials.loc[trials["contestant"] == "brume-medium", "cost_usd"].isna().all()
    contestants = loaded.contestants.to_pandas().set_index("contestant")
    assert pd.isna(contestants.loc["brume-medium", "cost_per_attempt_usd"])
    assert pd.isna(contestants.loc["oracle", "country"])


def test_headline_numbers_can_be_computed_from_the_tables(loaded):
    trials = loaded.trials.to_pandas()
    rates = trials.groupby(["contestant", "task_id"])["passed"].mean().groupby("contestant").mean()
    contestants = loaded.contestants.to_pandas().set_index("contestant")
    for name, rate in rates.items():
        assert math.isclose(rate, contestants.loc[name, "pass_rate"])


def test_every_column_is_described(loaded):
    for name in ("trials", "calls", "tests", "contestants", "tasks"):
        table = loaded.table(name)
        described = table.describe()
        assert [d["column"] for d in described] == table.to_arrow().column_names
        assert all(d["meaning"] for d in described)
        for d in described:
            for ending, unit in (("_usd", "US dollars"), ("_s", "seconds"), ("_tokens", "tokens")):
                if d["column"].endswith(ending) and not d["column"].endswith("_per_s"):
                    assert d["unit"] == unit


def test_arrow_readers_take_a_table_as_it_is(loaded):
    assert pa.table(loaded.trials).num_rows == len(loaded.trials) == 360


def test_csv_and_parquet_hold_the_same(scored):
    text = exports.export(scored, "csv", table="contestants").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    table = pq.read_table(io.BytesIO(exports.export(scored, "parquet", table="contestants")))
    assert [r["contestant"] for r in rows] == table["contestant"].to_pylist()
    assert [float(r["pass_rate"]) for r in rows] == table["pass_rate"].to_pylist()


def test_contestants_tell_what_is_inconclusive_and_how_known_their_cost_is(scored):
    board = scored.board
    doubted = board.rows[0].model_copy(update={"inconclusive": "too few"})
    changed = replace(scored, board=board.model_copy(update={"rows": (doubted, *board.rows[1:])}))
    table = interchange.Run(changed).contestants.to_pandas().set_index("contestant")
    assert table.loc[doubted.who.name, "inconclusive"] == "too few"
    assert table["inconclusive"].notna().sum() == 1
    assert table.loc["brume-medium", "cost_status"] == "unknown"
    assert table.loc["lantern-3", ["cost_status", "cost_known_usd"]].notna().all()


def test_no_run_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="no run here"):
        interchange.load(tmp_path)


def test_the_notebook_reproduces_the_report(run, scored):
    notebook = Path(__file__).parents[2] / "docs" / "notebook.py"
    shown = subprocess.run(
        [sys.executable, notebook, run], capture_output=True, text=True, check=True
    ).stdout
    for row in scored.board.rows:
        assert f"{row.pass_rate:.1%} passed" in shown
