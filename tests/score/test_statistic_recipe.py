"""The recipe of a new statistic, followed: one function of the pair, one row of the table."""

import json
from pathlib import Path

import numpy as np
import pytest

from arena.cli import report as decide
from arena.cli.options import Format
from arena.score import compare
from arena.score.pairs import Pair

DEMO = Path(__file__).parents[2] / "reports/samples/demo"
SIDES = ("mutate-200", "mutate-20")


def largest_loss(lined: Pair) -> float | None:
    return float(np.max(-lined.differences)) if lined.tasks else None


@pytest.fixture
def with_one_more(monkeypatch):
    row = compare.Statistic("largest_loss", "largest loss at a task", largest_loss)
    monkeypatch.setattr(compare, "STATISTICS", (*compare.STATISTICS, row))


@pytest.fixture
def told(capsys):
    def tell(form):
        decide.compare(DEMO, *SIDES, format_=form)
        return capsys.readouterr().out

    return tell


def test_without_its_row_a_statistic_is_nowhere(told):
    assert "largest" not in told(Format.TABLE) + told(Format.JSON)


@pytest.mark.usefixtures("with_one_more")
def test_a_function_and_a_row_put_a_statistic_on_terminal_and_in_json(told):
    data = json.loads(told(Format.JSON))
    expected = max(
        (t["passed_b"] / t["scored_b"] - t["passed_a"] / t["scored_a"] for t in data["discordant"]),
        default=0.0,
    )
    assert data["largest_loss"] == pytest.approx(max(expected, 0.0))
    assert "smallest_gap" in data
    assert f"largest loss at a task: {data['largest_loss']:.3g}" in told(Format.TABLE)
