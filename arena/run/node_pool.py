"""The nodes of a run: the room that each has left, and the request gates of the trials on them."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from arena.backend.request_gate import LocalRequestGate
from arena.errors import EngineError, HarnessError
from arena.run.ray import RemoteActor


class RemoteRequestGates:
    """What nodes reach of the run: request gates by the trial that owns one, and its log.

    An owner is kept until its try has ended and all its calls have.

    Args:
        say: takes what nodes have to tell.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._lock = threading.Lock()
        self._gates: dict[str, LocalRequestGate] = {}
        self._left: set[str] = set()

    def admit(self, owner: str, gate: LocalRequestGate) -> None:
        """A try begins."""
        with self._lock:
            self._gates[owner] = gate

    def leave(self, owner: str, *, lost: bool) -> None:
        """A try has ended. One that was lost keeps its owner: its node may live after all, and
        what a call of it came to must still be written down.
        """
        with self._lock:
            gate = self._gates.get(owner)
            if gate is None:
                return
            if not lost:
                self._left.add(owner)
        if lost:
            gate.close()
        else:
            gate.shut()
            self._forget(owner)

    def gate(self, owner: str, method: str, *args: Any) -> Any:
        """A node calls a method of the request gate of one of its trials.

        Raises:
            HarnessError: the trial is over, or the disk is full.
        """
        with self._lock:
            if (gate := self._gates.get(owner)) is None:
                raise HarnessError("the run has given this trial up")
        found = getattr(gate, method)(*args)
        self._forget(owner)
        return found

    def say(self, text: str) -> None:
        """A line for whoever watches the run."""
        self._say(text)

    def _forget(self, owner: str) -> None:
        with self._lock:
            gate = self._gates.get(owner)
            if gate is not None and owner in self._left and gate.idle:
                del self._gates[owner]
                self._left.remove(owner)


PATIENCE_S = 120.0
"""How long a run may have no node at all before it gives up."""


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

        Raises:
            EngineError: there has been no node for `PATIENCE_S`.
            HarnessError: the run is ending.
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
