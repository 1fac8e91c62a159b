"""What an image is made of, as digests that do not depend on the machine.

base → language → task: each recipe holds the digest of the one below it.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, get_args

from pydantic import JsonValue

from arena.errors import InputError
from arena.git import make_repository, run_git
from arena.paths import SafePath
from arena.records import File, Language, Record, digest_of
from arena.records.container import AGENT_UID, WORKDIR
from arena.resources import sandboxes_dir
from arena.serialize import read_record, read_toml

_WHO = "Arena <arena@localhost> 946684800 +0000"
_CONFIG = """[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[user]
\tname = agent
\temail = agent@localhost
"""
_COMMIT_SECONDS = 300.0
_KEPT = ("HEAD", "config", "index", "objects", "refs")


def committed(tree: Sequence[File], workdir: str) -> list[File]:
    """A tree at `workdir`, with a `.git` whose one commit holds it."""
    return [
        file.model_copy(update={"path": f"{workdir}/{file.path}"})
        for file in (*tree, *git_folder(tree))
    ]


def git_folder(files: Iterable[File]) -> list[File]:
    """The files of a `.git` whose one commit holds `files`."""
    with tempfile.TemporaryDirectory(prefix="arena-commit-") as folder:
        path = Path(folder)
        make_repository(path)
        importing = ["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet", "--done"]
        run_git(importing, cwd=path, git_dir=path, stdin=_stream(files), timeout_s=_COMMIT_SECONDS)
        run_git(["read-tree", "main"], cwd=path, git_dir=path)
        (path / "config").write_text(_CONFIG)
        return [
            File(path=f".git/{found.relative_to(path).as_posix()}", data=found.read_bytes())
            for name in _KEPT
            for found in sorted([path / name, *(path / name).rglob("*")])
            if found.is_file()
        ]


def _stream(files: Iterable[File]) -> bytes:
    message = b"Initial state"
    lines = [
        b"commit refs/heads/main",
        b"committer " + _WHO.encode(),
        b"data %d\n%s" % (len(message), message),
    ]
    for file in sorted(files, key=lambda file: file.path):
        mode = b"100755" if file.mode & 0o100 else b"100644"
        lines.append(b"M %s inline %s" % (mode, _quoted(file.path)))
        lines.append(b"data %d\n%s" % (len(file.data), file.data))
    return b"\n".join([*lines, b"done\n"])


def _quoted(path: str) -> bytes:
    text = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'.encode("utf-8", "surrogateescape")


_COMMIT_FORMAT = 1
"""Raise when the commit or the owner of a task's tree is made differently."""

BaseMode = Literal["debootstrap", "pull"]


class SandboxSpec(Record):
    """`sandbox.toml` of one language image."""

    language: Language
    """What it is for."""
    description: str
    """What is in it."""
    base: str | None = None
    """The shipped image that it stands on; the base system when None."""
    pull: str | None = None
    """The image of a registry, `name:tag@sha256:…`, that a pack's own image stands on instead."""
    workdir: str = WORKDIR
    """Where the tree of a task comes to lie."""
    decides: tuple[str, ...] = ()
    """Packages that can change a result, such as `python3*`: interpreter, runner and what tests
    use. Runs on images with other versions of these are not comparable; an update of any other
    package changes nothing. All packages when none is named."""
    serves: bool = False
    """For a service: what it starts, where and as whom stay as its Dockerfile says."""
    disk_mb: int = 1000
    """About what the image takes, for the estimate before it is built."""


class BaseRecipe(Record):
    """How the base image is made."""

    kind: Literal["base"] = "base"
    name: Literal["debian"] = "debian"
    mode: BaseMode
    source: str
    """The pinned image, or the script's name."""
    digest: str


class LanguageRecipe(Record):
    """One folder of images."""

    kind: Literal["language"] = "language"
    name: str
    spec: SandboxSpec
    files: tuple[File, ...]
    digest: str
    below: "LanguageRecipe | BaseRecipe"
    """What it stands on."""


def base_recipes(sandboxes: Path) -> list[BaseRecipe]:
    """The base as `ARENA_BASE` says, else made in any way, this user's on this machine first."""
    wanted = os.environ.get("ARENA_BASE", "")
    modes: tuple[BaseMode, ...] = get_args(BaseMode)
    if wanted and wanted not in modes:
        raise InputError(
            f"{wanted!r} is no way to make the base image",
            where="ARENA_BASE",
            remedy=f"use {' or '.join(modes)}, or unset it",
        )
    here = os.geteuid() == 0 and shutil.which("apt-get") is not None
    usual = "debootstrap" if here and not os.environ.get("ARENA_REGISTRY_MIRROR") else "pull"
    ways = sorted(modes, key=lambda mode: mode != (wanted or usual))
    return [_base(sandboxes, mode) for mode in ways[: 1 if wanted else None]]


def _base(sandboxes: Path, mode: BaseMode) -> BaseRecipe:
    if mode == "debootstrap":
        script = sandboxes / "engine" / "base.sh"
        digest = digest_of([mode, sha_of(script.read_bytes())])
        source = "debootstrap of bookworm, engine/base.sh"
        return BaseRecipe(mode=mode, source=source, digest=digest)
    return _pulled(str(read_toml(sandboxes / "engine" / "base.toml")["image"]))


def _pulled(image: str) -> BaseRecipe:
    return BaseRecipe(mode="pull", source=image, digest=digest_of(["pull", image]))


def language_recipe(sandboxes: Path, name: str, base: BaseRecipe) -> LanguageRecipe:
    """One language image. Raises `InputError` when there is no such folder or it is malformed."""
    folder = SafePath(sandboxes) / name
    if not (folder / "Dockerfile").is_file():
        known = ", ".join(language_names(sandboxes))
        raise InputError(
            f"no sandbox image is called {name!r}", where=str(sandboxes), remedy=f"use {known}"
        )
    spec = _spec(folder / "sandbox.toml")
    below = language_recipe(sandboxes, spec.base, base) if spec.base else base
    return _recipe(name, folder, spec, below)


def task_recipe(sandboxes: Path, images: Path, name: str, base: BaseRecipe) -> LanguageRecipe:
    """The image that a task names: its pack's own, else a shipped one. Raises as the above."""
    folder = SafePath(images.parent) / images.name / name
    where = folder / "sandbox.toml"
    if not where.is_file():
        return language_recipe(sandboxes, name, base)
    spec = _spec(where)
    if spec.pull:
        if "@sha256:" not in spec.pull:
            raise InputError("not pinned", where=f"{where}: pull", remedy="add @sha256:<digest>")
        return _recipe(name, folder, spec, _pulled(spec.pull))
    if spec.base is None:
        raise InputError("no 'base'", where=str(where), remedy="name the image it stands on")
    return _recipe(name, folder, spec, language_recipe(sandboxes, spec.base, base))


def language_names(sandboxes: Path) -> list[str]:
    """The images that can be built, in alphabetical order."""
    return sorted(path.parent.name for path in sandboxes.glob("*/Dockerfile"))


def task_digest(language: LanguageRecipe, files: Iterable[File]) -> str:
    """Digest of a task's image: what it stands on and every file of the tree."""
    tree: dict[str, JsonValue] = {
        file.path: [bool(file.mode & 0o100), sha_of(file.data)] for file in files
    }
    return digest_of([language.digest, _COMMIT_FORMAT, AGENT_UID, tree])


def _recipe(
    name: str, folder: SafePath, spec: SandboxSpec, below: LanguageRecipe | BaseRecipe
) -> LanguageRecipe:
    files = _files(folder)
    held: list[JsonValue] = [
        [file.path, sha_of(file.data), *(["executable"] if file.mode & 0o100 else [])]
        for file in files
    ]
    digest = digest_of([below.digest, held])
    return LanguageRecipe(name=name, spec=spec, files=files, digest=digest, below=below)


def _spec(where: SafePath) -> SandboxSpec:
    try:
        return read_record(where, SandboxSpec)
    except InputError as error:
        remedy = f"see {sandboxes_dir() / 'README.md'}"
        raise InputError(error.what, where=error.where, remedy=remedy) from None


def _files(folder: SafePath) -> tuple[File, ...]:
    found = folder.files(lambda path: "__pycache__" in path.split("/"))
    return tuple(
        File(
            path="/".join(path.parts[len(folder.parts) :]),
            data=path.read_bytes(),
            mode=0o755 if path.stat().st_mode & 0o100 else 0o644,
        )
        for path in sorted(found, key=lambda path: path.parts)
    )


def sha_of(data: bytes) -> str:
    """Sha256 as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
