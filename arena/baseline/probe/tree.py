"""The source tree under repair: which files may be mutated, and how a mutant is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

from .source import Source

NOT_SOURCE = {
    "test", "tests", "testing", "doc", "docs", "example", "examples", "benchmarks", "scripts",
    "build", "dist", "node_modules", "site-packages", ".venv", "venv", ".tox", ".git",
}  # fmt: skip
NOT_NAMES = {"setup.py", "conftest.py", "noxfile.py", "fabfile.py"}


def git(*arguments: str) -> list[str]:
    """Return the output lines of a git command in the tree, nothing where it fails."""
    command = ["git", "-c", "core.quotePath=off", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def status() -> list[str]:
    """Return what git sees as changed or new, a line each."""
    return git("status", "--porcelain", "--untracked-files=all")


def python_files(root: str) -> list[str]:
    """Return the Python files that belong to the program, relative to the root, sorted."""
    listed = git("ls-files", "--cached", "--others", "--exclude-standard", "--", "*.py")
    listed = listed or [str(path.relative_to(root)) for path in Path(root).rglob("*.py")]
    return sorted(path for path in set(listed) if is_source(path) and Path(root, path).is_file())


def is_source(path: str) -> bool:
    """Tell program files from tests, documentation and tooling."""
    *folders, name = path.split("/")
    test = name.startswith("test_") or name.endswith("_test.py") or name in NOT_NAMES
    return not test and not NOT_SOURCE.intersection(folders)


def read(path: str) -> str:
    """Return a file's text with its line ends as they are."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return stream.read()


def write(path: str, text: str) -> None:
    """Write a file's text with its line ends as they are."""
    with Path(path).open("w", encoding="utf-8", newline="") as stream:
        stream.write(text)


def parse(paths: list[str]) -> dict[str, Source]:
    """Return the files that are valid Python in UTF-8."""
    found = {}
    for path in paths:
        try:
            found[path] = Source(read(path))
        except (SyntaxError, ValueError, RecursionError, OSError):
            continue
    return found


def module_name(path: str) -> str:
    """Return the dotted name under which a file is imported from the root or from src."""
    parts = path.removesuffix(".py").removeprefix("src/").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def make_importable(root: str) -> None:
    """Let the tree's own packages be imported first, leaving no compiled files behind."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.path[:0] = [str(folder) for folder in (Path(root, "src"), Path(root)) if folder.is_dir()]


def import_as(path: str, text: str) -> None:
    """Make this process import text in place of one file, which stays as it is on disk."""
    wanted, original = Path(path).resolve(), SourceFileLoader.get_code

    def get_code(self: SourceFileLoader, fullname: str) -> CodeType | None:
        if Path(self.path).resolve() == wanted:
            return compile(text, self.path, "exec", dont_inherit=True)
        return original(self, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]
