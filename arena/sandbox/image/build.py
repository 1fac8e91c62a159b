"""Makes one image: the base system, a language on it, or a task's tree on that."""

import io
import json
import os
import re
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from arena.errors import EngineError
from arena.records import File, digest_of
from arena.records.container import AGENT_UID
from arena.sandbox import files
from arena.sandbox.docker import FULL, Connection
from arena.sandbox.image import sources
from arena.sandbox.image.recipe import BaseRecipe, LanguageRecipe, committed
from arena.sandbox.image.sources import Say, bootstrap, pull
from arena.sandbox.image.store import Image, Naming
from arena.sandbox.owner import LABEL_OWNER, Owner, remove, remove_image

_BUILD_TIMEOUT_S = 3600
_ERROR_LINES = 5
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_NO_SPACE = re.compile("no space left on device", re.IGNORECASE)


def dockerfile(
    connection: Connection,
    context: Sequence[File],
    naming: Naming,
    arguments: Mapping[str, str],
    say: Say,
) -> None:
    """Build the context's Dockerfile and name the result.

    Args:
        connection: the engine.
        context: the Dockerfile and what it copies.
        naming: of the result.
        arguments: build arguments, beside the proxies of the environment.
        say: told what the builder prints.
    """
    _, tar = files.pack(context, owner=0)
    lines: deque[str] = deque(maxlen=_ERROR_LINES)
    with connection.registry() as client:
        for step in client.build(
            fileobj=io.BytesIO(tar),
            custom_context=True,
            tag=naming.tag,
            labels=naming.labels,
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
                what = f"the image {naming.tag} could not be built"
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


def commit(connection: Connection, ident: str, naming: Naming, workdir: str) -> None:
    """Make a container's file system an image that starts nothing by itself."""
    repository, _, tag = naming.tag.rpartition(":")
    config = {
        "Cmd": ["/bin/sh"],
        "Entrypoint": [],
        "User": "",
        "WorkingDir": workdir,
        "Labels": {LABEL_OWNER: "", **naming.labels},
    }
    with connection.guard():
        connection.raw.commit(ident, repository=repository, tag=tag, conf=config)


def add_files(
    connection: Connection,
    below: str,
    placed: Sequence[File],
    owner: int,
    naming: Naming,
    workdir: str,
) -> None:
    """Make an image of another and files at absolute paths; nothing is run."""
    root, tar = files.pack(placed, owner=owner)
    with container(connection, below) as ident:
        files.write(connection, ident, root, tar)
        commit(connection, ident, naming, workdir)


def flatten(connection: Connection, source: str, name: str, drop: Callable[[str], bool]) -> None:
    """Make an image of one layer with the files of another, less those that `drop` names.

    Neither the layers of `source` nor its history are part of it; its environment is.
    """
    repository, _, tag = name.rpartition(":")
    with container(connection, source) as ident, connection.guard():
        raw = connection.raw
        environment = raw.inspect_image(source)["Config"].get("Env") or []
        quoted = [
            f"ENV {key}={json.dumps(value)}"
            for key, _, value in (pair.partition("=") for pair in environment)
        ]
        raw.import_image_from_stream(
            files.without(raw.export(ident), drop),
            repository=repository,
            tag=tag,
            changes=quoted,
        )


_PACKAGES = "/var/lib/dpkg/status"
_PACKAGES_LIMIT = 64 << 20


def base(connection: Connection, recipe: BaseRecipe, sandboxes: Path, say: Say) -> None:
    """Make and tag the base image. Raises `InputError` when this machine cannot."""
    naming = Naming.of("base", "debian", recipe.digest, recipe.digest, "", recipe.source)
    if recipe.mode == "pull":
        source = pull(connection, recipe.source, say)
        context = [File(path="Dockerfile", data=f"FROM {source}\n".encode())]
        dockerfile(connection, context, naming, {}, say)
        return
    repository, _, tag = naming.tag.rpartition(":")
    changes = [f'LABEL {key}="{value}"' for key, value in naming.labels.items()]
    with connection.guard():
        connection.raw.import_image_from_stream(
            bootstrap(sandboxes / "engine" / "base.sh", say),
            repository=repository,
            tag=tag,
            changes=[*changes, 'CMD ["/bin/sh"]'],
        )


def language(connection: Connection, recipe: LanguageRecipe, below: Image, say: Say) -> None:
    """Build and tag a language image, marked with what is installed in it."""
    with (
        _built(connection, recipe, below, say) as built,
        container(connection, built) as ident,
    ):
        listing = files.read(connection, ident, _PACKAGES, limit=_PACKAGES_LIMIT)
        content = digest_of([recipe.digest, *packages(listing.data)])
        naming = Naming.on(below, "language", recipe.name, recipe.digest, content)
        commit(connection, ident, naming, recipe.spec.workdir)


@contextmanager
def _built(connection: Connection, recipe: LanguageRecipe, below: Image, say: Say) -> Iterator[str]:
    """What the Dockerfile makes, with nothing of the machine's own settings left in it.

    Where the machine has settings, they lie on the base while the Dockerfile runs, and the result
    is flattened without them.
    """
    name = Naming.on(below, "language", recipe.name, recipe.digest, "").tag
    base_name = Naming.on(below, below.kind, below.name, below.recipe, "").tag
    flat, built, with_settings = (
        Naming(f"{name}-{what}", unfinished()) for what in ("flat", "built", "settings")
    )
    settings = sources.settings()
    try:
        if settings:
            say("with this machine's package mirror and certificate settings")
            base_name = with_settings.tag
            with connection.guard():
                workdir = connection.raw.inspect_image(below.id)["Config"].get("WorkingDir") or "/"
            add_files(connection, below.id, settings, 0, with_settings, workdir)
        dockerfile(connection, recipe.files, built, {"BASE": base_name}, say)
        if settings:
            say("leaving the machine's settings out")
            flatten(connection, built.tag, flat.tag, sources.is_ours)
        yield (flat if settings else built).tag
    finally:
        for image in (flat, built, with_settings) if settings else (built,):
            remove_image(connection, image.tag)


def task(
    connection: Connection,
    name: str,
    recipe: str,
    tree: Sequence[File],
    below: Image,
    workdir: str,
) -> None:
    """Lay a task's tree on a language image as one commit; nothing of the task is run."""
    naming = Naming.on(below, "task", name, recipe, digest_of([recipe, below.content]))
    add_files(connection, below.id, committed(tree, workdir), AGENT_UID, naming, workdir)


def packages(status: bytes) -> list[str]:
    """Name, version and architecture of each installed package, from dpkg's own record."""
    found = []
    for block in status.decode("utf-8", "replace").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[:40])
        if "Package" in fields:
            found.append(
                f"{fields['Package']} {fields.get('Version')} {fields.get('Architecture')}"
            )
    return sorted(found)
