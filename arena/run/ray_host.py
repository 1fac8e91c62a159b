"""A host made of the nodes of a Ray cluster, each with its own engine; the ledger stays here.

Nodes may come and go. A try on a lost node ends as a fault, and is tried again on another one;
what the lost node left on an engine that others can see, they remove while the run goes on.
"""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

from arena.backend.limiter import LocalRequestGate, RequestGate
from arena.errors import ArenaError, EngineError, FaultError, HarnessError, InputError
from arena.paths import AnyPath
from arena.records import Fault, File, SandboxLimits, Task, TrialRecord
from arena.run import ray
from arena.run.hosts import Ready, RunTrial
from arena.run.node import NodeHost, RemoteRequestGates, RunSetup, packed, source_digest
from arena.run.ray import Cluster, Node, RemoteActor
from arena.run.trial import TrialProgress, TrialRequest
from arena.sandbox.docker import Say
from arena.task.files import write_files

WATCH_S, POLL_S = 2.0, 0.1
CLOSE_S = 20.0
"""How long a node may take to remove its containers at the end of a run."""
GATHER_S = 30.0
"""How long the first trial waits for further nodes once one is ready."""
PATIENCE_S = 120.0
"""How long a run may have no node at all before it gives up."""
OTHER_CALLS = 8
"""Calls to a node beside its tries."""


@dataclass(eq=False)
class WorkerNode:
    """A node that is ready for trials."""

    actor: RemoteActor
    lease: str
    slots: int
    busy: int = 0


class NodePool:
    """Nodes come and go, from any thread; tries take the one with most room."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._workers: list[WorkerNode] = []
        self._closed = False

    @property
    def workers(self) -> list[WorkerNode]:
        """Those that are there now."""
        with self._condition:
            return list(self._workers)

    def add(self, worker: WorkerNode) -> bool:
        """A node is ready; False when nobody needs it any more."""
        with self._condition:
            if self._closed:
                return False
            self._workers.append(worker)
            self._condition.notify_all()
            return True

    def drop(self, worker: WorkerNode) -> bool:
        """A node is lost; False when that was known."""
        with self._condition:
            if worker not in self._workers:
                return False
            self._workers.remove(worker)
            return True

    def take(self) -> WorkerNode:
        """A slot where most are free, as soon as there is one.

        A `HarnessError` when the run ends; an `EngineError` after `PATIENCE_S` without a node.
        """
        with self._condition:
            empty_since = time.monotonic()
            while True:
                if self._closed:
                    raise HarnessError("the run is ending")
                if self._workers:
                    empty_since = time.monotonic()
                elif time.monotonic() - empty_since > PATIENCE_S:
                    raise EngineError("no node of the cluster is left")
                best = max(self._workers, key=lambda one: one.slots - one.busy, default=None)
                if best is not None and best.busy < best.slots:
                    best.busy += 1
                    return best
                self._condition.wait(1.0)

    def give(self, worker: WorkerNode) -> None:
        """Give a slot back."""
        with self._condition:
            worker.busy -= 1
            self._condition.notify_all()

    def close(self) -> None:
        """Turn away everybody who waits."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()


class RayHost:
    """`arena.run.hosts.TrialHost` on a cluster; `remote` makes one."""

    def __init__(self, cluster: Cluster, tasks: Sequence[Task], setup: RunSetup, say: Say) -> None:
        self._cluster = cluster
        self._say = say
        self._setup = setup
        self._digests = {task.id: task.digest for task in tasks}
        self._source = source_digest()
        self._shipment = cluster.share(packed(tasks))
        self._pool = NodePool()
        self._gates = RemoteRequestGates(say)
        self._lock = threading.Lock()
        self._engines: dict[str, threading.Lock] = {}
        self._known: set[str] = set()
        self._leases: list[str] = []
        """Of nodes that were lost."""
        self._refused = "see above"
        """Why the last node that cannot be used cannot."""
        self._ready: Ready | None = None
        self._stopping = threading.Event()

    @property
    def ready(self) -> Ready:
        """As the first node made it; others that differ are not used."""
        assert self._ready is not None
        return self._ready

    def start(self) -> None:
        """Bring up the nodes until the first is ready; an `InputError` where none can be used."""
        self._cluster.listen(self._gates)
        begun = self._meet()
        if not begun:
            raise InputError(
                "the cluster has no node with CPUs",
                where="executor 'ray'",
                remedy="start one with 'ray start --address …' where an engine runs",
            )
        while not self._pool.workers and any(one.is_alive() for one in begun):
            time.sleep(POLL_S)
        until = time.monotonic() + GATHER_S
        for one in begun:
            one.join(max(0.0, until - time.monotonic()))
        if not self._pool.workers:
            raise InputError(f"no node can be used: {self._refused}", where="executor 'ray'")
        _begin(self._watch)

    def concurrency(self, asked: int, sandbox: SandboxLimits) -> int:
        """As asked: nodes may join, and tries wait for room."""
        del sandbox
        workers = self._pool.workers
        room, known = sum(worker.slots for worker in workers), len(self._known)
        self._say(f"{len(workers)} of {known} nodes are ready, with room for {room} trials")
        return asked

    @contextmanager
    def slot(self) -> Iterator[RunTrial]:
        """A slot on the node with most room; raises as `NodePool.take`."""
        worker = self._pool.take()
        try:
            yield partial(self._run, worker)
        finally:
            self._pool.give(worker)

    def _run(
        self, worker: WorkerNode, request: TrialRequest, gate: RequestGate | None
    ) -> TrialRecord:
        """Run a try on a node; one that is lost meanwhile is a fault of the engine."""
        owner, began, lost = secrets.token_hex(8), TrialProgress(), True
        if gate is not None:
            assert isinstance(gate, LocalRequestGate)
            self._gates.admit(owner, gate)
        try:
            record, files = worker.actor.call("run", request, owner)
            lost = False
            keep(files, request.folder)
        except FaultError as error:
            if isinstance(error, EngineError):
                self._lose(worker, str(error))
            fault = Fault(kind=error.kind, message=str(error))
            return replace(began, fault=fault).record(request)
        finally:
            self._gates.leave(owner, lost=lost)
        return cast("TrialRecord", record)

    def stop(self) -> None:
        """End what runs on every node and remove it; a second call does nothing."""
        self._stopping.set()
        self._pool.close()
        workers = [worker for worker in self._pool.workers if self._pool.drop(worker)]
        with ThreadPoolExecutor(max(1, len(workers))) as threads:
            list(threads.map(_dismiss, workers))

    def _bring(self, node: Node) -> None:
        """Make a node ready and use it; where it cannot be used, say why."""
        actor = self._cluster.start(node, NodeHost, self._setup.concurrency + OTHER_CALLS)
        try:
            source, engine_id = actor.call("info")
            if source != self._source:
                raise InputError("another version of Arena", remedy="install the same everywhere")
            with self._lock:
                engine = self._engines.setdefault(engine_id, threading.Lock())
            with engine:  # nodes that share one make images one after the other
                ready = actor.call("open", self._setup, self._digests, self._shipment)
            self._agree(ready)
            actor.call("reap", self._leases)
        except ArenaError as error:
            actor.kill()
            self._refused = f"node {node.name} is not used: {error}"
            if not self._stopping.is_set():
                self._say(self._refused)
            return
        slots = ready.fitting(self._setup.sandbox)
        worker = WorkerNode(actor, ready.lease, slots)
        if not self._pool.add(worker):
            _dismiss(worker)

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

    # ── nodes that come and go ─────────────────────────────────────────────────────────────────

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_S):
            with suppress(EngineError):  # the cluster was let go meanwhile
                self._meet()

    def _meet(self) -> list[threading.Thread]:
        """Begin with the nodes that have come; use those no more that have left."""
        nodes = {node.id: node for node in self._cluster.nodes()}
        for worker in self._pool.workers:
            if worker.actor.node.id not in nodes:
                self._lose(worker, "it left the cluster")
        new = [node for name, node in nodes.items() if name not in self._known]
        self._known |= {node.id for node in new}
        return [_begin(self._bring, node) for node in new]

    def _lose(self, worker: WorkerNode, reason: str) -> None:
        """Use a node no more; another process may be started on it where it is still there."""
        if self._stopping.is_set() or not self._pool.drop(worker):
            return
        node = worker.actor.node
        self._say(f"node {node.name} is given up: {reason}")
        worker.actor.kill()
        self._leases.append(worker.lease)
        self._known.discard(node.id)
        for other in self._pool.workers:
            with suppress(ArenaError):
                other.actor.call("reap", [worker.lease], timeout_s=CLOSE_S)


def _dismiss(worker: WorkerNode) -> None:
    with suppress(ArenaError):
        worker.actor.call("close", timeout_s=CLOSE_S)
    worker.actor.kill()


def keep(files: Sequence[File], folder: AnyPath) -> None:
    """Write a trial's files; a `HarnessError` where the disk is full or broken."""
    try:
        write_files(folder, files)
    except (OSError, InputError) as error:
        raise HarnessError(f"{folder}: cannot be written: {error}") from error


def _begin(work: Callable[..., object], *args: object) -> threading.Thread:
    begun = threading.Thread(target=work, args=args, daemon=True)
    begun.start()
    return begun


@contextmanager
def remote(address: str, tasks: Sequence[Task], setup: RunSetup, say: Say) -> Iterator[RayHost]:
    """A host of a running cluster's nodes; an `InputError` where none answers or can be used."""
    with ray.connect(address) as cluster:
        made = RayHost(cluster, tasks, setup, say)
        try:
            made.start()
            yield made
        finally:
            made.stop()
