from dataclasses import replace
from typing import get_args
from xml.etree import ElementTree as ET

import pytest

from arena.errors import InputError
from arena.report import columns, exports
from arena.report.caveats import notes
from arena.report.format import latex, markdown
from arena.report.interchange import predictions_of_run
from arena.report.scored import score
from arena.score.load import load
from arena.task.formats.predictions import read_predictions
from tests.report.cast import cast
from tests.report.make_run import make_run
from tests.score.made import Player, results


@pytest.mark.parametrize("format_", get_args(exports.ExportFormat))
def test_every_format_writes_something(scored, format_):
    assert len(exports.export(scored, format_)) > 500


def test_no_patch_is_told_as_that_of_another_contestant(tmp_path):
    """The second attempt of `gpt-5` would be called what another contestant is."""
    players = {name: Player([1, 1], [1, 1]) for name in ("gpt-5", "gpt-5.2", "opus")}
    made = replace(results(players, attempts=2), path=tmp_path)
    told = [one.model for one in predictions_of_run(made) if one.instance_id == "core__task-0000"]
    wanted = ["gpt-5", "gpt-5.attempt-2", "gpt-5.2", "gpt-5.2.2", "opus", "opus.2"]
    assert told == wanted
    (tmp_path / "predictions.jsonl").write_bytes(exports.export(score(made), "predictions"))
    assert len(read_predictions(tmp_path / "predictions.jsonl")) == 12


def test_markdown_leads_with_the_answer_and_ranks(scored):
    lines = exports.export(scored, "markdown").decode().splitlines()
    assert f"{scored.recommendation.trade.buys[0].name} up to $" in lines[0]
    names = [line.split(" | ")[1] for line in lines if line.startswith("| ") and "%" in line]
    assert names[1:] == [row.who.name for row in scored.board.rows]


def test_markdown_and_latex_say_what_the_terminal_says(scored):
    said = notes(scored)
    assert any("priced by machine time" in note for note in said)
    made = exports.export(scored, "markdown").decode(), exports.export(scored, "latex").decode()
    for note in said:
        assert f"- {markdown(note, 2_000)}" in made[0].splitlines()
        assert latex(note, 2_000) in made[1]
    for ranked in scored.board.rows:
        marks, name = columns.marks(ranked), ranked.who.name
        row = next(r for r in made[0].splitlines() if f" | {name} | " in r)
        assert row.endswith(f"| {marks} |")
        assert not marks or f"{name}: {marks}." in made[1]
    for text in made:
        assert "Control oracle: must pass every trial, passed 36 of 36, as it must be." in text


def test_no_sentence_is_cut(scored):
    caveats = ("word " * 100).strip(), "# no heading"
    who = scored.board.rows[0].who
    backend = who.backend.model_copy(update={"caveats": caveats})
    who = who.model_copy(update={"backend": backend})
    first = scored.board.rows[0].model_copy(update={"who": who})
    board = scored.board.model_copy(update={"rows": (first, *scored.board.rows[1:])})
    text = exports.export(replace(scored, board=board), "markdown").decode()
    assert caveats[0] in text


def test_junit_counts_every_trial(scored):
    root = ET.fromstring(exports.export(scored, "junit"))
    for suite in root:
        row = next(r for r in scored.rows if r.who.name == suite.get("name"))
        assert int(suite.get("tests")) == len(suite.findall("testcase")) == row.counts.trials
        assert len(suite.findall("*/failure")) == int(suite.get("failures")) == row.counts.failed
        assert len(suite.findall("*/error")) == int(suite.get("errors")) == row.counts.faults


def test_png_is_a_picture_and_svg_names_everyone(scored):
    assert exports.export(scored, "png").startswith(b"\x89PNG")
    texts = {e.text for e in ET.fromstring(exports.export(scored, "svg")).iter() if e.text}
    priced = {r.who.name for r in scored.board.rows if r.mean_usd}
    assert priced <= texts


def test_nothing_to_draw_says_so(tmp_path):
    actors = [a for a in cast() if a.spec.name == "brume-medium"]
    scored = score(load(make_run(tmp_path / "run", tasks=2, attempts=1, actors=actors)))
    with pytest.raises(InputError, match="nothing to draw"):
        exports.export(scored, "png")
