"""Files of a container as tar, in and out: capped, no link ever followed; work trees compared."""

import base64
import hashlib
import io
import json
import posixpath
import stat as modes
import sys
import tarfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import PurePosixPath
from typing import IO, Any, NamedTuple, cast

from arena.errors import EngineError, HarnessError
from arena.records import Change, Entry, File
from arena.sandbox.docker import NOT_FOUND, Connection, EngineRefusedError

_SYSTEM_MODES = {"tmp": 0o1777, "var/tmp": 0o1777, "root": 0o700}
"""Folders whose mode must survive being named as a parent."""

_BLOCK = 10_240
_END = bytes(1024)
"""Two empty blocks end every tar."""

_TIME = 946_684_800
"""One time for all files, 2000-01-01: the same tree makes the same tar."""


def inside(path: str, workdir: str) -> str:
    """`path` as an absolute, normal path of the container; relative means below the work tree.

    Raises `HarnessError` for a path with `..`, NUL or no name.
    """
    full = path if path.startswith("/") else f"{workdir}/{path}"
    parts = full.split("/")
    if ".." in parts or "\0" in full or parts[-1] in {"", "."}:
        raise HarnessError(f"not the path of a file in a sandbox: {path!r}")
    return "/" + "/".join(part for part in parts if part not in {"", "."})


def pack(files: Iterable[File], *, owner: int, workdir: str | None = None) -> tuple[str, bytes]:
    """Files as a tar, and the folder to unpack it in.

    Every parent folder stands in the tar: the engine then replaces a link or file planted at its
    path by a folder, so that no write is redirected. The work tree itself is not named when
    `workdir` is given, for its owner stays.
    """
    paths = {inside(file.path, workdir or ""): file for file in files}
    below = workdir is not None and all(path.startswith(f"{workdir}/") for path in paths)
    root = workdir if workdir and below else "/"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        made: set[str] = set()
        for path, file in sorted(paths.items()):
            name = posixpath.relpath(path, root)
            for parent in reversed(PurePosixPath(name).parents[:-1]):
                folder = str(parent)
                if folder not in made and f"/{folder}" != workdir:
                    made.add(folder)
                    mode = _SYSTEM_MODES.get(folder, 0o755)
                    tar.addfile(_member(folder, owner, mode, tarfile.DIRTYPE))
            info = _member(name, owner, file.mode)
            info.size = len(file.data)
            tar.addfile(info, io.BytesIO(file.data))
    return root, buffer.getvalue()


class TooMuchError(Exception):
    """A tar from a container is larger than it may be."""


class CutShortError(Exception):
    """A tar from a container has no end: a file changed under the engine's hands."""


class ChunkReader:
    """A file over the chunks that the engine sends, giving up after `limit` bytes."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        self._chunks = iter(chunks)
        self._rest = b""
        self._last = b""
        self._left = limit

    @property
    def complete(self) -> bool:
        """Whether what was read ends as a tar must."""
        while self.read(_BLOCK):
            pass
        return self._last == _END

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes unless the stream ends."""
        parts, have = [self._rest], len(self._rest)
        while have < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._left -= len(chunk)
            if self._left < 0:
                raise TooMuchError
            self._last = (self._last + chunk)[-len(_END) :]
            parts.append(chunk)
            have += len(chunk)
        data = b"".join(parts)
        self._rest = data[size:]
        return data[:size]


def members(
    chunks: Iterable[bytes], *, limit: int
) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """The members of a tar from a container, one after the other.

    Args:
        chunks: the tar as it arrives.
        limit: bytes after which `TooMuchError` is raised.

    Raises `CutShortError` at the end of a tar without an end.
    """
    reader = ChunkReader(chunks, limit)
    with tarfile.open(fileobj=cast("IO[bytes]", reader), mode="r|") as tar:
        while (info := tar.next()) is not None:
            yield info, tar.extractfile(info) if info.isreg() else None
            tar.members = []  # type: ignore[attr-defined]  # else all are kept until the end
    if not reader.complete:
        raise CutShortError


class _Sink:
    """Takes what is written until it is taken away."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def take(self, least: int = 0) -> bytes:
        """Everything written, or nothing while it is less than `least`."""
        if self._size < least:
            return b""
        data = b"".join(self._parts)
        self._parts, self._size = [], 0
        return data


def without(chunks: Iterable[bytes], drop: Callable[[str], bool]) -> Iterator[bytes]:
    """The same tar less the members whose absolute path `drop` names."""
    sink = _Sink()
    with tarfile.open(fileobj=cast("IO[bytes]", sink), mode="w|") as target:
        for info, file in members(chunks, limit=sys.maxsize):
            if not drop(f"/{info.name.removeprefix('./')}"):
                target.addfile(info, file)
            target.members = []  # type: ignore[attr-defined]
            if data := sink.take(_BLOCK * 100):
                yield data
    yield sink.take()


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
            for info, file in members(chunks, limit=limit):
                path = readable(info.name.partition("/")[2])
                if not path or path.split("/", 1)[0] == _NO_HISTORY or info.isdir():
                    continue
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
        node = TreeNode(found.kind, bool(found.mode & 0o100), sha.digest())
        self.nodes[path] = node
        if self._pristine.get(path) == node:
            return
        if size <= _KEEP_FILE_BYTES and self._kept + size <= self._keep:
            self._kept += size
            self._entries[path] = found.model_copy(update={"data": b"".join(parts)} if file else {})

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
    header = connection.path_stat(ident, path)
    if header is None:
        return None
    fields = json.loads(base64.b64decode(header))
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
            info, file = next(members(chunks, limit=limit + (1 << 20)))
            data = file.read(limit + 1) if file else b""
        except TooMuchError:
            return Entry(kind="file", too_large=True)
        except (StopIteration, tarfile.TarError) as error:
            raise EngineError(f"the engine sent no readable copy of {path}") from error
    if len(data) > limit:
        return Entry(kind="file", too_large=True)
    return entry(info, data)


def read_tree(
    connection: Connection, ident: str, workdir: str, pristine: WorkTree | None, *, limit: int
) -> WorkTree:
    """The work tree; a running container is held for a second try if it writes meanwhile."""
    with suppress(CutShortError, tarfile.TarError):
        return _tree(connection, ident, workdir, pristine, limit)
    try:
        with _paused(connection, ident):
            return _tree(connection, ident, workdir, pristine, limit)
    except (EngineRefusedError, CutShortError, tarfile.TarError) as error:
        raise EngineError(f"the engine sent no readable copy of {workdir}") from error


@contextmanager
def _paused(connection: Connection, ident: str) -> Iterator[None]:
    with connection.guard():
        connection.raw.pause(ident)
    try:
        yield
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
