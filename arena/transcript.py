"""A trial's conversation as it happens: JSON Lines, one entry a line, flushed but not synced.

Entries: `message` (as sent or received, verbatim), `call` (one attempt of a model call),
`command` (one command in the sandbox), `note`, `stop`. Each carries `at`, seconds since the start.
"""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from arena.errors import HarnessError
from arena.serialize import lines_writer


class TranscriptFile:
    """Writes one transcript; one trial's own thread or its gateway appends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._handle = path.open("w", encoding="utf-8")
        self._lines = lines_writer(self._handle)
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def add(self, kind: str, record: Mapping[str, object]) -> None:
        """Append one entry.

        Raises:
            HarnessError: the disk is full.
        """
        at = round(time.monotonic() - self._started, 3)
        try:
            with self._lock:
                self._lines.write({"kind": kind, "at": at, **record})
        except OSError as error:
            raise HarnessError(f"{self._path}: cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._handle.close()
