"""The container engine: opens sandboxes, and leaves nothing behind."""

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from typing import Self

from arena.errors import EngineError, InputError
from arena.records import Composition, SandboxLimits
from arena.records.container import IDLE_USER, TRUSTED, WORKDIR
from arena.rundir.directory import EngineInfo
from arena.sandbox import files, owner, services
from arena.sandbox import limits as limits_
from arena.sandbox.container import DockerSandbox, Where
from arena.sandbox.docker import FULL, Connection
from arena.sandbox.files import WorkTree
from arena.sandbox.image.store import Store
from arena.sandbox.limits import Watch
from arena.sandbox.owner import LABEL_ENGINE, LABEL_OWNER, Owner

_REMOVERS = 4
_IDLE = ["sleep", "2147483647"]
_TREE_LIMIT = 8 << 30
_TREES_KEPT = 32
_IMAGES_KNOWN = 4096


class DockerEngine:
    """Makes sandboxes over one connection pool; leaving its context waits until every container of
    this object is removed. Nothing is asked of the engine before the first use.
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
        self._reading: dict[tuple[str, str], threading.Lock] = {}
        self._tree_of = lru_cache(_TREES_KEPT)(self._read_pristine)
        self._composition_of = lru_cache(_IMAGES_KNOWN)(self._find_composition)

    def check(self) -> str:
        """The engine's version; raises `EngineError` with one clear line when none answers."""
        return str(self.connection.raw.version()["Version"])

    @classmethod
    def answering(cls) -> Self:
        """An engine that answers; else `InputError`, for it is the user's to mend."""
        engine = cls()
        try:
            engine.check()
        except EngineError as error:
            raise InputError(str(error)) from None
        return engine

    def host_id(self) -> str:
        """The engine's own id, by which two that reach one engine know it."""
        return str(self.connection.raw.info()["ID"])

    def info(self) -> EngineInfo:
        """Version and size of the engine's host."""
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
        """As `arena.protocols.Engine.open`, from an image's id or name. One that filled its disk is
        gone when the context is left, any other soon after.
        """
        watch = self._watching()
        writable = tuple(dict.fromkeys((workdir, TRUSTED, *volumes)))
        composition = self._composition_of(image)
        beside = services.running(self.connection, composition, limits, self._marked(labels))
        own = limits_.host_config(limits, layer)
        with (
            beside as (joined, idents),
            self._container(image, {**own, **joined}, labels, workdir, writable) as ident,
        ):
            watch.expect(ident, image)
            where = Where(ident, limits, user, workdir, writable, image, channel, idents)
            sandbox = DockerSandbox(self.connection, where, lambda: self._pristine(image, workdir))
            self._running[ident] = sandbox
            try:
                self.connection.raw.start(ident)
                yield sandbox
            finally:
                self._running.pop(ident, None)
                sandbox.close()
                if idents or sandbox.resource_ended == "disk":
                    owner.remove(self.connection, ident)

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

    def _marked(self, labels: Mapping[str, str]) -> dict[str, str]:
        return {**labels, LABEL_ENGINE: self.ident, LABEL_OWNER: self._owner}

    def _find_composition(self, image: str) -> Composition | None:
        known = Store(self.connection).named(image)
        return known.composition if known else None

    @contextmanager
    def _container(
        self,
        image: str,
        settings: Mapping[str, object],
        labels: Mapping[str, str],
        workdir: str,
        writable: Sequence[str],
    ) -> Iterator[str]:
        """A container that is not started, removed soon after the context is left."""
        name = f"arena-{self.ident[:8]}-{secrets.token_hex(6)}"
        try:
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
                network_disabled=settings["NetworkMode"] == "none",
                healthcheck={"test": ["NONE"]},
                host_config=settings,
                labels=self._marked(labels),
                use_config_proxy=False,
            )
            yield str(made["Id"])
        finally:
            self._remove_later(name)

    def _pristine(self, image: str, workdir: str) -> WorkTree:
        """The work tree of an image; one thread reads it, others wait for that."""
        with self._reading.setdefault((image, workdir), threading.Lock()):
            return self._tree_of(image, workdir)

    def _read_pristine(self, image: str, workdir: str) -> WorkTree:
        """Read from a running sandbox in which nothing has been done, or from one of its own."""

        def read(ident: str) -> WorkTree:
            return files.read_tree(self.connection, ident, workdir, None, limit=_TREE_LIMIT)

        for sandbox in list(self._running.values()):
            where = sandbox.where
            if (where.image, where.workdir) == (image, workdir) and sandbox.untouched:
                with suppress(EngineError):
                    tree = read(where.ident)
                    if sandbox.untouched:
                        return tree
        settings = limits_.host_config(SandboxLimits())
        with self._container(image, settings, {}, workdir, [workdir]) as ident:
            return read(ident)

    def _remove_later(self, name: str) -> None:
        try:
            self._removers.submit(owner.remove, self.connection, name)
        except RuntimeError:  # closed meanwhile, by another thread
            owner.remove(self.connection, name)

    def _watching(self) -> Watch:
        with self._lock:
            if self._watch is None:
                label = f"{LABEL_ENGINE}={self.ident}"
                self._watch = Watch(self.connection, label, lambda: dict(self._running))
            return self._watch
