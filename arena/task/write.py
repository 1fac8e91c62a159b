"""Writes tasks as folders of a pack, in the form that `arena.task.pack` reads."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from arena.records import Assurance, Difficulty, File, Language, Record, TestPlan
from arena.serialize import to_toml


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


def write_files(folder: Path, files: Sequence[File]) -> None:
    """Write files below a folder, with their execute bit."""
    for file in files:
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
