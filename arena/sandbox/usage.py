"""What the volumes of containers hold: a folder of the engine's host where it can be read."""

import errno
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena.sandbox.docker import Connection

_LEAST_BYTES = 4096
"""A file or folder counts as at least this much, so that empty ones count too."""
_BLOCK_BYTES = 512


class Usage:
    """Measures the volumes that containers were made with.

    Args:
        connection: the engine.
        root: the engine's own folder where this process sees it; None asks the engine instead,
            which is slower and knows no empty files.
    """

    def __init__(self, connection: Connection, root: Path | None) -> None:
        self._connection = connection
        self._readable = root is not None and os.access(root / "volumes", os.R_OK | os.X_OK)
        self._mounts: dict[str, dict[str, Path]] = {}

    def of(self, idents: Mapping[str, int]) -> dict[str, int]:
        """Bytes by container; counting one ends at its limit, and says then more than that.

        Args:
            idents: container ids, each with the bytes beyond which nothing need be known.
        """
        known = self._mounts  # other threads measure other containers meanwhile
        mounts = {ident: known.get(ident) or self._volumes(ident) for ident in idents}
        self._mounts = mounts
        if self._readable:
            return {
                ident: measure(mounts[ident].values(), limit) for ident, limit in idents.items()
            }
        sizes = self._told()
        return {ident: sum(sizes.get(name, 0) for name in mounts[ident]) for ident in idents}

    def _volumes(self, ident: str) -> dict[str, Path]:
        """The volumes a container may write to: name and folder on the engine's host."""
        with self._connection.guard():
            mounts: list[dict[str, Any]] = self._connection.raw.inspect_container(ident)["Mounts"]
        return {
            str(mount["Name"]): Path(mount["Source"])
            for mount in mounts
            if mount.get("Type") == "volume" and mount.get("RW")
        }

    def _told(self) -> dict[str, int]:
        """The engine's own measurement of every volume, by name."""
        with self._connection.guard():
            volumes = self._connection.raw.df().get("Volumes") or []
        return {
            str(volume["Name"]): int((volume.get("UsageData") or {}).get("Size") or 0)
            for volume in volumes
        }


def measure(folders: Iterable[Path], limit: int) -> int:
    """Bytes that folders take on disk, links not followed; what cannot be read counts as nothing.

    Folders nested deeper than a path can say count as more than the limit: they are out of sight.

    Args:
        folders: where to look.
        limit: counting ends once it is passed.
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
