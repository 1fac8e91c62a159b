"""Forecasts and replays of races on the command line."""

from pathlib import Path

import pytest

from tests.e2e.rig import arena

DEMO = str(Path(__file__).parents[2] / "reports" / "samples" / "demo")


def test_a_finished_run_is_raced_in_many_orders(tmp_path):
    found = arena("race", DEMO, "--value-usd", "1", "--format", "json", cwd=tmp_path).json
    assert found["races"] == 1000
    assert found["expected"] == "mutate-200"
    assert found["wrong"] <= 0.05
    assert found["median_share"] <= 1
    assert set(found["answers"]) == {"mutate-20", "mutate-200"}


def test_power_of_a_race_by_stated_rates(tmp_path):
    rates = ["--rate", "0.8@1", "--rate", "0.2@0.1"]
    said = arena("power", "200", "--race", *rates, "--value-usd", "5", cwd=tmp_path)
    assert said.code == 0, said.err
    assert "the right answer is 0.8@1" in said.out
    assert "spend: median $" in said.out


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("race", DEMO), "--value-usd"),
        (("race", DEMO, "--value-usd", "1", "--margin", "0.1"), "--value-usd"),
        (("race", DEMO, "--margin", "20"), "margin"),
        (("race", DEMO, "--value-usd", "-1"), "value_usd"),
        (("race", DEMO, "--value-usd", "nan"), "value_usd"),
        (("race", "nowhere", "--value-usd", "1"), "no run here"),
        (("power", "40", "--race", "--value-usd", "1"), "--rate"),
        (("power", "40", "--race", "--value-usd", "1", "--rate", "a", "--rate", "b"), "PASS RATE"),
        (("power", "40", "--rate", "0.5@1"), "--race"),
    ],
)
def test_what_cannot_be_raced_is_refused_in_one_line(tmp_path, args, named):
    ended = arena(*args, cwd=tmp_path)
    assert ended.code == 2
    assert named in ended.err
    assert ended.err.count("\n") == 1


RUN = """
name = "x"
tasks = ["core/text-wrap"]
{more}
contestant = [ {{ name = "a", backend = {{ base_url = "http://127.0.0.1:9/v1", model = "a" }} }},
               {{ name = "b", backend = {{ base_url = "http://127.0.0.1:9/v1", model = "b" }} }} ]
"""


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("", "[race]"),
        ('race = { goal = "best_value", value_usd = 5 }', "limits.usd"),
        ('race = { goal = "best_value" }', "value_usd"),
        ('race = { goal = "cheapest" }', "best_value"),
    ],
)
def test_a_race_that_decides_nothing_is_refused_before_it_starts(tmp_path, more, named):
    (tmp_path / "b.toml").write_text(RUN.format(more=more))
    for command in ("run", "plan"):
        ended = arena(command, "b.toml", "--race", cwd=tmp_path)
        assert ended.code == 2
        assert named in ended.err
    assert not (tmp_path / "runs").exists()
