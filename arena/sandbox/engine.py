"""The container engine: opens sandboxes with their services beside, and leaves nothing behind.

Services are on a network of theirs that leads nowhere, not even to the host: it is internal, its
bridge has no address, and no name but a service's is resolved.
"""

import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from typing import Any, Self

from arena.errors import EngineError, InputError
from arena.records import Composition, SandboxLimits, Service
from arena.records.container import IDLE_USER, TRUSTED, WORKDIR
from arena.rundir.directory import EngineInfo
from arena.sandbox import files, owner
from arena.sandbox.container import DockerSandbox, Where
from arena.sandbox.docker import FULL, Connection, EngineRefusedError
from arena.sandbox.files import WorkTree
from arena.sandbox.image.store import Store
from arena.sandbox.limits import Watch, host_config
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
        beside = _services(self.connection, composition, limits, self._marked(labels))
        own = host_config(limits, layer)
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
        settings = host_config(SandboxLimits())
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


# ── services beside a sandbox ────────────────────────────────────────────────────────────────────

_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"]
"""What servers need that start as root and go on as a user of their own."""
_SECOND = 1_000_000_000
# The image says how, if it does
_PROBING = {"interval": _SECOND, "timeout": 10 * _SECOND, "retries": 1000}
_READY_S = 120
_PAUSE_S = 0.2


class ServiceError(EngineError):
    """A service ended, or was not ready in time, on an engine that works."""


@contextmanager
def _services(
    connection: Connection,
    composition: Composition | None,
    limits: SandboxLimits,
    labels: Mapping[str, str],
) -> Iterator[tuple[Mapping[str, object], tuple[str, ...]]]:
    """Services, each started once the one before is ready: the settings in a `HostConfig` that join
    a sandbox to them, and their containers' ids. All are gone in the end, as is what they were
    joined by, so whatever else was joined must be gone by then.

    Their images have the names that the engine knows them by; the limits are those of each. Raises
    `ServiceError` where one is not ready.
    """
    if composition is None:
        yield {}, ()
        return
    raw, name = connection.raw, f"arena-{secrets.token_hex(10)}"
    mounts = [composition.mounts, *(service.mounts for service in composition.services)]
    volumes = sorted({mount.partition(":")[0] for some in mounts for mount in some})
    # Older engines would ask the host's resolver for names that are no service's
    joined = {"NetworkMode": name, "Dns": ["127.0.0.1"]}
    idents: list[str] = []
    try:
        raw.create_network(
            name,
            driver="bridge",
            internal=True,
            options={
                "com.docker.network.bridge.inhibit_ipv4": "true",
                "com.docker.network.enable_ipv6": "false",  # an engine's default may be another
            },
            labels=dict(labels),
        )
        for volume in volumes:
            raw.create_volume(f"{name}-{volume}", labels=dict(labels))
        for service in composition.services:
            settings = {**host_config(limits), **joined, **_bound(name, service.mounts)}
            idents.append(_made(connection, service, name, settings, labels))
            raw.start(idents[-1])
            _await(connection, service, idents[-1])
        yield {**joined, **_bound(name, composition.mounts)}, tuple(idents)
    finally:
        for ident in idents:
            owner.remove(connection, ident)
        owner.remove_network(connection, name)
        for volume in volumes:
            owner.remove_volume(connection, f"{name}-{volume}")


def _bound(name: str, mounts: Sequence[str]) -> dict[str, object]:
    return {"Binds": [f"{name}-{mount}" for mount in mounts]}


def _made(
    connection: Connection,
    service: Service,
    network: str,
    settings: Mapping[str, object],
    labels: Mapping[str, str],
) -> str:
    log = {"Type": "json-file", "Config": {"max-size": "1m"}}
    own = {"CapAdd": _CAPABILITIES, "ReadonlyRootfs": False, "LogConfig": log}
    raw = connection.raw
    endpoint = raw.create_endpoint_config(aliases=[service.name, *service.aliases])
    made = raw.create_container(
        service.image,
        name=f"{network}-{service.name}",
        hostname=service.name,
        healthcheck=_PROBING,
        host_config={**settings, **own},
        networking_config=raw.create_networking_config({network: endpoint}),
        labels=dict(labels),
        use_config_proxy=False,
    )
    return str(made["Id"])


def _await(connection: Connection, service: Service, ident: str) -> None:
    """Return once a service is ready. Raises `ServiceError` where it will not be."""
    until, fault = time.monotonic() + _READY_S, f"was not ready within {_READY_S} s"
    while time.monotonic() < until:
        state: dict[str, Any] = connection.raw.inspect_container(ident)["State"]
        if not state["Running"]:
            if service.ends and state["ExitCode"] == 0:
                return
            fault = f"ended with {state['ExitCode']}"
            break
        health = state.get("Health") or {"Status": "healthy"}
        if health["Status"] == "healthy" and not service.ends:
            return
        time.sleep(_PAUSE_S)
    said = b""
    with suppress(EngineRefusedError):
        said = connection.raw.logs(ident, tail=20)
    tail = " ".join(said.decode("utf-8", "replace").split())[-300:]
    raise ServiceError(f"the service {service.name} {fault}: {tail or 'it printed nothing'}")
