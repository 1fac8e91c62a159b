"""The image that a repository's candidates run in: made once, kept in the pack, reused."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from arena.errors import InputError
from arena.mine.project import Project
from arena.records import File, Record
from arena.sandbox.image import packages
from arena.sandbox.image.packages import REQUIREMENTS
from arena.task.toml import write_table
from arena.task.write import write_files

Say = Callable[[str], None]

NOT_LOADED = frozenset(
    {"pytest_cov", "xdist", "xdist.looponfail", "randomly", "sugar", "benchmark"}
)
"""Plugins of pytest that would change what is run or in which order."""
_PYTEST_PLUGIN = re.compile(r"^\[pytest11\]\n((?:(?!\[).*\n?)*)", re.MULTILINE)
_TRIES = 12
_BASE = "python"
_NODE = "node"


class Environment(Record):
    """What is installed beside a repository."""

    image: str
    """Folder below the pack's `images/`, or the shipped image itself."""
    plugins: tuple[str, ...] = ()
    """Plugins of pytest that were found among the packages."""
    left_out: tuple[str, ...] = ()
    """Requirements that cannot be had."""


def make(pack: Path, image: str, project: Project, install: Sequence[str], say: Say) -> Environment:
    """Resolve what a project needs and write the image's folder; kept if it is there already.

    Args:
        pack: the pack's folder.
        image: name of the image.
        project: what the repository says of itself.
        install: requirements a person adds; they win over the inferred ones.
        say: told what is left out.

    Raises:
        InputError: pip refuses what a person asked for.
    """
    folder = pack / "images" / image
    record = folder / "environment.json"
    if record.is_file():
        return Environment.model_validate_json(record.read_bytes())
    pinned, left_out = _resolved(project.requirements, install, say)
    files = packages.unpack_python(pinned, _BASE)
    found = Environment(image=image, plugins=_plugins(files), left_out=left_out)
    written = [
        File(path=REQUIREMENTS, data="".join(f"{one}\n" for one in pinned).encode()),
        *_metadata(project),
        _sandbox("python", f"what {project.name or image} and its tests need", _BASE),
        _record(found),
    ]
    write_files(folder, written)
    return found


def make_node(
    pack: Path, image: str, project: Project, install: Sequence[str], say: Say
) -> Environment:
    """As `make`, for a package of npm; the shipped image itself where nothing is needed.

    Raises:
        InputError: npm refuses what a person asked for, or is not here.
    """
    folder = pack / "images" / image
    record = folder / "environment.json"
    if record.is_file():
        return Environment.model_validate_json(record.read_bytes())
    given, wanted = _versions(install), _versions(project.requirements)
    if not (given or wanted):
        return Environment(image=_NODE)
    left_out: list[str] = []
    while True:
        try:
            pinned = packages.lock_node(wanted | given)
            break
        except packages.NoPackageError as error:
            if wanted.pop(error.name, None) is None:
                raise
            say(f"left out: no package {error.name}")
            left_out.append(error.name)
    found = Environment(image=image, left_out=tuple(left_out))
    described = f"what {project.name or image} and its tests need"
    write_files(folder, [*pinned, _sandbox("javascript", described, _NODE), _record(found)])
    return found


def make_go(
    _pack: Path, _image: str, _project: Project, install: Sequence[str], _say: Say
) -> Environment:
    """The shipped image of Go: modules that a repository does not hold cannot be had.

    Raises:
        InputError: a person asked for one.
    """
    if install:
        raise InputError(
            "modules of Go cannot be installed",
            where=", ".join(install),
            remedy="mine repositories that need none",
        )
    return Environment(image="go")


def _versions(requirements: Sequence[str]) -> dict[str, str]:
    """Versions by name, of words like `name@^1.2` or `@scope/name`."""
    found = {}
    for word in requirements:
        name, _, versions = word[1:].partition("@")
        found[word[0] + name] = versions or "*"
    return found


def _sandbox(language: str, description: str, base: str) -> File:
    table = {"language": language, "description": description, "base": base}
    return File(path="sandbox.toml", data=write_table(table).encode())


def _record(found: Environment) -> File:
    return File(path="environment.json", data=found.model_dump_json(indent=1).encode())


def _resolved(
    inferred: Sequence[str], given: Sequence[str], say: Say
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Exact versions, and what had to be left out."""
    wanted, left_out = list(inferred), list[str]()
    for _ in range(_TRIES):
        try:
            return packages.resolve_python([*given, *wanted], _BASE), tuple(left_out)
        except packages.NoWheelError as error:
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
