"""The patch that is taken from a container: complete, and nothing that bends it gets through."""

import subprocess
from pathlib import Path

import pytest

from arena.task import pack
from arena.task.diff import Remains, capture
from arena.task.policy import police, rules_for


@pytest.fixture
def taken(python):
    """Runs scripts as an agent and gives the patch."""

    def take(*scripts: str, files: dict[str, str] | None = None, binaries: bool = False) -> str:
        with python.agent(files or {}, *scripts) as sandbox, python.fresh() as fresh:
            assert [shot.exit_code for shot in python.shots] == [0] * len(scripts)
            return capture(Remains(sandbox), fresh, binaries=binaries)

    return take


@pytest.fixture
def reason(python):
    """Why the policy refuses a patch, None where it does not."""
    return lambda patch: police(patch, rules_for(python.task)).refused


def applied(tmp_path: Path, task, patch: str) -> dict[str, bytes]:
    """The starting tree after `git apply`, by path, with `*` after executable files."""
    for file in pack.tree_files(task):
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
    data = patch.encode("utf-8", "surrogateescape")
    subprocess.run(["git", "apply", "-"], input=data, cwd=tmp_path, check=True)
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    star = {True: "*", False: ""}
    return {
        f"{path.relative_to(tmp_path)}{star[bool(path.stat().st_mode & 0o100)]}": path.read_bytes()
        for path in found
    }


def test_every_kind_of_change(taken, reason, python, tmp_path):
    patch = taken(
        "printf 'a\\r\\nb' > crlf.txt; printf 'naïve\\n' > 'Grüße an alle.txt'; : > empty",
        "printf '\\xff\\xfe\\n' > latin.txt; rm README.md; chmod +x src/purse/money.py",
        "mv src/purse/__init__.py src/purse/init.txt; mkdir src/purse/__init__.py",
        "echo 'x = 1' > src/purse/__init__.py/deep.py; printf '#!/bin/sh\\n' > run; chmod 755 run",
        "sed -i 's,return cents // 2,return 0,' src/purse/money.py; rm -r tests",
    )
    assert reason(patch) is None
    found = applied(tmp_path, python.task, patch)
    before = {file.path: file.data for file in pack.tree_files(python.task)}
    assert found == {
        "crlf.txt": b"a\r\nb",
        "Grüße an alle.txt": "naïve\n".encode(),
        "empty": b"",
        "latin.txt": b"\xff\xfe\n",
        "src/purse/money.py*": before["src/purse/money.py"].replace(b"cents // 2", b"0"),
        "src/purse/init.txt": before["src/purse/__init__.py"],
        "src/purse/__init__.py/deep.py": b"x = 1\n",
        "run*": b"#!/bin/sh\n",
        "pyproject.toml": before["pyproject.toml"],
    }


def test_touching_changes_nothing(taken):
    script = "touch README.md src/purse/*.py; cp README.md x; mv x README.md; mkdir -p new/folder"
    assert taken(script) == ""


def test_leftovers_are_no_part_of_it(taken):
    patch = taken(
        "mkdir -p src/purse/__pycache__ .pytest_cache node_modules/.cache/x src/purse.egg-info htmlcov",
        "touch src/purse/__pycache__/a.pyc .pytest_cache/b node_modules/.cache/x/c htmlcov/i.html",
        "echo x > src/purse.egg-info/PKG-INFO; echo x > README.md.orig; echo x > .coverage",
        "printf '\\x7fELF\\x00' > program; printf 'SQLite format 3\\x00' > cache.db",
        "git init -q sub; echo more > kept.txt",
    )
    assert [line for line in patch.splitlines() if line.startswith("diff")] == [
        "diff --git a/kept.txt b/kept.txt"
    ]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("ln -s / d", "'d': a symbolic link"),
        ("rm README.md; ln -s /proc/self/environ README.md", "'README.md': a symbolic link"),
        ("mkfifo pipe", "'pipe': file mode 010000"),
        ("printf 'a\\0b' > data.bin", "'data.bin': binary content"),
        ("head -c 5000000 /dev/zero | tr '\\0' a > big", "'big': binary content, or a file"),
        ("head -c 1500000 /dev/zero | tr '\\0' a > wide", "the patch has 1,500,"),
        ("seq 300000 > long", "the patch has"),
        ("for i in $(seq 300); do echo $i > f$i; done", "changes 201 files"),
        ("printf x > 'back\\slash'", "a backslash or control character"),
        ("printf x > $'new\\nline'", "a backslash or control character"),
        ("printf x > readme.md", "differ only in case"),
    ],
)
def test_what_no_patch_may_hold_is_refused_by_name(taken, reason, script, words):
    assert words in reason(taken(script))


def test_binary_files_are_taken_in_full_where_a_task_may_ask_for_them(
    taken, reason, python, tmp_path
):
    patch = taken(
        "printf 'a\\0b' > data.bin; head -c 5000 /dev/zero > src/purse/zero; echo more > text",
        "printf '\\0' > README.md; chmod 755 data.bin",
        binaries=True,
    )
    assert reason(patch) is None
    found = applied(tmp_path, python.task, patch)
    assert (found["data.bin*"], found["src/purse/zero"]) == (b"a\0b", bytes(5000))
    assert (found["README.md"], found["text"]) == (b"\0", b"more\n")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("seq 9999 > late.bin; printf 'a\\0b' >> late.bin", "'late.bin': binary content"),
        ("head -c 1200000 /dev/urandom > noise.bin", "the patch has 1,5"),
        ("head -c 3000000 /dev/urandom > noise.bin", "'noise.bin': binary content, or a file"),
    ],
)
def test_what_no_patch_may_hold_of_binary_files(taken, reason, script, words):
    assert words in reason(taken(script, binaries=True))


def test_more_changes_than_are_looked_at(taken, reason, monkeypatch):
    """What was not looked at may be anything, so leftovers alone are no excuse here."""
    monkeypatch.setattr("arena.task.diff.MAX_CHANGES", 300)
    script = "mkdir __pycache__; cd __pycache__; seq {} | xargs touch"
    assert taken(script.format(300)) == ""
    assert "changes 201 files" in reason(taken(script.format(301)))


def test_a_diff_that_takes_git_too_long_is_still_right(taken, monkeypatch, python, tmp_path):
    monkeypatch.setattr("arena.task.diff._DIFF_SECONDS", 0.0)
    patch = taken("echo more >> README.md; printf a > new; rm src/purse/__init__.py")
    found = applied(tmp_path, python.task, patch)
    assert found["README.md"].endswith(b"\nmore\n")
    assert found["new"] == b"a"
    assert "src/purse/__init__.py" not in found


def test_content_that_looks_like_a_diff(taken, reason, python, tmp_path):
    evil = "diff --git a/old/0 b/new/0\n@@ -1 +1 @@\n--- a/x\n+++ b/../../etc/x\n-- \n"
    patch = taken(files={"a.txt": evil, "README.md": evil})
    assert reason(patch) is None
    found = applied(tmp_path, python.task, patch)
    assert found["a.txt"] == found["README.md"] == evil.encode()
