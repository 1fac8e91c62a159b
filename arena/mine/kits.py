"""What mining needs to know of a language: how its tests are named, run and provided for."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from arena.errors import InputError
from arena.mine import environment
from arena.mine.environment import Environment, Say
from arena.mine.go_runner import run_go
from arena.mine.node_runner import run_node, uses_node_test
from arena.mine.package import read_package, refuses_node
from arena.mine.paths import is_python_test
from arena.mine.project import Project, read_project
from arena.mine.pytest_runner import run_pytest
from arena.mine.runner import RunTests
from arena.records import File, Language

Make = Callable[[Path, str, Project, Sequence[str], Say], Environment]


@dataclass(frozen=True)
class Kit:
    """One language."""

    language: Language
    runner: str
    manifests: tuple[str, ...]
    """Files at the top of a repository in this language."""
    suffixes: tuple[str, ...]
    read: Callable[[Sequence[File]], Project]
    """What a tree says of itself."""
    make: Make
    """Makes the image that candidates run in."""
    run: RunTests
    run_seconds: float
    """Longest that one run may take."""
    is_test: Callable[[File], bool]
    place: Callable[[str], str]
    """Where the tests of a file stand, as ids begin."""
    refuses: Callable[[Sequence[File], Sequence[File]], str]
    """Why the hidden tests of a tree cannot be run; empty where they can."""


def kit_of(tree: Sequence[File], where: str) -> Kit:
    """The language of a repository: of those it has the files of, the one with the most code.

    Raises:
        InputError: none of ours.
    """
    top = {file.path for file in tree}
    present = [kit for kit in KITS if top.intersection(kit.manifests)] or list(KITS)
    counts = {
        kit.language: sum(file.path.endswith(kit.suffixes) for file in tree) for kit in present
    }
    best = max(present, key=lambda kit: counts[kit.language])
    if not counts[best.language]:
        raise InputError(
            "no program text of Python, JavaScript or Go", where=where, remedy="see docs/tasks.md"
        )
    return best


def _refuses_python(_tree: Sequence[File], hidden: Sequence[File]) -> str:
    there = any(is_python_test(file.path) for file in hidden)
    return "" if there else "no test file of Python is left by it"


def _refuses_go(tree: Sequence[File], hidden: Sequence[File]) -> str:
    if not any(map(_is_go_test, hidden)):
        return "no test file of Go is left by it"
    there = any(file.path == "go.mod" for file in tree)
    return "" if there else "no go.mod: it is older than modules"


def _is_go_test(file: File) -> bool:
    return file.path.endswith("_test.go")


def _read_go(tree: Sequence[File]) -> Project:
    text = next(
        (file.data.decode("utf-8", "replace") for file in tree if file.path == "go.mod"), ""
    )
    match = re.search(r"^module\s+\"?(\S+?)\"?\s*$", text, re.MULTILINE)
    parts = [
        part for part in (match[1].split("/") if match else []) if not re.fullmatch(r"v\d+", part)
    ]
    return Project(name=parts[-1] if parts else None)


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)


KITS = (
    Kit(
        language="python",
        runner="pytest",
        manifests=("pyproject.toml", "setup.py", "setup.cfg"),
        suffixes=(".py",),
        read=read_project,
        make=environment.make,
        run=run_pytest,
        run_seconds=60.0,
        is_test=lambda file: is_python_test(file.path),
        place=str,
        refuses=_refuses_python,
    ),
    Kit(
        language="javascript",
        runner="node",
        manifests=("package.json",),
        suffixes=(".js", ".mjs", ".cjs", ".ts"),
        read=read_package,
        make=environment.make_node,
        run=run_node,
        run_seconds=90.0,
        is_test=uses_node_test,
        place=str,
        refuses=refuses_node,
    ),
    Kit(
        language="go",
        runner="go",
        manifests=("go.mod",),
        suffixes=(".go",),
        read=_read_go,
        make=environment.make_go,
        run=run_go,
        run_seconds=180.0,
        is_test=_is_go_test,
        place=_folder,
        refuses=_refuses_go,
    ),
)
