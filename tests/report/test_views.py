"""What the sections say, against the scores they say it of."""

import re
from collections import Counter
from decimal import Decimal

import pytest

from arena.report import caveats, decisions, leaderboard, outcomes
from arena.report import scored as costs
from arena.report.charts import Box, place
from arena.report.scored import COST_KINDS, split
from arena.score.results import Tokens
from tests.report.cast import backend


def test_the_grid_has_every_trial_once(scored):
    found = outcomes.grid(scored)
    marks = [mark for row in found.rows for cell in row.cells for mark in cell]
    assert len(marks) == len(scored.results.trials)
    assert len({mark.href for mark in marks}) == len(marks)
    passed = sum(row.passed for row in found.rows)
    assert passed == sum(row.counts.passed for row in scored.board.rows)


def test_in_a_large_run_attempts_that_ended_alike_share_a_mark(scored, monkeypatch):
    single = outcomes.grid(scored)
    monkeypatch.setattr(outcomes, "MANY", len(scored.results.trials) - 1)
    joined = outcomes.grid(scored)
    assert not single.joined
    assert joined.joined
    assert joined.endings == single.endings
    for before, after in zip(single.rows, joined.rows, strict=True):
        assert (after.passed, after.scored) == (before.passed, before.scored)
        for marks, fewer in zip(before.cells, after.cells, strict=True):
            counts = Counter(mark.ending for mark in marks)
            assert {mark.ending: mark.count for mark in fewer} == counts
            assert {mark.href for mark in fewer} <= {mark.href for mark in marks}


def test_the_matrix_is_antisymmetric_and_complete(scored):
    square = decisions.matrix(scored)
    size = len(scored.board.rows)
    assert [len(row) for row in square] == [size] * size
    tones = set()
    for i in range(size):
        for j in range(size):
            one, other = square[i][j], square[j][i]
            assert (one is None) == (i == j)
            if one is not None:
                names = scored.board.rows[i].who.name, scored.board.rows[j].who.name
                assert (one.a, one.b) == names
                gap, back = one.difference, other.difference
                assert (gap.estimate, gap.ci.lo) == (-back.estimate, -back.ci.hi)
                said, tone = decisions.verdict(one)
                assert (tone == "good") == (decisions.verdict(other)[1] == "bad")
                assert said.startswith(one.a) == bool(tone)
                tones.add(tone)
    assert tones == {"good", "bad", ""}


def test_controls_say_whether_they_did_what_they_must(scored):
    assert [(c.name, c.good) for c in leaderboard.controls(scored)] == [
        ("oracle", True),
        ("nop", True),
    ]


def test_figures_name_the_best_and_the_cheapest(scored):
    shown = {f.name: f for f in decisions.answer(scored).figures}
    assert shown["Highest pass rate"].note.startswith(scored.board.rows[0].who.name)
    cheapest = min(
        (r for r in scored.board.rows if r.money.per_solved and r.money.per_solved.estimate),
        key=lambda r: r.money.per_solved.estimate,
    )
    assert shown["Lowest cost per solved task"].note == cheapest.who.name
    assert "36 points" in shown["Smallest gap it can show"].value


def test_caveats_come_from_the_run(scored):
    text = "\n".join(caveats.caveats(scored))
    assert "brume-medium" in text, "it has no price"
    assert re.search(r"local-14b \(\d+\.\d\): priced by machine time", text)
    assert "Simulated" not in text


TOKENS = Tokens(input=1000, cached_input=600, cache_write=0, output=200, reasoning=50)


def test_a_bill_is_split_by_kind():
    spec = backend("p", "m", None, None, ("2", "0.5", "10"))
    billed = Decimal("0.0031")  # (400 x 2 + 600 x 0.5 + 200 x 10) / 1e6
    parts = split(spec, TOKENS, billed, ())
    assert parts is not None
    named = dict(zip(COST_KINDS, parts, strict=True))
    assert named["input"] == Decimal("0.0008")
    assert named["cached input"] == Decimal("0.0003")
    assert named["reasoning"] == Decimal("0.0005")
    assert named["output"] == Decimal("0.0015")
    assert sum(parts) == billed


@pytest.mark.parametrize("billed", [None, Decimal(0), Decimal("0.0041")])
def test_a_bill_that_does_not_add_up_is_not_split(billed):
    spec = backend("p", "m", None, None, ("2", "0.5", "10"))
    assert split(spec, TOKENS, billed, ()) is None


def test_machine_time_is_its_own_kind():
    spec = backend("p", "m", None, None, None, hourly="1.2")
    assert split(spec, TOKENS, Decimal(3), ()) == (*(Decimal(0),) * 5, Decimal(3))


def test_cost_bars_are_full(scored):
    for line in costs.cost_lines(scored):
        if line.parts:
            assert sum(part.width for part in line.parts) == pytest.approx(100, abs=0.1)
        else:
            assert line.split == "cost unknown"


def test_names_never_cover_points_or_each_other():
    points = [(f"contestant-{i}", (200.0 + i % 3, 100.0 + 4 * i)) for i in range(8)]
    obstacles = [Box.around(x, y, 8) for _, (x, y) in points]
    placed = place(points, obstacles, 900, 400)
    assert sum(label is not None for label in placed) >= 5
    boxes = []
    for label, (_, (x, y)) in zip(placed, points, strict=True):
        if label is None:
            continue
        length = len(label.text) * 6.8
        left = x + label.dx - (length if label.align == "right" else 0)
        box = Box(left, y + label.dy - 7.5, left + length, y + label.dy + 7.5)
        assert not any(box.meets(other) for other in boxes + obstacles)
        boxes.append(box)
