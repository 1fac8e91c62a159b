"""A patch as rows to show. Whatever a model wrote is shown; nothing here can fail on it."""

import re
from dataclasses import dataclass
from typing import Literal

from arena.report.escape import plain

LineKind = Literal["add", "del", "same", "hunk", "note"]

MAX_LINES = 5_000
MAX_LINE_CHARS = 2_000
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_HEADER = re.compile(
    r"(index|old mode|new mode|similarity index|dissimilarity index|copy|rename"
    r"|new file mode|deleted file mode|--- |\+\+\+ )"
)


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One row; a line number is None on the side where the line does not exist."""

    kind: LineKind
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class DiffFile:
    """All rows of one file."""

    path: str
    change: Literal["changed", "added", "deleted", "renamed"]
    lines: tuple[DiffLine, ...]

    @property
    def added(self) -> int:
        """Added lines."""
        return sum(line.kind == "add" for line in self.lines)

    @property
    def removed(self) -> int:
        """Removed lines."""
        return sum(line.kind == "del" for line in self.lines)


@dataclass(frozen=True, slots=True)
class Diff:
    """A whole patch; `dropped_lines` of it are not shown."""

    files: tuple[DiffFile, ...]
    dropped_lines: int = 0


class _Reader:
    """Collects rows file by file while the lines of a patch go by."""

    def __init__(self) -> None:
        self.files: list[DiffFile] = []
        self._path = ""
        self._change: Literal["changed", "added", "deleted", "renamed"] = "changed"
        self._lines: list[DiffLine] = []
        self._old = self._new = self._old_left = self._new_left = 0

    def feed(self, line: str) -> None:
        if self._old_left > 0 or self._new_left > 0:
            self._body(line)
        elif line.startswith("diff --git "):
            self.close()
            self._path = line.rsplit(" b/", 1)[-1].strip('"')
        elif hunk := _HUNK.match(line):
            self._old, self._new = int(hunk[1]), int(hunk[3])
            self._old_left, self._new_left = int(hunk[2] or 1), int(hunk[4] or 1)
            self._row("hunk", None, None, line)
        elif _HEADER.match(line):
            self._header(line)
        else:
            self._row("note", None, None, line.removeprefix("\\ "))

    def close(self) -> None:
        if self._path or self._lines:
            self.files.append(DiffFile(self._path, self._change, tuple(self._lines)))
        self._path, self._change, self._lines = "", "changed", []
        self._old_left = self._new_left = 0

    def _header(self, line: str) -> None:
        if line.startswith("new file"):
            self._change = "added"
        elif line.startswith("deleted file"):
            self._change = "deleted"
        elif line.startswith("rename"):
            self._change = "renamed"
        elif line.startswith("+++ b/") and not self._path:
            self._path = line[6:]

    def _body(self, line: str) -> None:
        kind = line[:1]
        if kind == "+":
            self._row("add", None, self._new, line[1:])
        elif kind == "-":
            self._row("del", self._old, None, line[1:])
        elif kind == "\\":
            self._row("note", None, None, line[2:])
            return
        else:
            self._row("same", self._old, self._new, line[1:])
        self._step(old=kind != "+", new=kind != "-")

    def _step(self, *, old: bool, new: bool) -> None:
        self._old, self._old_left = self._old + old, self._old_left - old
        self._new, self._new_left = self._new + new, self._new_left - new

    def _row(self, kind: LineKind, old: int | None, new: int | None, text: str) -> None:
        if len(text) > MAX_LINE_CHARS:
            text = f"{text[:MAX_LINE_CHARS]} … {len(text) - MAX_LINE_CHARS} more characters"
        self._lines.append(DiffLine(kind, old, new, text))


def parse(patch: str) -> Diff:
    """Rows of a unified diff; text that is none comes back as notes."""
    lines = plain(patch).split("\n")
    if lines and not lines[-1]:
        lines.pop()
    reader = _Reader()
    for line in lines[:MAX_LINES]:
        reader.feed(line)
    reader.close()
    return Diff(tuple(reader.files), max(0, len(lines) - MAX_LINES))
