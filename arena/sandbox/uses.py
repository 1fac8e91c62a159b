"""When an image or an agent's programs were last used, and by which living process.

Marks in the user's cache folder, under the digest of what is used.
"""

import os
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from arena.sandbox.owner import Owner


def mark(digest: str) -> None:
    """This process uses something, from now until it ends. Does nothing without a cache folder."""
    folder = _folder(digest)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{os.getpid()}.json").write_text(Owner.current().label())


def last_used(digest: str) -> float | None:
    """Seconds since the epoch of the latest mark."""
    times = [path.stat().st_mtime for path in _marks(digest)]
    return max(times, default=None)


def in_use(digest: str) -> bool:
    """Whether a process that marked it may still live. Uncertain marks count."""
    here = Owner.current()
    return any(not _is_dead(path, here) for path in _marks(digest))


def forget(digest: str) -> None:
    """Drop all marks of what was removed."""
    with suppress(OSError):
        for path in _marks(digest):
            path.unlink()
        _folder(digest).rmdir()


def _is_dead(path: Path, here: Owner) -> bool:
    try:
        return Owner.model_validate_json(path.read_text()).is_dead(here)
    except (OSError, ValidationError):
        return True


def _marks(digest: str) -> list[Path]:
    return sorted(_folder(digest).glob("*.json"))


def _folder(digest: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "arena" / "images" / digest[:24]
