"""Makes one image: the base system, a language on it, or a task's tree on that."""

import io
import json
import os
import re
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from arena.errors import EngineError
from arena.records import File, digest_of
from arena.records.container import AGENT_UID
from arena.sandbox import files
from arena.sandbox.docker import FULL, Connection
from arena.sandbox.image import sources
from arena.sandbox.image.recipe import BaseRecipe, LanguageRecipe, committed
from arena.sandbox.image.sources import Say, bootstrap, pull
from arena.sandbox.image.store import UNFINISHED, Image, Naming
from arena.sandbox.owner import LABEL_OWNER, Owner, remove, remove_image

_BUILD_TIMEOUT_S = 3600
_ERROR_LINES = 5
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_NO_SPACE = re.compile("no space left on device", re.IGNORECASE)


def dockerfile(
    connection: Connection,
    context: Sequence[File],
    tag: str,
    arguments: Mapping[str, str],
    say: Say,
) -> None:
    """Build the context's Dockerfile and name the result, which is not finished.

    Args:
        connection: the engine.
        context: the Dockerfile and what it copies.
        tag: of the result.
        arguments: build arguments, beside the proxies of the environment.
        say: told what the builder prints.
    """
    _, tar = files.pack(context, owner=0)
    lines: deque[str] = deque(maxlen=_ERROR_LINES)
    with connection.registry() as client:
        for step in client.build(
            fileobj=io.BytesIO(tar),
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
            for line in _COLOUR.sub("", str(step.get("stream", ""))).splitlines():
                if line.strip():
                    lines.append(line)
                say(line)
            if "error" in step:
                tail = " / ".join([*lines, str(step["error"])])
                what = "the image could not be built"
                raise EngineError(f"{FULL if _NO_SPACE.search(tail) else what}: {tail}")


def proxies() -> dict[str, str]:
    """The proxy settings of the environment: arguments that builders keep out of the history."""
    names = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
    return {
        key: os.environ[key]
        for name in names
        for key in (name, name.upper())
        if os.environ.get(key)
    }


def unfinished() -> dict[str, str]:
    """Marks what is removed when this process is done with it, or dead."""
    return {LABEL_OWNER: Owner.current().label()}


@contextmanager
def container(connection: Connection, image: str) -> Iterator[str]:
    """A container of an image, never started, removed at the end."""
    name = f"arena-build-{secrets.token_hex(6)}"
    try:
        with connection.guard():
            made = connection.raw.create_container(
                image,
                command=["true"],
                entrypoint=[],
                name=name,
                network_disabled=True,
                labels=unfinished(),
                use_config_proxy=False,
            )
        yield str(made["Id"])
    finally:
        remove(connection, name)


def commit(connection: Connection, ident: str, naming: Naming | str, workdir: str) -> None:
    """Make a container's file system an image that starts nothing by itself.

    Args:
        connection: the engine.
        ident: the container.
        naming: of a finished image; the bare tag of one that is not.
        workdir: of the image.
    """
    done = isinstance(naming, Naming)
    repository, _, tag = (naming.tag if isinstance(naming, Naming) else naming).rpartition(":")
    config = {
        "Cmd": ["/bin/sh"],
        "Entrypoint": [],
        "User": "",
        "WorkingDir": workdir,
        "Labels": {LABEL_OWNER: ""} if done else unfinished(),
    }
    comment = naming.comment if isinstance(naming, Naming) else None
    with connection.guard():
        connection.raw.commit(ident, repository=repository, tag=tag, conf=config, message=comment)


def add_files(
    connection: Connection,
    below: str,
    placed: Sequence[File],
    owner: int,
    naming: Naming | str,
    workdir: str,
) -> None:
    """Make an image of another and files at absolute paths; nothing is run."""
    root, tar = files.pack(placed, owner=owner)
    with container(connection, below) as ident:
        files.write(connection, ident, root, tar)
        commit(connection, ident, naming, workdir)


def flatten(connection: Connection, source: str, tag: str, drop: Callable[[str], bool]) -> None:
    """Make an image of one layer with the files of another, less those that `drop` names.

    Neither the layers of `source` nor its history are part of it; its environment is.
    """
    with container(connection, source) as ident, connection.guard():
        raw = connection.raw
        pairs = raw.inspect_image(source)["Config"].get("Env") or []
        environment = dict(pair.partition("=")[::2] for pair in pairs)
        _import(connection, files.without(raw.export(ident), drop), tag, environment)


def _import(
    connection: Connection, tar: Iterator[bytes], tag: str, environment: Mapping[str, str]
) -> None:
    """Make an unfinished image of a file system."""
    repository, _, last = tag.rpartition(":")
    changes = [
        f"{word} {key}={json.dumps(value)}"
        for word, pairs in (("ENV", environment), ("LABEL", unfinished()))
        for key, value in pairs.items()
    ]
    with connection.guard():
        connection.raw.import_image_from_stream(
            tar, repository=repository, tag=last, changes=changes
        )


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
    naming = Naming(
        kind="base",
        name="debian",
        recipe=recipe.digest,
        content=recipe.digest,
        base=recipe.source,
    )
    with temporary(connection) as made:
        if recipe.mode == "pull":
            source = pull(connection, recipe.source, say)
        else:
            source = made
            _import(connection, bootstrap(sandboxes / "engine" / "base.sh", say), made, {})
        with container(connection, source) as ident:
            commit(connection, ident, naming, workdir_of(connection, source))


def workdir_of(connection: Connection, image: str) -> str:
    """The folder that an image's commands start in."""
    with connection.guard():
        return str(connection.raw.inspect_image(image)["Config"].get("WorkingDir") or "/")


def language(connection: Connection, recipe: LanguageRecipe, below: Image, say: Say) -> None:
    """Build and tag a language image, marked with what is installed in it."""
    with (
        _built(connection, recipe, below, say) as built,
        container(connection, built) as ident,
    ):
        listing = files.read(connection, ident, _PACKAGES, limit=_PACKAGES_LIMIT)
        content = digest_of([recipe.digest, *packages(listing.data, recipe.spec.decides)])
        naming = below.below("language", recipe.name, recipe.digest, content)
        commit(connection, ident, naming, recipe.spec.workdir)


@contextmanager
def _built(connection: Connection, recipe: LanguageRecipe, below: Image, say: Say) -> Iterator[str]:
    """What the Dockerfile makes, with nothing of the machine's own settings left in it.

    Where the machine has settings, they lie on the base while the Dockerfile runs, and the result
    is flattened without them.
    """
    settings = sources.settings()
    with (
        temporary(connection) as base_name,
        temporary(connection) as built,
        temporary(connection) as flat,
    ):
        if settings:
            say("with this machine's package mirror and certificate settings")
            workdir = workdir_of(connection, below.id)
            add_files(connection, below.id, settings, 0, base_name, workdir)
        else:
            with connection.guard():
                connection.raw.tag(below.id, *base_name.split(":"))
        dockerfile(connection, recipe.files, built, {"BASE": base_name}, say)
        if settings:
            say("leaving the machine's settings out")
            flatten(connection, built, flat, sources.is_ours)
        yield flat if settings else built


def task(
    connection: Connection,
    name: str,
    recipe: str,
    tree: Sequence[File],
    below: Image,
    workdir: str,
) -> None:
    """Lay a task's tree on a language image as one commit; nothing of the task is run."""
    naming = below.below("task", name, recipe, digest_of([recipe, below.content]))
    add_files(connection, below.id, committed(tree, workdir), AGENT_UID, naming, workdir)


def packages(status: bytes, named: Sequence[str] = ()) -> list[str]:
    """Name, version and architecture of each installed package, from dpkg's own record.

    Args:
        status: the record.
        named: patterns of the names that count; all do where there is none.
    """
    found = []
    for block in status.decode("utf-8", "replace").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[:40])
        name = fields.get("Package")
        if name and (not named or any(fnmatchcase(name, one) for one in named)):
            found.append(f"{name} {fields.get('Version')} {fields.get('Architecture')}")
    return sorted(found)
