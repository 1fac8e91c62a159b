"""The images that tasks run in: made once per content digest, in parallel, and reused."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from arena.errors import EngineError, InputError
from arena.records import File, Record, Task, digest_of
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


class _Job(NamedTuple):
    task: Task
    language: LanguageRecipe
    digest: str


class Images:
    """Builds and finds images on one engine. Safe from several threads.

    Args:
        engine: where the images are.
        tree_of: the files of a task's starting tree, relative to the work tree.
        sandboxes: folder of the language images; the shipped one when None.
    """

    def __init__(
        self, engine: DockerEngine, tree_of: TreeOf, sandboxes: Path | None = None
    ) -> None:
        self.store = Store(engine.connection)
        self._connection = engine.connection
        self._tree_of = tree_of
        self._sandboxes = sandboxes or sandboxes_dir()
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def ensure(self, tasks: Sequence[Task], tell: Tell = lambda _: None) -> dict[str, TaskImage]:
        """The image of each task by its id, built where it is missing.

        Raises:
            InputError: a task names an image that does not exist, or no base can be had here.
            EngineError: a build failed, or the disk is too small.
        """
        base = self.base_recipe()
        jobs = [self._job(task, base) for task in tasks]
        known = {job.digest: found for job in jobs if (found := self._found(job))}
        missing = {job.language.digest: job.language for job in jobs if job.digest not in known}
        below = self._languages(missing.values(), base, tell)
        with ThreadPoolExecutor(_BUILDERS, thread_name_prefix="images") as pool:
            made = list(
                pool.map(lambda job: known.get(job.digest) or self._task(job, below, tell), jobs)
            )
        for used in {base.digest, *(job.language.digest for job in jobs)}:
            owner.mark(used)
        return {job.task.id: _used(job, image) for job, image in zip(jobs, made, strict=True)}

    def missing(self, tasks: Sequence[Task]) -> list[str]:
        """Ids of the tasks whose image would have to be built."""
        base = self.base_recipe()
        jobs = (self._job(task, base) for task in tasks)
        return [job.task.id for job in jobs if self._found(job) is None]

    def ensure_languages(
        self, names: Iterable[str] | None = None, tell: Tell = lambda _: None
    ) -> dict[str, Image]:
        """Language images by name, all of them when `names` is None."""
        base = self.base_recipe()
        wanted = recipe.language_names(self._sandboxes) if names is None else names
        recipes = [recipe.language_recipe(self._sandboxes, name, base) for name in wanted]
        made = self._languages(recipes, base, tell)
        return {one.name: made[one.digest] for one in recipes}

    def base_recipe(self) -> BaseRecipe:
        """How the base image was made that the engine holds, whoever made it: all its users go on
        with that. Where there is none, how this user would make it.
        """
        ways = recipe.base_recipes(self._sandboxes)
        held = (w for w in ways if self.store.find(tag_of("base", "debian", w.digest), w.digest))
        return next(held, ways[0])

    def kept(self, names: Iterable[str] | None = None) -> list[Image]:
        """The base image and the language images on it that are built, base first.

        Raises:
            InputError: one that is named, or all of them, are not built.
        """
        base = self.base_recipe()
        wanted = list(recipe.language_names(self._sandboxes) if names is None else names)
        languages = [recipe.language_recipe(self._sandboxes, name, base) for name in wanted]
        tags: list[tuple[ImageKind, str, str]] = [("base", "debian", base.digest)]
        tags += [("language", one.name, one.digest) for one in languages]
        images = [self.store.find(tag_of(kind, name, d), d) for kind, name, d in tags]
        lacking = [name for (_, name, _), image in zip(tags, images, strict=True) if image is None]
        found = [image for image in images if image is not None]
        if (names is not None and lacking) or len(found) < 2:
            raise InputError(
                f"not built: {', '.join(lacking)}",
                where="images",
                remedy=f"run arena sandboxes build {' '.join(names or wanted)}",
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
        return self._language(wanted, base, tell)

    def _languages(
        self, languages: Iterable[LanguageRecipe], base: BaseRecipe, tell: Tell
    ) -> dict[str, Image]:
        with ThreadPoolExecutor(_BUILDERS, thread_name_prefix="images") as pool:
            building = {
                one.digest: pool.submit(self._language, one, base, tell) for one in languages
            }
            return {digest: future.result() for digest, future in building.items()}

    def _job(self, task: Task, base: BaseRecipe) -> "_Job":
        images = task.root.parent / "images"
        language = recipe.task_recipe(self._sandboxes, images, task.image, base)
        return _Job(task, language, recipe.task_digest(language, self._tree_of(task)))

    def _found(self, job: "_Job") -> Image | None:
        return self.store.find(tag_of("task", job.task.id, job.digest), job.digest)

    def _task(self, job: "_Job", languages: Mapping[str, Image], tell: Tell) -> Image:
        def make(_: Say) -> None:
            tree = self._tree_of(job.task)
            self._check_disk(2 * sum(len(file.data) for file in tree) // _MB)
            below = languages[job.language.digest]
            workdir = job.language.spec.workdir
            build.task(self._connection, job.task.id, job.digest, tree, below, workdir)

        return self._once("task", job.task.id, job.digest, tell, make)

    def _language(self, language: LanguageRecipe, base: BaseRecipe, tell: Tell) -> Image:
        def make(say: Say) -> None:
            self._check_disk(language.spec.disk_mb)
            if language.below:
                under = self._language(language.below, base, tell)
                own = any(file.path == "Dockerfile" for file in language.files)
                make_it = build.language if own else packages.install
                make_it(self._connection, language, under, say)
            else:
                below = self._base(language.base or base, tell)
                build.language(self._connection, language, below, say)

        return self._once("language", language.name, language.digest, tell, make)

    def _base(self, base: BaseRecipe, tell: Tell) -> Image:
        def make(say: Say) -> None:
            self._check_disk(_BASE_MB)
            build.base(self._connection, base, self._sandboxes, say)

        return self._once("base", "debian", base.digest, tell, make)

    def _once(
        self,
        kind: ImageKind,
        name: str,
        digest: str,
        tell: Tell,
        make: Callable[[Say], None],
    ) -> Image:
        with self._only_one(digest):
            tag = tag_of(kind, name, digest)
            image = self.store.find(tag, digest)
            if image:
                tell(BuildProgress(kind=kind, name=name, state="reused"))
                return image
            started = time.monotonic()
            tell(BuildProgress(kind=kind, name=name, state="started"))
            make(lambda text: tell(BuildProgress(kind=kind, name=name, state="line", detail=text)))
            image = self.store.find(tag, digest)
            if image is None:
                raise EngineError(f"the engine lost the image {name} that it had just built")
            seconds = time.monotonic() - started
            tell(BuildProgress(kind=kind, name=name, state="done", seconds=seconds))
            return image

    @contextmanager
    def _only_one(self, digest: str) -> Iterator[None]:
        with self._lock:
            lock = self._locks.setdefault(digest, threading.Lock())
        with lock:
            yield

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


def _used(job: _Job, image: Image) -> TaskImage:
    owner.mark(job.digest)
    return TaskImage(
        id=image.id, content=image.content, workdir=job.language.spec.workdir, base=image.base
    )


def exported_image(
    connection: Connection, below: TaskImage, name: str, tree: Sequence[File], workdir: str
) -> str:
    """Make an image that holds a tree as one commit of root's at `workdir`; its name.

    It is one of ours, so that it can be listed and pruned.

    Args:
        connection: the engine.
        below: the task's image, which brings the language and the packages.
        name: of the result.
        tree: the task's tree.
        workdir: where it goes.
    """
    digest = digest_of([below.content, workdir])
    naming = Naming(kind="task", name=name, recipe=digest, content=digest, base=below.base)
    if Store(connection).find(naming.tag, digest) is None:
        placed = committed(tree, workdir)
        build.add_files(connection, below.id, placed, 0, naming, workdir)
    return naming.tag
