"""The files of a pack: trees as digests see them, task folders as they are written."""

import fnmatch
import itertools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from arena.errors import InputError
from arena.records import Assurance, Difficulty, File, Language, Record, TestPlan
from arena.serialize import to_toml

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


def read_tree(folder: Path) -> tuple[File, ...]:
    """Regular files under a folder, sorted, with paths relative to it; nothing if it is absent.

    Only the execute bit of a mode is kept, as git does. Caches are skipped.

    Raises:
        InputError: a link, a socket or a `.git` lies in the folder.
    """
    if not folder.is_dir():
        return ()
    return tuple(sorted(_walk(folder), key=lambda file: file.path))


def _walk(folder: Path) -> Iterator[File]:
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if is_cache(name):
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InputError(
                "only regular files may be part of a task",
                where=str(path),
                remedy="replace the link or special file by what it stands for",
            )
        if path.name == ".git":
            raise InputError(
                "a task's tree has no history of its own", where=str(path), remedy="delete it"
            )
        if path.is_file():
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            yield File(path=name, data=path.read_bytes(), mode=mode)


class Draft(Record):
    """A task that is not on disk yet."""

    name: str
    """Folder in the pack."""
    title: str
    language: Language
    difficulty: Difficulty = "unknown"
    image: str
    tags: tuple[str, ...] = ()
    repository: str | None = None
    instance_id: str | None = None
    assurance: Assurance = "ids"
    statement: str
    tests: TestPlan
    allow: tuple[str, ...] = ()
    tree: tuple[File, ...]
    """The starting tree."""
    hidden: tuple[File, ...] = ()
    """Hidden tests and their fixtures."""
    gold: str
    """The reference fix as a diff; bytes that are not UTF-8 as surrogates."""


def write_pack(folder: Path, name: str, title: str, *, private: bool, description: str) -> None:
    """Write `pack.toml`, unless there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pack.toml"
    if path.exists():
        return
    values = {
        "name": name,
        "title": title,
        "version": "1",
        "license": "as its repositories",
        "private": private,
        "description": description,
    }
    path.write_text(to_toml(values), encoding="utf-8")


def write_task(pack: Path, draft: Draft) -> Path:
    """Write a task's folder, replacing what is there; `task.toml` comes last."""
    root = pack / draft.name
    shutil.rmtree(root, ignore_errors=True)
    write_files(root / "repo", draft.tree)
    write_files(root / "tests", draft.hidden)
    (root / "problem.md").write_text(draft.statement.strip() + "\n", encoding="utf-8")
    (root / "gold.patch").write_bytes(draft.gold.encode("utf-8", "surrogateescape"))
    (root / "task.toml").write_text(_task_toml(draft), encoding="utf-8")
    return root


def leads_out(path: str) -> bool:
    """Whether a relative path may name something outside its folder, or a `.git`."""
    return any(part.lower() in {"", ".", "..", ".git"} for part in path.split("/"))


def write_files(folder: Path, files: Sequence[File]) -> None:
    """Write files below a folder, with their execute bit.

    Raises:
        InputError: a path would lead out of the folder.
    """
    for file in files:
        if leads_out(file.path):
            remedy = "only files of the folder may be part of it"
            raise InputError(f"no path below it: {file.path!r}", where=str(folder), remedy=remedy)
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        path.chmod(file.mode)


def _task_toml(draft: Draft) -> str:
    heads = {"title", "language", "difficulty", "image", "tags", "repository", "instance_id"}
    return to_toml(
        {
            **draft.model_dump(include=heads),
            "assurance": None if draft.assurance == "ids" else draft.assurance,
            "tests": draft.tests.model_dump(),
            "patch": {"allow": draft.allow} if draft.allow else None,
        }
    )
