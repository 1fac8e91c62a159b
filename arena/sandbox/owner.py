"""Who made a container: enough to tell later whether that process is still alive."""

import os
import socket
from pathlib import Path

from arena.records import Record

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
            machine=f"{socket.gethostname()}/{_read('/etc/machine-id')}",
            boot=_read("/proc/sys/kernel/random/boot_id"),
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


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _pid_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Field 22 of the process's status, empty when there is no such process."""
    _, _, rest = _read(f"/proc/{pid}/stat").rpartition(")")
    fields = rest.split()
    return fields[19] if len(fields) > 19 and fields[0] != "Z" else ""
