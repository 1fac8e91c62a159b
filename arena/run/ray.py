"""Objects of ours on the nodes of a Ray cluster, and a line home. The only importer of ray.

An object on a node is an actor, which the driver calls. What it asks in turn goes through a
mailbox, an actor beside the driver, to a method of the object that `Cluster.listen` was given.
"""

import asyncio
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from typing import Any

from arena.errors import ArenaError, EngineError, HarnessError, InputError
from arena.records import Record

CONNECT_S = 5.0
CLOSE_S = 10.0
ASKING = 4096
"""Questions that may wait for their answers at once."""


class LostError(EngineError):
    """An actor, its process or its node is gone, or cannot be reached."""


class Node(Record):
    """One machine of the cluster."""

    id: str
    name: str


Ask = Callable[..., Any]
"""Calls a method of the driver's object, by name, from any thread; its `ArenaError` is raised."""


class RemoteActor:
    """An object on a node, as the driver sees it."""

    def __init__(self, cluster: "Cluster", node: Node, actor: Any) -> None:
        self.node = node
        self._cluster = cluster
        self._actor = actor

    def call(self, method: str, *args: object, timeout_s: float | None = None) -> Any:
        """Call a method and wait; raises its `ArenaError`, a `LostError` of a node that is gone."""
        with self._cluster.in_use() as ray:
            reply = getattr(self._actor, method).remote(*args)
            return _value(ray, reply, f"node {self.node.name}", timeout_s)

    def kill(self) -> None:
        """End the process that holds the object; what waits for a call of it gets `LostError`."""
        with suppress(LostError), self._cluster.in_use() as ray:
            ray.kill(self._actor)


class Cluster:
    """A connection to a running cluster; `connect` makes one."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._mailbox: Any = None
        self._actors: list[RemoteActor] = []
        self._pool = ThreadPoolExecutor(ASKING, thread_name_prefix="gate")
        self._condition = threading.Condition()
        self._uses = 0
        self._closed = False

    @contextmanager
    def in_use(self) -> Iterator[Any]:
        """The module ray, which crashes when let go under another thread; then a `LostError`."""
        with self._condition:
            if self._closed:
                raise LostError("the cluster was let go")
            self._uses += 1
        try:
            yield self._ray
        finally:
            with self._condition:
                self._uses -= 1
                self._condition.notify_all()

    def nodes(self) -> list[Node]:
        """The machines that are there now and take work, as those without CPUs do not."""
        with self.in_use() as ray:
            listed = ray.nodes()
        found = [
            Node(id=one["NodeID"], name=one["NodeManagerAddress"])
            for one in listed
            if one["Alive"] and one["Resources"].get("CPU")
        ]
        return sorted(found, key=lambda node: (node.name, node.id))

    def listen(self, answering: object) -> None:
        """Let an object's methods answer what actors ask; they are called from many threads."""
        with self.in_use() as ray:
            here = ray.get_runtime_context().get_node_id()
            self._mailbox = self._actor(_Mailbox, here, ASKING)
        threading.Thread(target=self._deliver, args=(answering,), daemon=True).start()

    def share(self, value: object) -> object:
        """Give it to `RemoteActor.call` in place of the value: a node fetches it only once."""
        with self.in_use() as ray:
            return ray.put(value)

    def start(self, node: Node, made_of: type, threads: int) -> RemoteActor:
        """Put an object on a node, which takes so many calls at once.

        Its class must be importable there, and is given the way to ask the driver (`Ask`).
        """
        with self.in_use():
            made = self._actor(made_of, node.id, threads, partial(_ask, self._mailbox))
        actor = RemoteActor(self, node, made)
        self._actors.append(actor)
        return actor

    def close(self) -> None:
        """End everything of ours on the cluster and let go of it."""
        for actor in self._actors:
            actor.kill()
        if self._mailbox is not None:
            self._ray.kill(self._mailbox)
        with self._condition:
            self._closed = True
            unused = self._condition.wait_for(lambda: self._uses == 0, CLOSE_S)
        self._pool.shutdown(wait=False, cancel_futures=True)
        if unused:
            self._ray.shutdown()

    def _actor(self, made_of: type, node: str, threads: int, *args: object) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node, soft=False)
        options = {"num_cpus": 0, "max_concurrency": threads, "scheduling_strategy": there}
        return self._ray.remote(made_of).options(**options).remote(*args)

    def _deliver(self, answering: object) -> None:
        with suppress(LostError), self.in_use() as ray, suppress(ray.exceptions.RayError):
            while True:
                for number, method, args in ray.get(self._mailbox.take.remote()):
                    self._pool.submit(self._answer, answering, number, method, args)

    def _answer(self, answering: object, number: int, method: str, args: Sequence[object]) -> None:
        reply = answer_of(answering, method, args)
        with suppress(LostError), self.in_use():
            self._mailbox.answer.remote(number, *reply)


@contextmanager
def connect(address: str) -> Iterator[Cluster]:
    """Connect to the cluster whose head is at `host:port`, or at `auto` to this machine's.

    It is an `InputError` where no cluster of this version answers.
    """
    import ray  # 80 MB that few need

    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    where = f"Ray address {address!r}"
    remedy = "give host:port of a running cluster's head, as 'ray start --head' prints it"
    _knock(address, where, remedy)
    try:
        ray.init(address, namespace="arena", log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(_last_line(error), where=where, remedy=remedy) from None
    cluster = Cluster(ray)
    with redirect_stdout(sys.stderr):  # ray prints there what it hears of nodes that died
        try:
            yield cluster
        finally:
            cluster.close()


def _knock(address: str, where: str, remedy: str) -> None:
    """Ray itself takes over a minute to find that nobody is there, and then ends the process."""
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InputError("is not host:port", where=where, remedy=remedy)
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"nobody answers ({error})", where=where, remedy=remedy) from None


# ── on the cluster ─────────────────────────────────────────────────────────────────────────────


class _Mailbox:
    """Carries questions to the driver, which no actor can call, and answers back."""

    def __init__(self) -> None:
        self._questions: asyncio.Queue[tuple[int, str, Sequence[object]]] = asyncio.Queue()
        self._waiting: dict[int, asyncio.Future[object]] = {}
        self._number = 0

    async def ask(self, method: str, args: Sequence[object]) -> object:
        self._number += 1
        number = self._number
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._questions.put_nowait((number, method, args))
        return await answer

    async def take(self) -> list[tuple[int, str, Sequence[object]]]:
        questions = [await self._questions.get()]
        while not self._questions.empty():
            questions.append(self._questions.get_nowait())
        return questions

    async def answer(self, number: int, value: object, error: ArenaError | None) -> None:
        waiting = self._waiting.pop(number)
        if error is None:
            waiting.set_result(value)
        else:
            waiting.set_exception(error)


def _ask(mailbox: Any, method: str, *args: object) -> Any:
    import ray

    try:
        return _value(ray, mailbox.ask.remote(method, args), "the run")
    except LostError as error:  # no engine's doing
        raise HarnessError(str(error)) from error


def answer_of(
    answering: object, method: str, args: Sequence[object]
) -> tuple[object, ArenaError | None]:
    """What a question came to, or its error; always one, for somebody waits for it."""
    try:
        return getattr(answering, method)(*args), None
    except ArenaError as error:
        return None, error
    except Exception as error:  # noqa: BLE001 - whoever asked is to hear of any
        return None, HarnessError(f"{type(error).__name__}: {_last_line(error)}")


def _value(ray: Any, reply: object, who: str, timeout_s: float | None = None) -> Any:
    """What an actor's method returned; an `ArenaError` that it raised is raised here."""
    try:
        return ray.get(reply, timeout=timeout_s)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ArenaError):
            raise error.cause from None
        raise HarnessError(f"{who}: {_last_line(error)}") from error
    except ray.exceptions.RayError as error:
        raise LostError(f"{who} is lost: {_last_line(error)}") from error


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines or [type(error).__name__])[-1][:300]
