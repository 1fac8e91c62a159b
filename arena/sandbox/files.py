"""Files of a container through the engine, whether the container runs or not."""

import base64
import json
import tarfile
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import NamedTuple

from arena.errors import EngineError
from arena.records import Entry
from arena.sandbox import archive
from arena.sandbox.docker import Connection, RefusedError
from arena.sandbox.tree import Tree

_NOT_FOUND = 404
_GO_DIRECTORY = 1 << 31
_GO_SYMLINK = 1 << 27
_GO_OTHER = 0b111 << 24 | 1 << 19 | 1 << 21
_STAT_HEADER = "X-Docker-Container-Path-Stat"


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
    raw = connection.raw
    with connection.guard():
        reply = raw.head(
            raw._url("/containers/{0}/archive", ident),  # noqa: SLF001
            params={"path": path},
            timeout=raw.timeout,
        )
        if reply.status_code == _NOT_FOUND:
            return None
        raw._raise_for_status(reply)  # noqa: SLF001
    fields = json.loads(base64.b64decode(reply.headers[_STAT_HEADER]))
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
    except RefusedError as error:
        if error.status == _NOT_FOUND:
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
    connection: Connection, ident: str, workdir: str, pristine: Tree | None, *, limit: int
) -> Tree:
    """The work tree; a running container is held for a second try if it writes meanwhile."""
    try:
        return _tree(connection, ident, workdir, pristine, limit)
    except (archive.CutShortError, tarfile.TarError):
        pass
    try:
        with connection.guard():
            connection.raw.pause(ident)
    except RefusedError as error:
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
    connection: Connection, ident: str, workdir: str, pristine: Tree | None, limit: int
) -> Tree:
    chunks, _ = _archive(connection, ident, workdir)
    with closing(chunks):
        return Tree(chunks, pristine, limit=limit)


def _archive(connection: Connection, ident: str, path: str) -> tuple[Generator[bytes], Stat]:
    with connection.guard():
        chunks, fields = connection.raw.get_archive(ident, path)
    return _guarded(connection, chunks), Stat(fields["size"], fields["mode"])


def _guarded(connection: Connection, chunks: Iterator[bytes]) -> Generator[bytes]:
    with connection.guard():
        yield from chunks
