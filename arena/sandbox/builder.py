"""The steps that images are built from: a Dockerfile, a commit, a container that never runs."""

import io
import json
import os
import re
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from arena.errors import EngineError
from arena.records import File
from arena.sandbox import archive
from arena.sandbox.docker import FULL, Connection
from arena.sandbox.owner import LABEL_OWNER, Owner
from arena.sandbox.reaper import remove

_BUILD_TIMEOUT_S = 3600
_ERROR_LINES = 5
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_NO_SPACE = re.compile("no space left on device", re.IGNORECASE)

Say = Callable[[str], None]
"""Takes one line about what is going on."""


def dockerfile(
    connection: Connection,
    context: Sequence[File],
    name: str,
    labels: Mapping[str, str],
    arguments: Mapping[str, str],
    say: Say,
) -> None:
    """Build the context's Dockerfile and name the result.

    Args:
        connection: the engine.
        context: the Dockerfile and what it copies.
        name: `repository:tag` of the result.
        labels: put on the result.
        arguments: build arguments, beside the proxies of the environment.
        say: told what the builder prints.
    """
    _, tar = archive.pack(context, owner=0)
    lines: deque[str] = deque(maxlen=_ERROR_LINES)
    with connection.guard():
        for step in connection.raw.build(
            fileobj=io.BytesIO(tar),
            custom_context=True,
            tag=name,
            labels=dict(labels),
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
                what = FULL if _NO_SPACE.search(tail) else f"the image {name} could not be built"
                raise EngineError(f"{what}: {tail}")


def proxies() -> dict[str, str]:
    """The proxy settings of the environment: arguments that builders keep out of the history."""
    names = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")
    return {
        key: os.environ[key]
        for name in names
        for key in (name, name.upper())
        if os.environ.get(key)
    }


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
                labels={LABEL_OWNER: Owner.current().label()},
                use_config_proxy=False,
            )
        yield str(made["Id"])
    finally:
        remove(connection, name)


def commit(
    connection: Connection,
    ident: str,
    repository: str,
    tag: str,
    labels: Mapping[str, str],
    workdir: str,
) -> None:
    """Make a container's file system an image that starts nothing by itself."""
    config = {
        "Cmd": ["/bin/sh"],
        "Entrypoint": [],
        "User": "",
        "WorkingDir": workdir,
        "Labels": {LABEL_OWNER: "", **labels},
    }
    with connection.guard():
        connection.raw.commit(ident, repository=repository, tag=tag, conf=config)


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
            archive.without(raw.export(ident), drop),
            repository=repository,
            tag=tag,
            changes=quoted,
        )
