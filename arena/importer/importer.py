"""What an importer is, and what every one of them needs: where to, what with, and a proof."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from arena.check.runs import runs
from arena.errors import InputError
from arena.importer.pulled import Pulls
from arena.importer.report import Imported, NotImportableError
from arena.records import File, Language, SandboxLimits, Task, TestPlan
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.task import pack as packs
from arena.task.formats.instances import Unreadable, Wish
from arena.verify import Bench

_PLACEHOLDER = TestPlan(runner="script", fail_to_pass=("any",))


class Thing(Protocol):
    """One task of somebody's suite, as it was read."""

    @property
    def instance_id(self) -> str:
        """What the suite calls it."""
        ...


_T = TypeVar("_T", bound=Thing)


@dataclass(frozen=True)
class Source:
    """Where tasks are built from, and what is known beside them."""

    out: Path
    pack: str
    mirrors: Path | None
    """Folder of local clones."""
    wishes: Mapping[str, Wish]
    engine: DockerEngine
    pulls: Pulls


@dataclass(frozen=True)
class Importer(Generic[_T]):
    """One family of suites: a module that has one of these, and a line in `arena.importer.suite`.

    `make` writes the task, proves it with `must_be_sound`, and raises `NotImportableError` with the
    reason where it cannot.
    """

    takes: Callable[[Path], bool]
    """Whether a path may be a suite of it."""
    read: Callable[[Path], Iterator[_T | Unreadable]]
    make: Callable[[_T, Source], Imported]

    def imported(self, thing: _T | Unreadable, source: Source) -> Imported:
        """What became of one of its tasks."""
        if isinstance(thing, Unreadable):
            return Imported(instance_id=thing.instance_id, reason=thing.reason)
        return self.make(thing, source)


def image_of(
    source: Source, name: str, language: Language, image: str, tree: Sequence[File]
) -> str:
    """The image of a task that is not written yet.

    Raises:
        InputError: its environment cannot be built.
    """
    task = Task(
        id=f"{source.pack}/{name}",
        pack=source.pack,
        title=name,
        language=language,
        image=image,
        problem_statement="",
        tests=_PLACEHOLDER,
        digest="",
        root=source.out / name,
    )
    return Images(source.engine, lambda _: tuple(tree)).ensure([task])[task.id].id


def must_be_sound(root: Path, source: Source) -> None:
    """Run gold and nop under the verification of a run.

    Raises:
        NotImportableError: one of them came out wrong.
    """
    try:
        (task,) = packs.load(str(root.resolve()), base=source.out)
    except InputError as error:
        raise NotImportableError(f"no sound task: {error.what}") from None
    images = Images(source.engine, packs.tree_files)
    bench = Bench(
        engine=source.engine,
        image=images.ensure([task])[task.id].id,
        limits=SandboxLimits(),
        labels={"arena.import": task.id},
    )
    wrong = [f"{one.look}: {one.detail}" for one in runs(task, bench, 1) if not one.ok]
    if wrong:
        raise NotImportableError("; ".join(wrong))
