"""The work tree of a container, read in one go and compared with its image's."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import IO, NamedTuple

from arena.records import Change, Entry
from arena.sandbox import archive

_KEEP_FILE_BYTES = 4 << 20
_KEEP_BYTES = 32 << 20
_KEEP_PRISTINE_BYTES = 1 << 20
_CHUNK = 1 << 20
_NO_HISTORY = ".git"
"""At the top of the work tree: the agent's own history is no part of what it changed."""


class Node(NamedTuple):
    """What a comparison looks at: permissions other than the owner's `x` do not count."""

    kind: str
    executable: bool
    digest: bytes


class Tree:
    """The files of a work tree, folders apart, and the content of those that differ from another.

    Args:
        chunks: tar of the work tree's folder, as it arrives.
        pristine: the image's tree; None when this is the image's tree.
        limit: bytes of tar to read; a tree beyond that is `cut`, its rest unknown.
    """

    def __init__(
        self, chunks: Iterable[bytes], pristine: "Tree | None" = None, *, limit: int
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self.cut = False
        self._entries: dict[str, Entry] = {}
        self._kept = 0
        self._keep = _KEEP_BYTES if pristine else _KEEP_PRISTINE_BYTES
        self._pristine: Mapping[str, Node] = pristine.nodes if pristine else {}
        try:
            for info, file in archive.members(chunks, limit=limit):
                path = readable(info.name.partition("/")[2])
                if not path or path.split("/", 1)[0] == _NO_HISTORY or info.isdir():
                    continue
                if info.islnk():
                    self._link(path, readable(info.linkname.partition("/")[2]))
                else:
                    self._take(path, archive.entry(info, b""), file)
        except archive.TooMuchError:
            self.cut = True

    def changes(self, *, limit: int) -> list[Change]:
        """Paths that differ, sorted, at most `limit` + 1."""
        pristine = self._pristine
        kinds = {
            path: "modified" if path in pristine else "added"
            for path, node in self.nodes.items()
            if pristine.get(path) != node
        }
        if not self.cut:
            kinds |= dict.fromkeys(pristine.keys() - self.nodes.keys(), "deleted")
        return [
            Change.model_validate({"path": path, "kind": kinds[path]})
            for path in sorted(kinds)[: limit + 1]
        ]

    def get(self, path: str) -> Entry | None:
        """What was at a path that differs, where its content was kept."""
        return self._entries.get(path)

    def _take(self, path: str, entry: Entry, file: IO[bytes] | None) -> None:
        sha = hashlib.sha256(entry.data)
        parts: list[bytes] = []
        size = 0
        while file and (chunk := file.read(_CHUNK)):
            sha.update(chunk)
            size += len(chunk)
            if size <= _KEEP_FILE_BYTES:
                parts.append(chunk)
        node = Node(entry.kind, bool(entry.mode & 0o100), sha.digest())
        self.nodes[path] = node
        if self._pristine.get(path) == node:
            return
        if size <= _KEEP_FILE_BYTES and self._kept + size <= self._keep:
            self._kept += size
            self._entries[path] = entry.model_copy(update={"data": b"".join(parts)} if file else {})

    def _link(self, path: str, target: str) -> None:
        """A second name of a file that stands earlier in the tar."""
        node = self.nodes.get(target)
        if node is None:  # the first name lies in a part that is not looked at
            node = Node("other", executable=False, digest=b"")
        self.nodes[path] = node
        if target in self._entries:
            self._entries[path] = self._entries[target]


def readable(name: str) -> str:
    """A file name as text; bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
