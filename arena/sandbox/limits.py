"""What a container may use: its settings, what its volumes hold, and two threads that watch."""

import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena.errors import EngineError
from arena.records import SandboxLimits
from arena.sandbox.container import DockerSandbox
from arena.sandbox.docker import CALL_TIMEOUT_S, Connection, EngineRefusedError

_TMP_INODES = 100_000
_SHM_MB = 64


def host_config(limits: SandboxLimits, layer: str | None = None) -> dict[str, object]:
    """The `HostConfig` of a sandbox: nothing of the host, no capability, everything limited; the
    volume of the container `layer`, an agent's programs, is seen read-only.
    """
    memory = limits.memory_mb << 20
    most_of = {"nofile": limits.open_files, "fsize": limits.file_mb << 20, "core": 0}
    return {
        "NetworkMode": "none",
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
        # What may be written are volumes and /tmp; the engine copies files into volumes alone.
        "ReadonlyRootfs": True,
        "Init": True,
        "IpcMode": "private",
        "ShmSize": _SHM_MB << 20,
        "Memory": memory,
        "MemorySwap": memory,  # memory and swap together: no swap
        "NanoCpus": int(limits.cpus * 1e9),
        "PidsLimit": limits.pids,
        "Ulimits": [{"Name": name, "Soft": most, "Hard": most} for name, most in most_of.items()],
        # exec is needed: compilers run what they build there
        "Tmpfs": {
            "/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={limits.tmp_mb}m,nr_inodes={_TMP_INODES}"  # noqa: S108
        },
        "LogConfig": {"Type": "none", "Config": {}},
        "RestartPolicy": {"Name": "no"},
        "VolumesFrom": [f"{layer}:ro"] if layer else [],
    }


_LEAST_BYTES = 4096
"""A file or folder counts as at least this much, so that empty ones count too."""
_BLOCK_BYTES = 512
_MEASURING = "disk usage operation is already running"
_MEASURING_PAUSE_S = 0.2
_OUT_OF_SIGHT = Path("/nonexistent")
"""Of a layer that the engine does not tell the place of: newer image stores do not."""


class DiskUsage:
    """Measures the volumes that containers were made with: in `root`, the engine's own folder where
    this process sees it; else it asks the engine, which is slower and knows no empty files.
    """

    def __init__(self, connection: Connection, root: Path | None) -> None:
        self._connection = connection
        self._readable = root is not None and os.access(root / "volumes", os.R_OK | os.X_OK)
        self._mounts: dict[str, dict[str, Path]] = {}
        self._asking = threading.Lock()

    def of(self, idents: Mapping[str, int]) -> dict[str, int]:
        """Bytes by container; counting one ends at the limit given with it, and says then more."""
        known = self._mounts  # other threads measure other containers meanwhile
        mounts = {ident: known.get(ident) or self._volumes(ident) for ident in idents}
        self._mounts = mounts
        hidden = [ident for ident in idents if _OUT_OF_SIGHT in mounts[ident].values()]
        sizes = self._reported() if hidden or not self._readable else {}
        if not self._readable:
            return {ident: sum(sizes.get(name, 0) for name in mounts[ident]) for ident in idents}
        return {
            ident: measure(mounts[ident].values(), limit)
            + (sizes.get(ident, 0) if ident in hidden else 0)
            for ident, limit in idents.items()
        }

    def _volumes(self, ident: str) -> dict[str, Path]:
        """The volumes a container may write to: name and folder on the engine's host. What it may
        write beside them is there under the container's own id.
        """
        fields: dict[str, Any] = self._connection.raw.inspect_container(ident)
        found = {
            str(mount["Name"]): Path(mount["Source"])
            for mount in fields["Mounts"]
            if mount.get("Type") == "volume" and mount.get("RW")
        }
        if not fields["HostConfig"]["ReadonlyRootfs"]:
            layer = ((fields.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir")
            found[ident] = Path(layer) if layer else _OUT_OF_SIGHT
        return found

    def _reported(self) -> dict[str, int]:
        """The engine's own measurement of every volume by name, and every container by id. Some
        make one at a time and refuse another, of whoever asks: that one is waited for.
        """
        until = time.monotonic() + CALL_TIMEOUT_S
        told: dict[str, Any] | None = None
        while told is None:
            try:
                with self._asking:
                    told = self._connection.raw.df()
            except EngineRefusedError as error:
                if _MEASURING not in str(error) or time.monotonic() > until:
                    raise
                time.sleep(_MEASURING_PAUSE_S)
        return {
            str(volume["Name"]): int((volume.get("UsageData") or {}).get("Size") or 0)
            for volume in told.get("Volumes") or []
        } | {str(one["Id"]): int(one.get("SizeRw") or 0) for one in told.get("Containers") or []}


def measure(folders: Iterable[Path], limit: int) -> int:
    """Bytes that folders take on disk, links not followed; what cannot be read counts as nothing.

    Counting ends once the limit is passed. Folders nested deeper than a path can say, which are out
    of sight, count as more than that.
    """
    total = 0
    pending = [str(folder) for folder in folders]
    while pending and total <= limit:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    total += _size(entry)
                    if total > limit:
                        break
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return limit + 1
    return total


def _size(entry: os.DirEntry[str]) -> int:
    with suppress(FileNotFoundError):  # removed meanwhile; the rest of its folder still counts
        return max(entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES, _LEAST_BYTES)
    return 0


_INTERVAL_S = 0.5
_ALWAYS_S = 5.0
"""Longest time between two measurements, whatever the file system says."""
_BYTES_STEP = 8 << 20
_FILES_STEP = 5_000
"""Growth of the engine's file system since the last measurement that calls for another one."""
_ROOM_BYTES = 32 << 20
_ROOM_FILES = 1_000
"""What must be free on the engine's file system: with less, commands fail that need not."""
_RETRY_S = 1.0
Running = Callable[[], dict[str, DockerSandbox]]


class Watch:
    """Tells running sandboxes what they cannot see themselves, and ends those that fill the disk,
    in two threads until `stop`. `label` marks the containers of one engine object; `running` gives
    its sandboxes by container id.
    """

    def __init__(self, connection: Connection, label: str, running: Running) -> None:
        self._connection = connection
        self._label = label
        self._running = running
        self._stop = threading.Event()
        self._root = connection.folder()
        self._usage = DiskUsage(connection, self._root)
        self._given: dict[str, int] = {}
        """By image, what its files take in a container's volumes before anything has run."""
        self._last = (0, 0, 0.0)
        self._full_at = 0.0
        self._events = self._subscribe()
        for target in (self._watch_memory, self._watch_disk):
            threading.Thread(target=target, name=target.__name__, daemon=True).start()

    def expect(self, ident: str, image: str) -> None:
        """Take in what a container holds before it starts, once for each image."""
        if image not in self._given:
            self._given[image] = self._usage.of({ident: sys.maxsize})[ident]

    def was_full(self, since: float) -> bool:
        """Whether the engine's file system was seen full after a moment of `time.monotonic`."""
        self._file_system()
        return self._full_at >= since

    def stop(self) -> None:
        """End both threads."""
        self._stop.set()
        with suppress(Exception):  # the stream may be gone already, with the engine
            self._events.close()

    def _subscribe(self) -> Any:
        return self._connection.raw.events(
            decode=True, filters={"label": [self._label], "event": ["oom"]}
        )

    def _watch_memory(self) -> None:
        while not self._stop.is_set():
            with suppress(Exception):  # a broken stream is opened again; calls report the engine
                for event in self._events:
                    if sandbox := self._running().get(event.get("id", "")):
                        sandbox.notice("memory")
            if self._stop.wait(_RETRY_S):
                return
            with suppress(EngineError):
                self._events = self._subscribe()

    def _watch_disk(self) -> None:
        while not self._stop.wait(_INTERVAL_S):
            if running := self._running():
                with suppress(EngineError, OSError):
                    self._look(running)

    def _look(self, running: dict[str, DockerSandbox]) -> None:
        """Measure when the file system has grown, and from time to time whatever it says."""
        used, count = self._file_system()
        last_used, last_count, last_time = self._last
        now = time.monotonic()
        grown = used - last_used > _BYTES_STEP or count - last_count > _FILES_STEP
        if grown or now - last_time > _ALWAYS_S:
            boxes, allowed = dict(running), dict[str, int]()
            for ident, box in running.items():
                own, beside = box.where.limits.disk_mb << 20, box.where.services
                allowed |= {ident: own + self._given.get(box.where.image, 0)}
                allowed |= dict.fromkeys(beside, own)
                boxes |= dict.fromkeys(beside, box)
            for ident, size in self._usage.of(allowed).items():
                if size > allowed[ident]:
                    boxes[ident].end("disk")
            self._last = used, count, now
        else:
            self._last = min(used, last_used), min(count, last_count), last_time

    def _file_system(self) -> tuple[int, int]:
        """Bytes and files on the engine's file system."""
        if self._root is None:
            return 0, 0
        status = os.statvfs(self._root)
        used = (status.f_blocks - status.f_bfree) * status.f_frsize
        few_files = status.f_files and status.f_favail < _ROOM_FILES
        if few_files or status.f_bavail * status.f_frsize < _ROOM_BYTES:
            self._full_at = time.monotonic()
        return used, status.f_files - status.f_ffree
