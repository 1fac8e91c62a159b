"""A site made of the nodes of a Ray cluster, each with its own engine; the ledger stays here.

Nodes may come and go. A try on a lost node ends as a fault, and is tried again on another one;
what the lost node left on an engine that others can see, they remove while the run goes on.
"""

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from arena.backend.desk import Desk, LocalDesk
from arena.errors import ArenaError, EngineError, FaultError, HarnessError, InputError
from arena.executor import ray
from arena.executor.ray import Cluster, Node
from arena.program import Program
from arena.records import BackendSpec, Fault, SandboxLimits, Task, TrialRecord
from arena.remote.board import Board
from arena.remote.floor import Floor, Station
from arena.remote.host import Host
from arena.remote.letters import Done, Keys, Opening
from arena.remote.shipment import packed, profile_digests, source_digest
from arena.site import Place, Ready, Say, fits
from arena.trial import Job

WATCH_S = 2.0
CLOSE_S = 20.0
"""How long a node may take to remove its containers at the end of a run."""
GATHER_S = 30.0
"""How long the first trial waits for further nodes once one is ready."""
OTHER_CALLS = 8
"""Calls to a node beside its tries."""


@dataclass(frozen=True)
class Needs:
    """What a run asks of every node."""

    tasks: Sequence[Task]
    programs: Mapping[str, Program]
    backends: tuple[BackendSpec, ...]
    keys: Mapping[str, str]
    """By environment variable."""
    sandbox: SandboxLimits
    concurrency: int


class RemoteSite:
    """`arena.site.Site` on a cluster; `remote` makes one."""

    def __init__(self, cluster: Cluster, needs: Needs, say: Say) -> None:
        self._cluster = cluster
        self._say = say
        self._needs = needs
        self._opening = Opening(
            tasks={task.id: task.digest for task in needs.tasks},
            programs=dict(needs.programs),
            backends=needs.backends,
            profiles=profile_digests(needs.backends),
        )
        self._source = source_digest()
        self._shipments = [cluster.share(data) for data in packed(needs.tasks)]
        self._floor = Floor()
        self._board = Board(say)
        self._lock = threading.Lock()
        self._engines: dict[str, threading.Lock] = {}
        self._known: set[str] = set()
        self._leases: list[str] = []
        """Of nodes that were lost."""
        self._ready: Ready | None = None
        self._stopping = threading.Event()

    @property
    def ready(self) -> Ready:
        """As the first node made it; others that differ are not used."""
        assert self._ready is not None
        return self._ready

    def start(self) -> None:
        """Bring up the nodes; returns when the first is ready.

        Raises:
            InputError: none can be used.
        """
        self._cluster.listen(self._board.answer)
        nodes = self._cluster.nodes()
        if not nodes:
            raise InputError(
                "the cluster has no node with CPUs",
                where="executor 'ray'",
                remedy="start one with 'ray start --address …' where an engine runs",
            )
        failed: list[str] = []
        done = threading.Semaphore(0)

        def bring(node: Node) -> None:
            try:
                if reason := self._bring(node):
                    failed.append(reason)
            finally:
                done.release()

        for node in nodes:
            self._known.add(node.id)
            _begin(bring, node)
        until = None
        for _ in nodes:
            if until is None and self._floor.stations:
                until = time.monotonic() + GATHER_S
            done.acquire(timeout=None if until is None else max(0.0, until - time.monotonic()))
        if not self._floor.stations:
            reason = next(iter(failed), "see above")
            raise InputError(f"no node can be used: {reason}", where="executor 'ray'")
        _begin(self._watch)

    def concurrency(self, asked: int, sandbox: SandboxLimits, say: Say) -> int:
        """As asked: nodes may join, and tries wait for room."""
        del sandbox
        stations = self._floor.stations
        room = sum(station.slots for station in stations)
        say(f"{len(stations)} of {len(self._known)} nodes are ready, with room for {room} trials")
        return asked

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A slot on the node with most room.

        Raises:
            EngineError: there has been no node for two minutes.
        """
        station = self._floor.take()
        try:
            yield _RemotePlace(station, self._board, self._lose)
        finally:
            self._floor.give(station)

    def stop(self) -> None:
        """End what runs on every node and remove it; a second call does nothing."""
        self._stopping.set()
        self._floor.close()
        stations = self._floor.stations
        with ThreadPoolExecutor(max(1, len(stations))) as pool:
            list(pool.map(self._close, stations))

    def _close(self, station: Station) -> None:
        if self._floor.drop(station):
            self._dismiss(station)

    def _dismiss(self, station: Station) -> None:
        with contextlib.suppress(ArenaError):
            station.resident.call("close", timeout_s=CLOSE_S)
        station.resident.kill()

    # ── nodes that come ────────────────────────────────────────────────────────────────────────

    def _bring(self, node: Node) -> str:
        """Make a node ready and use it; why not, where it cannot be used."""
        resident = self._cluster.settle(node, Host, self._needs.concurrency + OTHER_CALLS)
        try:
            greeting = resident.call("greet")
            if greeting.source != self._source:
                raise InputError("another version of Arena", remedy="install the same everywhere")
            with self._engine(greeting.engine):
                keys = Keys(self._needs.keys)
                ready = resident.call("open", self._opening, keys, *self._shipments)
            self._agree(ready)
            lease = resident.call("lease")
            resident.call("reap", self._leases)
        except ArenaError as error:
            resident.kill()
            line = f"node {node.name} is not used: {error}"
            if not self._stopping.is_set():
                self._say(line)
            return line
        station = Station(resident, lease, fits(ready.engine, self._needs.sandbox))
        if not self._floor.add(station):
            self._dismiss(station)
        return ""

    def _engine(self, ident: str) -> threading.Lock:
        """Nodes that share an engine make images one after the other."""
        with self._lock:
            return self._engines.setdefault(ident, threading.Lock())

    def _agree(self, ready: Ready) -> None:
        """The first node says what images hold; others must have the same."""
        with self._lock:
            if self._ready is None:
                self._ready = ready
        first = self._ready
        other = [i for i, image in ready.images.items() if image.content != first.images[i].content]
        other += [name for name, layer in ready.layers.items() if layer != first.layers[name]]
        if other:
            raise InputError(
                f"its images hold other versions: {', '.join(other)}",
                remedy="carry them over from another node with 'docker save' and 'docker load'",
            )

    # ── nodes that go ──────────────────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            try:
                nodes = {node.id: node for node in self._cluster.nodes()}
            except EngineError:  # it was let go meanwhile
                return
            for station in self._floor.stations:
                if station.resident.node.id not in nodes:
                    self._lose(station, "it left the cluster")
            for node in nodes.values():
                if node.id not in self._known:
                    self._known.add(node.id)
                    _begin(self._bring, node)

    def _lose(self, station: Station, reason: str) -> None:
        """Use a node no more; another process may be started on it where it is still there."""
        if self._stopping.is_set() or not self._floor.drop(station):
            return
        self._say(f"node {station.resident.node.name} is given up: {reason}")
        station.resident.kill()
        self._leases.append(station.lease)
        self._known.discard(station.resident.node.id)
        for other in self._floor.stations:
            with contextlib.suppress(ArenaError):
                other.resident.call("reap", [station.lease], timeout_s=CLOSE_S)


class _RemotePlace:
    """Room for one try on one node."""

    def __init__(
        self, station: Station, board: Board, lose: Callable[[Station, str], None]
    ) -> None:
        self._station = station
        self._board = board
        self._lose = lose

    def run(self, job: Job, desk: Desk | None) -> TrialRecord:
        """As `arena.site.Place.run`; a node that is lost meanwhile is a fault of the engine."""
        seat, began, lost = secrets.token_hex(8), datetime.now(UTC), True
        if desk is not None:
            assert isinstance(desk, LocalDesk)
            self._board.seat(seat, desk)
        try:
            done: Done = self._station.resident.call("run", job, seat)
            lost = False
            keep(done.files, job.folder)
        except FaultError as error:
            if isinstance(error, EngineError):
                self._lose(self._station, str(error))
            return _unfinished(job, error, began)
        finally:
            self._board.leave(seat, lost=lost)
        return done.record


def keep(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a trial's files, by path in its folder.

    Raises:
        HarnessError: the disk is full or broken.
    """
    for name, data in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError as error:
            raise HarnessError(f"{path}: cannot be written: {error.strerror}") from error


def _begin(work: Callable[..., object], *args: object) -> None:
    threading.Thread(target=work, args=args, daemon=True).start()


def _unfinished(job: Job, error: FaultError, began: datetime) -> TrialRecord:
    spec = job.spec
    return TrialRecord(
        id=spec.id,
        task_id=spec.task_id,
        contestant=spec.contestant,
        attempt=spec.attempt,
        digest=spec.digest,
        try_number=job.try_number,
        fault=Fault(kind=error.kind, message=str(error)),
        started_at=began,
        ended_at=datetime.now(UTC),
    )


@contextmanager
def remote(address: str, needs: Needs, say: Say) -> Iterator[RemoteSite]:
    """The site on a running cluster.

    Args:
        address: of the cluster's head, or `auto`.
        needs: what the run asks of every node.
        say: takes one line about what happens to nodes.

    Raises:
        InputError: no cluster answers, or none of its nodes can be used.
    """
    with ray.connect(address) as cluster:
        made = RemoteSite(cluster, needs, say)
        try:
            made.start()
            yield made
        finally:
            made.stop()
