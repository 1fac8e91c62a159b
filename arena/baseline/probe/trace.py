"""Which lines of the tree a piece of code executes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

Line = tuple[str, int]
Local = Callable[[FrameType, str, Any], Any]


class Tracer:
    """Collects (path, line) pairs of the given files between start and stop."""

    def __init__(self, root: str, paths: list[str]) -> None:
        self._known = {os.path.realpath(f"{root}/{path}"): path for path in paths}
        self._files: dict[str, str | None] = {}
        self._lines: set[Line] = set()

    def start(self) -> None:
        """Begin a new collection."""
        self._lines = set()
        sys.settrace(self._enter)

    def stop(self) -> list[Line]:
        """End the collection and return it sorted."""
        sys.settrace(None)
        return sorted(self._lines)

    def path(self, filename: str) -> str | None:
        """Return the tree's own path of a code object's file, None for files from elsewhere."""
        if filename not in self._files:
            self._files[filename] = self._known.get(os.path.realpath(filename))
        return self._files[filename]

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Local | None:
        path = self.path(frame.f_code.co_filename)
        if path is None:
            return None
        lines = self._lines

        def local(frame: FrameType, event: str, _argument: Any) -> Any:
            if event == "line":
                lines.add((path, frame.f_lineno))
            return local

        return local
