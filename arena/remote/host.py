"""A node's end of a run: its own engine and endpoints, and tries that are told what to do."""

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from arena import site
from arena.backend import preflight
from arena.backend.desk import Denial, Leave
from arena.backend.pool import Backends
from arena.errors import FaultError, HarnessError
from arena.executor.ray import Ask
from arena.money.budget import Amount
from arena.program import Program
from arena.records import (
    BackendSpec,
    CallBegin,
    CallEnd,
    FxRate,
    Record,
    SandboxLimits,
    Task,
    TrialRecord,
)
from arena.remote.shipment import source_digest, unpacked
from arena.sandbox.engine import DockerEngine
from arena.site import LocalHost, Ready
from arena.trial import TrialRequest


class NodeInfo(Record):
    """What a node says of itself first."""

    source: str
    """Digest of its copy of Arena."""
    engine: str
    """Id of its container engine, which several nodes may share."""


@dataclass(frozen=True)
class RunSetup:
    """What a run needs of every node, but for its tasks."""

    programs: Mapping[str, Program]
    backends: tuple[BackendSpec, ...]
    fx: tuple[FxRate, ...]
    """Rates of the run."""
    keys: Mapping[str, str] = field(repr=False)
    """By environment variable; shown nowhere and written nowhere."""
    sandbox: SandboxLimits
    concurrency: int


@dataclass(frozen=True)
class TrialResult:
    """A try that ended on a node."""

    record: TrialRecord
    files: Mapping[str, bytes]
    """Of the trial's folder, by path in it."""


class NodeHost:
    """What lives on a node while a run lasts. `run` may be called by many threads.

    Args:
        ask: reaches the run.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._ending = threading.Event()
        self._stack = ExitStack()
        self._folder = Path(tempfile.mkdtemp(prefix="arena-"))
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._host: LocalHost | None = None
        self._backends: Backends | None = None
        self._tasks: Mapping[str, Task] = {}

    def info(self) -> NodeInfo:
        """Who this is.

        Raises:
            InputError: no engine answers here.
        """
        with DockerEngine.answering() as engine:
            return NodeInfo(source=source_digest(), engine=engine.host_id())

    def open(self, setup: RunSetup, digests: Mapping[str, str], *packs: bytes) -> Ready:
        """Get ready for trials: tasks, images, agents' programs, endpoints.

        Raises:
            InputError: something has another digest here, or an endpoint cannot be reached.
            EngineError: an image could not be made.
        """
        tasks = unpacked(packs, self._folder / "packs", digests)
        self._tasks = {task.id: task for task in tasks}
        backends = Backends(setup.backends, fx=setup.fx, environ=setup.keys)
        self._backends = self._stack.enter_context(backends)
        preflight.check(setup.backends)
        made = site.local(tasks, setup.programs, backends, self._say)
        self._host = self._stack.enter_context(made)
        return self._host.ready

    @property
    def _opened(self) -> LocalHost:
        if self._host is None:
            raise HarnessError("the node is not ready")
        return self._host

    def run(self, request: TrialRequest, seat: str) -> TrialResult:
        """Run one try; its calls are allowed and accounted for at home, at `seat`.

        Raises:
            EngineError: the engine here is gone.
        """
        task = self._tasks[request.task.id]
        # Its files are on their way home when the folder goes
        with (
            tempfile.TemporaryDirectory(dir=self._folder) as folder_name,
            self._opened.slot() as run,
        ):
            folder = Path(folder_name)
            desk = RemoteDesk(self._ask, seat, self._ending)
            record = run(replace(request, task=task, folder=folder), desk)
            return TrialResult(record, dict(_contents(folder)))

    def reap(self, leases: Sequence[str]) -> None:
        """Remove the containers of lost nodes that this one can see."""
        self._opened.reap(leases)

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


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


class RemoteDesk:
    """`arena.backend.desk.Desk` for a trial whose run is elsewhere: one round trip a method."""

    def __init__(self, ask: Ask, seat: str, ending: threading.Event) -> None:
        self._ask = ask
        self._seat = seat
        self._ending = ending

    def announce(self, begin: CallBegin, held: Amount) -> Leave | Denial:
        return cast("Leave | Denial", self._ask("announce", self._seat, begin, held))

    def settle(self, end: CallEnd, spent: Amount, retry_after_s: float | None) -> None:
        self._ask("settle", self._seat, end, spent, retry_after_s)

    def give_up(self, call_id: str) -> None:
        self._ask("give_up", self._seat, call_id)

    def pause(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise HarnessError("the run is ending")

    def shut(self) -> None:
        with suppress(FaultError):  # where nobody hears it, no call is let go either
            self._ask("shut", self._seat)
