import json
import shutil
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.task import pack

TASK = """
title = "Halves are rounded away"
language = "python"
difficulty = "easy"
image = "python"
[tests]
runner = "pytest"
fail_to_pass = ["tests/test_hidden.py::test_half"]
pass_to_pass = ["tests/test_visible.py::test_whole"]
must_fail = ["tests/test_twin.py::test_half"]
"""


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def a_pack(root: Path, task: str = TASK) -> Path:
    files = {
        "pack.toml": 'name = "mine"\ntitle = "Mine"\nversion = "1"\nlicense = "MIT"\ndemo = ["halves"]\n',
        "halves/task.toml": task,
        "halves/problem.md": "Halves go the wrong way.\n",
        "halves/repo/pkg/__init__.py": "def half(x):\n    return x\n",
        "halves/repo/tests/test_visible.py": "def test_whole():\n    pass\n",
        "halves/tests/tests/test_hidden.py": "def test_half():\n    assert 0\n",
        "halves/twin/tests/test_twin.py": "def test_half():\n    assert 0\n",
        "halves/gold.patch": "--- a/pkg/__init__.py\n+++ b/pkg/__init__.py\n",
        "halves/right/1.patch": "one",
        "halves/right/2.patch": "two",
    }
    write(root / "mine", files)
    return root / "mine"


def test_reads_a_pack_by_path_and_one_task_of_it(tmp_path):
    a_pack(tmp_path)
    (task,) = pack.load("./mine", base=tmp_path)
    assert task.id == "mine/halves"
    assert task.tests.fail_to_pass == ("tests/test_hidden.py::test_half",)
    assert [file.path for file in pack.tree_files(task)] == [
        "pkg/__init__.py",
        "tests/test_visible.py",
    ]
    assert [file.path for file in pack.hidden_files(task)] == ["tests/test_hidden.py"]
    assert [file.path for file in pack.twin_files(task)] == ["tests/test_twin.py"]
    assert pack.gold_patch(task).startswith("--- a/pkg")
    assert pack.right_patches(task) == ("one", "two")
    assert pack.load("./mine/halves", base=tmp_path) == [task]


def test_digest_depends_on_content_alone(tmp_path):
    folder = a_pack(tmp_path)
    (before,) = pack.load("./mine", base=tmp_path)
    copy = shutil.copytree(folder, tmp_path / "elsewhere" / "mine")
    write(copy, {"halves/repo/pkg/__pycache__/x.pyc": "bytes", "halves/repo/pkg/y.pyc": "bytes"})
    (copy / "halves/repo/pkg/__init__.py").touch()
    (same,) = pack.load(str(copy), base=tmp_path)
    assert same.digest == before.digest
    for name in ("repo/pkg/__init__.py", "tests/tests/test_hidden.py", "problem.md", "gold.patch"):
        changed = shutil.copytree(folder, tmp_path / name.replace("/", "-") / "mine")
        path = changed / "halves" / name
        path.write_text(path.read_text() + "\n")
        (other,) = pack.load(str(changed), base=tmp_path)
        assert other.digest != before.digest, name


def test_execute_bit_is_part_of_the_digest(tmp_path):
    folder = a_pack(tmp_path)
    (before,) = pack.load("./mine", base=tmp_path)
    (folder / "halves/repo/pkg/__init__.py").chmod(0o755)
    (after,) = pack.load("./mine", base=tmp_path)
    assert after.digest != before.digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            (TASK, TASK + "colour = 1\n"),
            ["task.toml: unknown key 'tests.colour'", "known keys: runner, "],
        ),
        ((TASK, TASK.replace('"python"', '"cobol"', 1)), ["task.toml: language"]),
        ((TASK, TASK.replace('title = "Halves are rounded away"', "")), ["title", "missing"]),
        ((TASK, TASK + "["), ["task.toml", "not valid TOML"]),
        ((TASK, TASK.replace("::test_half", "", 1)), ["tests.fail_to_pass", "write it as"]),
        ((TASK, TASK.replace("test_hidden", "test_gone")), ["fail_to_pass", "test_gone.py"]),
        ((TASK, TASK.replace("test_twin", "test_gone")), ["must_fail", "test_gone.py"]),
        ((TASK, TASK.replace("visible.py::test_whole", "hidden.py::test_half")), ["appear twice"]),
    ],
)
def test_a_mistake_in_task_toml_is_named(tmp_path, change, words):
    a_pack(tmp_path, change[1])
    with pytest.raises(InputError) as caught:
        pack.load("./mine", base=tmp_path)
    for word in words:
        assert word in str(caught.value)


def test_a_statement_that_is_not_utf_8_is_named_by_its_byte(tmp_path):
    folder = a_pack(tmp_path)
    (folder / "halves/problem.md").write_bytes(b"caf\xe9 is wrong\n")
    with pytest.raises(InputError, match=r"problem\.md: .*not UTF-8, .* at byte 3"):
        pack.load("./mine", base=tmp_path)


def test_missing_parts_are_named(tmp_path):
    for name in ("problem.md", "gold.patch", "repo"):
        folder = a_pack(tmp_path / name)
        path = folder / "halves" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        with pytest.raises(InputError) as caught:
            pack.load("./mine", base=tmp_path / name)
        assert str(path) in str(caught.value)


def test_links_and_history_in_a_tree_are_refused(tmp_path):
    folder = a_pack(tmp_path)
    link = folder / "halves/repo/link"
    link.symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="regular files"):
        pack.load("./mine", base=tmp_path)
    link.unlink()
    (folder / "halves/repo/.git").mkdir()
    with pytest.raises(InputError, match="history"):
        pack.load("./mine", base=tmp_path)


def test_unknown_selections_say_what_exists(tmp_path):
    a_pack(tmp_path)
    with pytest.raises(InputError, match=r"did you mean .core.; write \./kore for one of your own"):
        pack.load("kore", base=tmp_path)
    with pytest.raises(InputError, match=r"unknown task .nope.; known: halves"):
        pack.load_pack(tmp_path / "mine") and pack._one(tmp_path / "mine", "nope")
    with pytest.raises(InputError, match="neither a pack nor a task"):
        pack.load("./nothing", base=tmp_path)


def test_control_packs_need_no_gold(tmp_path):
    folder = a_pack(tmp_path)
    (folder / "halves/gold.patch").unlink()
    info = folder / "pack.toml"
    info.write_text('kind = "impossible"\n' + info.read_text())
    (task,) = pack.load("./mine", base=tmp_path)
    assert task.impossible
    assert pack.gold_patch(task) is None


def test_black_box_cases_must_match_the_plan(tmp_path):
    plan = TASK[: TASK.index("[tests]")] + (
        '[tests]\nrunner = "blackbox"\nfail_to_pass = ["a"]\npass_to_pass = ["b"]\n'
    )
    folder = a_pack(tmp_path, plan)
    with pytest.raises(InputError, match=r"blackbox\.json"):
        pack.load("./mine", base=tmp_path)
    cases = [{"id": name, "input": 1, "output": {"x": 2}} for name in "abc"]
    path = folder / "halves/blackbox.json"
    path.write_text(json.dumps({"command": ["python3", "-m", "pkg"], "cases": cases}))
    with pytest.raises(InputError, match="not exactly the cases"):
        pack.load("./mine", base=tmp_path)
    path.write_text(json.dumps({"command": ["python3", "-m", "pkg"], "cases": cases[:2]}))
    (task,) = pack.load("./mine", base=tmp_path)
    assert [case.id for case in pack.black_box(task).cases] == ["a", "b"]
    changed = path.read_text().replace('"x": 2', '"x": 3')
    path.write_text(changed)
    (other,) = pack.load("./mine", base=tmp_path)
    assert other.digest != task.digest


@pytest.mark.parametrize("selection", ["~nobody-at-all/pack", "./a\0b"])
def test_a_selection_that_is_no_path_is_named(tmp_path, selection):
    with pytest.raises(InputError, match="no path"):
        pack.load(selection, base=tmp_path)


@pytest.mark.parametrize("seconds", ["inf", "nan", "0", "-1.0", "1e300"])
def test_a_time_limit_that_no_timer_holds_is_refused(tmp_path, seconds):
    a_pack(tmp_path, TASK.replace("[tests]", f"[tests]\ntimeout_s = {seconds}"))
    with pytest.raises(InputError, match=r"tests\.timeout_s: Input should be"):
        pack.load("./mine", base=tmp_path)
