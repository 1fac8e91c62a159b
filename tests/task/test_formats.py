"""Rows and predictions as other tools write them: lists, patches and bytes."""

import json

import pytest

from arena.errors import InputError
from arena.task import pack as packs
from arena.task.formats.exports import write_harbor
from arena.task.formats.instances import Unreadable, read_instances
from arena.task.formats.predictions import Prediction, read_predictions, write_predictions
from tests.task import toy

FIX = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-a\n+c\n caf\udce9\n"
ROW = {
    "instance_id": "o__r-1",
    "repo": "o/r",
    "base_commit": "0" * 40,
    "patch": FIX,
    "test_patch": FIX,
    "problem_statement": "it is wrong",
    "FAIL_TO_PASS": '["tests/test_x.py::test_y"]',
    "PASS_TO_PASS": "[]",
}


def read(tmp_path, **row):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({**ROW, **row}) + "\n")
    (found,) = read_instances(path)
    return found


@pytest.mark.parametrize(
    "ids",
    [
        ["a::b", "c::d"],
        '["a::b", "c::d"]',
        "['a::b', 'c::d']",
        "('a::b', \"c::d\")",
        "\n['a::b',\n 'c::d',]\n",
    ],
)
def test_ids_are_a_list_of_any_spelling(tmp_path, ids):
    assert read(tmp_path, FAIL_TO_PASS=ids).fail_to_pass == ("a::b", "c::d")


@pytest.mark.parametrize("field", ["FAIL_TO_PASS", "PASS_TO_PASS"])
@pytest.mark.parametrize(
    "ids", [7, "tests/x.py", "['a', 1]", [["a"]], "[" * 500, "__import__('os')"]
)
def test_what_is_no_list_of_ids_names_its_field(tmp_path, field, ids):
    found = read(tmp_path, **{field: ids})
    assert isinstance(found, Unreadable)
    assert field in found.reason


def test_a_patch_whose_end_was_stripped_is_imported_whole(tmp_path):
    found = read(tmp_path, patch=FIX.rstrip("\n"), test_patch=FIX)
    assert found.gold == FIX
    assert found.test_patch == FIX


def test_predictions_keep_every_byte(tmp_path):
    path = tmp_path / "preds.jsonl"
    path.write_text(write_predictions([Prediction(instance_id="a", patch=FIX)]), encoding="utf-8")
    (found,) = read_predictions(path)
    assert found.patch == FIX
    assert found.patch.encode("utf-8", "surrogateescape").count(b"caf\xe9") == 1


def test_halves_that_stand_for_no_byte_are_replaced(tmp_path):
    path = tmp_path / "preds.json"
    path.write_text('[{"instance_id": "a", "model_patch": "\\ud83d x \\udce9 \\udd00"}]')
    (found,) = read_predictions(path)
    assert found.patch == "\N{REPLACEMENT CHARACTER} x \udce9 \N{REPLACEMENT CHARACTER}"


def test_a_file_that_is_not_utf_8_is_refused_by_its_byte(tmp_path):
    path = tmp_path / "preds.json"
    path.write_bytes(b'[{"instance_id": "a", "model_patch": "caf\xe9"}]')
    with pytest.raises(InputError, match=r"not UTF-8, .* at byte 41"):
        read_predictions(path)


@pytest.mark.parametrize("name", ["../../elsewhere", "{}/elsewhere", "a/../../elsewhere"])
def test_no_id_of_a_pack_leads_an_export_out_of_its_folder(tmp_path, name):
    folder = toy.a_pack(tmp_path)
    (task,) = packs.load(str(folder), base=tmp_path)
    task = task.model_copy(update={"instance_id": name.format(tmp_path)})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="leads out of its folder"):
        write_harbor(tmp_path / "a/b/out", task, "image")
    assert sorted(tmp_path.rglob("*")) == before
