"""Compose files of task directories as data: the services beside the container that is worked in.

A key that is neither carried nor known to change nothing here is refused, for the task may rest on
it.
"""

import json
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from arena.paths import SafePath
from arena.records import Composition, File, Record, Service
from arena.serialize import read_yaml, shaped
from arena.task.files import TREE_BYTES
from arena.task.formats.interpolation import filled, read_env, taken
from arena.task.formats.predictions import slug

HARNESS = "a folder of the harness"
"""As a variable's value: what is mounted from there, the harness brings itself."""

_FILE = "docker-compose.yaml"
"""The one name that both harnesses read; a file of another is what the task is about."""
_ABOUT = frozenset({"version", "name", "networks", "volumes"})
_NO_EFFECT = frozenset(
    {"cap_drop", "deploy", "expose", "init", "labels", "links", "logging", "platform", "ports"}
    | {"pull_policy", "restart", "stdin_open", "stop_grace_period", "stop_signal", "tty"}
    | {"cpus", "mem_limit", "mem_reservation", "memswap_limit", "pids_limit", "read_only"}
    | {"attach", "develop", "profiles", "security_opt", "shm_size", "tmpfs", "ulimits"}
)
"""Of no effect where nothing is published, all have limits of ours and end with the sandbox."""
_NO_EFFECT_BUILT = frozenset(
    {"cache_from", "cache_to", "labels", "network", "no_cache", "platforms", "pull", "tags"}
)
_ALONE = frozenset({"build", "env_file", "environment", "extends", "image", "volumes"})
"""What is read of a container without services: of the rest, all that matters is ours."""
_LINES = re.IGNORECASE | re.MULTILINE
_ARG = re.compile(r"^([ \t]*ARG[ \t]+)((?:[^\\\n]|\\[^\n]|\\\n)*)", _LINES)
_WORD = re.compile(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|\\[^\n]|[^\s"'\\])+""", re.DOTALL)
_STAGE = re.compile(
    r"(?:^[ \t]*#.*\\\n|(?<!\\\n)^)[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*\S+(?:[ \t]+AS[ \t]+(\S+))?"
    r"[ \t]*$",
    _LINES,
)
_OF_A_MOUNT = frozenset({"type", "source", "target", "read_only"})
_HOST = re.compile(r"[A-Za-z0-9][\w.-]{0,252}", re.ASCII)
_VOLUME = re.compile(r"\w[\w.-]*")
_MOST_BYTES, _BLOCK = 4 * TREE_BYTES, 4096
"""What all builds of a file may take on the disk, each of their files at least a block."""
_MOUNTED = "compose-mounts"
"""Folder of a build context for files of the directory that would be mounted."""


def _variables(said: Any) -> Any:
    """By name; one without a value is the host's, and nobody's here."""
    if isinstance(said, list):
        said = dict(one.split("=", 1) for one in said if "=" in one)
    return {name: value for name, value in (said or {}).items() if value is not None}


def _by_name(said: Any) -> Any:
    return {name: {} for name in said} if isinstance(said, list) else said or {}


def _words(said: Any) -> Any:
    return shlex.split(said) if isinstance(said, str) else said or ()


def _mounted(said: Any) -> Any:
    """Each in its short form, whichever it has; a tmpfs changes nothing here."""
    return [
        f"{one['source']}:{one['target']}{':ro' if one.get('read_only') else ''}"
        if isinstance(one, dict) and {*one} <= _OF_A_MOUNT and {"source", "target"} <= {*one}
        else one
        for one in said or ()
        if not (isinstance(one, dict) and one.get("type") == "tmpfs")
    ]


def _built(said: Any) -> Any:
    if isinstance(said, dict):
        return {key: one for key, one in said.items() if key not in _NO_EFFECT_BUILT}
    return {"context": said} if isinstance(said, str) else said


def _env_files(said: Any) -> Any:
    """Paths, and whether each must be there."""
    listed = said if isinstance(said, list) else [said] if said else []
    told = [one if isinstance(one, dict) else {"path": one} for one in listed]
    return {one.get("path", ""): one.get("required", True) for one in told}


_NOTHING: Any = Field(default_factory=dict)


class _Build(Record):
    context: str = "."
    dockerfile: str = "Dockerfile"
    dockerfile_inline: str = ""
    args: Annotated[dict[str, str], BeforeValidator(_variables)] = _NOTHING
    target: str = ""

    def steps(self, name: str, context: Mapping[str, File]) -> Iterator[str]:
        """Its Dockerfile, with its arguments, as far as it is built."""
        text = self.dockerfile_inline
        if not text:
            found = context.get(posixpath.normpath(self.dockerfile))
            if found is None:
                raise ValueError(f"{name}: there is no {self.dockerfile}")
            text = found.data.decode("utf-8-sig", "surrogateescape")
        text = _ARG.sub(lambda match: match[1] + _WORD.sub(self._argument, match[2]), text)
        yield (self._up_to_target(name, text) if self.target else text).rstrip()

    def _argument(self, match: re.Match[str]) -> str:
        name = match[0].partition("=")[0]
        return _set(name, self.args[name]) if name in self.args else match[0]

    def _up_to_target(self, name: str, text: str) -> str:
        stages = [*_STAGE.finditer(text)]
        names = [(match[1] or "").lower() for match in stages]
        numbered = [*map(str, range(len(stages)))]
        wanted = self.target.lower()
        if wanted not in {*names, *numbered}:
            raise ValueError(f"{name}: there is no stage {self.target}")
        after = (names if wanted in names else numbered).index(wanted) + 1
        return text[: stages[after].start()] if after < len(stages) else text


class _Container(Record):
    """What is carried of a service."""

    image: str = ""
    build: Annotated[_Build | None, BeforeValidator(_built)] = None
    container_name: str = ""
    hostname: str = ""
    command: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    entrypoint: Annotated[tuple[str, ...], BeforeValidator(_words)] = ()
    environment: Annotated[dict[str, str], BeforeValidator(_variables)] = _NOTHING
    env_file: Annotated[dict[str, bool], BeforeValidator(_env_files)] = _NOTHING
    user: str = ""
    working_dir: str = ""
    healthcheck: dict[str, Any] = _NOTHING
    depends_on: Annotated[dict[str, dict[str, str]], BeforeValidator(_by_name)] = _NOTHING
    networks: Annotated[dict[str, dict[str, Any] | None], BeforeValidator(_by_name)] = _NOTHING
    volumes: Annotated[tuple[str, ...], BeforeValidator(_mounted)] = ()

    def aliases(self) -> Iterator[str]:
        """Names that it is known by beside its own."""
        names = [one for one in (self.container_name, self.hostname) if one]
        for joined in self.networks.values():
            names += (joined or {}).get("aliases") or ()
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(f"{name!r} is no name of a host")
            yield name

    def mounts(self, *, volumes: bool) -> Iterator[tuple[str, str, str]]:
        """Source, target and `:ro` or nothing, of volumes with a name or of folders and files."""
        for one in self.volumes:
            source, *rest = one.split(":")
            if source == HARNESS:
                continue
            if not source:
                raise ValueError(f"{one!r} does not say what is mounted")
            if rest and posixpath.normpath(rest[0]) in {"/", "//", "."}:
                raise ValueError(f"{one!r} mounts nothing below the root")
            if rest and volumes is bool(_VOLUME.fullmatch(source)):
                yield source, rest[0], ":ro" if "ro" in rest[-1].split(",") else ""

    def named_volumes(self) -> tuple[str, ...]:
        return tuple(f"{name}:{target}{mode}" for name, target, mode in self.mounts(volumes=True))

    def steps(self) -> Iterator[str]:
        """What the file says of how it is started, as the end of a Dockerfile."""
        yield from variables(self.environment)
        told = {"USER": self.user, "WORKDIR": self.working_dir}
        yield from (f"{step} {value}" for step, value in told.items() if value)
        if self.entrypoint:
            yield from ("CMD []", f"ENTRYPOINT {json.dumps(self.entrypoint)}")
        if self.command:
            yield f"CMD {json.dumps(self.command)}"
        test = ["NONE"] if self.healthcheck.get("disable") else self.healthcheck.get("test") or ()
        kind, *words = ("CMD-SHELL", test) if isinstance(test, str) else test or ("",)
        if kind == "NONE":
            yield "HEALTHCHECK NONE"
        elif kind:
            shell = ("/bin/sh", "-c") if kind == "CMD-SHELL" else ()
            yield f"HEALTHCHECK CMD {json.dumps([*shell, *words])}"


def variables(pairs: Mapping[str, str]) -> Iterator[str]:
    """Steps of a Dockerfile that set variables."""
    yield from (f"ENV {_set(name, value)}" for name, value in pairs.items())


def _set(name: str, value: str) -> str:
    return f"{name}={json.dumps(value, ensure_ascii=False)}".replace("$", "\\$")


class _ComposeFile(Record):
    services: dict[str, _Container]


class Composed(Record):
    """What a directory's compose file says."""

    composition: Composition | None = None
    """Its images have the names of their services."""
    builds: dict[str, tuple[File, ...]] = _NOTHING
    """Build contexts with their Dockerfile, by service; one for the main one as well."""
    environment: dict[str, str] = _NOTHING
    """Variables of the container that is worked in."""


def read_composed(
    folder: SafePath, files: Sequence[File], main: str, given: Mapping[str, str]
) -> Composed:
    """The compose file of a folder; nothing where there is none.

    It may build from and mount the files, and name the variables that are given or in `.env`;
    others are empty, as Compose has it. Services of a profile are not started.

    Raises:
        ValueError: something cannot be carried.
        InputError: so, with its key.
    """
    found = folder / _FILE
    if not found.is_file():
        return Composed()
    boxes = _containers(read_yaml(found), found.name, main, given, files)
    for source, _, _ in (one for box in boxes.values() for one in box.mounts(volumes=False)):
        if not _below(source, files, there=False) and _holds(folder / posixpath.normpath(source)):
            raise ValueError(f"{source} is not for what works in the task, and is not carried")
    builds: dict[str, tuple[File, ...]] = {}
    left_bytes = _MOST_BYTES
    for name, box in boxes.items():
        builds[name] = _context(name, box, () if name == main else box.steps(), files, left_bytes)
        left_bytes -= _size(builds[name])
    environment = boxes[main].environment
    if len(boxes) == 1:
        return Composed(builds=builds, environment=environment)
    of_main = set(boxes[main].networks or ("default",))
    others = {name for box in boxes.values() for name in box.networks or ("default",)} - of_main
    if others:
        raise ValueError(f"networks without {main} are not supported: {', '.join(sorted(others))}")
    after = {name: box.depends_on for name, box in boxes.items()}
    order = [name for name in TopologicalSorter(after).static_order() if name != main]
    if unknown := set(order) - set(boxes):
        raise ValueError(f"no service is called {unknown.pop()}")
    ending = {
        name
        for box in boxes.values()
        for name, one in box.depends_on.items()
        if one.get("condition") == "service_completed_successfully"
    }
    return Composed(
        composition=Composition(
            services=tuple(
                Service(
                    name=name,
                    image=name,
                    aliases=tuple(boxes[name].aliases()),
                    mounts=boxes[name].named_volumes(),
                    ends=name in ending,
                )
                for name in order
            ),
            mounts=boxes[main].named_volumes(),
        ),
        builds=builds,
        environment=environment,
    )


def _containers(
    whole: Mapping[str, Any],
    where: str,
    main: str,
    given: Mapping[str, str],
    files: Sequence[File],
) -> dict[str, _Container]:
    """The services by name, the main one among them, with variables filled in."""
    told = {key: one for key, one in whole.items() if key not in _ABOUT and key[:2] != "x-"}
    tables = {
        name: {key: one for key, one in (table or {}).items() if key not in _NO_EFFECT}
        for name, table in {main: None, **(whole.get("services") or {})}.items()
        if name == main or not (table or {}).get("profiles")
    }
    if len(tables) == 1:
        told = {key: one for key, one in told.items() if key == "include"}
        tables[main] = {key: one for key, one in tables[main].items() if key in _ALONE}
    given = {**_read_env(".env", files, given, required=False), **given}
    known = filled({**told, "services": tables}, given)
    for table in known["services"].values():
        for place, key in ((table, "environment"), (table.get("build"), "args")):
            if isinstance(place, dict):
                place[key] = taken(place.get(key), given)
    remedy = "it is not carried; docs/tasks.md says what is"
    boxes = shaped(known, _ComposeFile, where=where, remedy=remedy).services
    if len({slug(name) for name in boxes} - {""}) < len(boxes):
        raise ValueError("its services differ in marks and capitals alone, which no image can")
    for name, box in boxes.items():
        environment: dict[str, str] = {}
        for path, required in box.env_file.items():
            environment |= _read_env(path, files, given, required=required)
        environment |= box.environment
        boxes[name] = box.model_copy(update={"environment": environment})
    return boxes


def _read_env(
    path: str, files: Sequence[File], given: Mapping[str, str], *, required: bool
) -> dict[str, str]:
    """Variables of a file of lines `NAME=value`."""
    try:
        text = b"".join(file.data for file in _below(path, files) if not file.path).decode()
    except ValueError:
        if required:
            raise
        return {}
    return read_env(text, path, given)


def _context(
    name: str, box: _Container, end: Iterable[str], files: Sequence[File], left_bytes: int
) -> tuple[File, ...]:
    """A build context that copies what would be mounted; of an image, one that says so."""
    if box.image not in {"", HARNESS} and not box.build:
        context, steps = {}, [f"FROM {box.image}"]
    else:
        build = box.build or _Build()
        context = {file.path: file for file in _below(build.context, files)}
        steps = [*build.steps(name, context)]
    left_bytes -= _size(context.values())
    for number, (source, target, _) in enumerate(box.mounts(volumes=False)):
        place = f"{_MOUNTED}/{number}"
        below = _below(source, files, there=False)
        left_bytes -= _size(below)
        if left_bytes < 0:
            break
        if not below:
            steps.append(f"RUN {json.dumps(['mkdir', '-p', target])}")
            continue
        for file in below:
            path = f"{place}/{file.path}".rstrip("/")
            context[path] = file.model_copy(update={"path": path})
        mark = "" if place in context else "/"
        steps.append(f"COPY {json.dumps([place + mark, target + mark])}")
    if left_bytes < 0:
        raise ValueError(f"its builds would take more than {_MOST_BYTES:,} bytes")
    text = "\n".join([*steps, *end, ""])
    data = text.encode("utf-8", "surrogateescape")
    context["Dockerfile"] = File(path="Dockerfile", data=data)
    return tuple(context.values())


def _size(files: Iterable[File]) -> int:
    return sum(max(len(file.data), _BLOCK) for file in files)


def _holds(path: SafePath) -> bool:
    return path.is_file() or next(path.files(), None) is not None


def _below(path: str, files: Sequence[File], *, there: bool = True) -> list[File]:
    """The files of a folder that must be there, or a file under no name; none is the host's."""
    inside = posixpath.normpath(path)
    if inside.startswith(("/", "..", "~")):
        raise ValueError(f"{path} is the host's, and is not carried")
    start = "" if inside == "." else f"{inside}/"
    found = [
        file.model_copy(update={"path": file.path[len(start) :]})
        for file in files
        if f"{file.path}/".startswith(start)
    ]
    if there and not found:
        raise ValueError(f"{path} is not in its directory")
    return found
