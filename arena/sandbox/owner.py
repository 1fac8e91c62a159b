"""Whose a container, an image or a volume is, and the removal of what dead processes left.

What is kept between runs is marked while a process uses it: in the user's cache folder, under the
digest of what is used.
"""

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from arena.records import Record
from arena.sandbox.docker import Connection, EngineRefusedError

LABEL_OWNER = "arena.owner"
LABEL_ENGINE = "arena.engine"


class Owner(Record):
    """A process of this project, on its machine, in this boot of it."""

    machine: str
    boot: str
    pid_space: str
    pid: int
    started: str
    """Start of the process in clock ticks after the boot: a pid alone is used again."""

    @classmethod
    def current(cls) -> "Owner":
        """This process."""
        pid = os.getpid()
        return cls(
            machine=f"{socket.gethostname()}/{text_at('/etc/machine-id')}",
            boot=text_at("/proc/sys/kernel/random/boot_id"),
            pid_space=_pid_space(),
            pid=pid,
            started=_started(pid),
        )

    def label(self) -> str:
        """As the value of a label."""
        return self.model_dump_json()

    def is_dead(self, here: "Owner") -> bool:
        """Whether the process is known to be gone, seen from `here`; doubt means alive."""
        if self.machine != here.machine:
            return False
        if self.boot != here.boot:
            return True
        return self.pid_space == here.pid_space and _started(self.pid) != self.started


def text_at(path: str | Path) -> str:
    """What a file of the host says; nothing where it cannot be read."""
    with suppress(OSError):
        return Path(path).read_text("utf-8", "replace").strip()
    return ""


def _pid_space() -> str:
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def _started(pid: int) -> str:
    """Field 22 of the process's status, empty when there is no such process."""
    _, _, rest = text_at(f"/proc/{pid}/stat").rpartition(")")
    fields = rest.split()
    return fields[19] if len(fields) > 19 and fields[0] != "Z" else ""


def mark(digest: str) -> None:
    """This process uses something, from now until it ends. Does nothing without a cache folder."""
    folder = _folder(digest)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{os.getpid()}.json").write_text(Owner.current().label())


def last_used(digest: str) -> float | None:
    """Seconds since the epoch of the latest mark."""
    found: list[float] = []
    for path in _marks(digest):
        with suppress(OSError):  # forgotten meanwhile
            found.append(path.stat().st_mtime)
    return max(found, default=None)


def in_use(digest: str) -> bool:
    """Whether a process that marked it may still live."""
    here = Owner.current()
    for path in _marks(digest):
        with suppress(OSError, ValidationError):
            if not Owner.model_validate_json(path.read_text()).is_dead(here):
                return True
    return False


def forget(digest: str) -> None:
    """Drop all marks of what was removed."""
    with suppress(OSError):
        for path in _marks(digest):
            path.unlink()
        _folder(digest).rmdir()


def _marks(digest: str) -> list[Path]:
    return sorted(_folder(digest).glob("*.json"))


def _folder(digest: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "arena" / "images" / digest[:24]


def reap(connection: Connection) -> list[str]:
    """Remove what dead processes left: containers with their networks and volumes, half-built
    images; ids of what was removed. Not what is another machine's, or whose label nobody can read.
    """
    here, gone = Owner.current(), []
    images = connection.raw.images(filters={"label": [LABEL_OWNER]})
    for remove_it, ident, labels in [
        *_labelled(connection, LABEL_OWNER),
        *((remove_image, one["Id"], one["Labels"]) for one in images),
    ]:
        with suppress(ValidationError):
            if Owner.model_validate_json(labels[LABEL_OWNER]).is_dead(here):
                remove_it(connection, ident)
                gone.append(ident)
    return gone


def reap_of(connection: Connection, engine: str) -> None:
    """Remove what carries the id of one engine object of ours."""
    for remove_it, ident, _ in _labelled(connection, f"{LABEL_ENGINE}={engine}"):
        remove_it(connection, ident)


def _labelled(
    connection: Connection, label: str
) -> list[tuple[Callable[[Connection, str], None], str, Mapping[str, str]]]:
    """Containers, then the networks and volumes that they hold: remover, id and labels of each."""
    raw, only = connection.raw, {"label": [label]}
    volumes = raw.volumes(filters=only)["Volumes"] or []
    return [
        *((remove, one["Id"], one["Labels"]) for one in raw.containers(all=True, filters=only)),
        *((remove_network, one["Id"], one["Labels"]) for one in raw.networks(filters=only)),
        *((remove_volume, one["Name"], one["Labels"]) for one in volumes),
    ]


def remove(connection: Connection, ident: str) -> None:
    """Remove a container, running or not, if it is there."""
    with suppress(EngineRefusedError):
        connection.raw.remove_container(ident, force=True, v=True)


def remove_network(connection: Connection, ident: str) -> None:
    """As `remove`; nothing may be on it any more."""
    with suppress(EngineRefusedError):
        connection.raw.remove_network(ident)


def remove_volume(connection: Connection, name: str) -> None:
    """As `remove`; nothing may hold it any more."""
    with suppress(EngineRefusedError):
        connection.raw.remove_volume(name)


def remove_image(connection: Connection, name: str) -> None:
    """Remove an image and the unnamed ones under it that nothing else needs."""
    with suppress(EngineRefusedError):
        connection.raw.remove_image(name, force=True)
