"""Where images that are not built here come from: a registry, or the package mirror."""

import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from arena.errors import EngineError, InputError
from arena.sandbox.docker import NOT_FOUND, Connection, EngineRefusedError

Say = Callable[[str], None]
"""Takes one line about what is going on."""

_PULL_PAUSES_S = (2.0, 5.0)
_CHUNK = 1 << 20


def pull(connection: Connection, image: str, say: Say) -> str:
    """Pull a pinned image, from `ARENA_REGISTRY_MIRROR` where set; its name afterwards."""
    name, _, digest = image.partition("@")
    source = _source(_repository(name))
    for pause_s in (*_PULL_PAUSES_S, None):
        say(f"pulling {name}")
        try:
            with connection.guard():
                connection.raw.pull(source, tag=digest)
                return f"{source}@{digest}"
        except EngineError as error:
            missing = isinstance(error, EngineRefusedError) and error.status == NOT_FOUND
            if pause_s is None or missing:
                raise InputError(
                    f"no registry gave {name} ({error})",
                    where="base image",
                    remedy="set ARENA_REGISTRY_MIRROR, or bootstrap it from packages: "
                    "ARENA_BASE=debootstrap as root on Debian or Ubuntu",
                ) from error
            time.sleep(pause_s)
    raise AssertionError


def pin(connection: Connection, image: str) -> str:
    """An image of a registry with the digest that its tag stands for now; nothing is pulled.

    Raises:
        InputError: no registry gave it.
    """
    name, _, digest = image.partition("@")
    if digest:
        return image
    repository = _repository(name)
    tag = name.removeprefix(repository).removeprefix(":") or "latest"
    source = _source(repository)
    try:
        with connection.guard():
            found = connection.raw.inspect_distribution(f"{source}:{tag}")
    except EngineError as error:
        raise InputError(f"no registry gave {name} ({error})", where=name) from error
    return f"{repository}:{tag}@{found['Descriptor']['digest']}"


def is_missing(error: InputError) -> bool:
    """Whether a registry answered that it does not have an image."""
    cause = error.__cause__
    return isinstance(cause, EngineRefusedError) and cause.status == NOT_FOUND


def _repository(name: str) -> str:
    """A name without its tag; the colon of a registry's port is none."""
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"


def _source(repository: str) -> str:
    """Where a repository is pulled from: names without a registry from the mirror, where one is."""
    mirror = os.environ.get("ARENA_REGISTRY_MIRROR", "").rstrip("/")
    host, slash, _ = repository.partition("/")
    if not mirror or (slash and ("." in host or ":" in host or host == "localhost")):
        return repository
    return f"{mirror}/{repository}" if slash else f"{mirror}/library/{repository}"


def bootstrap(script: Path, say: Say) -> Iterator[bytes]:
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
