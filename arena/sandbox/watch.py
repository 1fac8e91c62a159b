"""Two quiet threads per engine: what the kernel killed for memory, and whose disk use grows."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena.errors import EngineError
from arena.sandbox.container import DockerSandbox
from arena.sandbox.docker import Connection

_INTERVAL_S = 0.5
_ALWAYS_S = 5.0
"""Longest time between two measurements, whatever the file system says."""
_BYTES_STEP = 8 << 20
_FILES_STEP = 5_000
"""Growth of the engine's file system since the last measurement that calls for another one."""
_RETRY_S = 1.0
_BYTES_PER_FILE = 4096
"""Files count as at least this much, so that empty ones count too."""

Running = Callable[[], dict[str, DockerSandbox]]


class Watch:
    """Tells running sandboxes what they cannot see themselves, and ends those that fill the disk.

    Args:
        connection: the engine.
        label: marks the containers of one engine object.
        running: the sandboxes now running, by container id.
    """

    def __init__(self, connection: Connection, label: str, running: Running) -> None:
        self._connection = connection
        self._label = label
        self._running = running
        self._stop = threading.Event()
        self._events: Any = None
        self._root: Path | None = None
        self._uppers: dict[str, Path] = {}
        self._last = (0, 0, 0.0)

    def start(self) -> None:
        """Start both threads; they end with `stop`, or with the process."""
        with self._connection.guard():
            root = Path(self._connection.raw.info().get("DockerRootDir") or "/nonexistent")
        if self._connection.where.startswith("unix:") and root.is_dir():
            self._root = root
        self._subscribe()
        for target in (self._watch_memory, self._watch_disk):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()

    def stop(self) -> None:
        """End both threads."""
        self._stop.set()
        with suppress(Exception):  # the stream may be gone already, with the engine
            self._events.close()

    def _subscribe(self) -> None:
        with self._connection.guard():
            self._events = self._connection.raw.events(
                decode=True, filters={"label": [self._label], "event": ["oom"]}
            )

    def _watch_memory(self) -> None:
        while not self._stop.is_set():
            with suppress(Exception):  # a broken stream is opened again; calls report the engine
                for event in self._events:
                    sandbox = self._running().get(event.get("id", ""))
                    if sandbox:
                        sandbox.notice("memory")
            if self._stop.wait(_RETRY_S):
                return
            with suppress(EngineError):
                self._subscribe()

    def _watch_disk(self) -> None:
        while not self._stop.wait(_INTERVAL_S):
            running = self._running()
            if running:
                with suppress(EngineError):
                    self._look(running)

    def _look(self, running: dict[str, DockerSandbox]) -> None:
        """Measure what has grown on the file system, and everything from time to time."""
        used, count = self._usage()
        last_used, last_count, last_time = self._last
        now = time.monotonic()
        overdue = now - last_time > _ALWAYS_S
        if overdue or count - last_count > _FILES_STEP:
            self._count_files(running)
            last_count = count
        if overdue or used - last_used > _BYTES_STEP:
            self._add_up(running)
            last_used = used
        if overdue:
            last_time = now
        self._last = (min(used, last_used), min(count, last_count), last_time)

    def _usage(self) -> tuple[int, int]:
        if self._root is None:
            return 0, 0
        status = os.statvfs(self._root)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        return used, status.f_files - status.f_ffree

    def _add_up(self, running: dict[str, DockerSandbox]) -> None:
        with self._connection.guard():
            found = self._connection.raw.containers(size=True, filters={"label": [self._label]})
        for fields in found:
            sandbox = running.get(fields["Id"])
            size = int(fields.get("SizeRw") or 0)
            if sandbox and size > sandbox.where.limits.disk_mb << 20:
                sandbox.end("disk")

    def _count_files(self, running: dict[str, DockerSandbox]) -> None:
        """Empty files take no room by the engine's reckoning; where they can be seen they do."""
        if self._root is None:
            return
        self._uppers = {ident: path for ident, path in self._uppers.items() if ident in running}
        for ident, sandbox in running.items():
            if ident not in self._uppers:
                self._uppers[ident] = self._upper(ident)
            limit = (sandbox.where.limits.disk_mb << 20) // _BYTES_PER_FILE
            if count_entries(self._uppers[ident], limit) is None:
                sandbox.end("disk")

    def _upper(self, ident: str) -> Path:
        """The folder that holds what a container wrote."""
        with self._connection.guard():
            driver = self._connection.raw.inspect_container(ident).get("GraphDriver") or {}
        return Path((driver.get("Data") or {}).get("UpperDir") or "/nonexistent")


def count_entries(folder: Path, limit: int) -> int | None:
    """Files and folders below `folder`; 0 where it cannot be read, None above `limit`."""
    total = 0
    pending = [str(folder)]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                total += 1
                if total > limit:
                    return None
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
    return total
