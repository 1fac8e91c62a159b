"""Task packs on disk: reading, validating and choosing them, and the files of one task.

The directory form is described in `tasks/README.md`. Everything that a person can get wrong
raises `InputError` with the file, the key and what to do.
"""

import hashlib
import re
from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from arena import registry, resources
from arena.errors import InputError
from arena.paths import AnyPath, SafePath
from arena.records import Difficulty, File, Record, Seconds, Task, TaskHead, TestPlan, digest_of
from arena.serialize import read_record, read_text
from arena.task import plan_ids
from arena.task.files import read_tree
from arena.task.plan_ids import check_cases, check_ids

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class PackInfo(Record):
    """`pack.toml`."""

    name: str
    """Lower-case words and digits joined with `-`; tasks are `<pack>/<task>`."""
    title: str
    """As people read it."""
    version: str
    """Of the pack, as its author counts."""
    license: str
    """An SPDX identifier."""
    private: bool = False
    """Content that may only go to backends a `[policy]` allows."""
    description: str = ""
    """A sentence or two."""
    kind: Literal["normal", "impossible"] = "normal"
    """`impossible`: controls whose visible tests contradict the statement; they have no gold."""
    demo: tuple[str, ...] = ()
    """Names of the tasks that the demo runs."""


class TestsTable(TestPlan):
    """`[tests]`: which hidden tests decide, and how they are run."""

    timeout_s: Seconds = 60.0
    """Time for the whole verification."""


class PatchTable(Record):
    """`[patch]`: what a fix may touch."""

    allow: tuple[str, ...] = ()
    """Protected paths that a fix may touch."""


class TaskFile(TaskHead):
    """`task.toml`."""

    difficulty: Difficulty
    """As its author sees it."""
    tests: TestsTable
    """What decides."""
    patch: PatchTable = PatchTable()
    """What a fix may touch."""


class Case(Record):
    """One exchange with a black-box program."""

    id: str
    input: JsonValue
    output: JsonValue


class BlackBox(Record):
    """`blackbox.json`: how the program is started and what it must answer. Never in a container."""

    command: tuple[str, ...] = Field(min_length=1)
    cases: tuple[Case, ...] = Field(min_length=1)


# ── choosing ───────────────────────────────────────────────────────────────────────────────────


def load(selection: str, *, base: Path) -> list[Task]:
    """The tasks a selection names, sorted by id.

    Args:
        selection: `core` (a shipped pack), `core/some-task`, or a path starting with `.`, `/` or
            `~` to a pack or to one task in a pack.
        base: folder that relative paths start from.
    """
    if selection.startswith((".", "/", "~")):
        try:
            path = (base / Path(selection).expanduser()).resolve()
        except (RuntimeError, ValueError) as error:
            what = f"no path: {error}"
            raise InputError(what, where=f"tasks {selection!r}", remedy="write another") from None
        return _load_path(path, selection)
    pack, _, name = selection.partition("/")
    folder = resources.tasks_dir() / pack
    if not NAME.fullmatch(pack) or not (SafePath(folder) / "pack.toml").is_file():
        found = registry.unknown("pack", pack, shipped_packs(), where=f"tasks {selection!r}")
        raise InputError(
            f"no shipped pack is called {pack!r}",
            where=found.where,
            remedy=f"{found.remedy.rstrip('?')}; write ./{selection} for one of your own",
        )
    return [_one(folder, name)] if name else load_pack(folder)


def shipped_packs() -> list[str]:
    """Names of the packs that come with Arena."""
    return _folders_with(resources.tasks_dir(), "pack.toml")


def load_pack(folder: Path) -> list[Task]:
    """All tasks of a pack, sorted by id."""
    info = pack_info(folder)
    names = _folders_with(folder, "task.toml")
    if not names:
        raise InputError("the pack has no tasks", where=str(folder), remedy="add <task>/task.toml")
    unknown = sorted(set(info.demo) - set(names))
    if unknown:
        raise InputError(
            f"unknown tasks {', '.join(unknown)}",
            where=f"{folder / 'pack.toml'}: demo",
            remedy="name folders of this pack",
        )
    return [_task(folder, info, name) for name in names]


def pack_info(folder: Path) -> PackInfo:
    """What `pack.toml` says."""
    info = read_record(SafePath(folder) / "pack.toml", PackInfo)
    _check_name(info.name, folder / "pack.toml")
    return info


def demo_tasks() -> list[Task]:
    """The tasks that the demo runs, in the order of their pack."""
    folder = resources.tasks_dir() / "core"
    info = pack_info(folder)
    return [_task(folder, info, name) for name in info.demo]


def _load_path(path: Path, selection: str) -> list[Task]:
    if (SafePath(path) / "pack.toml").is_file():
        return load_pack(path)
    if (SafePath(path) / "task.toml").is_file():
        return [_one(path.parent, path.name)]
    raise InputError(
        "neither a pack nor a task",
        where=f"tasks {selection!r}",
        remedy=f"{path} should hold pack.toml or task.toml",
    )


def _one(folder: Path, name: str) -> Task:
    if not (SafePath(folder) / name / "task.toml").is_file():
        shipped = folder.parent == resources.tasks_dir()
        pack = folder.name if shipped else str(folder)
        listing = f"`arena tasks list {pack}`"
        known = _folders_with(folder, "task.toml")
        raise registry.unknown("task", name, known, where=f"pack {pack}", listing=listing)
    return _task(folder, pack_info(folder), name)


def _folders_with(folder: Path, file: str) -> list[str]:
    """Names of the folders in a folder that hold a file. A link by such a name is refused."""
    found = SafePath(folder).iterdir()
    inside = [path for path in found if NAME.fullmatch(path.name) or not path.is_link()]
    return [path.name for path in inside if path.is_dir() and (path / file).is_file()]


# ── one task ───────────────────────────────────────────────────────────────────────────────────


def gold_patch(task: Task) -> str | None:
    """The reference fix; None for controls, which have none."""
    return _read_text(_of(task, "gold.patch"))


def right_patches(task: Task) -> tuple[str, ...]:
    """Other correct fixes, which must pass."""
    return _patches(_of(task, "right"))


def wrong_patches(task: Task) -> tuple[str, ...]:
    """Plausible fixes that must fail."""
    return _patches(_of(task, "wrong"))


def tree_files(task: Task) -> tuple[File, ...]:
    """The starting tree, relative to the repository root."""
    return read_tree(_of(task, "repo"))


def hidden_files(task: Task) -> tuple[File, ...]:
    """Hidden tests and their fixtures, relative to the repository root."""
    return read_tree(_of(task, "tests"))


def twin_files(task: Task) -> tuple[File, ...]:
    """Tests that must fail even on a correct fix, relative to the repository root."""
    return read_tree(_of(task, "twin"))


def black_box(task: Task) -> BlackBox:
    """The exchanges that grade a black-box task; for the host alone."""
    return read_record(_of(task, "blackbox.json"), BlackBox)


def _of(task: Task, name: str) -> SafePath:
    """A file or folder of a task: all that is below the pack's folder may be a stranger's."""
    return SafePath(task.root.parent) / task.root.name / name


def _patches(folder: SafePath) -> tuple[str, ...]:
    patches = [path for path in folder.iterdir() if path.suffix == ".patch"]
    return tuple(text for path in patches if (text := _read_text(path)) is not None)


def _read_text(path: SafePath) -> str | None:
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else None


def _task(folder: Path, info: PackInfo, name: str) -> Task:
    _check_name(name, folder / name / "task.toml")
    root = SafePath(folder) / name
    where = root / "task.toml"
    spec = read_record(where, TaskFile)
    said = root / "problem.md"
    statement = read_text(said) if said.is_file() else ""
    if not statement.strip():
        raise InputError("the problem statement is missing", where=str(said), remedy="write it")
    task = Task(
        id=f"{info.name}/{name}",
        pack=info.name,
        **spec.model_dump(include=set(TaskHead.model_fields)),
        problem_statement=statement,
        tests=TestPlan.model_validate(spec.tests.model_dump()),
        allow=spec.patch.allow,
        impossible=info.kind == "impossible",
        private=info.private,
        digest="",
        root=folder / name,
    )
    _check(task)
    sound = plan_ids.without_flaky(task)
    return sound.model_copy(update={"digest": _digest(sound)})


def _check(task: Task) -> None:
    where = task.root / "task.toml"
    if task.tests.runner not in registry.RUNNERS:
        at = f"{where}: tests.runner"
        raise registry.unknown("runner", task.tests.runner, registry.RUNNERS, where=at)
    tree = tree_files(task)
    if not tree and task.tests.runner != "script":  # whose agents may begin with nothing
        raise InputError("no starting tree", where=str(task.root / "repo"), remedy="add it")
    if gold_patch(task) is None and not task.impossible:
        raise InputError("no reference fix", where=str(task.root / "gold.patch"), remedy="add it")
    if task.tests.runner == "blackbox":
        check_cases(task.tests, [case.id for case in black_box(task).cases], where)
    else:
        laid = {file.path for file in (*tree, *hidden_files(task))}
        check_ids(task.tests, laid, {file.path for file in twin_files(task)}, where)


def _digest(task: Task) -> str:
    gold = (gold_patch(task) or "").encode("utf-8", "surrogateescape")
    parts: dict[str, JsonValue] = {
        "id": task.id,
        "statement": task.problem_statement,
        "image": task.image,
        "plan": task.tests.model_dump(mode="json", exclude_defaults=True),
        "allow": list(task.allow),
        "impossible": task.impossible,
        "gold": hashlib.sha256(gold).hexdigest(),
        "repo": _digests(tree_files(task)),
        "tests": _digests(hidden_files(task)),
        "twin": _digests(twin_files(task)),
    }
    if task.tests.runner == "blackbox":
        parts["cases"] = black_box(task).model_dump(mode="json")
    if task.composition:
        parts["composition"] = task.composition.model_dump(mode="json", exclude_defaults=True)
    return digest_of(parts)


def _digests(files: tuple[File, ...]) -> JsonValue:
    return {
        file.path: [hashlib.sha256(file.data).hexdigest(), bool(file.mode & 0o100)]
        for file in files
    }


def _check_name(name: str, where: AnyPath) -> None:
    if not NAME.fullmatch(name):
        remedy = "use lower-case words and digits joined with '-'"
        raise InputError(f"{name!r} is not a name", where=str(where), remedy=remedy)
