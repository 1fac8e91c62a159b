"""The images that tasks run in: made once per content digest, in parallel, and reused."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

from arena.errors import EngineError, InputError
from arena.records import Composition, File, Task, digest_of
from arena.records.container import AGENT_UID
from arena.resources import sandboxes_dir
from arena.sandbox import owner
from arena.sandbox.docker import Connection, Say
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image import build, recipe
from arena.sandbox.image.recipe import BaseRecipe, LanguageRecipe, committed
from arena.sandbox.image.store import Image, Naming, Store, tag_of

_BASE_MB = 400
_RESERVE_MB = 300
_BUILDERS = 4
_MB = 1 << 20

TreeOf = Callable[[Task], Sequence[File]]


class _TaskRecipe(NamedTuple):
    name: str
    task: Task
    below: LanguageRecipe
    services: tuple[LanguageRecipe, ...]
    digest: str
    composition: Composition | None = None
    """What runs beside it; images by the tags that they have on an engine."""
    kind: Literal["task"] = "task"


_AnyRecipe = BaseRecipe | LanguageRecipe | _TaskRecipe


def _nobody(_: str) -> None:
    """Is told what is made, where nobody wants to know."""


class Images:
    """Builds and finds images on one engine. Safe from several threads.

    `tree_of` gives the files of a task's starting tree, relative to the work tree; `sandboxes` is
    the folder of the language images, the shipped one when None.
    """

    def __init__(
        self, engine: DockerEngine, tree_of: TreeOf, sandboxes: Path | None = None
    ) -> None:
        self.store = Store(engine.connection)
        self._connection = engine.connection
        self._tree_of = tree_of
        self._sandboxes = sandboxes or sandboxes_dir()
        self._locks: dict[str, threading.Lock] = {}

    def ensure(self, tasks: Sequence[Task], say: Say = _nobody) -> dict[str, Image]:
        """The image of each task by its id, built where missing. Raises `InputError` where there is
        no such image or base, `EngineError` where a build failed or the disk is too small.
        """
        base = self.base_recipe()
        jobs = [self._job(task, base) for task in tasks]
        needed = [job.below for job in jobs if not self._find(job)]
        needed += [service for job in jobs for service in job.services]
        self._made({(one.name, one.digest): one for one in needed}.values(), say)
        made = self._made(jobs, say)
        used = {digest for job in jobs for digest in (job.digest, job.below.digest)}
        for digest in {base.digest, *used, *(one.digest for one in needed)}:
            owner.mark(digest)
        return {job.name: image for job, image in zip(jobs, made, strict=True)}

    def missing(self, tasks: Sequence[Task]) -> list[str]:
        """Ids of the tasks whose image would have to be built."""
        base = self.base_recipe()
        return [task.id for task in tasks if self._find(self._job(task, base)) is None]

    def ensure_languages(
        self, names: Iterable[str] | None = None, say: Say = _nobody
    ) -> dict[str, Image]:
        """Language images by name, all of them when `names` is None."""
        recipes = self._recipes(names, self.base_recipe())
        made = self._made(recipes, say)
        return {one.name: image for one, image in zip(recipes, made, strict=True)}

    def base_recipe(self) -> BaseRecipe:
        """How the base image was made that the engine holds, whoever made it: all its users go on
        with that; else how this user would make it.
        """
        ways = recipe.base_recipes(self._sandboxes)
        return next(filter(self._find, ways), ways[0])

    def kept(self, names: Iterable[str] | None = None) -> list[Image]:
        """The base image and the language images on it that are built, base first. Raises
        `InputError` where one that is named, or all of them, are not built.
        """
        base = self.base_recipe()
        languages = self._recipes(names, base)
        wanted = {base.name: self._find(base), **{one.name: self._find(one) for one in languages}}
        found = [image for image in wanted.values() if image]
        lacking = [name for name, image in wanted.items() if not image]
        if (names is not None and lacking) or len(found) < 2:
            raise InputError(
                f"not built: {', '.join(lacking)}",
                where="images",
                remedy=f"run arena sandboxes build {' '.join([*wanted][1:])}",
            )
        return found

    def ensure_base(self, say: Say = _nobody) -> Image:
        """The base image, which also installs agents' programs."""
        return self._ensured(self.base_recipe(), say)

    def ensure_image(self, pack: Path, name: str) -> Image:
        """An image of a pack's own, built where it is missing. Raises `InputError` where the pack
        has no such image or it is malformed, `EngineError` where the build failed.
        """
        wanted = recipe.task_recipe(self._sandboxes, pack / "images", name, self.base_recipe())
        return self._ensured(wanted, _nobody)

    def _recipes(self, names: Iterable[str] | None, base: BaseRecipe) -> list[LanguageRecipe]:
        wanted = recipe.language_names(self._sandboxes) if names is None else names
        return [recipe.language_recipe(self._sandboxes, name, base) for name in wanted]

    def _job(self, task: Task, base: BaseRecipe) -> _TaskRecipe:
        images = task.root.parent / "images"
        language = recipe.task_recipe(self._sandboxes, images, task.image, base)
        digest = recipe.task_digest(language, self._tree_of(task))
        if not task.composition:
            return _TaskRecipe(task.id, task, language, (), digest)
        told = task.composition.services
        made = [recipe.task_recipe(self._sandboxes, images, one.image, base) for one in told]
        services = tuple(
            one.model_copy(update={"image": tag_of("language", its.name, its.digest)})
            for one, its in zip(told, made, strict=True)
        )
        placed = task.composition.model_copy(update={"services": services})
        digest = digest_of([digest, placed.model_dump(mode="json", exclude_defaults=True)])
        return _TaskRecipe(task.id, task, language, tuple(made), digest, placed)

    def _find(self, wanted: _AnyRecipe) -> Image | None:
        return self.store.find(wanted.kind, wanted.name, wanted.digest)

    def _made(self, wanted: Iterable[_AnyRecipe], say: Say) -> list[Image]:
        """Their images in the same order, several built at a time."""
        with ThreadPoolExecutor(_BUILDERS, thread_name_prefix="images") as pool:
            return list(pool.map(lambda one: self._ensured(one, say), wanted))

    def _ensured(self, wanted: _AnyRecipe, say: Say) -> Image:
        """An image, built where it is missing, with all that it stands on."""
        with self._locks.setdefault(wanted.digest, threading.Lock()):
            if image := self._find(wanted):
                return image
            started = time.monotonic()
            say(f"making {wanted.kind} image {wanted.name} …")
            self._make(wanted, say)
            image = self._find(wanted)
            if image is None:
                raise EngineError(f"the engine lost the image {wanted.name} that it had just built")
            say(f"made {wanted.kind} image {wanted.name} in {time.monotonic() - started:.0f} s")
            return image

    def _make(self, wanted: _AnyRecipe, say: Say) -> None:
        connection = self._connection
        if isinstance(wanted, BaseRecipe):
            self._check_disk(_BASE_MB)
            build.base(connection, wanted, self._sandboxes, say)
            return
        below = self._ensured(wanted.below, say)
        if isinstance(wanted, LanguageRecipe):
            self._check_disk(wanted.spec.disk_mb)
            build.language(connection, wanted, below)
            return
        tree, workdir = self._tree_of(wanted.task), wanted.below.spec.workdir
        self._check_disk(2 * sum(len(file.data) for file in tree) // _MB)
        beside = [self._ensured(one, say).content for one in wanted.services]
        content = digest_of([wanted.digest, below.content, *beside])
        naming = below.below("task", wanted.name, wanted.digest, content)
        naming = naming.model_copy(update={"composition": wanted.composition})
        # Its tree as one commit on its language image; nothing of the task is run
        build.add_files(connection, below.id, committed(tree, workdir), AGENT_UID, naming, workdir)

    def _check_disk(self, need_mb: int) -> None:
        """Raise `EngineError` when the engine's disk, where it can be seen, is too small."""
        if (root := self._connection.folder()) is None:
            return
        status = os.statvfs(root)
        free_mb = status.f_bavail * status.f_frsize // _MB
        if free_mb < need_mb + _RESERVE_MB:
            raise EngineError(
                f"about {need_mb + _RESERVE_MB} MB are needed for the next image and {free_mb} MB "
                f"are free at {root}; free some, for example with 'arena sandboxes prune'"
            )


def exported_image(
    connection: Connection, below: Image, name: str, tree: Sequence[File], workdir: str
) -> str:
    """Make an image on the task's that holds a tree as one commit of root's at `workdir`; its name.
    It is one of ours, so that it can be listed and pruned.
    """
    digest = digest_of([below.content, workdir])
    naming = Naming(kind="task", name=name, recipe=digest, content=digest, base=below.base)
    if Store(connection).find("task", name, digest) is None:
        placed = committed(tree, workdir)
        build.add_files(connection, below.id, placed, 0, naming, workdir)
    return naming.tag
