"""What goes into and comes out of a sandbox."""

from typing import Literal

from arena.records.base import Record


class ExecResult(Record):
    """How a command in a sandbox ended. Anything a command can cause is a result, not an error."""

    exit_code: int | None
    """None when the command did not end by itself."""
    stdout: bytes = b""
    stderr: bytes = b""
    ended: Literal["exited", "timeout", "container_ended"] = "exited"
    truncated_bytes: int = 0
    """Output beyond the limit, drained and dropped."""
    wall_s: float

    @property
    def text(self) -> str:
        """Stdout then stderr, decoded with replacement."""
        return (self.stdout + self.stderr).decode("utf-8", "replace")


class File(Record):
    """A regular file to put into a sandbox; `path` is absolute or relative to the work tree."""

    path: str
    data: bytes
    mode: int = 0o644


class Change(Record):
    """One path of the work tree that differs from the image, as the engine tells it."""

    path: str
    """Relative to the work tree, with `/`."""
    kind: Literal["added", "modified", "deleted"]


class Entry(Record):
    """What is at a path: a regular file, a link, or something that no patch may hold."""

    kind: Literal["file", "symlink", "directory", "other", "absent"]
    data: bytes = b""
    """Content of a file, target of a symlink."""
    mode: int = 0
    too_large: bool = False
