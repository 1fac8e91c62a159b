"""What the sections say, against the scores they say it of."""

import re
from collections import Counter

from arena.report import caveats, columns
from arena.report import scored as views
from arena.report.charts import WIDE, place


def test_the_grid_has_every_trial_once(scored):
    found = views.grid(scored)
    marks = [mark for row in found.rows for cell in row.cells for mark in cell]
    assert len(marks) == len(scored.results.trials)
    assert {trial for mark in marks for trial in mark} == set(scored.results.trials)
    passed = sum(views.ending(trial).words == "passed" for (trial,) in marks)
    assert passed == sum(row.counts.passed for row in scored.rows)


def test_in_a_large_run_attempts_that_ended_alike_share_a_mark(scored, monkeypatch):
    single = views.grid(scored)
    monkeypatch.setattr(views, "MANY", len(scored.results.trials) - 1)
    joined = views.grid(scored)
    assert not single.joined
    assert joined.joined
    assert joined.endings == single.endings
    for before, after in zip(single.rows, joined.rows, strict=True):
        assert after.task == before.task
        for marks, fewer in zip(before.cells, after.cells, strict=True):
            counts = Counter(views.ending(trial) for (trial,) in marks)
            assert {views.ending(mark[0]): len(mark) for mark in fewer} == counts
            assert {(trial,) for mark in fewer for trial in mark} == set(marks)


def test_controls_say_whether_they_did_what_they_must(scored):
    assert [(c.name, c.good) for c in columns.controls(scored)] == [
        ("oracle", True),
        ("nop", True),
    ]


def test_notes_come_from_the_run(scored):
    text = "\n".join((*caveats.notes(scored), *caveats.method(scored)))
    assert "brume-medium" in text, "it has no price"
    assert re.search(r"local-14b \(\d+\.\d\): priced by machine time", text)
    assert "36 points" in text, "what twelve tasks can show"
    assert "Simulated" not in text


def test_no_fact_is_told_twice(scored):
    said = [*caveats.notes(scored), *caveats.method(scored)]
    assert len(set(said)) == len(said)
    assert sum("priced by machine time" in one for one in said) == 1


def meet(one, other) -> bool:
    return all(one[i] < other[i + 2] and other[i] < one[i + 2] for i in (0, 1))


def test_names_never_cover_points_or_each_other():
    points = [(f"contestant-{i}", (200.0 + i % 3, 100.0 + 4 * i)) for i in range(8)]
    obstacles = [(x - 8, y - 8, x + 8, y + 8) for _, (x, y) in points]
    placed = place(points, obstacles, WIDE)
    assert sum(label is not None for label in placed) >= 5
    boxes = []
    for label, (_, (x, y)) in zip(placed, points, strict=True):
        if label is None:
            continue
        length = len(label.text) * 6.8
        left = x + label.dx - (length if label.align == "right" else 0)
        box = (left, y + label.dy - 7.5, left + length, y + label.dy + 7.5)
        assert not any(meet(box, other) for other in boxes + obstacles)
        boxes.append(box)
