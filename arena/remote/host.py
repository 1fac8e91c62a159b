"""A node's end of a run: its own engine and endpoints, and tries that are told what to do."""

import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

from arena import site
from arena.backend import preflight
from arena.backend.desk import Denial, Leave
from arena.backend.pool import Backends
from arena.errors import FaultError, HarnessError
from arena.executor.ray import Line
from arena.money.budget import Amount
from arena.records import CallBegin, CallEnd, Task
from arena.remote.letters import Announce, Done, GiveUp, Greeting, Keys, Opening, Settle, Shut, Told
from arena.remote.shipment import check, profile_digests, source_digest, unpacked
from arena.sandbox.engine import DockerEngine
from arena.site import LocalSite, Ready
from arena.trial import Job


class Host:
    """What lives on a node while a run lasts. `run` may be called by many threads.

    Args:
        line: to the run.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._ending = threading.Event()
        self._stack = ExitStack()
        self._folder = Path(tempfile.mkdtemp(prefix="arena-"))
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._site: LocalSite | None = None
        self._backends: Backends | None = None
        self._tasks: Mapping[str, Task] = {}

    def greet(self) -> Greeting:
        """Who this is.

        Raises:
            InputError: no engine answers here.
        """
        with DockerEngine.answering() as engine:
            return Greeting(source=source_digest(), engine=engine.host_id())

    def open(self, opening: Opening, keys: Keys, *shipments: bytes) -> Ready:
        """Get ready for trials: tasks, images, agents' programs, endpoints.

        Raises:
            InputError: something has another digest here, or an endpoint cannot be reached.
            EngineError: an image could not be made.
        """
        check(profile_digests(opening.backends), opening.profiles, "backend")
        tasks = unpacked(shipments, self._folder / "packs", opening.tasks)
        self._tasks = {task.id: task for task in tasks}
        backends = Backends(opening.backends, environ=keys.values)
        self._backends = self._stack.enter_context(backends)
        preflight.check(opening.backends)
        made = site.local(tasks, opening.programs, backends, self._say)
        self._site = self._stack.enter_context(made)
        return self._site.ready

    @property
    def _opened(self) -> LocalSite:
        if self._site is None:
            raise HarnessError("the node is not ready")
        return self._site

    def lease(self) -> str:
        """Carried by every container of this node's trials."""
        return self._opened.lease

    def run(self, job: Job, seat: str) -> Done:
        """Run one try; its calls are allowed and accounted for at home, at `seat`.

        Raises:
            EngineError: the engine here is gone.
        """
        task = self._tasks.get(job.task.id)
        check({job.task.id: task.digest if task else ""}, {job.task.id: job.task.digest}, "task")
        assert task is not None
        with self._scratch() as folder, self._opened.place() as place:
            desk = RemoteDesk(self._line, seat, self._ending)
            record = place.run(replace(job, task=task, folder=folder), desk)
            return Done(record, dict(_contents(folder)))

    def reap(self, leases: Sequence[str]) -> None:
        """Remove the containers of lost nodes that this one can see."""
        self._opened.reap(leases)

    def close(self) -> None:
        """End what runs and remove all that is here."""
        self._ending.set()
        if self._backends is not None:
            self._backends.close()
        if self._site is not None:
            self._site.stop()
        self._stack.close()

    def _say(self, text: str) -> None:
        self._line.ask(Told(f"{socket.gethostname()}: {text}"))

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A trial's folder until its files are on their way home."""
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            yield Path(name)


def _contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


class RemoteDesk:
    """`arena.backend.desk.Desk` for a trial whose run is elsewhere: one round trip a method."""

    def __init__(self, line: Line, seat: str, ending: threading.Event) -> None:
        self._line = line
        self._seat = seat
        self._ending = ending

    def announce(self, begin: CallBegin, held: Amount) -> Leave | Denial:
        return cast("Leave | Denial", self._line.ask(Announce(self._seat, begin, held)))

    def settle(self, end: CallEnd, spent: Amount, retry_after_s: float | None) -> None:
        self._line.ask(Settle(self._seat, end, spent, retry_after_s))

    def give_up(self, call_id: str) -> None:
        self._line.ask(GiveUp(self._seat, call_id))

    def pause(self, seconds: float) -> None:
        if self._ending.wait(seconds):
            raise HarnessError("the run is ending")

    def shut(self) -> None:
        with suppress(FaultError):  # where nobody hears it, no call is let go either
            self._line.ask(Shut(self._seat))
