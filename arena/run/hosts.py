"""Where tries run: an engine with every image, program and endpoint that the trials need."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Protocol

from arena.backend.limiter import RequestGate
from arena.backend.pool import Backends
from arena.errors import EngineError, InputError
from arena.grading.verify import ExclusiveLock
from arena.records import Record, SandboxLimits, Task, TrialRecord
from arena.records.outcome import MEMORY_SHARE
from arena.records.program import Program
from arena.run.trial import TrialRequest, TrialRunner
from arena.rundir.directory import EngineInfo
from arena.sandbox.docker import Say
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images
from arena.sandbox.image.layer import Layers
from arena.sandbox.image.store import AgentLayer, Image
from arena.task import pack

EXTRAS = {"gateway": ("starlette", "uvicorn", "httptools"), "ray": ("ray",)}
"""Modules that an extra brings."""
PATIENCE_S = 120.0
"""How long an engine may be away: a restart takes seconds, a busy machine's a minute."""


class Ready(Record):
    """What a host has made ready; hosts of one run must not differ in images and layers."""

    images: dict[str, Image]
    """By task id."""
    layers: dict[str, str]
    """Digests of what was installed for external agents, by name."""
    engine: EngineInfo
    lease: str
    """Carried by every container of this host."""

    @property
    def together(self) -> int:
        """Containers of a trial at once, those of its task's services among them."""
        return max((1 + len(image.services) for image in self.images.values()), default=1)

    def fitting(self, sandbox: SandboxLimits) -> int:
        """Trials that fit the engine's memory together, at least one."""
        return max(1, sandbox.fitting(self.engine.memory_mb) // self.together)


RunTrial = Callable[[TrialRequest, RequestGate | None], TrialRecord]
"""Runs one try to its record; without a gate it is a control's, which makes no calls."""


class TrialHost(Protocol):
    """One or more machines that tries run on."""

    @property
    def ready(self) -> Ready:
        """What trials are identified by, the same on every machine of the host."""

    def concurrency(self, asked: int, sandbox: SandboxLimits) -> int:
        """How many trials may be under way at once."""

    def slot(self) -> AbstractContextManager[RunTrial]:
        """Wait for room for one try; a `FaultError` where there is none any more."""

    def stop(self) -> None:
        """End everything that runs and remove it."""


@dataclass(frozen=True)
class LocalHost:
    """One engine that this process uses itself."""

    engine: DockerEngine
    run: RunTrial
    ready: Ready
    say: Say
    _doubted: threading.Event = field(default_factory=threading.Event)
    """Set by a fault of the engine until it has answered again."""
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def concurrency(self, asked: int, sandbox: SandboxLimits) -> int:
        """As asked, or as many as fit the engine's memory together."""
        fitting = self.ready.fitting(sandbox)
        if fitting < asked:
            self.say(
                f"concurrency {fitting} instead of {asked}: {self.ready.together} x"
                f" {sandbox.memory_mb} MB a trial must fit {MEMORY_SHARE:.0%} of the engine's"
                f" {self.ready.engine.memory_mb} MB"
            )
        return min(fitting, asked)

    def slot(self) -> AbstractContextManager[RunTrial]:
        """At once, or after a fault of its engine once that answers; else an `EngineError`."""
        with self._asking:
            if self._doubted.is_set():
                self._wait()
                self._doubted.clear()
        return nullcontext(self._run)

    def _run(self, request: TrialRequest, gate: RequestGate | None) -> TrialRecord:
        record = self.run(request, gate)
        if record.fault is not None and record.fault.kind == "engine":
            self._doubted.set()
        return record

    def _wait(self) -> None:
        began, said = time.monotonic(), False
        while True:
            try:
                self.engine.check()
            except EngineError as error:
                if time.monotonic() - began > PATIENCE_S:
                    raise
                if not said:
                    self.say(f"waiting for the engine up to {PATIENCE_S:.0f} s: {error}")
                said = True
                time.sleep(1.0)
            else:
                return

    def stop(self) -> None:
        """Remove every container: what uses one ends."""
        self.engine.close()


@contextmanager
def local(
    tasks: Sequence[Task], programs: Mapping[str, Program], backends: Backends, say: Say
) -> Iterator[LocalHost]:
    """The host on this machine's engine, with images and agents' programs made where missing.

    Raises:
        InputError: no engine answers, or something that an agent needs is not installed.
        EngineError: the engine broke while images were made.
    """
    if programs:
        check_extra("gateway", ", ".join(programs))
    with DockerEngine.answering() as engine:
        if gone := engine.reap():
            say(f"removed {len(gone)} containers that dead runs had left")
        store = Images(engine, pack.tree_files)
        images = store.ensure(tasks, say)
        with ExitStack() as stack:
            layers: dict[str, AgentLayer] = {}
            gateway = None
            if programs:
                from arena.gateway.server import Gateway  # a web server: not for every run

                base, installed = store.ensure_base(say), Layers(engine.connection)
                for name, program in programs.items():
                    telling = partial(_tell, say, name)
                    layers[name] = installed.ensure(name, program.install, base, telling)
                gateway = stack.enter_context(Gateway())
            ready = Ready(
                images=images,
                layers={name: layer.content for name, layer in layers.items()},
                engine=engine.info(),
                lease=engine.ident,
            )
            held = {name: layer.id for name, layer in layers.items()}
            runner = TrialRunner(engine, backends, images, held, ExclusiveLock(), gateway)
            yield LocalHost(engine, runner.run, ready, say)


def check_extra(extra: str, who: str) -> None:
    """An `InputError` where what an extra brings, which `who` needs, is not installed here."""
    for module in EXTRAS[extra]:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            raise InputError(
                f"{who} needs what is not installed ({error.name} is missing)",
                remedy=f"pip install 'arena-bakeoff[{extra}]'",
            ) from None


def _tell(say: Say, name: str, line: str) -> None:
    say(f"{name}: {line}")
