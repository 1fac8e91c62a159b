"""Files of a task folder, and what running things leaves behind in a tree."""

import fnmatch
import itertools
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from arena.errors import InputError
from arena.records import File

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
