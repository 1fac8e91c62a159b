"""Toy repositories made with git, and rows about them in the forms of the field."""

import json
import os
import subprocess
from pathlib import Path

from tests.task import toy

REPO = "acme/purse"
PYPROJECT = '[project]\nname = "purse"\nversion = "1.2"\n'
VISIBLE = "from purse import whole\n\n\ndef test_whole():\n    assert whole(3) == 3\n"
MORE = VISIBLE.replace("import whole", "import half_up, whole") + (
    "\n\n@pytest.mark.parametrize(('cents', 'half'), [(3, 2), (4, 2)], ids=['odd cents', 'even'])\n"
    "def test_half(cents, half):\n    assert half_up(cents) == half\n"
)
TESTS_AFTER = "import pytest\n\n" + MORE


def git(repo: Path, *words: str) -> str:
    env = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    done = subprocess.run(
        ["git", *words], cwd=repo, env=env, capture_output=True, text=True, check=True
    )
    return done.stdout


def commit(repo: Path, message: str, files: dict[str, str]) -> str:
    toy.write(repo, files)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", message)
    return git(repo, "rev-parse", "HEAD").strip()


def a_repository(folder: Path) -> tuple[Path, str, str]:
    """A clone named as importers look for it, the commit before the fix, and the fix."""
    repo = folder / "repos" / "acme__purse"
    repo.mkdir(parents=True)
    git(repo, "init", "-q", "-b", "main")
    base = commit(
        repo,
        "Start",
        {
            "pyproject.toml": PYPROJECT,
            "purse/__init__.py": toy.BEFORE,
            "tests/test_purse.py": VISIBLE,
        },
    )
    fix = commit(
        repo,
        "Fix halves of odd cents (#7)",
        {"purse/__init__.py": toy.AFTER, "tests/test_purse.py": TESTS_AFTER},
    )
    return repo, base, fix


def row(clone: Path, base: str, fix: str, /, **changed: object) -> dict[str, object]:
    """A classic SWE-bench row: one id is cut at its blank, as published ids are."""
    return {
        "repo": REPO,
        "instance_id": "acme__purse-7",
        "base_commit": base,
        "patch": git(clone, "diff", base, fix, "--", "purse"),
        "test_patch": git(clone, "diff", base, fix, "--", "tests"),
        "problem_statement": "Half of three cents comes out as one cent.",
        "hints_text": "",
        "created_at": "2024-01-01T00:00:00Z",
        "version": "1.2",
        "FAIL_TO_PASS": json.dumps(["tests/test_purse.py::test_half[odd"]),
        "PASS_TO_PASS": json.dumps(
            ["tests/test_purse.py::test_whole", "tests/test_purse.py::test_half[even]"]
        ),
        "environment_setup_commit": base,
        **changed,
    }
