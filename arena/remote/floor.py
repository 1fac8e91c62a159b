"""The nodes of a run that are ready, and the room that each has left."""

import threading
import time
from dataclasses import dataclass

from arena.errors import EngineError, HarnessError
from arena.executor.ray import RemoteActor

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
