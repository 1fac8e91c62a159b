import json

import pytest

from arena.errors import InputError
from arena.task import pack as packs
from arena.task.formats.predictions import Prediction, match, read_predictions, write_predictions
from tests.e2e.rig import arena
from tests.task import toy


def shapes(gold):
    """One gold patch for toys/halves in every shape that the field writes."""
    one = {"instance_id": "toys__halves", "model_name_or_path": "m", "model_patch": gold}
    return {
        "lines.jsonl": json.dumps(one) + "\n",
        "list.json": json.dumps([{**one, "extra": 1}]),
        "keyed.json": json.dumps({"toys__halves": {"model_patch": gold}}),
        "smith.json": json.dumps([{"instance_id": "toys/halves", "patch": gold}]),
        "multi.jsonl": json.dumps(
            {"org": "toys", "repo": "halves", "number": 1, "fix_patch": gold}
        ),
    }


@pytest.mark.parametrize("name", ["lines.jsonl", "list.json", "keyed.json", "smith.json"])
def test_every_shape_is_read(tmp_path, name):
    toy.write(tmp_path, shapes("diff"))
    (found,) = read_predictions(tmp_path / name)
    assert found.patch == "diff"
    (task,) = packs.load(str(toy.a_pack(tmp_path)), base=tmp_path)
    assert match([found], [task]) == {found.instance_id: task}


def test_multi_swe_bench_names_are_put_together(tmp_path):
    toy.write(tmp_path, shapes("diff"))
    (found,) = read_predictions(tmp_path / "multi.jsonl")
    assert found.instance_id == "toys__halves-1"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no predictions"),
        ("{", "not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"instance_id": "a"}]', "no patch"),
        ('[{"instance_id": 1, "model_patch": ""}]', "must be text"),
        ("[3]", "not a prediction"),
        ('[{"instance_id": "a", "patch": "x"}, {"instance_id": "a", "patch": "y"}]', "two patches"),
    ],
)
def test_what_is_no_prediction_is_said(tmp_path, text, words):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(InputError, match=words):
        read_predictions(tmp_path / "p.json")


def test_an_id_that_two_tasks_answer_to_is_refused(tmp_path):
    (task,) = packs.load(str(toy.a_pack(tmp_path)), base=tmp_path)
    other = task.model_copy(update={"id": "other/halves"})
    with pytest.raises(InputError, match="several tasks"):
        match([Prediction(instance_id="halves")], [task, other])
    assert match([Prediction(instance_id="other/halves")], [task, other])["other/halves"] == other


def test_written_predictions_are_read_again(tmp_path):
    given = (Prediction(instance_id="a", model="m", patch="x\n"), Prediction(instance_id="b"))
    (tmp_path / "p.jsonl").write_text(write_predictions(given))
    assert read_predictions(tmp_path / "p.jsonl") == given


def test_graded_patches_are_a_run_and_runs_give_predictions(tmp_path):
    made = toy.a_pack(tmp_path)
    (task,) = packs.load(str(made), base=tmp_path)
    gold = packs.gold_patch(task)
    lazy = toy.diff("purse/__init__.py", toy.BEFORE, toy.BEFORE + "\nX = 1\n", tmp_path / "s")
    rows = [
        {"instance_id": "toys__halves", "model_name_or_path": model, "model_patch": patch}
        for model, patch in (("good/one", gold), ("lazy", lazy), ("none", None), ("torn", "@@ x"))
    ]
    rows.append({"instance_id": "elsewhere", "model_patch": "x"})
    (tmp_path / "p.json").write_text(json.dumps(rows))
    command = ("grade", "p.json", "--tasks", "./toys", "--out", "run", "--format", "json")
    done = arena(*command, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "[4/4] " in done.err  # its progress is that of any run
    results = {one["model"]: one for one in done.json["results"]}
    assert {name: one["verdict"] for name, one in results.items()} == {
        "good/one": "passed",
        "lazy": "failed",
        "none": "no_patch",
        "torn": "invalid_patch",
    }
    assert results["lazy"]["instance_id"] == "toys__halves"
    assert results["lazy"]["reason"]
    assert results["good/one"]["seconds"] > 0
    assert done.json["unknown"] == ["elsewhere"]
    report = arena("report", "run", "--format", "json", cwd=tmp_path)
    assert report.code == 0, report.err
    assert "good-one" in report.out
    page = arena("report", "run", "--format", "html", cwd=tmp_path)
    assert page.code == 0, page.err
    back = arena("report", "run", "--format", "predictions", cwd=tmp_path)
    again = {one["model_name_or_path"]: one for one in map(json.loads, back.out.splitlines())}
    assert again["good-one"]["model_patch"] == gold
    assert again["none"]["model_patch"] == ""
    resumed = arena(*command, cwd=tmp_path)
    assert resumed.code == 0
    assert "4 trials are done and are kept" in resumed.err
    assert "passed" not in resumed.err  # nothing is graded twice
    (tmp_path / "p.json").write_text(json.dumps(rows[:1]).replace("diff --git", "diff  --git"))
    changed = arena(*command, cwd=tmp_path)
    assert changed.code == 2
    assert "differs" in changed.err


def test_no_task_for_any_instance_is_an_error(tmp_path):
    toy.a_pack(tmp_path)
    (tmp_path / "p.json").write_text('[{"instance_id": "elsewhere", "patch": "x"}]')
    done = arena("grade", "p.json", "--tasks", "./toys", cwd=tmp_path)
    assert done.code == 2
    assert "none of its instances" in done.err
