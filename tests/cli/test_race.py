"""Forecasts and replays of races on the command line."""

import re
from pathlib import Path

import pytest

from arena.score.load import load
from tests.e2e.rig import arena

DEMO = str(Path(__file__).parents[2] / "reports" / "samples" / "demo")


def test_a_finished_run_is_raced_in_many_orders(tmp_path):
    found = arena("race", DEMO, "--value-usd", "1", "--format", "json", cwd=tmp_path).json
    rows = arena("report", DEMO, "--format", "json", cwd=tmp_path).json["contestants"]
    passed = {row["name"]: row["passed"] for row in rows if row["name"] in found["answers"]}
    assert found["races"] == 1000
    # At a dollar a task the demo's machine time, a millionth of that, decides between equals alone
    assert passed[found["expected"]] == max(passed.values())
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


PRICED = "price = { input = 2.0, output = 8.0 }"
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
        ('race = { goal = "cheapest" }', "cheapest_not_worse"),
    ],
)
def test_a_race_that_decides_nothing_is_refused_before_it_starts(tmp_path, more, named):
    (tmp_path / "b.toml").write_text(RUN.format(more=more))
    for command in ("run", "plan"):
        ended = arena(command, "b.toml", "--race", cwd=tmp_path)
        assert ended.code == 2
        assert named in ended.err
    assert not (tmp_path / "runs").exists()


def test_a_plan_forecasts_a_race_from_an_earlier_run(tmp_path):
    who = ", ".join(
        f'{{ name = "mutate-{n}", backend = {{ base_url = "http://127.0.0.1:9/v1", '
        f'model = "mutate-{n}", hourly_usd = 0.096 }} }}'
        for n in (20, 200)
    )
    (tmp_path / "b.toml").write_text(
        f'name = "x"\ntasks = ["core/text-wrap", "core/csv-dialect"]\nattempts = 3\n'
        f"concurrency = 2\nlimits = {{ usd = 0.01 }}\ncontestant = [{who}]\n"
        '[race]\ngoal = "best_value"\nvalue_usd = 1\n'
    )
    found = arena("plan", "b.toml", "--race", "--from", DEMO, "--format", "json", cwd=tmp_path).json
    assert found["race"][0].startswith("as a race, from 8 tasks of ")
    rows = [t for t in load(Path(DEMO)).trials if t.contestant.startswith("mutate")]
    hours = 2 * 3 * sum(t.wall_s for t in rows) / 8 / 2 / 3600
    usd = 2 * 3 * sum(t.active_s for t in rows) / 8 * 0.096 / 3600
    spend = re.search(r"of \$(\S+) for the whole", found["race"][2])
    time = re.search(r"time: median (\S+) of (\S+) hours", found["race"][3])
    assert float(spend[1]) == pytest.approx(usd, rel=0.05)  # drawn from eight tasks
    assert float(time[2]) == pytest.approx(hours, rel=0.01)
    assert float(time[1]) <= float(time[2])


@pytest.mark.parametrize(
    ("price", "limit", "said"),
    [
        ("hourly_usd = 24", "0.02", "which reserves $0.2 or more of limits.usd = 0.02"),
        ("hourly_usd = 24", "0.2", ""),
        (PRICED, "0.05", "which reserves $0.128 or more of limits.usd = 0.05"),
        (PRICED, "0.5", ""),
    ],
)
def test_a_plan_warns_of_trials_that_end_before_their_first_call(tmp_path, price, limit, said):
    race = f'limits = {{ usd = {limit} }}\nrace = {{ goal = "best_value", value_usd = 5 }}'
    text = RUN.format(more=race).replace('model = "a"', f'model = "a", {price}')
    (tmp_path / "b.toml").write_text(text.replace('model = "b"', 'model = "b", hourly_usd = 1'))
    planned = arena("plan", "b.toml", "--race", cwd=tmp_path)
    lines = [line for line in planned.out.splitlines() if "first call" in line]
    assert len(lines) == bool(said), planned.out + planned.err
    if said:
        assert lines[0].startswith("a: ")
        assert lines[0].endswith(said)
