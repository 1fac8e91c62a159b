"""Sandboxes that remember how much memory they held, asked just before they are killed."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from arena.protocols import Engine, Sandbox
from arena.records import SandboxLimits
from arena.records.container import WORKDIR
from arena.sandbox.wrapper import SandboxWrapper

_PEAKS = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
_ASK = "cat " + " ".join(_PEAKS) + " 2>/dev/null"
_ASK_SECONDS = 10.0
_MB = 1 << 20


class MeteredEngine:
    """An engine whose sandboxes are asked for their peak memory. Safe from several threads.

    What runs in a container can lie about it: a figure for people, never for a verdict.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._peak_bytes = 0

    def peak_mb(self) -> float | None:
        """The most that any sandbox so far held, in MiB; None when no kernel told."""
        return round(self._peak_bytes / _MB, 1) if self._peak_bytes else None

    def note(self, peak_bytes: int) -> None:
        """Take in what one sandbox held."""
        with self._lock:
            self._peak_bytes = max(self._peak_bytes, peak_bytes)

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
    ) -> Iterator[Sandbox]:
        """As `Engine.open`."""
        with self._engine.open(
            image,
            limits=limits,
            labels=labels,
            user=user,
            workdir=workdir,
            channel=channel,
            layer=layer,
            volumes=volumes,
        ) as sandbox:
            yield _MeteredSandbox(sandbox, self)

    def check_room(self, since: float) -> None:
        """As `Engine.check_room`."""
        self._engine.check_room(since)


class _MeteredSandbox(SandboxWrapper):
    """A sandbox that says what it held when it is killed."""

    def __init__(self, sandbox: Sandbox, engine: MeteredEngine) -> None:
        super().__init__(sandbox)
        self._engine = engine
        self._asked = False

    def kill(self) -> None:
        if not self._asked:
            self._asked = True
            said = self.exec(["sh", "-c", _ASK], timeout_s=_ASK_SECONDS).stdout
            figures = [int(word) for word in said.split() if word.isdigit()]
            self._engine.note(max(figures, default=0))
        super().kill()
