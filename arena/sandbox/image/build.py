"""Makes one image: the base system, a language on it, or a task's tree on that."""

import io
import json
import os
import re
import secrets
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import JsonValue

from arena.errors import EngineError, InputError
from arena.records import File, digest_of
from arena.sandbox import files
from arena.sandbox.docker import BAD_REQUEST, FULL, Connection, EngineRefusedError, Say, pull
from arena.sandbox.image import settings
from arena.sandbox.image.packages import files_of
from arena.sandbox.image.recipe import BaseRecipe, LanguageRecipe, sha_of
from arena.sandbox.image.store import UNFINISHED, Image, Naming
from arena.sandbox.owner import LABEL_OWNER, Owner, remove, remove_image

_BUILD_TIMEOUT_S = 3600
_ERROR_LINES = 5
_PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
_CHUNK = 1 << 20
_STARTING = ("Cmd", "Entrypoint", "User", "WorkingDir", "Healthcheck", "StopSignal")
"""What an image says of how it is started."""
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_NO_SPACE = re.compile("no space left on device", re.IGNORECASE)


class DockerfileError(EngineError):
    """A step of a Dockerfile failed, on an engine that works."""


def dockerfile(
    connection: Connection, context: Sequence[File], tag: str, arguments: Mapping[str, str]
) -> None:
    """Build a Dockerfile, with arguments beside the environment's proxies, and name the result; it
    is not finished. Raises `DockerfileError` with the last that was printed.
    """
    lines: deque[str] = deque(maxlen=_ERROR_LINES)
    try:
        with connection.registry() as client:
            for step in client.build(
                fileobj=io.BytesIO(files.pack(context, owner=0)),
                custom_context=True,
                tag=tag,
                labels=unfinished(),
                buildargs={**proxies(), **arguments},
                use_config_proxy=False,
                rm=True,
                forcerm=True,
                decode=True,
                timeout=_BUILD_TIMEOUT_S,
            ):
                printed = _COLOUR.sub("", str(step.get("stream", ""))).splitlines()
                lines.extend(line for line in printed if line.strip())
                if "error" in step:
                    tail = " / ".join([*lines, str(step["error"])])
                    if _NO_SPACE.search(tail):
                        raise EngineError(f"{FULL}: {tail}")
                    raise DockerfileError(f"the image could not be built: {tail}")
    except EngineRefusedError as error:
        if error.status != BAD_REQUEST:
            raise
        # What the engine cannot read, it refuses before it begins
        raise DockerfileError(f"the image could not be built: {error}") from error


def proxies() -> dict[str, str]:
    """The proxy settings of the environment: arguments that builders keep out of the history."""
    return {
        name: value
        for name, value in os.environ.items()
        if value and name in {*_PROXIES, *map(str.upper, _PROXIES)}
    }


def unfinished() -> dict[str, str]:
    """Marks what is removed when this process is done with it, or dead."""
    return {LABEL_OWNER: Owner.current().label()}


@contextmanager
def container(
    connection: Connection,
    image: str,
    command: Sequence[str] = ("true",),
    *,
    network: bool = False,
    environment: Mapping[str, str] | None = None,
    volumes: Sequence[str] = (),
) -> Iterator[str]:
    """Not started, removed at the end."""
    name = f"arena-build-{secrets.token_hex(6)}"
    try:
        made = connection.raw.create_container(
            image,
            command=list(command),
            entrypoint=[],
            name=name,
            environment=environment,
            volumes=list(volumes),
            network_disabled=not network,
            labels=unfinished(),
            use_config_proxy=False,
        )
        yield str(made["Id"])
    finally:
        remove(connection, name)


def commit(
    connection: Connection,
    ident: str,
    naming: Naming | str,
    workdir: str,
    starts: Mapping[str, object] | None = None,
) -> None:
    """Make a container's file system an image that starts nothing by itself, or what it is told:
    a finished one by its naming, or with a bare tag one that is not.
    """
    tag, comment = (naming, None) if isinstance(naming, str) else (naming.tag, naming.comment)
    repository, _, last = tag.rpartition(":")
    config = {
        "Cmd": ["/bin/sh"],
        "Entrypoint": [],
        "User": "",
        "WorkingDir": workdir,
        **(starts or {}),
        "Labels": {LABEL_OWNER: ""} if comment else unfinished(),
    }
    connection.raw.commit(ident, repository=repository, tag=last, conf=config, message=comment)


def add_files(
    connection: Connection,
    below: str,
    placed: Sequence[File],
    owner: int,
    naming: Naming | str,
    workdir: str,
) -> None:
    """Make an image of another and files at absolute paths; nothing is run."""
    with container(connection, below) as ident:
        files.put(connection, ident, placed, owner=owner)
        commit(connection, ident, naming, workdir)


def _flatten(connection: Connection, source: str, tag: str) -> None:
    """Make one layer of an image's files, less the machine's settings, with its environment."""
    with container(connection, source) as ident:
        pairs = connection.raw.inspect_image(source)["Config"].get("Env") or []
        tar = files.without(connection.raw.export(ident), settings.WRITTEN)
        _import(connection, tar, tag, dict(pair.partition("=")[::2] for pair in pairs))


def _import(
    connection: Connection, tar: Iterator[bytes], tag: str, environment: Mapping[str, str]
) -> None:
    """Make an unfinished image of a file system."""
    words = [("ENV", *pair) for pair in environment.items()]
    words += [("LABEL", *pair) for pair in unfinished().items()]
    changes = [f"{word} {key}={json.dumps(value)}" for word, key, value in words]
    repository, _, last = tag.rpartition(":")
    connection.raw.import_image_from_stream(tar, repository=repository, tag=last, changes=changes)


@contextmanager
def temporary(connection: Connection) -> Iterator[str]:
    """A name for an image that is needed for a while; what has it at the end is removed."""
    tag = f"{UNFINISHED}:{secrets.token_hex(8)}"
    try:
        yield tag
    finally:
        remove_image(connection, tag)


_PACKAGES = "/var/lib/dpkg/status"
_PACKAGES_LIMIT = 64 << 20


def base(connection: Connection, recipe: BaseRecipe, sandboxes: Path, say: Say) -> None:
    """Make and tag the base image. Raises `InputError` when this machine cannot."""
    digest = recipe.digest
    naming = Naming(
        kind="base", name=recipe.name, recipe=digest, content=digest, base=recipe.source
    )
    with temporary(connection) as made:
        if recipe.mode == "pull":
            source = pull(connection, recipe.source, say)
        else:
            source = made
            _import(connection, bootstrap(sandboxes / "engine" / "base.sh"), made, {})
        with container(connection, source) as ident:
            commit(connection, ident, naming, "/", starting(connection, source))


def starting(connection: Connection, image: str) -> dict[str, object]:
    """What an image starts, where and as whom, as far as it says."""
    config = connection.raw.inspect_image(image)["Config"]
    return {key: config[key] for key in _STARTING if config.get(key)}


def bootstrap(script: Path) -> Iterator[bytes]:
    """The tar that a script writes. Raises `InputError` with its last message where it fails."""
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen([str(script)], stdout=subprocess.PIPE, stderr=messages) as process,
    ):
        assert process.stdout
        while chunk := process.stdout.read(_CHUNK):
            yield chunk
        if process.wait():
            messages.seek(0)
            said = messages.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
            text = said.removeprefix("base image: ") or f"{script} failed"
            raise InputError(text, where="base image")


def language(connection: Connection, recipe: LanguageRecipe, below: Image) -> None:
    """Make and tag a language image, marked with what is installed in it. Raises `InputError` where
    a package cannot be had, `DockerfileError` where a step fails.
    """
    if any(file.path == "Dockerfile" for file in recipe.files):
        _built(connection, recipe, below)
        return
    placed = files_of(recipe)  # laid without running anything
    held: dict[str, JsonValue] = {file.path: sha_of(file.data) for file in placed}
    content = digest_of([recipe.digest, below.content, held])
    naming = below.below("language", recipe.name, recipe.digest, content)
    add_files(connection, below.id, placed, 0, naming, recipe.spec.workdir)


def _built(connection: Connection, recipe: LanguageRecipe, below: Image) -> None:
    """Settings of the machine lie on the base meanwhile; the result is flattened without them."""
    host = settings.files()
    with ExitStack() as stack:
        ground, built, flat = (stack.enter_context(temporary(connection)) for _ in range(3))
        if host:
            with container(connection, below.id) as ident:
                files.put(connection, ident, host, owner=0)
                commit(connection, ident, ground, "/", starting(connection, below.id))
        else:
            connection.raw.tag(below.id, *ground.split(":"))
        dockerfile(connection, recipe.files, built, {"BASE": ground})
        if host:
            _flatten(connection, built, flat)
        ident = stack.enter_context(container(connection, flat if host else built))
        listing = files.read(connection, ident, _PACKAGES, limit=_PACKAGES_LIMIT)
        content = digest_of([recipe.digest, *packages(listing.data, recipe.spec.decides)])
        naming = below.below("language", recipe.name, recipe.digest, content)
        starts = starting(connection, built) if recipe.spec.serves else {}
        commit(connection, ident, naming, recipe.spec.workdir, starts)


def packages(status: bytes, named: Sequence[str] = ()) -> list[str]:
    """Name, version and architecture from dpkg's record, of all or what patterns of `named` fit."""
    found = []
    for block in status.decode("utf-8", "replace").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[:40])
        name = fields.get("Package")
        if name and (not named or any(fnmatchcase(name, one) for one in named)):
            found.append(f"{name} {fields.get('Version')} {fields.get('Architecture')}")
    return sorted(found)
