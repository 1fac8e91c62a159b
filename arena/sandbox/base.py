"""Where the base system comes from: a registry, or the package mirror."""

import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena.errors import EngineError, InputError
from arena.sandbox.builder import Say
from arena.sandbox.docker import Connection

_PULL_PAUSES_S = (2.0, 5.0)
_CHUNK = 1 << 20


def pull(connection: Connection, image: str, say: Say) -> str:
    """Pull a pinned image, from `ARENA_REGISTRY_MIRROR` where set; its name afterwards."""
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
