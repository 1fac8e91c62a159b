"""Two quiet threads per engine: what the kernel killed for memory, and whose disk use grows."""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena.errors import EngineError
from arena.sandbox.container import DockerSandbox
from arena.sandbox.docker import Connection
from arena.sandbox.usage import Usage

_INTERVAL_S = 0.5
_ALWAYS_S = 5.0
"""Longest time between two measurements, whatever the file system says."""
_BYTES_STEP = 8 << 20
_FILES_STEP = 5_000
"""Growth of the engine's file system since the last measurement that calls for another one."""
_ROOM_BYTES = 32 << 20
_ROOM_FILES = 1_000
"""What must be free on the engine's file system: with less, commands fail that need not."""
_RETRY_S = 1.0
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
        self._usage = Usage(connection, None)
        self._given: dict[str, int] = {}
        """By image, what its files take in a container's volumes before anything has run."""
        self._last = (0, 0, 0.0)
        self._full_at = 0.0

    def start(self) -> None:
        """Start both threads; they end with `stop`, or with the process."""
        with self._connection.guard():
            root = Path(self._connection.raw.info().get("DockerRootDir") or "/nonexistent")
        if self._connection.where.startswith("unix:") and root.is_dir():
            self._root = root
        self._usage = Usage(self._connection, self._root)
        self._subscribe()
        for target in (self._watch_memory, self._watch_disk):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()

    def expect(self, ident: str, image: str) -> None:
        """Take in what a container holds before it starts, once for each image."""
        if image not in self._given:
            self._given[image] = self._usage.of({ident: sys.maxsize})[ident]

    def was_full(self, since: float) -> bool:
        """Whether the engine's file system was seen full after a moment of `time.monotonic`."""
        self._file_system()
        return self._full_at >= since

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
                with suppress(EngineError, OSError):
                    self._look(running)

    def _look(self, running: dict[str, DockerSandbox]) -> None:
        """Measure when the file system has grown, and from time to time whatever it says."""
        used, count = self._file_system()
        last_used, last_count, last_time = self._last
        now = time.monotonic()
        grown = used - last_used > _BYTES_STEP or count - last_count > _FILES_STEP
        if grown or now - last_time > _ALWAYS_S:
            self._measure(running)
            self._last = used, count, now
        else:
            self._last = min(used, last_used), min(count, last_count), last_time

    def _file_system(self) -> tuple[int, int]:
        """Bytes and files on the engine's file system."""
        if self._root is None:
            return 0, 0
        status = os.statvfs(self._root)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        few_files = status.f_files and status.f_favail < _ROOM_FILES
        if few_files or status.f_bavail * status.f_frsize < _ROOM_BYTES:
            self._full_at = time.monotonic()
        return used, status.f_files - status.f_ffree

    def _measure(self, running: dict[str, DockerSandbox]) -> None:
        allowed = {
            ident: (box.where.limits.disk_mb << 20) + self._given.get(box.where.image, 0)
            for ident, box in running.items()
        }
        for ident, used in self._usage.of(allowed).items():
            if used > allowed[ident]:
                running[ident].end("disk")
