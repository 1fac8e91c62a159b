"""The files of a pack: trees as digests see them, task folders as they are written."""

import fnmatch
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from arena.errors import InputError
from arena.paths import AnyPath, SafePath
from arena.records import File, TaskHead, TestPlan
from arena.serialize import to_toml, well_formed

TREE_BYTES = 1 << 30
"""Of all files of a tree."""

_CACHE_FOLDERS = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
_CACHE_FILES = ("*.pyc", "*.pyo", ".DS_Store")
_JUNK_FOLDERS = frozenset(
    {".venv", "venv", ".hypothesis", ".tox", ".nox", ".eggs", ".cache", ".nyc_output", "htmlcov"}
)
_JUNK_PAIRS = frozenset({("node_modules", ".cache"), ("node_modules", ".bin")})
_JUNK_FILES = (
    *(".coverage", ".coverage.*", "coverage.xml", "coverage.out", "coverage.info", "nohup.out"),
    *("*.orig", "*.rej", "*.swp", "*.swo", "*~", "*.test", "*.prof", "core.[0-9]*"),
)


def is_cache(path: str) -> bool:
    """Whether a relative path belongs to an interpreter's or a tool's cache."""
    parts = PurePosixPath(path).parts
    return any(part in _CACHE_FOLDERS for part in parts) or _named(path, _CACHE_FILES)


def is_leftover(path: str) -> bool:
    """Whether a new file is left behind by running, building or editing."""
    parts = PurePosixPath(path).parts
    return (
        is_cache(path)
        or any(part in _JUNK_FOLDERS or part.endswith(".egg-info") for part in parts[:-1])
        or any(pair in _JUNK_PAIRS for pair in itertools.pairwise(parts))
        or _named(path, _JUNK_FILES)
    )


def _named(path: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(path.rpartition("/")[2], glob) for glob in globs)


def read_tree(folder: SafePath) -> tuple[File, ...]:
    """As `read_files`, less caches. A `.git` raises `InputError`: a tree has no history."""

    def passed_over(path: str) -> bool:
        if path.rpartition("/")[2] == ".git":
            where = str(folder / path)
            remedy = "delete it"
            raise InputError("a task's tree has no history of its own", where=where, remedy=remedy)
        return is_cache(path)

    return read_files(folder, passed_over)


def read_files(folder: SafePath, passed_over: Callable[[str], bool]) -> tuple[File, ...]:
    """Regular files under a folder, sorted, with paths relative to it; nothing if it is absent.

    Only the execute bit of a mode is kept, as git does.

    Raises:
        InputError: a link or a socket that is not passed over lies in the folder, or too much.
    """
    found = []
    left_bytes = TREE_BYTES
    for path in folder.files(passed_over):
        mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
        name = "/".join(path.parts[len(folder.parts) :])
        found.append(File(path=name, data=path.read_bytes(left_bytes), mode=mode))
        left_bytes -= len(found[-1].data)
    return tuple(sorted(found, key=lambda file: file.path))


class Draft(TaskHead):
    """A task that is not on disk yet."""

    name: str
    """Folder in the pack."""
    statement: str
    tests: TestPlan
    allow: tuple[str, ...] = ()
    tree: tuple[File, ...]
    """The starting tree."""
    hidden: tuple[File, ...] = ()
    """Hidden tests and their fixtures."""
    gold: str
    """The reference fix as a diff; bytes that are not UTF-8 as surrogates."""


def write_pack(
    folder: Path,
    name: str,
    title: str,
    *,
    private: bool,
    description: str,
    license_: str = "as its repositories",
) -> None:
    """Write `pack.toml`, unless there is one."""
    path = SafePath(folder) / "pack.toml"
    if path.exists():
        return
    head = {"name": name, "title": title, "version": "1", "license": license_}
    path.write(to_toml({**head, "private": private, "description": description}))


def write_task(pack: Path, draft: Draft) -> Path:
    """Write a task's folder, replacing what is there; `task.toml` comes last."""
    root = SafePath(pack) / draft.name
    root.rmtree()
    write_files(root / "repo", draft.tree)
    write_files(root / "tests", draft.hidden)
    (root / "problem.md").write(well_formed(draft.statement.strip()) + "\n")
    (root / "gold.patch").write(draft.gold.encode("utf-8", "surrogateescape"))
    (root / "task.toml").write(_task_toml(draft))
    return pack / draft.name


def leads_out(path: str) -> bool:
    """Whether a relative path may name something outside its folder, or a `.git`."""
    return any(part.lower() in {"", ".", "..", ".git"} for part in path.split("/"))


def write_files(folder: AnyPath, files: Sequence[File]) -> None:
    """Write files below a folder, with their execute bit. Raises `InputError` if one leads out."""
    inside = folder if isinstance(folder, SafePath) else SafePath(folder)
    for file in files:
        if leads_out(file.path):
            remedy = "only files of the folder may be part of it"
            raise InputError(f"no path below it: {file.path!r}", where=str(folder), remedy=remedy)
        (inside / file.path).write(file.data, mode=file.mode)


def _task_toml(draft: Draft) -> str:
    head = draft.model_dump(include=set(TaskHead.model_fields))
    return to_toml(
        {
            **head,
            "assurance": None if draft.assurance == "ids" else draft.assurance,
            "tests": draft.tests.model_dump(),
            "patch": {"allow": draft.allow} if draft.allow else None,
        }
    )
