"""Files of a container through the engine, and its work tree compared with its image's."""

import base64
import hashlib
import json
import tarfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import IO, NamedTuple

from arena.errors import EngineError
from arena.records import Change, Entry
from arena.sandbox import archive
from arena.sandbox.docker import NOT_FOUND, Connection, EngineRefusedError

_KEEP_FILE_BYTES = 4 << 20
_KEEP_BYTES = 32 << 20
_KEEP_PRISTINE_BYTES = 1 << 20
_CHUNK = 1 << 20
_NO_HISTORY = ".git"
"""At the top of the work tree: the agent's own history is no part of what it changed."""


class TreeNode(NamedTuple):
    """What a comparison looks at: permissions other than the owner's `x` do not count."""

    kind: str
    executable: bool
    digest: bytes


class WorkTree:
    """The files of a work tree, folders apart, and the content of those that differ from another.

    Args:
        chunks: tar of the work tree's folder, as it arrives.
        pristine: the image's tree; None when this is the image's tree.
        limit: bytes of tar to read; a tree beyond that is `cut`, its rest unknown.
    """

    def __init__(
        self, chunks: Iterable[bytes], pristine: "WorkTree | None" = None, *, limit: int
    ) -> None:
        self.nodes: dict[str, TreeNode] = {}
        self.cut = False
        self._entries: dict[str, Entry] = {}
        self._kept = 0
        self._keep = _KEEP_BYTES if pristine else _KEEP_PRISTINE_BYTES
        self._pristine: Mapping[str, TreeNode] = pristine.nodes if pristine else {}
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
        node = TreeNode(entry.kind, bool(entry.mode & 0o100), sha.digest())
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
            node = TreeNode("other", executable=False, digest=b"")
        self.nodes[path] = node
        if target in self._entries:
            self._entries[path] = self._entries[target]


def readable(name: str) -> str:
    """A file name as text; bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


_GO_DIRECTORY = 1 << 31
_GO_SYMLINK = 1 << 27
_GO_OTHER = 0b111 << 24 | 1 << 19 | 1 << 21


class Stat(NamedTuple):
    """What the engine says of a path without reading it. `mode` is written as Go does."""

    size: int
    mode: int

    @property
    def is_folder(self) -> bool:
        """A real folder, not a link to one."""
        return bool(self.mode & _GO_DIRECTORY)

    @property
    def is_regular(self) -> bool:
        """A regular file."""
        return not self.mode & (_GO_DIRECTORY | _GO_SYMLINK | _GO_OTHER)


def stat(connection: Connection, ident: str, path: str) -> Stat | None:
    """What is at `path`, None when nothing is."""
    told = connection.path_stat(ident, path)
    if told is None:
        return None
    fields = json.loads(base64.b64decode(told))
    return Stat(fields["size"], fields["mode"])


def read(connection: Connection, ident: str, path: str, *, limit: int, ours: bool = False) -> Entry:
    """What is at an absolute path; a path through a link leads nowhere.

    The first component is not looked at, for `/` belongs to root; nor is any where all folders on
    the way are `ours`.
    """
    parts = path.strip("/").split("/")
    for count in range(2, len(parts)) if not ours else ():
        parent = stat(connection, ident, "/" + "/".join(parts[:count]))
        if parent is None or not parent.is_folder:
            return Entry(kind="absent")
    try:
        chunks, status = _archive(connection, ident, path)
    except EngineRefusedError as error:
        if error.status == NOT_FOUND:
            return Entry(kind="absent")
        raise
    with closing(chunks):
        if status.is_regular and status.size > limit:
            return Entry(kind="file", too_large=True)
        if status.is_folder:
            return Entry(kind="directory")
        try:
            info, file = next(archive.members(chunks, limit=limit + (1 << 20)))
            data = file.read(limit + 1) if file else b""
        except archive.TooMuchError:
            return Entry(kind="file", too_large=True)
        except (StopIteration, tarfile.TarError) as error:
            raise EngineError(f"the engine sent no readable copy of {path}") from error
    if len(data) > limit:
        return Entry(kind="file", too_large=True)
    return archive.entry(info, data)


def read_tree(
    connection: Connection, ident: str, workdir: str, pristine: WorkTree | None, *, limit: int
) -> WorkTree:
    """The work tree; a running container is held for a second try if it writes meanwhile."""
    try:
        return _tree(connection, ident, workdir, pristine, limit)
    except (archive.CutShortError, tarfile.TarError):
        pass
    try:
        with connection.guard():
            connection.raw.pause(ident)
    except EngineRefusedError as error:
        raise EngineError(f"the engine sent no readable copy of {workdir}") from error
    try:
        return _tree(connection, ident, workdir, pristine, limit)
    except (archive.CutShortError, tarfile.TarError) as error:
        raise EngineError(f"the engine sent no readable copy of {workdir}") from error
    finally:
        with connection.guard():
            connection.raw.unpause(ident)


def write(connection: Connection, ident: str, folder: str, tar: bytes) -> None:
    """Unpack a tar in a folder of the container."""
    with connection.guard():
        connection.raw.put_archive(ident, folder, tar)


def _tree(
    connection: Connection, ident: str, workdir: str, pristine: WorkTree | None, limit: int
) -> WorkTree:
    chunks, _ = _archive(connection, ident, workdir)
    with closing(chunks):
        return WorkTree(chunks, pristine, limit=limit)


def _archive(connection: Connection, ident: str, path: str) -> tuple[Generator[bytes], Stat]:
    with connection.guard():
        chunks, fields = connection.raw.get_archive(ident, path)
    return _guarded(connection, chunks), Stat(fields["size"], fields["mode"])


def _guarded(connection: Connection, chunks: Iterator[bytes]) -> Generator[bytes]:
    with connection.guard():
        yield from chunks
