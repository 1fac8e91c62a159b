"""Python packages as plain files, fetched by the host's own pip and never run.

Only wheels are taken, unpacked for the interpreter of the image, not for the host's. The host's
index, proxy and certificates are used, and none of them reaches an image.
"""

import json
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from arena.errors import HarnessError, InputError
from arena.records import File

PYTHONS = {"python": "3.11"}
"""Version of Python in each shipped image that has one."""
SITE = "/usr/local/lib/python3.11/dist-packages"
_BIN = "/usr/local/bin"

_SECONDS = 900
_GLIBC = (36, 35, 34, 31, 28, 27, 24, 17)
_MISSING = re.compile(r"(?:No matching distribution found for|satisfies the requirement) ([\w.-]+)")
_SHEBANG = re.compile(rb"\A#![^\n]*")


class NoWheelError(InputError):
    """A requirement that no wheel satisfies on the image's Python."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no wheel of {name!r} for this Python",
            remedy="name a version that has one, or leave it out",
        )
        self.name = name


def resolve(requirements: Sequence[str], image: str = "python") -> tuple[str, ...]:
    """Exact versions, `name==version`, of requirements and all that they need.

    Raises:
        NoWheelError: naming the requirement that cannot be had.
        InputError: pip refuses the requirements.
    """
    if not requirements:
        return ()
    with tempfile.TemporaryDirectory(prefix="arena-wheels-") as scratch:
        options = ["--dry-run", "--ignore-installed", "--report", "-", "--target", scratch]
        report = json.loads(_pip([*options, *requirements], image))
    found = [entry["metadata"] for entry in report["install"]]
    return tuple(sorted(f"{one['name'].lower()}=={one['version']}" for one in found))


def unpack(pinned: Sequence[str], image: str) -> list[File]:
    """The files of packages at their absolute paths in the image.

    Raises:
        NoWheelError: naming the requirement that cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="arena-wheels-") as scratch:
        target = Path(scratch, "site")
        target.mkdir()
        if pinned:
            _pip(["--no-deps", "--no-compile", "--target", str(target), *pinned], image)
        return [
            _placed(path, path.relative_to(target).as_posix())
            for path in sorted(target.rglob("*"))
            if path.is_file() and not path.is_symlink()
        ]


def _placed(path: Path, name: str) -> File:
    data = path.read_bytes()
    if name.startswith("bin/"):
        data = _SHEBANG.sub(b"#!/usr/bin/python3", data, count=1)
        return File(path=f"{_BIN}/{name[4:]}", data=data, mode=0o755)
    return File(path=f"{SITE}/{name}", data=data)


def _pip(words: Sequence[str], image: str) -> str:
    version = PYTHONS.get(image)
    if version is None:
        raise InputError(
            f"image {image!r} has no Python", remedy=f"use {', '.join(sorted(PYTHONS))}"
        )
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC]
    tags += [f"manylinux2014_{machine}", f"linux_{machine}"]
    chosen = [word for tag in tags for word in ("--platform", tag)]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input"),
        *("--only-binary=:all:", "--python-version", version, "--implementation", "cp"),
        *chosen,
        *words,
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise HarnessError(f"pip did not end within {_SECONDS} s") from None
    if done.returncode == 0:
        return done.stdout
    if match := _MISSING.search(done.stderr):
        raise NoWheelError(match[1])
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    said = _without_secrets(" ".join(lines or done.stderr.splitlines()[-1:]))
    raise InputError(f"pip: {said[:300]}", where=", ".join(words[-5:]))


def _without_secrets(text: str) -> str:
    """A message of pip without the user and password of an index."""
    return re.sub(r"(\w+://)[^/\s@]+@", r"\1", text)
