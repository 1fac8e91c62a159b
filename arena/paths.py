"""Files below a folder that a stranger may have filled: reached through no link, and no other kind.

The folder is named by its user, through links if they like. Below it every part of a path is opened
in the one before; a pipe or a device holds nobody up; what is read has a bound; and what is written
is made beside, then renamed.

A hard link may be read, as backups and installers make them, unless it is another user's than the
folder it lies in. It is never written through: a new file takes its place, and a file that is
appended to must have one name alone.
"""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from arena.errors import InputError

FILE_BYTES = 256 << 20
"""Of a file that is read at once."""
LINE_BYTES = 256 << 20
"""Of a line: more than the longest reply makes of a transcript's."""
TREE_DEPTH = 64
"""Folders inside one another."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FLAGS = {
    "r": os.O_RDONLY,
    "r+": os.O_RDWR,
    "a": os.O_WRONLY | os.O_APPEND | os.O_CREAT,
    "a+": os.O_RDWR | os.O_APPEND | os.O_CREAT,
    "w": os.O_WRONLY | os.O_CREAT | os.O_EXCL,
}
_KINDS = {
    stat.S_IFREG: "a file in the place of a folder",
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}
Mode = Literal["rb", "rb+", "ab", "ab+", "wb"]


@dataclass(frozen=True, slots=True)
class SafePath:
    """A path below a folder.

    Its methods raise `InputError` where a link, or anything but a file or folder, is met, and
    `OSError` as those of `Path` do.
    """

    root: Path
    """The folder that its user named."""
    parts: tuple[str, ...] = ()

    def __truediv__(self, path: str) -> "SafePath":
        parts = tuple(path.split("/"))
        if any(part in {"", ".", ".."} or "\0" in part for part in parts):
            raise InputError(f"{path!r} leads out of its folder", where=str(self))
        return SafePath(self.root, (*self.parts, *parts))

    def __str__(self) -> str:
        return str(self.root.joinpath(*self.parts))

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1] if self.parts else self.root.name

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return Path(self.name).suffix

    @property
    def parent(self) -> "SafePath":
        """The folder it lies in."""
        return SafePath(self.root, self.parts[:-1])

    # ── looking ────────────────────────────────────────────────────────────────────────────────

    def stat(self) -> os.stat_result:
        """What the system says of a file or folder."""
        if not self.parts:
            return self.root.stat()
        with self._parent() as folder:
            found = os.stat(self.name, dir_fd=folder, follow_symlinks=False)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise _refusal(self, _kind(found.st_mode))
        return found

    def exists(self) -> bool:
        """Whether a file or folder is there."""
        return self._mode() != 0

    def is_file(self) -> bool:
        """Whether it is a file."""
        return stat.S_ISREG(self._mode())

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self._mode())

    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        with self._parent() as folder:
            found = os.stat(self.name, dir_fd=folder, follow_symlinks=False)
        return stat.S_ISLNK(found.st_mode)

    def iterdir(self) -> Iterator["SafePath"]:
        """All that lies in a folder, by name; nothing where it is absent."""
        try:
            with self._opened(self.parts) as folder:
                names = sorted(os.listdir(folder))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return
        yield from (SafePath(self.root, (*self.parts, name)) for name in names)

    def files(self, skip: Callable[[str], bool] = lambda _: False) -> Iterator["SafePath"]:
        """Regular files below a folder, if there is one; `skip` is asked of paths from here."""
        pending = [self]
        while pending:
            for path in pending.pop().iterdir():
                if skip("/".join(path.parts[len(self.parts) :])):
                    continue
                if not path.is_dir():
                    yield path
                elif len(path.parts) > TREE_DEPTH:
                    raise _refusal(path, "nested too deeply")
                else:
                    pending.append(path)

    def _mode(self) -> int:
        try:
            return self.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return 0

    # ── reading ────────────────────────────────────────────────────────────────────────────────

    def open(self, mode: Mode) -> IO[bytes]:
        """Open a file; `w` makes a new one in the place of any other."""
        key = mode.replace("b", "")
        if key == "w":
            self.unlink()
        with self._parent(make=bool(_FLAGS[key] & os.O_CREAT)) as folder:
            if self.is_dir():  # which refuses devices too, that may act on being opened
                raise _refusal(self, "a folder in the place of a file")
            opened = os.open(self.name, _FILE | _FLAGS[key], 0o644, dir_fd=folder)
            try:
                self._check(os.fstat(opened), os.fstat(folder), key)
            except BaseException:
                os.close(opened)
                raise
        return os.fdopen(opened, mode)

    def read_bytes(self, limit: int = FILE_BYTES) -> bytes:
        """All of a file."""
        with self.open("rb") as handle:
            if os.fstat(handle.fileno()).st_size > limit:
                raise _refusal(self, f"larger than {limit:,} bytes")
            return handle.read(limit)

    def read_text(self, encoding: str = "utf-8") -> str:
        """All of a text file."""
        return self.read_bytes().decode(encoding)

    def lines(self, offset: int = 0) -> Iterator[bytes]:
        """Lines of a file from an offset, each with its end."""
        with self.open("rb") as handle:
            handle.seek(offset)
            while line := handle.readline(LINE_BYTES + 1):
                if len(line) > LINE_BYTES:
                    raise _refusal(self, f"with a line of more than {LINE_BYTES:,} bytes")
                yield line

    # ── writing ────────────────────────────────────────────────────────────────────────────────

    def mkdir(self) -> None:
        """Make a folder, and those it lies in."""
        with self._opened(self.parts, make=True):
            pass

    def write(self, data: bytes | str, *, mode: int = 0o644, durable: bool = False) -> None:
        """Put a file in place in one step, with the folders it lies in; a text in UTF-8.

        The umask takes from its permissions. A durable one is on the disk on return.
        """
        content = data.encode() if isinstance(data, str) else data
        if self.is_dir():
            raise _refusal(self, "a folder in the place of a file")
        draft = f".{secrets.token_hex(8)}.new"
        with self._parent(make=True) as folder:
            made = os.open(draft, _FILE | _FLAGS["w"], mode, dir_fd=folder)
            try:
                with os.fdopen(made, "wb") as handle:
                    handle.write(content)
                    handle.flush()
                    if durable:
                        os.fsync(made)
                os.rename(draft, self.name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(draft, dir_fd=folder)
                raise

    def rename(self, to: "SafePath") -> None:
        """Move whatever is there to another path of the same disk."""
        with self._parent() as before, to._opened(to.parts[:-1], make=True) as after:  # noqa: SLF001
            os.rename(self.name, to.name, src_dir_fd=before, dst_dir_fd=after)

    def unlink(self) -> None:
        """Remove what is there, unless it is a folder or absent; a link goes, not what it names."""
        with suppress(FileNotFoundError), self._parent() as folder:
            os.unlink(self.name, dir_fd=folder)

    def rmtree(self) -> None:
        """Remove a folder, if it is there, with all that is in it."""
        if self.is_dir():
            with self._parent() as folder:
                shutil.rmtree(self.name, dir_fd=folder)

    def sync_folder(self) -> None:
        """Make the names in the folder that it lies in as durable as what is in them."""
        with self._parent() as folder:
            os.fsync(folder)

    # ── inside ─────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _parent(self, *, make: bool = False) -> Iterator[int]:
        with self._opened(self.parts[:-1], make=make) as folder:
            yield folder

    @contextmanager
    def _opened(self, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        """A folder below the root, opened part by part."""
        if make:
            self.root.mkdir(parents=True, exist_ok=True)
        folder = os.open(self.root, _FOLDER)
        try:
            for depth, name in enumerate(parts, 1):
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=folder)
                try:
                    inner = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                except OSError as error:
                    if error.errno not in {errno.ELOOP, errno.ENOTDIR}:
                        raise
                    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
                    if stat.S_ISREG(mode) and not make:  # nothing can be there
                        raise FileNotFoundError(*error.args, str(self)) from None
                    raise _refusal(SafePath(self.root, parts[:depth]), _kind(mode)) from None
                os.close(folder)
                folder = inner
            yield folder
        finally:
            os.close(folder)

    def _check(self, found: os.stat_result, folder: os.stat_result, key: str) -> None:
        """Refuse what was opened where it may not be read or written."""
        if not stat.S_ISREG(found.st_mode):
            raise _refusal(self, _kind(found.st_mode))
        if found.st_nlink > 1 and (key != "r" or found.st_uid != folder.st_uid):
            raise _refusal(self, "a hard link")


AnyPath = Path | SafePath


def safe(path: AnyPath) -> SafePath:
    """A path, with the folder it lies in as the one that its user named."""
    return path if isinstance(path, SafePath) else SafePath(path.parent, (path.name,))


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def _refusal(path: SafePath, what: str) -> InputError:
    return InputError(
        f"it is {what}",
        where=str(path),
        remedy="only regular files are used below it, in folders that are no links",
    )
