"""A node of a run: its packs, engine and endpoints, the tries sent to it, and its way home."""

import hashlib
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

from arena import resources
from arena.backend.limiter import Denial, LocalRequestGate, Permit
from arena.backend.pool import Backends, check_endpoints
from arena.errors import FaultError, HarnessError, InputError
from arena.money.budget import Amount
from arena.paths import SafePath
from arena.records import (
    BackendSpec,
    CallBegin,
    CallEnd,
    File,
    FxRate,
    SandboxLimits,
    Task,
    TrialRecord,
)
from arena.records.program import Program
from arena.run import hosts
from arena.run.hosts import LocalHost, Ready
from arena.run.ray import Ask
from arena.run.trial import TrialRequest
from arena.sandbox.engine import DockerEngine
from arena.task import pack, plan_ids
from arena.task.files import is_cache, read_files, read_tree, write_files

PACKAGE = Path(__file__).parent.parent
Shipment = list[list[File]]
"""Tasks with what their packs say of them, pack by pack."""


def packed(tasks: Sequence[Task]) -> Shipment:
    """Tasks as they are sent."""
    packs: dict[Path, list[Task]] = {}
    for task in tasks:
        packs.setdefault(task.root.parent, []).append(task)
    return [_files(folder, inside) for folder, inside in packs.items()]


def _files(folder: Path, tasks: Iterable[Task]) -> list[File]:
    inside = SafePath(folder)
    files = [
        File(path=name, data=(inside / name).read_bytes())
        for name in ("pack.toml", plan_ids.FILE)
        if (inside / name).is_file()
    ]
    for name in ("images", *(task.root.name for task in tasks)):
        files += [
            file.model_copy(update={"path": f"{name}/{file.path}"})
            for file in read_tree(inside / name)
        ]
    return files


def unpacked(shipment: Shipment, folder: Path, digests: Mapping[str, str]) -> list[Task]:
    """The tasks, written to a folder; an `InputError` where one is missing or not the run's."""
    tasks: dict[str, Task] = {}
    for number, files in enumerate(shipment):
        root = folder / str(number)
        write_files(root, files)
        for path in root.glob("*/task.toml"):
            tasks |= {task.id: task for task in pack.load(str(path.parent), base=root)}
    other = sorted(n for n, one in digests.items() if n not in tasks or tasks[n].digest != one)
    if other:
        raise InputError(
            f"another digest than the run's: task {', '.join(other)}",
            remedy="install the same version of Arena on every node",
        )
    return [tasks[name] for name in digests]


def source_digest() -> str:
    """Of everything that Arena itself consists of on this machine."""
    found = hashlib.sha256()
    for root in (PACKAGE, resources.sandboxes_dir()):
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not is_cache(name) and not name.startswith("_data/"):
                found.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


@dataclass(frozen=True)
class RunSetup:
    """What a run needs of every node, but for its tasks."""

    programs: Mapping[str, Program]
    backends: tuple[BackendSpec, ...]
    fx: tuple[FxRate, ...]
    keys: Mapping[str, str] = field(repr=False)
    """By environment variable; shown nowhere and written nowhere."""
    sandbox: SandboxLimits
    concurrency: int


class NodeHost:
    """What lives on a node while a run lasts. `run` may be called by many threads."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._ending = threading.Event()
        self._stack = ExitStack()
        self._folder = Path(tempfile.mkdtemp(prefix="arena-"))
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._host: LocalHost | None = None
        self._backends: Backends | None = None
        self._tasks: Mapping[str, Task] = {}

    def info(self) -> tuple[str, str]:
        """Digest of this Arena, and id of the engine here; an `InputError` where none answers."""
        with DockerEngine.answering() as engine:
            return source_digest(), engine.host_id()

    def open(self, setup: RunSetup, digests: Mapping[str, str], shipment: Shipment) -> Ready:
        """Get ready for trials: tasks, images, agents' programs, endpoints.

        Raises:
            InputError: something has another digest here, or an endpoint cannot be reached.
            EngineError: an image could not be made.
        """
        tasks = unpacked(shipment, self._folder / "packs", digests)
        self._tasks = {task.id: task for task in tasks}
        backends = Backends(setup.backends, fx=setup.fx, environ=setup.keys)
        self._backends = self._stack.enter_context(backends)
        check_endpoints(setup.backends)
        made = hosts.local(tasks, setup.programs, backends, self._say)
        self._host = self._stack.enter_context(made)
        return self._host.ready

    def run(self, request: TrialRequest, owner: str) -> tuple[TrialRecord, tuple[File, ...]]:
        """One try's record and files, calls accounted for at `owner`; may be an `EngineError`."""
        assert self._host is not None
        task, gate = self._tasks[request.task.id], RemoteRequestGate(self._ask, owner, self._ending)
        with tempfile.TemporaryDirectory(dir=self._folder) as name, self._host.slot() as run:
            folder = SafePath(Path(name))
            record = run(replace(request, task=task, folder=folder), gate)
            return record, read_files(folder, lambda _: False)

    def reap(self, leases: Sequence[str]) -> None:
        """Remove the containers of lost nodes that this one can see."""
        assert self._host is not None
        for lease in leases:
            self._host.engine.reap_of(lease)

    def close(self) -> None:
        """End what runs and remove all that is here."""
        self._ending.set()
        if self._backends is not None:
            self._backends.close()
        if self._host is not None:
            self._host.stop()
        self._stack.close()

    def _say(self, text: str) -> None:
        self._ask("say", f"{socket.gethostname()}: {text}")


class RemoteRequestGate:
    """The request gate of a trial whose run is elsewhere: one round trip a method."""

    def __init__(self, ask: Ask, owner: str, ending: threading.Event) -> None:
        self._ask = partial(ask, "gate", owner)
        self._ending = ending

    def announce(self, begin: CallBegin, held: Amount) -> Permit | Denial:
        return cast("Permit | Denial", self._ask("announce", begin, held))

    def settle(self, end: CallEnd, spent: Amount, retry_after_s: float | None) -> None:
        self._ask("settle", end, spent, retry_after_s)

    def give_up(self, call_id: str) -> None:
        self._ask("give_up", call_id)

    def pause(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise HarnessError("the run is ending")

    def shut(self) -> None:
        with suppress(FaultError):  # where nobody hears it, no call is let go either
            self._ask("shut")


class RemoteRequestGates:
    """Request gates of trials on nodes, by owner; kept while a call may still be heard of."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self._gates: dict[str, LocalRequestGate] = {}

    def admit(self, owner: str, gate: LocalRequestGate) -> None:
        """A try begins."""
        self._gates[owner] = gate

    def leave(self, owner: str, *, lost: bool) -> None:
        """A try has ended. A lost one's node may live after all, and tell what a call came to."""
        gate = self._gates.get(owner)
        if gate is not None and lost:
            gate.close()
        elif gate is not None:
            gate.shut()
            if gate.idle:
                del self._gates[owner]

    def gate(self, owner: str, method: str, *args: Any) -> Any:
        """Call a method of a try's gate for its node; a `HarnessError` where the trial is over."""
        if (gate := self._gates.get(owner)) is None:
            raise HarnessError("the run has given this trial up")
        return getattr(gate, method)(*args)
