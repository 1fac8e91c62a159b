"""Files as tar, in and out of containers: capped, and no link is ever followed."""

import io
import posixpath
import stat
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, cast

from arena.errors import HarnessError
from arena.records import Entry, File

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
            for parent in _parents(name):
                if parent not in made and f"/{parent}" != workdir:
                    made.add(parent)
                    tar.addfile(_folder(parent, owner))
            info = _member(name, owner, file.mode)
            info.size = len(file.data)
            tar.addfile(info, io.BytesIO(file.data))
    return root, buffer.getvalue()


class TooMuchError(Exception):
    """A tar from a container is larger than it may be."""


class CutShortError(Exception):
    """A tar from a container has no end: a file changed under the engine's hands."""


class ChunkReader(io.RawIOBase):
    """A file over the chunks that the engine sends, giving up after `limit` bytes."""

    def __init__(self, chunks: Iterable[bytes], limit: int) -> None:
        super().__init__()
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

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
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


class _Sink(io.RawIOBase):
    """Takes what is written until it is taken away."""

    def __init__(self) -> None:
        super().__init__()
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
    mode = stat.S_IMODE(info.mode)
    if info.isreg() or info.islnk():
        return Entry(kind="file", data=data, mode=mode)
    if info.issym():
        return Entry(kind="symlink", data=info.linkname.encode("utf-8", "surrogateescape"))
    return Entry(kind="directory" if info.isdir() else "other", mode=mode)


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    for count in range(1, len(parts)):
        yield "/".join(parts[:count])


def _folder(name: str, owner: int) -> tarfile.TarInfo:
    info = _member(name, owner, _SYSTEM_MODES.get(name, 0o755))
    info.type = tarfile.DIRTYPE
    return info


def _member(name: str, owner: int, mode: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.uid = info.gid = owner
    info.mode = mode
    info.mtime = _TIME
    return info
