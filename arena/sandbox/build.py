"""Makes one image: the base system, a language on it, or a task's tree on that."""

import io
import os
import secrets
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arena.errors import EngineError, InputError
from arena.records import File, digest_of
from arena.sandbox import archive, files, store
from arena.sandbox.commit import git_folder
from arena.sandbox.docker import Connection
from arena.sandbox.owner import LABEL_OWNER, Owner
from arena.sandbox.reaper import remove
from arena.sandbox.recipe import BaseRecipe, LanguageRecipe
from arena.sandbox.store import Image

_BUILD_TIMEOUT_S = 3600
_PULL_PAUSES_S = (2.0, 5.0)
_PACKAGES = "/var/lib/dpkg/status"
_PACKAGES_LIMIT = 64 << 20
_CHUNK = 1 << 20
_ERROR_LINES = 5

Say = Callable[[str], None]
"""Takes one line about what is going on."""


def base(connection: Connection, recipe: BaseRecipe, sandboxes: Path, say: Say) -> None:
    """Make and tag the base image. Raises `InputError` when this machine cannot."""
    repository, tag = store.tag("base", "debian", recipe.digest)
    marks = store.labels("base", "debian", recipe.digest, base=recipe.source)
    if recipe.mode == "pull":
        source = _pull(connection, recipe.source, say)
        dockerfile = File(path="Dockerfile", data=f"FROM {source}\n".encode())
        _build(connection, [dockerfile], f"{repository}:{tag}", marks, {}, say)
        return
    changes = [f'LABEL {key}="{value}"' for key, value in marks.items()]
    with connection.guard():
        connection.raw.import_image_from_stream(
            _bootstrap(sandboxes / "engine" / "base.sh", say),
            repository=repository,
            tag=tag,
            changes=[*changes, 'CMD ["/bin/sh"]'],
        )


def language(connection: Connection, recipe: LanguageRecipe, below: Image, say: Say) -> None:
    """Build and tag a language image, marked with what is installed in it."""
    repository, tag = store.tag("language", recipe.name, recipe.digest)
    parent, parent_tag = store.tag("base", below.name, below.recipe)
    arguments = {"BASE": f"{parent}:{parent_tag}"}
    built = f"{repository}:{tag}-unmarked"
    _build(connection, recipe.files, built, {}, arguments, say)
    say("reading its package list")
    with _container(connection, built) as ident:
        listing = files.read(connection, ident, _PACKAGES, limit=_PACKAGES_LIMIT)
        content = digest_of([recipe.digest, *packages(listing.data)])
        marks = store.labels(
            "language",
            recipe.name,
            recipe.digest,
            content=content,
            parent=below.recipe,
            base=below.base,
        )
        _commit(connection, ident, repository, tag, marks, recipe.spec.workdir)
    with connection.guard():
        connection.raw.remove_image(built, noprune=True)


def task(
    connection: Connection,
    name: str,
    recipe: str,
    tree: Sequence[File],
    below: Image,
    workdir: str,
) -> None:
    """Lay a task's tree on a language image as one commit; nothing of the task is run."""
    placed = [
        file.model_copy(update={"path": f"{workdir}/{file.path}"})
        for file in (*tree, *git_folder(tree))
    ]
    _, tar = archive.pack(placed, owner=archive.TREE_OWNER)
    repository, tag = store.tag("task", name.lower(), recipe)
    marks = store.labels(
        "task",
        name,
        recipe,
        content=digest_of([recipe, below.content]),
        parent=below.recipe,
        base=below.base,
    )
    with _container(connection, below.id) as ident:
        files.write(connection, ident, "/", tar)
        _commit(connection, ident, repository, tag, marks, workdir)


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


def _build(
    connection: Connection,
    context: Sequence[File],
    name: str,
    labels: Mapping[str, str],
    arguments: Mapping[str, str],
    say: Say,
) -> None:
    _, tar = archive.pack(context, owner=0)
    lines: deque[str] = deque(maxlen=_ERROR_LINES)
    with connection.guard():
        for step in connection.raw.build(
            fileobj=io.BytesIO(tar),
            custom_context=True,
            tag=name,
            labels=dict(labels),
            buildargs={**_proxies(), **arguments},
            use_config_proxy=False,
            rm=True,
            forcerm=True,
            decode=True,
            timeout=_BUILD_TIMEOUT_S,
        ):
            for line in str(step.get("stream", "")).splitlines():
                lines.append(line)
                say(line)
            if "error" in step:
                tail = " / ".join([*lines, str(step["error"])])
                raise EngineError(f"the image {name} could not be built: {tail}")


def _proxies() -> dict[str, str]:
    """The proxy settings of the environment: arguments that builders keep out of the history."""
    names = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
    return {
        key: os.environ[key]
        for name in names
        for key in (name, name.upper())
        if os.environ.get(key)
    }


def _pull(connection: Connection, image: str, say: Say) -> str:
    mirror = os.environ.get("ARENA_REGISTRY_MIRROR", "").rstrip("/")
    name, _, digest = image.partition("@")
    repository = name.partition(":")[0]
    source = f"{mirror}/library/{repository}" if mirror else repository
    for pause_s in (*_PULL_PAUSES_S, None):
        say(f"pulling {name}")
        try:
            with connection.guard():
                connection.raw.pull(source, tag=digest)
                return f"{source}@{digest}"
        except EngineError as error:
            if pause_s is None:
                raise InputError(
                    f"no registry gave {name} ({error})",
                    where="base image",
                    remedy="set ARENA_REGISTRY_MIRROR, or bootstrap it from packages: "
                    "ARENA_BASE=debootstrap as root on Debian or Ubuntu",
                ) from error
            time.sleep(pause_s)
    raise AssertionError


def _bootstrap(script: Path, say: Say) -> Iterator[bytes]:
    """The tar that the script writes; its messages go to `say`."""
    with subprocess.Popen([str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        messages: deque[str] = deque(maxlen=1)
        reader = threading.Thread(target=_forward, args=(process.stderr, messages, say))
        reader.start()
        while chunk := process.stdout.read(_CHUNK):
            yield chunk
        reader.join()
        if process.wait():
            text = messages[0] if messages else "engine/base.sh failed"
            raise InputError(text, where="base image")


def _forward(stream: Any, messages: "deque[str]", say: Say) -> None:
    for raw in stream:
        line = raw.decode("utf-8", "replace").strip().removeprefix("base image: ")
        messages.append(line)
        say(line)


@contextmanager
def _container(connection: Connection, image: str) -> Iterator[str]:
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
                labels={LABEL_OWNER: Owner.current().label()},
                use_config_proxy=False,
            )
        yield str(made["Id"])
    finally:
        remove(connection, name)


def _commit(
    connection: Connection,
    ident: str,
    repository: str,
    tag: str,
    labels: Mapping[str, str],
    workdir: str,
) -> None:
    config = {
        "Cmd": ["/bin/sh"],
        "Entrypoint": [],
        "User": "",
        "WorkingDir": workdir,
        "Labels": {**labels, LABEL_OWNER: ""},
    }
    with connection.guard():
        connection.raw.commit(ident, repository=repository, tag=tag, conf=config)
