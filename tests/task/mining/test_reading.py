"""What is read of a repository, without running anything."""

import json

import pytest

from arena.errors import InputError
from arena.records import File
from arena.sandbox.engine import DockerEngine
from arena.task.mining.candidate import prove
from arena.task.mining.command_runner import read_command
from arena.task.mining.history import Commit, GitHistory, purpose
from arena.task.mining.pipeline import mine
from arena.task.mining.projects import Project, read_project, with_version_files
from arena.task.mining.runner import MiningRequest, MiningSession, SeenTest
from arena.task.mining.statement import (
    CandidateFix,
    FellError,
    Issue,
    read_issues,
    write_statement,
)
from tests.task import toy
from tests.task.importing import rig


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("src/pkg/latest.py", "source"),
        ("src/contest/rules.py", "source"),
        ("pkg/testing_tools.py", "source"),
        ("pkg/data/table.json", "source"),
        ("tests/test_a.py", "test"),
        ("tests/data/a.json", "test"),
        ("pkg/test_a.py", "test"),
        ("pkg/a_test.go", "test"),
        ("web/a.spec.ts", "test"),
        ("conftest.py", "test"),
        ("docs/conf.py", "other"),
        ("README.md", "other"),
        ("pyproject.toml", "other"),
        ("setup.py", "other"),
        (".github/workflows/a.yml", "other"),
        ("tomli.py", "source"),
    ],
)
def test_purpose_of_a_path(path, wanted):
    assert purpose(path) == wanted


def test_steps_of_the_main_line(tmp_path):
    repo, base, fix = rig.a_repository(tmp_path)
    rig.commit(repo, "Docs only", {"README.md": "x\n"})
    rig.git(repo, "checkout", "-q", "-b", "side")
    rig.commit(repo, "Source alone", {"purse/more.py": "A = 1\n"})
    rig.commit(repo, "Tests alone", {"tests/test_more.py": "def test_a():\n    pass\n"})
    rig.git(repo, "checkout", "-q", "main")
    rig.git(repo, "merge", "-q", "--no-ff", "side", "-m", "Merge branch 'side'")
    steps = GitHistory(repo).steps(since=None, until=None, paths=())
    merge, single = steps
    assert merge.source == ("purse/more.py",)
    assert "Source alone" in merge.message
    assert (single.sha, single.parent) == (fix, base)
    assert single.says_fix
    assert GitHistory(repo).steps(since="2090-01-01", until=None, paths=()) == []
    assert GitHistory(repo).steps(since=None, until=None, paths=["docs"]) == []
    tree = {file.path: file.data.decode() for file in GitHistory(repo).tree(base)}
    assert tree["purse/__init__.py"] == toy.BEFORE


@pytest.mark.parametrize("time", ["00:00:00", "23:59:59"])
def test_days_are_taken_whole_whatever_the_time_of_day_is_now(tmp_path, monkeypatch, time):
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_DATE", f"2025-01-01T{time}Z")
    repo, _, fix = rig.a_repository(tmp_path)
    for since, until in (("2025-01-01", None), (None, "2025-01-01"), ("2025-01-01",) * 2):
        (step,) = GitHistory(repo).steps(since=since, until=until, paths=())
        assert step.sha == fix
    assert GitHistory(repo).steps(since="2025-01-02", until=None, paths=()) == []
    assert GitHistory(repo).steps(since=None, until="2024-12-31", paths=()) == []


def test_a_folder_without_history_is_refused(tmp_path):
    with pytest.raises(InputError, match="no git repository"):
        GitHistory(tmp_path)


def project(**files):
    named = {name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()}
    return read_project([File(path=path, data=text.encode()) for path, text in named.items()])


def test_what_a_pyproject_says():
    found = project(
        pyproject_dot_toml="""
[project]
name = "Purse"
dynamic = ["version"]
dependencies = ["attrs>=20", "tomli; python_version < '3.11'"]
[project.optional-dependencies]
tests = ["pytest>=7", "freezegun", "mypy"]
docs = ["sphinx"]
[dependency-groups]
dev = [{include-group = "test"}, "ruff"]
test = ["hypothesis"]
[project.scripts]
purse = "purse:main"
[tool.hatch.build.hooks.vcs]
version-file = "src/purse/_version.py"
[tool.pytest.ini_options]
asyncio_mode = "auto"
addopts = "--cov"
"""
    )
    assert found.name == "Purse"
    assert found.requirements == (
        *("attrs", "tomli; python_version < '3.11'", "pytest", "freezegun", "hypothesis"),
    )
    assert found.options == ("asyncio_mode=auto",)
    assert found.version_files == ("src/purse/_version.py",)
    assert "purse = purse:main" in found.entry_points


def test_what_older_files_say():
    found = project(
        setup_dot_py="N = ['six']\nsetup(name='purse', install_requires=N, extras_require={'test': 'mock'})\n",
        tox_dot_ini="[testenv]\ndeps =\n    py36: dataclasses\n    py3: pytest-mock==3\n    -rx.txt\n",
        requirements__dev_dot_txt="# c\n-e .\nfreezegun==1.2\nflake8\n",
    )
    assert found.name == "purse"
    assert found.requirements == (
        "six",
        "mock",
        "freezegun",
        "pytest-mock",
        "pytest",
    )


def test_a_file_for_development_counts_only_where_there_is_none_for_tests():
    found = project(
        requirements_dot_txt="six\n",
        requirements__tests_dot_txt="mock\n",
        requirements__dev_dot_txt="typed-ast==1.4.3\nexamples/tutorial[test]\n",
    )
    assert found.requirements == ("six", "mock", "pytest")
    alone = project(requirements__dev_dot_txt="freezegun\nexamples/tutorial[test]\n")
    assert alone.requirements == ("freezegun", "pytest")


def test_files_that_a_file_or_tox_names_are_read_once():
    found = project(
        requirements_test_dot_txt="-r requirements_test_min.txt\n--requirement=docs/../a/b.txt\n",
        requirements_test_min_dot_txt="-r requirements_test.txt\nastroid==2.11.6  # pinned\n",
        a__b_dot_txt="-r c.txt\nsix\n-c constraints.txt\n",
        a__c_dot_txt="mock\n",
        tox_dot_ini="[testenv]\ndeps =\n    py27: -r old.txt\n    py3: -r{toxinidir}/more.txt\n",
        more_dot_txt="freezegun\n-r ../../etc/passwd\n",
        old_dot_txt="unittest2\n",
    )
    assert found.bounded == ("astroid==2.11.6", "six", "mock", "freezegun", "pytest")


def test_of_two_conditions_for_a_package_the_true_one_is_left_to_win():
    found = project(
        pyproject_dot_toml="[project]\nname = 'purse'\ndependencies = [\"tomli<2; python_version<'3.8'\","
        " \"tomli>=2; python_version>='3.8'\", 'isort>=4,<6', 'setuptools', 'sphinxcontrib-x']\n"
        "[project.optional-dependencies]\ntest = ['isort', 'black', 'pytest>=7']\n"
        "[build-system]\nrequires = ['hatchling']\n",
    )
    assert found.bounded == (
        "tomli<2; python_version<'3.8'",
        "tomli>=2; python_version>='3.8'",
        "isort>=4,<6",
        "setuptools",
        "sphinxcontrib-x",
        "pytest>=7",
    )
    assert found.requirements[:3] == (
        "tomli; python_version<'3.8'",
        "tomli; python_version>='3.8'",
        "isort",
    )
    assert found.build == ("hatchling",)


@pytest.mark.parametrize(
    ("line", "applies"),
    [
        ("py27: x", False),
        ("py{27,36}: x", False),
        ("py{36,311}-test: x", True),
        ("!py27: x", True),
        ("django32: x", False),
        ("py311-django{32,41}: x", False),
        ("py36,test: x", True),
        ("x", True),
        ("py" + "{3,4}" * 40 + ": x", False),  # a million million environments
    ],
)
def test_a_line_of_tox_counts_where_its_factors_apply(line, applies):
    found = project(tox_dot_ini=f"[testenv]\ndeps =\n    {line}\n")
    assert found.requirements == (("x",) if applies else ()) + ("pytest",)


@pytest.mark.parametrize(
    "files",
    [
        {"setup_dot_cfg": "[options.entry_points]\npytest11 =\n    purse = purse.plugin\n"},
        {"setup_dot_py": "setup(entry_points={'pytest11': ['purse = purse.plugin']})\n"},
        {"setup_dot_py": "setup(entry_points='[pytest11]\\npurse = purse.plugin')\n"},
        {"pyproject_dot_toml": "[tool.poetry.plugins.pytest11]\npurse = 'purse.plugin'\n"},
        {"pyproject_dot_toml": "[project.entry-points.pytest11]\npurse = 'purse.plugin'\n"},
    ],
)
def test_entry_points_are_read_wherever_they_stand(files):
    assert project(**files).entry_points == "[pytest11]\npurse = purse.plugin\n"


def test_what_pytest_needs_from_its_settings_is_carried():
    found = project(
        tox_dot_ini="[pytest]\naddopts = -rfEX -p pytester --strict-markers -p no:cov --cov\n"
        "  --import-mode=importlib\npytester_example_dir = testing/example_scripts\n"
        "testpaths = testing\nxfail_strict = true\n"
    )
    assert found.plugins == ("pytester",)
    assert found.options == (
        "pytester_example_dir=testing/example_scripts",
        "xfail_strict=true",
        "addopts=--import-mode=importlib",
    )


@pytest.mark.parametrize(
    "text",
    [
        "project = 1\ntool = 'x'\n",
        "[project]\nname = 1\nversion = []\ndependencies = {a = 1}\nscripts = 1\n",
        "[project]\ndependencies = [1]\noptional-dependencies = ['test']\nentry-points = 1\n",
        "[tool]\npoetry = {group = {test = 1}, dependencies = 'x'}\npytest = 1\nhatch = 1\n",
        "[tool.setuptools_scm]\nwrite_to = '../../escaped.py'\n",
        "[dependency-groups]\ntest = 1\ndev = [{include-group = 'test'}, {}]\n",
        "a = " + "[" * 10_000,
    ],
)
def test_a_pyproject_that_is_not_as_it_should_be_is_passed_over(text):
    found = project(pyproject_dot_toml=text, setup_dot_py="setup(name=" + "(" * 10_000)
    assert found.requirements == ("pytest",)
    assert (found.name, found.version_files) == (None, ())


def a_commit(message):
    return Commit(sha="f" * 40, parent="e" * 40, at="", message=message, source=(), tests=())


def statement(message, tmp_path, *, after=toy.AFTER, hidden="", issues=None):
    gold = toy.diff("purse/__init__.py", toy.BEFORE, after, tmp_path)
    tree = (File(path="purse/__init__.py", data=toy.BEFORE.encode()),)
    tests = (File(path="tests/test_a.py", data=hidden.encode()),)
    return write_statement(a_commit(message), issues or {}, CandidateFix(gold, tree, tests))


def test_a_message_loses_references_and_what_tells_too_much(tmp_path):
    message = (
        "Fix halves of odd cents (#12)\n\nThree cents gave one.\n"
        "Now `return (cents + 1) // 2  # away from nought` is used.\nSee https://example.org/x\n"
        "Signed-off-by: A <a@example.org>\n"
    )
    found = statement(message, tmp_path)
    assert found.title == "Fix halves of odd cents"
    assert "Three cents gave one." in found.text
    assert "away from nought" not in found.text
    assert "example.org" not in found.text
    assert len(found.left_out) == 1
    assert found.provenance == "B"


def test_names_that_only_the_fix_knows_leak_and_names_that_tests_use_are_told(tmp_path):
    after = toy.BEFORE + "\n\ndef round_half(cents):\n    inner_step = 1\n    return inner_step\n"
    message = "Round the halves properly\n\nUses inner_step for that.\n"
    found = statement(message, tmp_path, after=after, hidden="from purse import round_half\n")
    assert "inner_step" not in found.text
    assert "`round_half`" in found.text


def test_an_issue_is_better_than_a_message(tmp_path):
    issues = {"#12": Issue(title="Halves are wrong", body="Three cents give one cent.")}
    found = statement("Fix #12", tmp_path, issues=issues)
    assert found.provenance == "A"
    assert found.title == "Halves are wrong"
    with pytest.raises(FellError, match="says nothing but the fix"):
        statement("Fix #12", tmp_path)


def test_a_number_of_another_repository_is_no_issue_of_this_one(tmp_path):
    issues = {"#12": Issue(title="Colours are wrong", body="Red comes out as green.")}
    message = "Round halves of odd cents up\n\nAs python/cpython#12 has it, two for three."
    found = statement(message, tmp_path, issues=issues)
    assert (found.title, found.provenance) == ("Round halves of odd cents up", "B")
    assert statement(f"{message} (#12)", tmp_path, issues=issues).title == "Colours are wrong"


def test_issues_are_read_by_number(tmp_path):
    (tmp_path / "i.jsonl").write_text('{"number": 3, "title": "T", "body": null}\n')
    assert read_issues([tmp_path / "i.jsonl"]) == {"#3": Issue(title="T", body="")}
    (tmp_path / "i.jsonl").write_text('{"title": "T"}\n')
    with pytest.raises(InputError, match="no 'number'"):
        read_issues([tmp_path / "i.jsonl"])


ISSUE = {"number": 12, "title": "Halves are wrong", "body": "Three cents give one cent."}
PULL = {
    "number": 34,
    "title": "Halve as people do",
    "body": "Away from nought. Fixes #12. As in #5.",
    "mergeCommit": {"oid": "f" * 40},
}
MERGE_REQUEST = {
    "iid": 34,
    "title": "Halve as people do",
    "description": "Away from nought.",
    "source_branch": "halves",
    "merge_commit_sha": "f" * 40,
}


@pytest.mark.parametrize(
    ("message", "exports", "title"),
    [
        ("Halve anew (#34)", [[PULL], [ISSUE]], "Halves are wrong"),
        ("Halve anew", [[PULL, {"number": 5, "title": "No", "body": "Nothing of it."}]], "Halve as people do"),
        ("Halve anew", [[MERGE_REQUEST]], "Halve as people do"),
        ("Merge branch 'x'\n\nSee merge request acme/purse!34", [[MERGE_REQUEST], [{"iid": 34, "title": "No", "description": "Nothing."}]], "Halve as people do"),
        ("Fix acme/purse#12", [[ISSUE | {"url": "https://forge.example/acme/purse/issues/12"}]], "Halves are wrong"),
        ("Mend halves\n\nSee merge request acme/purse!34", [[MERGE_REQUEST | {"merge_commit_sha": None, "web_url": "https://forge.example/team/acme/purse/-/merge_requests/34"}]], "Halve as people do"),
        ("Fix #34 at last", [[MERGE_REQUEST | {"merge_commit_sha": None}, {"iid": 34, "title": "Halves are wrong", "description": "One cent."}]], "Halves are wrong"),
    ],
)  # fmt: skip
def test_exports_are_read_as_their_tools_write_them(tmp_path, message, exports, title):
    paths = [tmp_path / f"{number}.json" for number in range(len(exports))]
    for path, rows in zip(paths, exports, strict=True):
        path.write_text(json.dumps(rows))
    found = statement(message, tmp_path, issues=read_issues(paths))
    assert (found.title, found.provenance) == (title, "A")
    assert "#" not in found.text


@pytest.mark.parametrize(
    ("message", "note", "tier"),
    [
        ("Fix halves of odd cents", "", "C"),
        ("Fix halves of odd cents\n\nSigned-off-by: A <a@example.org>\nCloses #7", "", "C"),
        ("Fix halves of odd cents\n\nThree cents gave one.", "", "B"),
        ("Merge pull request #7 from a/b\n\nFix halves of odd cents", "", "C"),
        ("Merge pull request #7 from a/b\n\nHalves of odd cents\n\nThree cents gave one.", "", "B"),
        ("x", "Halves of odd cents are wrong.\n\nThree cents give one cent.", "B"),
    ],
)  # fmt: skip
def test_the_tier_says_where_a_statement_is_from(tmp_path, message, note, tier):
    gold = toy.diff("purse/__init__.py", toy.BEFORE, toy.AFTER, tmp_path)
    step = a_commit(message).model_copy(update={"note": note})
    fix = CandidateFix(gold, (File(path="purse/__init__.py", data=toy.BEFORE.encode()),), ())
    found = write_statement(step, {}, fix)
    assert found.provenance == tier
    assert not note or found.text == note


def test_notes_of_a_clone_are_read(tmp_path):
    repo, _, fix = rig.a_repository(tmp_path)
    rig.git(repo, "notes", "add", "-m", "Three cents give one cent.", fix)
    for pack_refs in (False, True):
        if pack_refs:
            rig.git(repo, "pack-refs", "--all")
        (step,) = GitHistory(repo).steps(since=None, until=None, paths=())
        assert step.note == "Three cents give one cent.\n"
    (repo / ".git/refs/notes").mkdir(parents=True, exist_ok=True)
    (repo / ".git/refs/notes/commits").write_text("1" * 40 + "\n")
    (step,) = GitHistory(repo).steps(since=None, until=None, paths=())
    assert step.note == ""


def test_a_new_module_that_the_tests_use_is_told(tmp_path):
    gold = toy.diff("purse/wait.py", "", "def rest():\n    pass\n", tmp_path).replace(
        "--- a/purse/wait.py", "new file mode 100644\n--- /dev/null"
    )
    hidden = (File(path="tests/test_a.py", data=b"from purse.wait import rest\n"),)
    found = write_statement(a_commit("Spend less time"), {}, CandidateFix(gold, (), hidden))
    assert "`rest`, `wait`" in found.text


def session(wall_s=1.0, ended="complete", uncollected=None, **outcomes):
    tests = {}
    for name, outcome in outcomes.items():
        error = "" if outcome in {"passed", "skipped"} else outcome
        shown = "failed" if error else outcome
        tests[f"t.py::{name}"] = SeenTest(outcome=shown, error=error)
    return MiningSession(ended=ended, tests=tests, uncollected=uncollected or {}, wall_s=wall_s)


def runs(*sessions):
    """Gives each session in turn, the last one for ever."""
    left = list(sessions)
    return lambda _files, _seed: left.pop(0) if len(left) > 1 else left[0]


def test_proof_sorts_tests_and_keeps_the_reason():
    before = session(a="AssertionError", b="passed", c="ImportError", d="KeyError", s="skipped")
    after = session(a="passed", b="passed", c="passed", d="passed", s="passed", x="KeyError")
    proof = prove(runs(before), runs(after), ["t.py"])
    assert proof.fail_to_pass == {
        "t.py::a": "assertion: AssertionError",
        "t.py::c": "import: ImportError",
        "t.py::d": "exception: KeyError",
    }
    assert proof.pass_to_pass == ("t.py::b",)


def test_a_file_that_cannot_be_collected_before_the_fix_shows_it():
    before = session(uncollected={"t.py": "ImportError"})
    proof = prove(runs(before), runs(session(a="passed")), ["t.py"])
    assert proof.fail_to_pass == {"t.py::a": "import: ImportError"}


def test_a_fix_of_a_hang_is_shown_by_the_test_that_does_not_end():
    before = session(a="TestTimeLimit", b="passed")
    proof = prove(runs(before), runs(session(a="passed", b="passed")), ["t.py"])
    assert proof.fail_to_pass == {"t.py::a": "timeout"}
    assert proof.pass_to_pass == ("t.py::b",)
    whole = session(ended="timeout", b="passed", uncollected={"t.py": "TestTimeLimit"})
    proof = prove(runs(whole), runs(session(a="passed", b="passed")), ["t.py"])
    assert list(proof.fail_to_pass) == ["t.py::a"]


def test_mixed_results_quarantine_the_test_and_not_the_task():
    before = session(a="AssertionError", b="passed")
    good, bad = session(a="passed", b="passed"), session(a="passed", b="AssertionError")
    proof = prove(runs(before), runs(good, good, bad, good), ["t.py"])
    assert list(proof.fail_to_pass) == ["t.py::a"]
    assert list(proof.quarantined) == ["t.py::b"]
    assert proof.pass_to_pass == ()


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (session(a="passed"), session(a="passed"), "no test changes"),
        (session(a="KeyError"), session(a="KeyError"), "no test passes with the fix"),
        (session(a="KeyError"), session(ended="timeout"), "too long"),
        (session(a="KeyError"), session(ended="not_applied"), "does not apply"),
    ],
)
def test_what_proves_nothing_falls_with_the_reason(before, after, words):
    with pytest.raises(FellError, match=words):
        prove(runs(before), runs(after), ["t.py"])


def test_a_version_file_that_the_build_would_write_is_written():
    found = project(
        pyproject_dot_toml='[project]\nname = "p"\nversion = "1.2"\n[tool.setuptools_scm]\nwrite_to = "p/_v.py"\n'
    )
    (file,) = with_version_files((), found)
    assert file.path == "p/_v.py"
    values: dict[str, object] = {}
    exec(file.data, values)
    assert values["__version__"] == values["version"] == "1.2"
    kept = File(path="p/_v.py", data=b"own")
    assert with_version_files((kept,), found) == (kept,)


MINE = '[mine]\nimage = "{}"\ntest = "make check"\nreport = "tap"\n'


def a_command(folder, image):
    (folder / "mine.toml").write_text(MINE.format(image))
    return read_command(folder / "mine.toml", DockerEngine())


def test_the_folder_of_an_image_is_copied_without_its_history(tmp_path):
    (tmp_path / "ci/.git").mkdir(parents=True)
    (tmp_path / "ci/Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (tmp_path / "other").mkdir()
    for folder, image in ((tmp_path, "./ci"), (tmp_path / "other", "../ci")):
        made = a_command(folder, image).make(folder / "pack", "ours", Project(), (), print)
        assert made.image == "ours"
        kept = sorted(path.name for path in (folder / "pack/images/ours").iterdir())
        assert kept == ["Dockerfile", "sandbox.toml"]


@pytest.mark.parametrize(
    ("link", "to"), [("ci", "elsewhere"), ("ci/key", "../elsewhere/key"), ("ci/sub", "..")]
)
def test_no_link_of_a_clone_is_followed_to_an_image(tmp_path, link, to):
    (tmp_path / "elsewhere").mkdir()
    for name in ("Dockerfile", "key"):
        (tmp_path / "elsewhere" / name).write_text("ARG BASE\nFROM ${BASE}\n")
    if "/" in link:
        (tmp_path / "ci").mkdir()
        (tmp_path / "ci/Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    (tmp_path / link).symlink_to(to)
    with pytest.raises(InputError, match="a link"):
        a_command(tmp_path, "./ci").make(tmp_path / "pack", "ours", Project(), (), print)
    assert not (tmp_path / "pack").exists()


@pytest.mark.parametrize("line", ['image = ""', 'test = ""', "timeout_s = inf", "timeout_s = 0"])
def test_a_command_without_sense_is_refused(tmp_path, line):
    key = line.partition(" ")[0]
    kept = [one for one in MINE.format("python").splitlines() if not one.startswith(key)]
    (tmp_path / "mine.toml").write_text("\n".join([*kept, line]))
    with pytest.raises(InputError) as refused:
        read_command(tmp_path / "mine.toml", DockerEngine())
    assert key in refused.value.line()


@pytest.mark.parametrize(
    "added",
    [
        "+\n" * 100_000,
        "+" + "func (" * 100_000 + "\n",
    ],
)
def test_no_change_takes_for_ever_to_read(added):
    head = "--- a/src/a.py\n+++ b/src/a.py\n"
    gold = f"{head}@@ -1 +1,{added.count(chr(10)) + 2} @@\n-a = 1\n+new_name = 2\n{added}+a = 2\n"
    fix = CandidateFix(gold, (File(path="src/a.py", data=b"a = 1\n"),), ())
    assert "new_name" in fix.new_names


def test_no_message_takes_for_ever_to_read():
    step = Commit(
        sha="1" * 40,
        parent="2" * 40,
        at="",
        message="Halve odd cents " + "a" * 200_000,
    )
    made = write_statement(step, {}, CandidateFix("", (), ()))
    assert made.text
    step = step.model_copy(
        update={"message": "Halve odd cents (fixes our/purse#3), see our/purse#4"}
    )
    made = write_statement(step, {}, CandidateFix("", (), ()))
    assert made.text
    assert "#" not in made.text
    assert "purse" not in made.text


def test_a_line_of_the_log_of_another_shape_is_named(tmp_path):
    repo, _, _ = rig.a_repository(tmp_path)
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/mining.jsonl").write_text('{"commit": "1", "verdict": "kept"}\n')
    with pytest.raises(InputError, match=r"mining\.jsonl: line 1.*take the line out"):
        mine(MiningRequest(repo=repo, out=tmp_path / "ours"), DockerEngine(), lambda _: None)
