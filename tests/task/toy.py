"""A small sound pack, to be broken on purpose."""

import subprocess
from pathlib import Path

BEFORE = "def half_up(cents):\n    return int(cents / 2)\n\n\ndef whole(cents):\n    return cents\n"
AFTER = BEFORE.replace("int(cents / 2)", "(cents + 1) // 2  # away from nought")
VISIBLE = "from purse import whole\n\n\ndef test_whole():\n    assert whole(3) == 3\n"
HIDDEN = (
    "from purse import half_up\n\n\ndef test_half_of_odd_cents():\n    assert half_up(3) == 2\n"
)
TWIN = HIDDEN.replace("== 2", "== 7")
TASK = """\
title = "Half a cent is lost"
language = "python"
difficulty = "easy"
image = "python"
[tests]
runner = "pytest"
fail_to_pass = ["tests/test_halves.py::test_half_of_odd_cents"]
pass_to_pass = ["tests/test_whole.py::test_whole"]
must_fail = ["tests/test_twin.py::test_half_of_odd_cents"]
"""


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def diff(path: str, before: str, after: str, scratch: Path) -> str:
    """The change of one file as git writes it."""
    write(scratch, {f"a/{path}": before, f"b/{path}": after})
    done = subprocess.run(
        ["git", "diff", "--no-index", "--no-prefix", f"a/{path}", f"b/{path}"],
        cwd=scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    return done.stdout


def a_pack(folder: Path, **changed: str) -> Path:
    """A pack with one sound task, `halves`; `changed` replaces files, `/` written as `__`."""
    files = {
        "pack.toml": 'name = "toys"\ntitle = "Toys"\nversion = "1"\nlicense = "MIT"\n',
        "halves/task.toml": TASK,
        "halves/problem.md": "Dividing three cents by two gives one instead of two.\n",
        "halves/repo/purse/__init__.py": BEFORE,
        "halves/repo/tests/test_whole.py": VISIBLE,
        "halves/tests/tests/test_halves.py": HIDDEN,
        "halves/twin/tests/test_twin.py": TWIN,
        "halves/gold.patch": diff("purse/__init__.py", BEFORE, AFTER, folder / "scratch"),
    }
    pack = folder / "toys"
    write(pack, files)
    write(pack, {name.replace("__", "/"): text for name, text in changed.items()})
    return pack
