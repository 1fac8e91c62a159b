"""The image that a repository's candidates run in: made once, kept in the pack, reused."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from arena.errors import InputError
from arena.records import File, Language, Record
from arena.sandbox.image import packages
from arena.sandbox.image.packages import REQUIREMENTS
from arena.serialize import read_record, to_toml
from arena.task.files import write_files
from arena.task.mining.projects import Project

Say = Callable[[str], None]

NOT_LOADED = frozenset(
    {"pytest_cov", "xdist", "xdist.looponfail", "randomly", "sugar", "benchmark"}
)
"""Plugins of pytest that would change what is run or in which order."""
_PYTEST_PLUGIN = re.compile(r"^\[pytest11\]\n((?:(?!\[).*\n?)*)", re.MULTILINE)
_TRIES = 12
_BASE = "python"
_RECORD = "environment.json"


class Environment(Record):
    """What is installed beside a repository."""

    image: str
    """Folder below the pack's `images/`, or the shipped image itself."""
    plugins: tuple[str, ...] = ()
    """Plugins of pytest that were found among the packages."""
    left_out: tuple[str, ...] = ()
    """Requirements that cannot be had."""


def make(pack: Path, image: str, project: Project, install: Sequence[str], say: Say) -> Environment:
    """As `Make`, with wheels.

    Raises:
        InputError: pip refuses what a person asked for.
    """
    if made := made_before(pack, image):
        return made
    pinned, left_out = _resolved(project.requirements, install, say)
    files = packages.unpack_python(pinned, _BASE)
    found = Environment(image=image, plugins=_plugins(files), left_out=left_out)
    listed = File(path=REQUIREMENTS, data="".join(f"{one}\n" for one in pinned).encode())
    keep(pack, found, "python", _BASE, project, [listed, *_metadata(project)])
    return found


def made_before(pack: Path, image: str) -> Environment | None:
    """The environment that a pack has already."""
    record = pack / "images" / image / _RECORD
    return read_record(record, Environment) if record.is_file() else None


def keep(
    pack: Path,
    made: Environment,
    language: Language,
    base: str,
    project: Project,
    files: Sequence[File],
) -> None:
    """Write the folder of an environment's image, which stands on one of ours."""
    described = f"what {project.name or made.image} and its tests need"
    table = {"language": language, "description": described, "base": base}
    settings = File(path="sandbox.toml", data=to_toml(table).encode())
    record = File(path=_RECORD, data=made.model_dump_json(indent=1).encode())
    write_files(pack / "images" / made.image, [*files, settings, record])


def _resolved(
    inferred: Sequence[str], given: Sequence[str], say: Say
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Exact versions, and what had to be left out."""
    wanted, left_out = list(inferred), list[str]()
    for _ in range(_TRIES):
        try:
            return packages.resolve_python([*given, *wanted], _BASE), tuple(left_out)
        except packages.NoPackageError as error:
            name = re.sub(r"[-_.]+", "-", error.name).lower()
            kept = [one for one in wanted if not re.match(rf"{re.escape(name)}\b(?!-)", one)]
            if len(kept) == len(wanted):
                raise
            say(f"left out: no wheel of {name}")
            left_out.append(name)
            wanted = kept
    raise InputError(
        "its requirements cannot be resolved",
        where=", ".join(wanted[:8]),
        remedy="name what its tests need with --install",
    )


def _plugins(files: Sequence[File]) -> tuple[str, ...]:
    names: list[str] = []
    for file in files:
        if file.path.endswith(".dist-info/entry_points.txt"):
            text = file.data.decode("utf-8", "replace").replace("\r", "")
            for match in _PYTEST_PLUGIN.finditer(text):
                lines = [line for line in match[1].splitlines() if "=" in line]
                names += [line.partition("=")[0].strip() for line in lines]
    return tuple(sorted(name for name in names if name not in NOT_LOADED))


def _metadata(project: Project) -> list[File]:
    """The project as an installed one, so that it can ask for its own version."""
    if not project.name:
        return []
    name, version = re.sub(r"[-_.]+", "_", project.name), project.version or "0.0.0"
    folder = f"site/{name}-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {project.name}\nVersion: {version}\n"
    files = [File(path=f"{folder}/METADATA", data=head.encode())]
    if project.entry_points:
        data = project.entry_points.encode()
        files.append(File(path=f"{folder}/entry_points.txt", data=data))
    return files
