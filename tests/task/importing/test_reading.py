"""Suites as they are read, before anything runs."""

import gzip
import io
import json
import tarfile

import pytest

from arena.grading.pytest_runner import as_reported
from arena.records import File
from arena.task.formats.harbor import read_scripts
from arena.task.formats.instances import (
    Instance,
    Unreadable,
    Wish,
    read_instances,
    resolve_ids,
    runner_of,
)
from arena.task.importing.importer import NotImportableError, read_tar
from arena.task.mining.pytest_runner import unittest_command
from tests.task import toy

TASK_YAML = """\
# A task as people write them
instruction: Half of three cents comes out
  as one cent: look at the 'halves'  # not this

  and mend them.
author_email: "no\\u0062ody@example.org"
difficulty: 'medium'
category: it''s plain
tags: [a, b]
max_agent_timeout_sec: 360.0  # six minutes
max_test_timeout_sec: 90.5 # seconds
run_tests_in_same_shell: no
"""


def terminal_bench(folder, name, text):
    parts = {"task.yaml": text, "Dockerfile": "FROM python:3.11\n", "run-tests.sh": "true\n"}
    toy.write(folder / name, {key: one for key, one in parts.items() if one is not None})


def with_instruction(text):
    return f"instruction: {text}\ndifficulty: easy\nmax_test_timeout_sec: 60\n"


def test_of_the_tests_an_image_gets_what_its_dockerfile_names(tmp_path):
    terminal_bench(tmp_path, "one", with_instruction("x"))
    dockerfile = "FROM python:3.11\n# tests/test_outputs.py is hidden\nCOPY ./tests/make.py /app/\n"
    tests = {"tests/make.py": "pass\n", "tests/test_outputs.py": "pass\n"}
    toy.write(tmp_path / "one", {"Dockerfile": dockerfile, **tests})
    (found,) = read_scripts(tmp_path)
    assert {file.path for file in found.build} == {"Dockerfile", "tests/make.py"}
    assert {file.path for file in found.tests} == {"run-tests.sh", "make.py", "test_outputs.py"}


def test_a_task_yaml_as_people_write_them(tmp_path):
    terminal_bench(tmp_path, "plain", TASK_YAML.replace("halves'  # not this", "halves'"))
    (found,) = read_scripts(tmp_path)
    assert isinstance(found, Unreadable)  # `cent: look` begins a mapping in YAML
    text = TASK_YAML.replace("cent: look", "cent, look").replace("'  # not this", "'")
    terminal_bench(tmp_path, "plain", text)
    (found,) = read_scripts(tmp_path)
    assert found.statement == (
        "Half of three cents comes out as one cent, look at the 'halves'\nand mend them."
    )
    assert (found.difficulty, found.timeout_s) == ("medium", 90.5)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("|-\n  Mend it.\n\n    code\n", "Mend it.\n\n  code"),
        ("|2-\n    code\n  Mend it.\n", "  code\nMend it."),
        ("|- # note\n  Mend # it.\n", "Mend # it."),
        (">-\n  Mend\n  it.\n", "Mend it."),
        (r'"Mend\n\"it\"."', 'Mend\n"it".'),
        ("'It''s broken.'", "It's broken."),
        ("Mend it. # note", "Mend it."),
        ("'no'", "no"),
    ],
)
def test_statements_are_whole(tmp_path, text, statement):
    terminal_bench(tmp_path, "one", with_instruction(text))
    (found,) = read_scripts(tmp_path)
    assert found.statement == statement
    assert (found.difficulty, found.timeout_s) == ("easy", 60.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("difficulty: easy", "'instruction' is missing"),
        ("instruction: x\ninstruction: y", "line 2: cannot be read: the key 'instruction'"),
        ("instruction: [a]", "statement"),
        ("instruction: x\nmax_test_timeout_sec: soon", "'soon'"),
        ("a: &a [x]\nb: *c", "undefined alias"),
    ],
)
def test_a_task_that_cannot_be_read_says_why_on_one_line(tmp_path, text, words):
    terminal_bench(tmp_path, "bad", text)
    terminal_bench(tmp_path, "good", with_instruction("x"))
    bad, good = read_scripts(tmp_path)
    assert words in bad.reason
    assert "\n" not in bad.reason
    assert good.statement == "x"


@pytest.mark.parametrize("seconds", ["nan", "-5"])
def test_a_time_limit_without_sense_is_a_reason(tmp_path, seconds):
    text = with_instruction("x").replace("60", f"'{seconds}'")
    terminal_bench(tmp_path, "bad", text)
    (bad,) = read_scripts(tmp_path)
    assert "malformed task" in bad.reason


@pytest.mark.parametrize("seconds", ["inf", "1e400", "1e9"])
def test_no_time_limit_is_a_week(tmp_path, seconds):
    terminal_bench(tmp_path, "long", with_instruction("x").replace("60", f"'{seconds}'"))
    (long,) = read_scripts(tmp_path)
    assert long.timeout_s == 7 * 24 * 3600


def test_a_task_toml_of_the_wrong_shape_is_a_reason(tmp_path):
    toy.write(tmp_path / "bad", {"task.toml": 'environment = "x"\n', "instruction.md": "x\n"})
    (bad,) = read_scripts(tmp_path)
    assert "malformed task" in bad.reason


def task_folder(folder, text, **changed):
    files = {
        "task.yaml": text,
        "tests.json": json.dumps({"FAIL_TO_PASS": ["t.py::a"], "PASS_TO_PASS": []}),
        "problem_statement.md": "Mend it.\n",
        "gold.patch": "x\r\n",
        "test.patch": "y\n",
        **changed,
    }
    toy.write(folder, {name: one for name, one in files.items() if one is not None})


def test_a_task_repository_in_ordinary_yaml(tmp_path):
    head = 'instance_id: acme__a-1\nrepo: "acme/a"\nbase_commit: 1234567\n'
    task_folder(tmp_path / "tasks/a", head + "version: 3.10 # text\nimage: a/b:1\n")
    task_folder(tmp_path / "tasks/b", head, **{"tests.json": None})
    task_folder(tmp_path / "tasks/c", head + "repo: twice\n")
    task_folder(tmp_path / "tasks/d", head, **{"tests.json": "[1]"})
    task_folder(tmp_path / "tasks/e", head.replace("repo", "repository"))
    good, *bad = read_instances(tmp_path)
    assert (good.version, good.base_commit, good.repo) == ("3.10", "1234567", "acme/a")
    assert good.gold == "x\r\n"
    assert [one.instance_id for one in bad] == ["b", "c", "d", "acme__a-1"]
    assert "tests.json: no such file" in bad[0].reason
    assert "stands twice" in bad[1].reason
    assert "'repo' is missing" in bad[3].reason


def archive(headers=None, **members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, size in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = size, headers or {}
            tar.addfile(info, io.BytesIO(bytes(size)))
    return data.getvalue()


def sparse(size):
    """A file of one byte that says it is much longer, as GNU's tar writes it."""
    head = tarfile.TarInfo("a")
    head.type, head.size = tarfile.GNUTYPE_SPARSE, 0
    block = bytearray(head.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"%011o\0" % size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + bytes(1024)


def test_a_work_folder_is_read_from_its_archive():
    (found,) = read_tar(archive(**{"./a/b.py": 3, "./__pycache__/b.pyc": 1}))
    assert (found.path, found.data) == ("a/b.py", bytes(3))
    assert [len(file.data) for file in read_tar(sparse(1 << 20))] == [1 << 20]


@pytest.mark.parametrize(
    "data",
    [
        archive(**{"../../escaped": 1}),
        archive(**{"a/../../escaped": 1}),
        archive(**{"/absolute": 1}),
        archive(**{"a/.git/config": 1}),
        b"",
        b"no archive" * 100,
        archive(a=5000)[:2000],
        sparse(1 << 40),
        gzip.compress(archive(a=1 << 20)),
        archive({"GNU.sparse.map": "x"}, a=1),
        archive({"GNU.sparse.map": "0,1", "GNU.sparse.realsize": "-5"}, a=1),
        archive({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}, a=1),
    ],
    ids=[
        *("up", "inside", "absolute", "git", "empty", "noise", "torn", "sparse", "packed"),
        *("no map", "below nothing", "half a map"),
    ],
)
def test_a_strangers_archive_leads_nowhere_and_fills_nothing(data):
    with pytest.raises(NotImportableError, match="its work folder cannot be read"):
        read_tar(data)


@pytest.mark.parametrize(
    ("published", "found", "stand_for"),
    [
        ("t.py::a[b", ["t.py::a[b c]", "t.py::a[b d]"], ["t.py::a[b c]", "t.py::a[b d]"]),
        ("t.py::a[/x.png]", ["t.py::a[/long/way/x.png]"], ["t.py::a[/long/way/x.png]"]),
        ("t.py::a[/x]", ["t.py::a[//host/x]"], []),
        ("a", ["t.py::a", "u.py::a"], ["t.py::a"]),
        ("a (m.C)", ["a (m.C.a)", "a (m.D.a)"], ["a (m.C.a)"]),
        ("a (m.C.a)", ["a (m.C) Halves.", "b (m.C)"], ["a (m.C) Halves."]),
        ("Halves.", ["a (m.C.a) Halves.", "b (m.C.b) Halves.", "c (m.C.c)"], None),
    ],
)
def test_shortened_ids_stand_for_what_they_were(published, found, stand_for):
    known = resolve_ids([published], found, ["t.py"])
    assert list(known.get(published, ())) == (found[:2] if stand_for is None else stand_for)


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("testing/test_mark.py::test_x", "testing.test_mark::test_x"),
        ("testing/python/a.py::TestA::test_x[a::b-c]", "testing.python.a.TestA::test_x[a::b-c]"),
    ],
)
def test_ids_as_a_junit_report_has_them(name, reported):
    assert as_reported(name) == reported


def test_keys_in_lower_case_are_read(tmp_path):
    row = {"instance_id": "a", "repo": "a/b", "base_commit": "c", "patch": "", "test_patch": ""}
    row |= {"problem_statement": "x", "fail_to_pass": '["t.py::a"]', "pass_to_pass": ["t.py::b"]}
    (tmp_path / "rows.json").write_text(json.dumps(row))
    (one,) = read_instances(tmp_path / "rows.json")
    assert (one.fail_to_pass, one.pass_to_pass) == (("t.py::a",), ("t.py::b",))


def test_a_null_is_no_text(tmp_path):
    row = {"instance_id": "a", "repo": "a/b", "base_commit": "c", "patch": "", "test_patch": ""}
    row |= {"problem_statement": "x", "FAIL_TO_PASS": ["t.py::a"]}
    keys = ("repo", "base_commit", "patch", "test_patch", "problem_statement")
    (tmp_path / "rows.json").write_text(json.dumps([row | {key: None} for key in keys]))
    found = read_instances(tmp_path / "rows.json")
    assert [one.reason for one in found] == [f"malformed row: {key} is no text" for key in keys]


@pytest.mark.parametrize(
    ("ids", "told", "runner"),
    [
        (["tests/t.py::a"], {}, "pytest"),
        (["test_a", "test_b[c"], {}, "pytest"),
        (["test_a (m.tests.C)", "Halves of three."], {}, "unittest"),
        (["Halves of three."], {"pass_to_pass": ("test_a (m.tests.C.test_a)",)}, "unittest"),
        (["test_a (m.tests.C)"], {"parser": "parse_log_django"}, "unittest"),
        (["test_a"], {"parser": "parse_log_pytest_v2"}, "pytest"),
        (["t.py::a"], {"parser": "parse_log_sphinx"}, "pytest"),
        (["test_a"], {"wish": Wish(test="bin/test -C --verbose")}, "pytest"),
        (["test_a"], {"wish": Wish(test="python -m unittest -v")}, "unittest"),
        (["test_a"], {"wish": Wish(test="make check")}, None),
        (["halves: of three"], {}, None),
    ],
)
def test_what_runs_a_rows_tests(ids, told, runner):
    row = {"instance_id": "a", "repo": "a/b", "base_commit": "c"}
    row |= {"gold": "", "test_patch": "", "statement": "", "fail_to_pass": tuple(ids), **told}
    assert runner_of(Instance(**row)) == runner


def test_djangos_own_script_takes_modules():
    tree = [File(path="tests/runtests.py", data=b"")]
    files = ["tests/queries/tests.py", "tests/queries/models.py"]
    assert unittest_command(tree, files).script.endswith(
        " tests/runtests.py --verbosity=2 --parallel=1 queries.tests queries.models 2>&1"
    )
    assert unittest_command([], files).script.endswith(f" -m unittest -v {' '.join(files)} 2>&1")
