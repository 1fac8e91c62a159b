"""The container engine: opens sandboxes, and leaves nothing behind."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from typing import Self

from arena.errors import EngineError, InputError
from arena.records import SandboxLimits
from arena.records.container import IDLE_USER, TRUSTED, WORKDIR
from arena.rundir.directory import EngineInfo
from arena.sandbox import files, owner
from arena.sandbox import limits as limits_
from arena.sandbox.container import DockerSandbox
from arena.sandbox.docker import FULL, Connection
from arena.sandbox.exec import Where
from arena.sandbox.files import WorkTree
from arena.sandbox.limits import Watch
from arena.sandbox.owner import LABEL_ENGINE, LABEL_OWNER, Owner

_REMOVERS = 4
_IDLE = ["sleep", "2147483647"]
_TREE_LIMIT = 8 << 30
_TREES_KEPT = 32


class PristineTrees:
    """The work trees of images, each read once; the least recently used are forgotten.

    Args:
        read: reads the work tree of an image: its id, then the folder.
    """

    def __init__(self, read: Callable[[str, str], WorkTree]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._trees: OrderedDict[tuple[str, str], WorkTree] = OrderedDict()

    def get(self, image: str, workdir: str) -> WorkTree:
        """The tree, from memory when it is there; one thread reads, others wait for it."""
        key = (image, workdir)
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            tree = self._trees.get(key) or self._read(image, workdir)
        with self._lock:
            self._trees[key] = tree
            self._trees.move_to_end(key)
            if len(self._trees) > _TREES_KEPT:
                self._locks.pop(self._trees.popitem(last=False)[0])
        return tree


class DockerEngine:
    """Makes sandboxes over one connection pool; use it as a context manager.

    Leaving the context waits until every container of this object is removed. Nothing is asked of
    the engine before the first use.

    Args:
        host: address of the engine; `DOCKER_HOST` or the default socket when None.
    """

    def __init__(self, host: str | None = None) -> None:
        self.connection = Connection(host)
        self.ident = secrets.token_hex(8)
        """On the label `arena.engine` of every container of this object."""
        self._owner = Owner.current().label()
        self._running: dict[str, DockerSandbox] = {}
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self._removers = ThreadPoolExecutor(_REMOVERS, thread_name_prefix="remove")
        self._trees = PristineTrees(self._read_pristine)

    def check(self) -> str:
        """The engine's version; raises `EngineError` with one clear line when none answers."""
        with self.connection.guard():
            return str(self.connection.raw.version()["Version"])

    @classmethod
    def answering(cls) -> Self:
        """An engine that answers; before work starts its absence is the user's to mend.

        Raises:
            InputError: none does.
        """
        engine = cls()
        try:
            engine.check()
        except EngineError as error:
            raise InputError(str(error)) from None
        return engine

    def host_id(self) -> str:
        """The engine's own id, by which two that reach one engine know it."""
        with self.connection.guard():
            return str(self.connection.raw.info()["ID"])

    def info(self) -> EngineInfo:
        """Version and size of the engine's host."""
        with self.connection.guard():
            said = self.connection.raw.info()
        return EngineInfo(
            version=str(said["ServerVersion"]),
            platform=f"{said['OSType']}/{said['Architecture']}, {said['OperatingSystem']}",
            cpus=int(said["NCPU"]),
            memory_mb=int(said["MemTotal"]) >> 20,
        )

    def reap(self) -> list[str]:
        """Remove what dead runs of ours left; ids of what was removed."""
        return owner.reap(self.connection)

    def reap_of(self, ident: str) -> None:
        """Remove every container of another object of this kind, whose process is lost."""
        owner.reap_of(self.connection, ident)

    @contextmanager
    def open(
        self,
        image: str,
        *,
        limits: SandboxLimits,
        labels: Mapping[str, str],
        user: str,
        workdir: str = WORKDIR,
        channel: bool = False,
        layer: str | None = None,
        volumes: Sequence[str] = (),
    ) -> Iterator[DockerSandbox]:
        """As `arena.protocols.Engine.open`, from an image's id or name.

        One that filled its disk is gone when the context is left, any other soon after.

        Args:
            image: one that is there.
            limits: what the container may use.
            labels: put on the container beside our own.
            user: `uid:gid` that commands run as.
            workdir: the work tree.
            channel: let commands share one shell, ten times faster than an exec each.
            layer: container that holds an agent's programs, from `arena.sandbox.image.layer`.
            volumes: further folders that may be written to, with what the image has there.
        """
        watch = self._watching()
        name = f"arena-{self.ident[:8]}-{secrets.token_hex(6)}"
        full = False
        try:
            writable = tuple(dict.fromkeys((workdir, TRUSTED, *volumes)))
            ident = self._create(name, image, limits, labels, workdir, writable, layer)
            watch.expect(ident, image)
            where = Where(ident, limits, user, workdir, writable, image, channel)
            sandbox = DockerSandbox(self.connection, where, lambda: self._trees.get(image, workdir))
            self._running[ident] = sandbox
            try:
                with self.connection.guard():
                    self.connection.raw.start(ident)
                yield sandbox
            finally:
                self._running.pop(ident, None)
                sandbox.close()
                full = sandbox.resource_ended == "disk"
        finally:
            if full:
                owner.remove(self.connection, name)
            else:
                self._remove_later(name)

    def check_disk_space(self, since: float) -> None:
        """See `Engine.check_disk_space`; an engine whose disk is out of sight has room."""
        if self._watch and self._watch.was_full(since):
            raise EngineError(FULL)

    def close(self) -> None:
        """Wait until everything of ours is removed, then close the connection."""
        self._removers.shutdown(wait=True)
        if self._watch:
            self._watch.stop()
            owner.reap_of(self.connection, self.ident)
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        with suppress(EngineError) if any(ended) else nullcontext():
            self.close()

    def _create(
        self,
        name: str,
        image: str,
        limits: SandboxLimits,
        labels: Mapping[str, str],
        workdir: str,
        writable: Sequence[str],
        layer: str | None = None,
    ) -> str:
        with self.connection.guard():
            made = self.connection.raw.create_container(
                image,
                command=[],
                entrypoint=_IDLE,
                name=name,
                hostname="sandbox",
                user=IDLE_USER,
                working_dir=workdir,
                volumes=list(writable),
                # An empty network namespace: the same as network "none", in half the time
                network_disabled=True,
                healthcheck={"test": ["NONE"]},
                host_config=limits_.host_config(limits, layer),
                labels={**labels, LABEL_ENGINE: self.ident, LABEL_OWNER: self._owner},
                use_config_proxy=False,
            )
        return str(made["Id"])

    def _read_pristine(self, image: str, workdir: str) -> WorkTree:
        """Read from a running sandbox in which nothing has been done, or from one of its own."""
        for sandbox in list(self._running.values()):
            if (sandbox.where.image, sandbox.where.workdir) != (image, workdir):
                continue
            with suppress(EngineError):
                if sandbox.untouched:
                    tree = files.read_tree(
                        self.connection, sandbox.where.ident, workdir, None, limit=_TREE_LIMIT
                    )
                    if sandbox.untouched:
                        return tree
        name = f"arena-{self.ident[:8]}-{secrets.token_hex(6)}"
        try:
            ident = self._create(name, image, SandboxLimits(), {}, workdir, [workdir])
            return files.read_tree(self.connection, ident, workdir, None, limit=_TREE_LIMIT)
        finally:
            self._remove_later(name)

    def _remove_later(self, name: str) -> None:
        try:
            self._removers.submit(owner.remove, self.connection, name)
        except RuntimeError:  # closed meanwhile, by another thread
            owner.remove(self.connection, name)

    def _watching(self) -> Watch:
        with self._lock:
            if self._watch is None:
                label = f"{LABEL_ENGINE}={self.ident}"
                watch = Watch(self.connection, label, lambda: dict(self._running))
                watch.start()
                self._watch = watch
            return self._watch
