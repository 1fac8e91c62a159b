"""The images that tasks run in: made once per content digest, in parallel, and reused."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import JsonValue

from arena.errors import EngineError, InputError
from arena.records import Composition, File, Record, Task, digest_of
from arena.records.container import AGENT_UID
from arena.resources import sandboxes_dir
from arena.sandbox import owner
from arena.sandbox.docker import Connection
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image import build, packages, recipe
from arena.sandbox.image.recipe import BaseRecipe, LanguageRecipe, committed
from arena.sandbox.image.sources import Say
from arena.sandbox.image.store import Image, ImageKind, Naming, Store, tag_of

_BASE_MB = 400
_RESERVE_MB = 300
_BUILDERS = 4
_MB = 1 << 20

BuildState = Literal["started", "line", "done", "reused"]


class BuildProgress(Record):
    """One thing that happened to one image."""

    kind: ImageKind
    name: str
    state: BuildState
    detail: str = ""
    """What the builder said."""
    seconds: float = 0.0
    """How long it took, once it is done."""


class TaskImage(Record):
    """What a task's containers are made from."""

    id: str
    """The engine's own digest: give it to `Engine.open`."""
    content: str
    """Digest of the tree, the recipes and the versions of everything installed: goes into what a
    trial is matched by. Building the same again, anywhere, gives the same."""
    workdir: str
    base: str
    """How the base image was made."""


Tell = Callable[[BuildProgress], None]
TreeOf = Callable[[Task], Sequence[File]]


class _TaskRecipe(NamedTuple):
    name: str
    task: Task
    language: LanguageRecipe
    services: tuple[LanguageRecipe, ...]
    digest: str
    composition: Composition | None = None
    """What runs beside it; images by the tags that they have on an engine."""
    kind: Literal["task"] = "task"


_AnyRecipe = BaseRecipe | LanguageRecipe | _TaskRecipe


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

    def ensure(self, tasks: Sequence[Task], tell: Tell = lambda _: None) -> dict[str, TaskImage]:
        """The image of each task by its id, built where it is missing.

        Raises:
            InputError: a task names an image that does not exist, or no base can be had here.
            EngineError: a build failed, or the disk is too small.
        """
        base = self.base_recipe()
        jobs = [self._job(task, base) for task in tasks]
        known = {job.digest: found for job in jobs if (found := self._find(job))}
        missing = {job.language.digest: job.language for job in jobs if job.digest not in known}
        missing |= {one.digest: one for job in jobs for one in job.services}
        below = self._languages(missing.values(), tell)
        with ThreadPoolExecutor(_BUILDERS, thread_name_prefix="images") as pool:
            made = list(
                pool.map(lambda job: known.get(job.digest) or self._task(job, below, tell), jobs)
            )
        used: list[_AnyRecipe] = [base, *jobs]
        for job in jobs:
            used += (job.language, *job.services)
        for digest in {one.digest for one in used}:
            owner.mark(digest)
        return {
            job.name: TaskImage(
                id=image.id,
                content=_content(image, [below[one.digest] for one in job.services]),
                workdir=job.language.spec.workdir,
                base=image.base,
            )
            for job, image in zip(jobs, made, strict=True)
        }

    def missing(self, tasks: Sequence[Task]) -> list[str]:
        """Ids of the tasks whose image would have to be built."""
        base = self.base_recipe()
        jobs = (self._job(task, base) for task in tasks)
        return [job.name for job in jobs if self._find(job) is None]

    def ensure_languages(
        self, names: Iterable[str] | None = None, tell: Tell = lambda _: None
    ) -> dict[str, Image]:
        """Language images by name, all of them when `names` is None."""
        recipes = self._recipes(names, self.base_recipe())
        made = self._languages(recipes, tell)
        return {one.name: made[one.digest] for one in recipes}

    def base_recipe(self) -> BaseRecipe:
        """How the base image was made that the engine holds, whoever made it: all its users go on
        with that. Where there is none, how this user would make it.
        """
        ways = recipe.base_recipes(self._sandboxes)
        return next(filter(self._find, ways), ways[0])

    def kept(self, names: Iterable[str] | None = None) -> list[Image]:
        """The base image and the language images on it that are built, base first.

        Raises:
            InputError: one that is named, or all of them, are not built.
        """
        base = self.base_recipe()
        wanted: list[_AnyRecipe] = [base, *self._recipes(names, base)]
        images = [self._find(one) for one in wanted]
        lacking = [one.name for one, image in zip(wanted, images, strict=True) if image is None]
        found = [image for image in images if image is not None]
        if (names is not None and lacking) or len(found) < 2:
            raise InputError(
                f"not built: {', '.join(lacking)}",
                where="images",
                remedy=f"run arena sandboxes build {' '.join(one.name for one in wanted[1:])}",
            )
        return found

    def ensure_base(self, tell: Tell = lambda _: None) -> Image:
        """The base image, which also installs agents' programs."""
        return self._base(self.base_recipe(), tell)

    def ensure_image(self, pack: Path, name: str, tell: Tell = lambda _: None) -> Image:
        """An image of a pack's own, built where it is missing.

        Raises:
            InputError: the pack has no such image, or it is malformed.
            EngineError: the build failed.
        """
        base = self.base_recipe()
        wanted = recipe.task_recipe(self._sandboxes, pack / "images", name, base)
        return self._language(wanted, tell)

    def _recipes(self, names: Iterable[str] | None, base: BaseRecipe) -> list[LanguageRecipe]:
        wanted = recipe.language_names(self._sandboxes) if names is None else names
        return [recipe.language_recipe(self._sandboxes, name, base) for name in wanted]

    def _languages(self, languages: Iterable[LanguageRecipe], tell: Tell) -> dict[str, Image]:
        with ThreadPoolExecutor(_BUILDERS, thread_name_prefix="images") as pool:
            building = {one.digest: pool.submit(self._language, one, tell) for one in languages}
            return {digest: future.result() for digest, future in building.items()}

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

    def _task(self, job: _TaskRecipe, languages: Mapping[str, Image], tell: Tell) -> Image:
        """Its tree as one commit on its language image; nothing of the task is run."""

        def make(_: Say) -> None:
            tree = self._tree_of(job.task)
            self._check_disk(2 * sum(len(file.data) for file in tree) // _MB)
            below, workdir = languages[job.language.digest], job.language.spec.workdir
            content = digest_of([job.digest, below.content])
            naming = below.below("task", job.name, job.digest, content)
            naming = naming.model_copy(update={"composition": job.composition})
            placed = committed(tree, workdir)
            build.add_files(self._connection, below.id, placed, AGENT_UID, naming, workdir)

        return self._once(job, tell, make)

    def _language(self, language: LanguageRecipe, tell: Tell) -> Image:
        def make(say: Say) -> None:
            self._check_disk(language.spec.disk_mb)
            below = language.below
            if isinstance(below, BaseRecipe):
                under = self._base(below, tell)
            else:
                under = self._language(below, tell)
            built = any(file.path == "Dockerfile" for file in language.files)
            make_it = build.language if built else packages.install
            make_it(self._connection, language, under, say)

        return self._once(language, tell, make)

    def _base(self, base: BaseRecipe, tell: Tell) -> Image:
        def make(say: Say) -> None:
            self._check_disk(_BASE_MB)
            build.base(self._connection, base, self._sandboxes, say)

        return self._once(base, tell, make)

    def _once(self, wanted: _AnyRecipe, tell: Tell, make: Callable[[Say], None]) -> Image:
        def say(state: BuildState, detail: str = "", seconds: float = 0.0) -> None:
            kind, name = wanted.kind, wanted.name
            tell(BuildProgress(kind=kind, name=name, state=state, detail=detail, seconds=seconds))

        with self._locks.setdefault(wanted.digest, threading.Lock()):
            image = self._find(wanted)
            if image:
                say("reused")
                return image
            started = time.monotonic()
            say("started")
            make(lambda text: say("line", text))
            image = self._find(wanted)
            if image is None:
                raise EngineError(f"the engine lost the image {wanted.name} that it had just built")
            say("done", seconds=time.monotonic() - started)
            return image

    def _check_disk(self, need_mb: int) -> None:
        """Raise `EngineError` when the engine's disk, where it can be seen, is too small."""
        root = self._connection.folder()
        if root is None:
            return
        status = os.statvfs(root)
        free_mb = status.f_bavail * status.f_frsize // _MB
        if free_mb < need_mb + _RESERVE_MB:
            raise EngineError(
                f"about {need_mb + _RESERVE_MB} MB are needed for the next image and {free_mb} MB "
                f"are free at {root}; free some, for example with 'arena sandboxes prune'"
            )


def _content(image: Image, services: Sequence[Image]) -> str:
    """Digest of what is installed in an image and in those of its services."""
    contents: list[JsonValue] = [one.content for one in (image, *services)]
    return digest_of(contents) if services else image.content


def exported_image(
    connection: Connection, below: TaskImage, name: str, tree: Sequence[File], workdir: str
) -> str:
    """Make an image that holds a tree as one commit of root's at `workdir`; its name.

    It stands on the task's image, and is one of ours, so that it can be listed and pruned.
    """
    digest = digest_of([below.content, workdir])
    naming = Naming(kind="task", name=name, recipe=digest, content=digest, base=below.base)
    if Store(connection).find("task", name, digest) is None:
        placed = committed(tree, workdir)
        build.add_files(connection, below.id, placed, 0, naming, workdir)
    return naming.tag
