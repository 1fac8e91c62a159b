import json
import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.task import pack as packs
from arena.task.formats.instances import read_rows
from arena.task.importing.importer import find_mirror
from tests.e2e.rig import arena
from tests.task import toy
from tests.task.importing import rig

pytestmark = pytest.mark.timeout(600)


def imported(folder, name, *more):
    done = arena(
        *("tasks", "import", name, "--out", "taken", "--format", "json", "--repos", "repos", *more),
        cwd=folder,
        timeout_s=500,
    )
    found = {one["instance_id"]: one for one in done.json["instances"]}
    assert done.code == (0 if any(one["task"] for one in found.values()) else 1), done.err
    return found


def graded(folder, predictions):
    (folder / "p.json").write_text(json.dumps(predictions))
    done = arena(
        "grade", "p.json", "--tasks", "./taken", "--format", "json", cwd=folder, timeout_s=400
    )
    assert done.code == 0, done.err
    return {(one["instance_id"], one["model"]): one["verdict"] for one in done.json["results"]}


def verdicts(folder, good):
    """Of the gold patch, and of one that is wrong."""
    wrong = good.replace("+    return (cents + 1) // 2", "+    return (cents + 3) // 2")
    assert wrong != good
    patches = [
        {"instance_id": "acme__purse-7", "model_name_or_path": name, "model_patch": patch}
        for name, patch in (("gold", good), ("wrong", wrong))
    ]
    found = graded(folder, patches)
    return found["acme__purse-7", "gold"], found["acme__purse-7", "wrong"]


def multi(repo, base, fix):
    classic = rig.row(repo, base, fix)
    runs = {"run": "NONE", "test": "FAIL", "fix": "PASS"}
    return {
        "org": "acme",
        "repo": "purse",
        "number": 9,
        "state": "closed",
        "title": "Halve",
        "body": "",
        "base": {"label": "x", "ref": "main", "sha": base},
        "resolved_issues": [{"number": 7, "title": "Halves are wrong", "body": "See three cents."}],
        "fix_patch": classic["patch"],
        "test_patch": classic["test_patch"],
        "lang": "python",
        "f2p_tests": {"tests/test_purse.py::test_half[odd cents]": runs},
        "n2p_tests": {},
        "p2p_tests": {"tests/test_purse.py::test_whole": runs},
    }


def test_rows_of_every_form_run_from_source_with_the_right_verdicts(tmp_path):
    made = rig.a_repository(tmp_path)
    v5 = {
        "image": "none",
        "eval_script": "x",
        "log_parser": "parse_log_pytest",
        "eval_type": "pass_and_fail",
    }
    rebench = {
        "install_config": {"python": "3.11", "test_cmd": "pytest -rA", "pip_packages": ["pytest"]}
    }
    second = {
        "install_config": {
            "docker_specs": {},
            "install": [],
            "test_cmd": ["pytest -rA"],
            "log_parser": "parse_log_pytest",
        },
        "language": "python",
    }
    rows = [
        rig.row(*made),
        rig.row(*made, instance_id="acme__purse-5", **v5),
        rig.row(*made, instance_id="acme__purse-r1", FAIL_TO_PASS=["test_half[odd"], **rebench),
        rig.row(*made, instance_id="acme__purse-r2", created_at=1, **second),
        multi(*made),
        rig.row(
            *made,
            instance_id="acme__purse-old",
            install_config={"python": "3.6", "test_cmd": "pytest"},
        ),
        rig.row(*made, instance_id="acme__other-1", repo="acme/other"),
        rig.row(*made, instance_id="acme__purse-lost", base_commit="0" * 40),
        rig.row(*made, instance_id="acme__purse-parser", FAIL_TO_PASS=["halves: of three"]),
        rig.row(
            *made, instance_id="acme__purse-false", FAIL_TO_PASS=["tests/test_purse.py::test_whole"]
        ),
        {"instance_id": "torn", "repo": "acme/purse"},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    found = imported(tmp_path, "rows.jsonl")
    good = {name for name, one in found.items() if one["result"] == "imported"}
    assert good == {
        "acme__purse-7",
        "acme__purse-5",
        "acme__purse-r2",
        "acme__purse-9",
        "acme__purse-r1",
        "acme__purse-old",
    }
    assert found["acme__purse-old"]["notes"] == ["Python 3.11 stands for 3.6"]
    assert "no clone of acme/other" in found["acme__other-1"]["reason"]
    assert "commit 000000000000" in found["acme__purse-lost"]["reason"]
    assert "log parser" in found["acme__purse-parser"]["reason"]
    assert "passes without gold too" in found["acme__purse-false"]["reason"]
    assert (
        "'base_commit' is missing" in found["torn"]["reason"]
        or "malformed" in found["torn"]["reason"]
    )
    tasks = {task.instance_id: task for task in packs.load("./taken", base=tmp_path)}
    assert set(tasks) == good
    plan = tasks["acme__purse-7"].tests
    assert plan.fail_to_pass == ("tests/test_purse.py::test_half[odd cents]",)
    assert "tests/test_purse.py::test_half[even]" in plan.pass_to_pass
    assert tasks["acme__purse-7"].assurance == "ids"
    gold = rig.row(*made)["patch"]
    shapes = [
        {"instance_id": name, "model_name_or_path": "gold", "model_patch": gold} for name in good
    ]
    shapes += [
        {"instance_id": name, "model_name_or_path": "none", "model_patch": ""} for name in good
    ]
    verdicts = graded(tmp_path, shapes)
    assert verdicts == {
        (n, m): "passed" if m == "gold" else "no_patch" for n in good for m in ("gold", "none")
    }


def test_a_person_can_name_the_environment(tmp_path):
    made = rig.a_repository(tmp_path)
    old = {"install_config": {"python": "3.6", "test_cmd": "make check"}}
    odd = {"problem_statement": "A caf\udce9 costs half of three cents.\ud83d"}
    (tmp_path / "rows.json").write_text(json.dumps([rig.row(*made, **old, **odd)]))
    refused = imported(tmp_path, "rows.json")
    assert refused["acme__purse-7"]["result"] == "refused"
    (tmp_path / "env.toml").write_text(
        '["acme/purse@1.2"]\npython = "3.11"\ntest = "pytest"\npackages = ["iniconfig"]\n'
    )
    found = imported(tmp_path, "rows.json", "--env", "env.toml")["acme__purse-7"]
    assert found["result"] == "imported"
    assert "bytes of its statement that are no text" in found["notes"][-1]
    said = (tmp_path / "taken/acme-purse-7/problem.md").read_text("utf-8")
    assert (
        said
        == "A caf\N{REPLACEMENT CHARACTER} costs half of three cents.\N{REPLACEMENT CHARACTER}\n"
    )
    (told,) = (tmp_path / "taken/images").glob("acme-purse-1-2-*/told.json")
    assert json.loads(told.read_text())["given"] == ["iniconfig"]


HANGS = """\
import time


def until_even(cents):
    while cents % 2:
        try:
            time.sleep(0.05)
        except Exception:
            pass
    return cents
"""
SHOWS = "from purse.wait import until_even\nfrom tests.test_purse import *\n\n"
NEW = SHOWS + "def test_it_ends():\n    assert until_even(3) == 4\n\n\n"
NEW += "def test_even():\n    assert until_even(2) == 2\n\n\n"
NEW += "def test_odd_too():\n    assert until_even.__doc__\n"


def test_what_hangs_shows_a_fix_and_what_fails_before_it_decides_nothing(tmp_path):
    """Rows as they are often: keys in lower case, a plugin of its own, a PASS_TO_PASS that fails."""
    repo, _, _ = rig.a_repository(tmp_path)
    setup = "[metadata]\nname = purse\n[options]\npackages = purse\n[options.entry_points]\n"
    setup += "pytest11 =\n    purse_plugin = purse.plugin\n"
    plugin = "import pytest\n\n\n@pytest.fixture\ndef cents():\n    return 3\n"
    uses = "def test_plugin(cents):\n    assert cents == 3\n"
    base = rig.commit(
        repo,
        "Wait",
        {
            "pyproject.toml": "[build-system]\nrequires = ['setuptools']\n",
            "setup.cfg": setup,
            "setup.py": "from setuptools import setup\nsetup()\n",
            "purse/plugin.py": plugin,
            "purse/wait.py": HANGS,
            "tests/__init__.py": "",
            "tests/test_plugin.py": uses,
        },
    )
    ends = HANGS.replace("while cents % 2:", "while False:").replace(
        "return cents", "return cents + cents % 2"
    )
    ends = ends.replace("(cents):\n", '(cents):\n    """Even."""\n')
    fix = rig.commit(
        repo,
        "End",
        {"purse/wait.py": ends, "tests/test_wait.py": NEW, "tests/test_plugin.py": uses + "\n"},
    )
    named = [f"tests/test_wait.py::test_{name}" for name in ("it_ends", "even", "odd_too")]
    row = rig.row(repo, base, fix, instance_id="hangs")
    del row["FAIL_TO_PASS"], row["PASS_TO_PASS"]
    row["fail_to_pass"] = named[:1]
    row["pass_to_pass"] = [*named[1:], "tests/test_plugin.py::test_plugin"]
    (tmp_path / "rows.json").write_text(json.dumps([row]))
    found = imported(tmp_path, "rows.json", "--test-seconds", "3", "--run-seconds", "200")["hangs"]
    assert found["result"] == "imported", found
    assert found["reasons"] == {named[0]: "timeout"}
    assert found["disagrees"] == [f"{named[2]}: fails without gold too"]
    (task,) = packs.load("./taken", base=tmp_path)
    assert set(task.tests.pass_to_pass) == {named[1], "tests/test_plugin.py::test_plugin"}
    assert task.tests.plugins == ("purse.plugin",)


SETTINGS = """

@pytest.fixture(autouse=True)
def settings(pytestconfig):
    assert pytestconfig.getini("purse") == "own"
"""
INI = "def pytest_addoption(parser):\n    parser.addini('purse', '')\n"


def test_tests_that_need_their_own_settings_are_run_by_their_own_pytest(tmp_path):
    repo, _, _ = rig.a_repository(tmp_path)
    settings = {"conftest.py": INI, "pytest.ini": "[pytest]\npurse = own\n"}
    before = {"purse/__init__.py": toy.BEFORE, "tests/test_purse.py": rig.VISIBLE}
    base = rig.commit(repo, "Settings", {**before, **settings})
    tests = rig.TESTS_AFTER + SETTINGS
    fix = rig.commit(repo, "Fix", {"purse/__init__.py": toy.AFTER, "tests/test_purse.py": tests})
    row = rig.row(repo, base, fix)
    (tmp_path / "rows.json").write_text(json.dumps([row]))
    found = imported(tmp_path, "rows.json")["acme__purse-7"]
    assert (found["result"], found["assurance"]) == ("imported", "report"), found
    assert any("run by its own pytest" in note for note in found["notes"]), found
    (task,) = packs.load("./taken", base=tmp_path)
    assert task.tests.fail_to_pass == ("tests.test_purse::test_half[odd cents]",)
    assert verdicts(tmp_path, row["patch"]) == ("passed", "failed")


UNITTEST = """\
import unittest

from purse import half_up, whole


class Purse(unittest.TestCase):
    def test_whole(self):
        print("three")
        self.assertEqual(whole(3), 3)

    def test_half(self):
        \"\"\"Half of three cents is two.

        Not one.
        \"\"\"
        for cents in (3, 5):
            with self.subTest(cents=cents):
                self.assertEqual(half_up(cents) * 2, cents + 1)
"""
RUNTESTS = """\
import sys
import unittest

assert sys.argv[1:] == ["--verbosity=2", "--parallel=1", "purse_tests.tests"]
unittest.main(None, argv=["x", "-v", *sys.argv[3:]])
"""


def test_rows_of_unittest_and_of_djangos_own_script_are_graded_by_what_they_print(tmp_path):
    repo, _, _ = rig.a_repository(tmp_path)
    tests = {"tests/runtests.py": RUNTESTS, "tests/purse_tests/__init__.py": ""}
    base = rig.commit(repo, "Script", {"purse/__init__.py": toy.BEFORE, **tests})
    gold = {"purse/__init__.py": toy.AFTER, "tests/purse_tests/tests.py": UNITTEST}
    fix = rig.commit(repo, "Fix", gold)
    shown, kept = "Half of three cents is two.", "test_whole (purse_tests.tests.Purse)"
    ids = {"FAIL_TO_PASS": [shown], "PASS_TO_PASS": [kept]}
    (tmp_path / "rows.json").write_text(json.dumps([rig.row(repo, base, fix, **ids)]))
    found = imported(tmp_path, "rows.json")["acme__purse-7"]
    assert (found["result"], found["assurance"], found["disagrees"]) == ("imported", "report", [])
    (task,) = packs.load("./taken", base=tmp_path)
    (test,) = task.tests.fail_to_pass
    assert test == f"test_half (purse_tests.tests.Purse.test_half) {shown}"
    assert verdicts(tmp_path, rig.row(repo, base, fix)["patch"]) == ("passed", "failed")


def test_parquet_and_a_task_repository_hold_the_same_rows(tmp_path):
    from pyarrow import Table, parquet

    from arena.task.formats.instances import Instance, read_instances

    made = rig.a_repository(tmp_path)
    one = rig.row(*made)
    parquet.write_table(Table.from_pylist([one]), tmp_path / "rows.parquet")
    (from_parquet,) = read_instances(tmp_path / "rows.parquet")
    folder = tmp_path / "suite/tasks/acme__purse-7"
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(
        f"instance_id: acme__purse-7\nrepo: acme/purse\nversion: '1.2'\nbase_commit: {made[1]}\n"
        "split: test\nimage: none\nlog_parser: parse_log_pytest\neval_type: pass_and_fail\n"
    )
    ids = {key: json.loads(str(one[key])) for key in ("FAIL_TO_PASS", "PASS_TO_PASS")}
    (folder / "tests.json").write_text(json.dumps(ids))
    (folder / "problem_statement.md").write_text(str(one["problem_statement"]))
    (folder / "gold.patch").write_text(str(one["patch"]))
    (folder / "test.patch").write_text(str(one["test_patch"]))
    (from_folder,) = read_instances(tmp_path / "suite")
    assert isinstance(from_parquet, Instance)
    assert isinstance(from_folder, Instance)
    changed = {"parser": "", "image": ""}
    assert from_folder.model_copy(update=changed) == from_parquet


def test_parquet_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    extras = tomllib.loads(Path("pyproject.toml").read_text())["project"]["optional-dependencies"]
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError) as caught:
        list(read_rows(tmp_path / "rows.parquet"))
    extra = re.search(r"arena-bakeoff\[([\w-]+)\]", str(caught.value))
    assert any(line.startswith("pyarrow") for line in extras[extra[1]])


def test_line_ends_of_a_patch_survive(tmp_path: Path):
    from arena.records import File
    from arena.task.importing.rows import _patched

    before = File(path="data/a.txt", data=b"one\r\ntwo\r\nno end")
    patch = (
        "diff --git a/data/a.txt b/data/a.txt\n--- a/data/a.txt\n+++ b/data/a.txt\n"
        "@@ -1,3 +1,3 @@\n one\r\n-two\r\n+2\r\n no end\n\\ No newline at end of file\n"
    )
    (after,) = _patched((before,), patch)
    assert after.data == b"one\r\n2\r\nno end"


def test_a_program_among_the_tests_can_still_be_started(tmp_path: Path):
    from arena.records import File
    from arena.task.importing.rows import _patched

    before = File(path="a.sh", data=b"true\n", mode=0o755)
    patch = (
        "diff --git a/a.sh b/a.sh\n--- a/a.sh\n+++ b/a.sh\n@@ -1 +1 @@\n-true\n+false\n"
        "diff --git a/b.sh b/b.sh\nnew file mode 100755\n--- /dev/null\n+++ b/b.sh\n"
        "@@ -0,0 +1 @@\n+true\n"
        "diff --git a/c b/c\nnew file mode 120000\n--- /dev/null\n+++ b/c\n"
        "@@ -0,0 +1 @@\n+/etc/hostname\n\\ No newline at end of file\n"
    )
    assert [(one.path, one.mode) for one in _patched((before,), patch)] == [
        ("a.sh", 0o755),
        ("b.sh", 0o755),
    ]


def test_attributes_of_a_tree_change_no_byte_of_a_test(tmp_path: Path):
    from arena.records import File
    from arena.task.importing.rows import _patched

    attributes = b"* text eol=crlf working-tree-encoding=UTF-16 filter=x ident\n"
    before = [File(path=".gitattributes", data=attributes), File(path="a.txt", data=b"$Id$\none\n")]
    patch = (
        "diff --git a/.gitattributes b/.gitattributes\n--- a/.gitattributes\n+++ b/.gitattributes\n"
        f"@@ -1 +1,2 @@\n {attributes.decode()}+*.md text\n"
        "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n $Id$\n-one\n+two\n"
    )
    after = {file.path: file.data for file in _patched(before, patch)}
    assert after == {"a.txt": b"$Id$\ntwo\n", ".gitattributes": attributes + b"*.md text\n"}


PACKAGES_TO_BUILD = [
    "git+file://{folder}",
    "evil @ git+file://{folder}",
    "file://{folder}",
    "{folder}",
    "evil.zip",
    "./evil",
    "-e{folder}",
    "--index-url=http://127.0.0.1:9/",
    "-r{folder}/requirements.txt",
    "six\n-e {folder}",
    "six; python_version > '3'\n-e {folder}",
]


def test_no_package_of_a_row_is_built_on_this_machine(tmp_path):
    made = rig.a_repository(tmp_path)
    evil = tmp_path / "evil"
    program = f"import pathlib; pathlib.Path({str(tmp_path / 'started')!r}).touch()\n"
    toy.write(evil, {"setup.py": program + "from setuptools import setup; setup(name='evil')\n"})
    rig.git(evil, "init", "-q")
    rig.commit(evil, "Start", {"requirements.txt": "-e .\n"})
    shutil.make_archive(str(evil), "zip", evil)
    rows = [
        rig.row(*made, instance_id=f"evil-{number}", version=str(number), install_config=config)
        for number, package in enumerate(PACKAGES_TO_BUILD)
        for wanted in [[package.format(folder=evil)]]
        for config in [{"python": "3.11", "test_cmd": "pytest", "pip_packages": wanted}]
    ]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    found = imported(tmp_path, "rows.json")
    assert len(found) == len(PACKAGES_TO_BUILD)
    assert all("no plain requirement" in one["reason"] for one in found.values()), found
    assert not (tmp_path / "started").exists()


def test_a_row_names_no_clone_outside_the_folder_of_clones(tmp_path):
    repo, _, _ = rig.a_repository(tmp_path)
    assert find_mirror(tmp_path / "repos", "acme/purse") == repo
    (tmp_path / "inner").mkdir()
    assert find_mirror(tmp_path / "inner", "../repos/acme__purse") is None
    assert find_mirror(tmp_path / "inner", str(repo)) is None
