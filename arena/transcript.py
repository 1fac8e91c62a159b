"""A trial's conversation as it happens: JSON Lines, one entry a line, flushed but not synced.

Entries: `message` (as sent or received, verbatim), `call` (one attempt of a model call),
`command` (one command in the sandbox), `note`, `stop`. Each carries `at`, seconds since the start.
"""

import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from arena.errors import HarnessError


class TranscriptFile:
    """Writes one transcript; one trial's own thread or its gateway appends."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._handle = path.open("w", encoding="utf-8", buffering=1)
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def add(self, kind: str, record: Mapping[str, object]) -> None:
        """Append one entry.

        Raises:
            HarnessError: the disk is full.
        """
        at = round(time.monotonic() - self._started, 3)
        # A lone surrogate is legal in JSON from a provider and illegal in UTF-8.
        line = json.dumps({"kind": kind, "at": at, **record}, ensure_ascii=True)
        try:
            with self._lock:
                self._handle.write(line + "\n")
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
