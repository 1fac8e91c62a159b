"""pytest started before the tree: what the tests find, and what nobody finds."""

import json
import os
import subprocess
import sys

import pytest

from arena.grading.pytest_runner import PYTEST_ENV, START

TESTS = """
import multiprocessing, subprocess, sys
import pytest


def test_the_trees_own_come_first():
    import attr, iniconfig
    assert attr.OURS and iniconfig.OURS


def test_new_ones_come_last_and_fill_no_gap():
    import newly
    assert newly.OURS
    with pytest.raises(ModuleNotFoundError):
        import org
    import pluggy
    assert not hasattr(pluggy, "OURS")


def test_processes_of_the_tests_find_the_tree():
    code = "import attr; assert attr.OURS"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(abs, [-1]) == [1]
"""


@pytest.mark.parametrize("plugins", [[], ["ours"]])
def test_what_can_be_imported(tmp_path, plugins):
    root = tmp_path / "src"
    for name in ("attr", "iniconfig", "newly", "pluggy", "org", "ours"):
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").write_text("OURS = True\n")
    (tmp_path / "start.py").write_bytes(START.replace(b"/repo", str(tmp_path).encode()))
    (tmp_path / "test_a.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    told = {"root": str(root), "own": ["attr", "iniconfig", "ours"], "plugins": plugins}
    argv = [sys.executable, "-S", "start.py", json.dumps(told), "-q", "-p", "no:cacheprovider"]
    env = {"PATH": os.environ["PATH"], **PYTEST_ENV}
    done = subprocess.run(
        [
            *argv,
            "-c",
            "pytest.ini",
            *(word for name in plugins for word in ("-p", name)),
            "test_a.py",
        ],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_nothing_of_the_tree_starts_with_the_interpreter(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import os\nos._exit(7)\n")
    (tmp_path / "start.py").write_bytes(START)
    told = json.dumps({"root": str(tmp_path), "own": [], "plugins": []})
    argv = [sys.executable, "-S", "start.py", told, "--version"]
    env = {"PATH": os.environ["PATH"], **PYTEST_ENV}
    assert subprocess.run(argv, cwd=tmp_path, env=env, check=False).returncode == 0
