"""Sandboxes that remember how much memory they held, asked just before they are killed."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager

from arena.protocols import Engine, Pipe, Sandbox
from arena.records import Change, Entry, ExecResult, File, SandboxLimits
from arena.records.container import WORKDIR

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


class _MeteredSandbox:
    """A sandbox that says what it held when it is killed."""

    def __init__(self, sandbox: Sandbox, engine: MeteredEngine) -> None:
        self._sandbox, self._engine = sandbox, engine
        self._asked = False

    def exec(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        output_limit: int = 1_000_000,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stdin: bytes = b"",
    ) -> ExecResult:
        return self._sandbox.exec(
            argv,
            timeout_s=timeout_s,
            output_limit=output_limit,
            cwd=cwd,
            env=env,
            user=user,
            stdin=stdin,
        )

    def pipe(
        self, argv: Sequence[str], *, user: str | None = None, with_input: bool = True
    ) -> AbstractContextManager[Pipe]:
        return self._sandbox.pipe(argv, user=user, with_input=with_input)

    def put(self, files: Sequence[File], *, owner: int = 0) -> None:
        self._sandbox.put(files, owner=owner)

    def get(self, path: str, *, limit: int) -> Entry:
        return self._sandbox.get(path, limit=limit)

    def know_image(self) -> None:
        self._sandbox.know_image()

    def changes(self, *, limit: int) -> list[Change]:
        return self._sandbox.changes(limit=limit)

    def kill(self) -> None:
        if not self._asked:
            self._asked = True
            said = self._sandbox.exec(["sh", "-c", _ASK], timeout_s=_ASK_SECONDS).stdout
            figures = [int(word) for word in said.split() if word.isdigit()]
            self._engine.note(max(figures, default=0))
        self._sandbox.kill()

    @property
    def resource_ended(self) -> str | None:
        return self._sandbox.resource_ended
