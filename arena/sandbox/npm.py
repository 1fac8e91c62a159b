"""Packages of npm as plain files, fetched by the host's own npm with scripts off.

The host's registry, proxy and certificates are used, and none of them reaches an image.
"""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from arena.errors import HarnessError, InputError
from arena.records import File

MODULES = "/node_modules"
"""Above the work tree: Node looks for packages in every folder on the way up."""
PACKAGE, LOCK = "package.json", "package-lock.json"

_SECONDS = 900
_QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps", "--loglevel=error")
_MISSING = re.compile(r"(?:404 [^'\n]*'|No matching version found for )(@?[^@\s']+)@")
_SECRET = re.compile(r"(\w+://)[^/\s@]+@")


class NoPackageError(InputError):
    """A package that no registry has."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no package {name!r}", remedy="name a version that there is, or leave it out"
        )
        self.name = name


def lock(requirements: Mapping[str, str]) -> list[File]:
    """The files that pin requirements and all that they need, without saying where from.

    Args:
        requirements: names and the versions that are wanted.

    Raises:
        NoPackageError: naming the one that cannot be had.
        InputError: npm is not here, or refuses the requirements.
    """
    package = json.dumps({"private": True, "dependencies": dict(requirements)}, indent=1).encode()
    with tempfile.TemporaryDirectory(prefix="arena-npm-") as scratch:
        folder = Path(scratch)
        (folder / PACKAGE).write_bytes(package)
        _npm(["install", "--package-lock-only"], folder)
        pinned = json.loads((folder / LOCK).read_text(encoding="utf-8"))
    for entry in pinned["packages"].values():
        entry.pop("resolved", None)
    return [
        File(path=PACKAGE, data=package),
        File(path=LOCK, data=(json.dumps(pinned, indent=1) + "\n").encode()),
    ]


def unpack(pinned: Sequence[File]) -> list[File]:
    """The files of packages at their absolute paths in the image.

    Raises:
        NoPackageError: naming the one that cannot be had.
        InputError: npm is not here, or refuses the lock.
    """
    with tempfile.TemporaryDirectory(prefix="arena-npm-") as scratch:
        folder = Path(scratch)
        for file in pinned:
            (folder / file.path).write_bytes(file.data)
        _npm(["ci"], folder)
        target = folder / "node_modules"
        return [
            File(path=f"{MODULES}/{path.relative_to(target).as_posix()}", data=path.read_bytes())
            for path in sorted(target.rglob("*"))
            if path.is_file() and not path.is_symlink() and path.name != ".package-lock.json"
        ]


def _npm(words: Sequence[str], folder: Path) -> None:
    program = shutil.which("npm")
    if program is None:
        raise InputError("npm is not on this machine", remedy="install it to fetch packages")
    try:
        done = subprocess.run(
            [program, *words, *_QUIET],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise HarnessError(f"npm did not end within {_SECONDS} s") from None
    if done.returncode == 0:
        return
    if match := _MISSING.search(done.stderr):
        raise NoPackageError(match[1])
    said = _SECRET.sub(r"\1", " ".join(done.stderr.split()))
    raise InputError(f"npm: {said[:300]}")
