"""Files of a container as tar, in and out: capped, no link ever followed; work trees compared."""

import hashlib
import io
import posixpath
import stat as modes
import sys
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import IO, Any, cast

from arena.errors import EngineError, HarnessError
from arena.records import Change, Entry, File
from arena.sandbox.docker import NOT_FOUND, Connection, EngineRefusedError

_SYSTEM_MODES = {"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700}
"""Folders whose mode must survive being named as a parent."""

_END = bytes(1024)
"""Two empty blocks end every tar."""

_TIME = 946_684_800
"""One time for all files, 2000-01-01: the same tree makes the same tar."""


def inside(path: str, workdir: str) -> str:
    """Absolute and normal; relative is below `workdir`. `HarnessError` for `..`, NUL or no name."""
    full = path if path.startswith("/") else f"{workdir}/{path}"
    parts = full.split("/")
    if ".." in parts or "\0" in full or parts[-1] in {"", "."}:
        raise HarnessError(f"not the path of a file in a sandbox: {path!r}")
    return "/" + "/".join(part for part in parts if part not in {"", "."})


def pack(files: Iterable[File], *, owner: int, workdir: str | None = None) -> bytes:
    """Files as a tar, to be unpacked in the work tree that all of them lie in, else in `/`.

    Every parent folder but the work tree, whose owner stays, is in it: the engine then replaces a
    link or file planted at its path by a folder, so that no write is redirected.
    """
    paths = {inside(file.path, workdir or ""): file for file in files}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        made: set[str] = set()
        for path, file in sorted(paths.items()):
            name = posixpath.relpath(path, workdir or "/")
            for parent in reversed(PurePosixPath(name).parents[:-1]):
                folder = str(parent)
                if folder not in made:
                    made.add(folder)
                    mode = _SYSTEM_MODES.get(folder, 0o755)
                    tar.addfile(_member(folder, owner, mode, tarfile.DIRTYPE))
            info = _member(name, owner, file.mode)
            info.size = len(file.data)
            tar.addfile(info, io.BytesIO(file.data))
    return buffer.getvalue()


class TooMuchError(Exception):
    """A tar from a container is larger than it may be."""


class CutShortError(Exception):
    """A tar from a container has no end: a file changed under the engine's hands."""


class _Chunks:
    """A file over the chunks that the engine sends, giving up after `limit` bytes."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._chunks = iter(chunks)
        self._left = limit
        self.tail = b""
        """The last bytes that were read."""

    def read(self, _size: int = 0) -> bytes:
        """The next chunk, of whatever size; `tarfile` reads on where it needs more."""
        chunk = next(self._chunks, b"")
        self._left -= len(chunk)
        if self._left < 0:
            raise TooMuchError
        self.tail = (self.tail + chunk)[-len(_END) :]
        return chunk


def members(
    chunks: Iterable[bytes], *, limit: int
) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """The members of a tar from a container, as it arrives. Raises `TooMuchError` after `limit`
    bytes, `CutShortError` at the end of a tar without an end.
    """
    reader = _Chunks(chunks, limit)
    with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r|") as tar:
        while (info := tar.next()) is not None:
            yield info, tar.extractfile(info) if info.isreg() else None
            tar.members = []  # type: ignore[attr-defined]  # else all are kept until the end
    while reader.read():
        pass
    if reader.tail != _END:
        raise CutShortError


def without(chunks: Iterable[bytes], drop: frozenset[str]) -> Iterator[bytes]:
    """The same tar less what lies at absolute paths, or below them."""
    written: list[bytes] = []
    sink = cast("IO[bytes]", SimpleNamespace(write=written.append))
    with tarfile.open(fileobj=sink, mode="w|") as target:
        for info, file in members(chunks, limit=sys.maxsize):
            path = PurePosixPath("/", info.name)
            if drop.isdisjoint(map(str, (path, *path.parents))):
                target.addfile(info, file)
            target.members = []  # type: ignore[attr-defined]
            yield from written
            written.clear()
    yield from written


def entry(info: tarfile.TarInfo, data: bytes) -> Entry:
    """A member as a record; a hard link must have been resolved by the caller."""
    mode = modes.S_IMODE(info.mode)
    if info.isreg() or info.islnk():
        return Entry(kind="file", data=data, mode=mode)
    if info.issym():
        return Entry(kind="symlink", data=info.linkname.encode("utf-8", "surrogateescape"))
    return Entry(kind="directory" if info.isdir() else "other", mode=mode)


def _member(name: str, owner: int, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.uid = info.gid = owner
    info.mode, info.type, info.mtime = mode, kind, _TIME
    return info


# ── through the engine ─────────────────────────────────────────────────────────────────────────

_KEEP_FILE_BYTES = 4 << 20
_KEEP_BYTES = 32 << 20
_KEEP_PRISTINE_BYTES = 1 << 20
_NAMES_CHARS = 128 << 20
"""Of all paths of a tree together, which are kept whatever their files hold."""
_CHUNK = 1 << 20
_NO_HISTORY = ".git"
"""At the top of the work tree: the agent's own history is no part of what it changed."""


TreeNode = tuple[str, bool, bytes]
"""What a comparison looks at: kind, whether its owner may execute it, and digest of the content."""


class WorkTree:
    """The files of a work tree, folders apart, from the tar of its folder as it arrives; and the
    content of those that differ from the image's tree, `pristine`, where this is not that itself.

    A tree beyond `limit` bytes of tar, or with too long names, is `cut`, its rest unknown.
    """

    def __init__(
        self, chunks: Iterable[bytes], pristine: "WorkTree | None" = None, *, limit: int
    ) -> None:
        self.nodes: dict[str, TreeNode] = {}
        self.cut = False
        self._entries: dict[str, Entry] = {}
        self._kept = 0
        left_chars = _NAMES_CHARS
        self._keep = _KEEP_BYTES if pristine else _KEEP_PRISTINE_BYTES
        self._pristine: Mapping[str, TreeNode] = pristine.nodes if pristine else {}
        try:
            for info, file in members(chunks, limit=limit):
                path = readable(info.name.partition("/")[2])
                if not path or path.split("/", 1)[0] == _NO_HISTORY or info.isdir():
                    continue
                left_chars -= len(path)
                if left_chars < 0:
                    self.cut = True
                    break
                if info.islnk():
                    self._link(path, readable(info.linkname.partition("/")[2]))
                else:
                    self._take(path, entry(info, b""), file)
        except TooMuchError:
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

    def _take(self, path: str, found: Entry, file: IO[bytes] | None) -> None:
        sha = hashlib.sha256(found.data)
        parts: list[bytes] = []
        size = 0
        while file and (chunk := file.read(_CHUNK)):
            sha.update(chunk)
            size += len(chunk)
            if size <= _KEEP_FILE_BYTES:
                parts.append(chunk)
        self.nodes[path] = (found.kind, bool(found.mode & 0o100), sha.digest())
        if self._pristine.get(path) == self.nodes[path]:
            return
        if size <= _KEEP_FILE_BYTES and self._kept + size <= self._keep:
            self._kept += size
            self._entries[path] = found.model_copy(update={"data": b"".join(parts)} if file else {})

    def _link(self, path: str, target: str) -> None:
        """A second name of a file that stands earlier in the tar, or in what is not looked at."""
        self.nodes[path] = self.nodes.get(target, ("other", False, b""))
        if target in self._entries:
            self._entries[path] = self._entries[target]


def readable(name: str) -> str:
    """A file name as text; bytes that are not UTF-8 become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


_GO_FOLDER = 1 << 31
_GO_SPECIAL = _GO_FOLDER | 1 << 27 | 0b111 << 24 | 1 << 21 | 1 << 19
"""The engine writes modes as Go does: a folder, and everything that is no regular file."""


def read(connection: Connection, ident: str, path: str, *, limit: int, ours: bool = False) -> Entry:
    """What is at an absolute path; a path through a link leads nowhere. Its first component is not
    looked at, for `/` belongs to root; nor is any where all folders on the way are `ours`.
    """
    parts = path.strip("/").split("/")
    for count in range(2, len(parts)) if not ours else ():
        parent = connection.path_stat(ident, "/" + "/".join(parts[:count]))
        if parent is None or not parent["mode"] & _GO_FOLDER:
            return Entry(kind="absent")
    try:
        with _archive(connection, ident, path) as (chunks, status):
            if not status["mode"] & _GO_SPECIAL and status["size"] > limit:
                return Entry(kind="file", too_large=True)
            if status["mode"] & _GO_FOLDER:
                return Entry(kind="directory")
            info, file = next(members(chunks, limit=limit + (1 << 20)))
            data = file.read(limit + 1) if file else b""
    except EngineRefusedError as error:
        if error.status == NOT_FOUND:
            return Entry(kind="absent")
        raise
    except TooMuchError:
        return Entry(kind="file", too_large=True)
    except (StopIteration, tarfile.TarError) as error:
        raise EngineError(f"the engine sent no readable copy of {path}") from error
    return entry(info, data) if len(data) <= limit else Entry(kind="file", too_large=True)


def read_tree(
    connection: Connection, ident: str, workdir: str, pristine: WorkTree | None, *, limit: int
) -> WorkTree:
    """The work tree; a running container is held for a second try if it writes meanwhile."""

    def read_once() -> WorkTree:
        with _archive(connection, ident, workdir) as (chunks, _):
            return WorkTree(chunks, pristine, limit=limit)

    with suppress(CutShortError, tarfile.TarError):
        return read_once()
    try:
        connection.raw.pause(ident)
        try:
            return read_once()
        finally:
            connection.raw.unpause(ident)
    except (EngineRefusedError, CutShortError, tarfile.TarError) as error:
        raise EngineError(f"the engine sent no readable copy of {workdir}") from error


def put(
    connection: Connection,
    ident: str,
    files: Iterable[File],
    *,
    owner: int,
    workdir: str | None = None,
) -> None:
    """Lay files into a container, as `pack` makes them a tar."""
    connection.raw.put_archive(ident, workdir or "/", pack(files, owner=owner, workdir=workdir))


@contextmanager
def _archive(
    connection: Connection, ident: str, path: str
) -> Iterator[tuple[Iterator[bytes], dict[str, Any]]]:
    """What is at a path as a tar, and what the engine says of it."""
    with connection.guard():
        chunks, status = connection.raw.get_archive(ident, path)
        with closing(chunks):
            yield chunks, status
