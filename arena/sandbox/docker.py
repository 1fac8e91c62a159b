"""The connection to the container engine. The only module that imports docker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import docker.errors
import docker.utils
import urllib3.exceptions

from arena.errors import EngineError

CALL_TIMEOUT_S = 180
"""Longest silence of the engine inside one call; a commit or an import of an image may be slow."""
POOL_SIZE = 64
FULL = "the engine's disk is full; free some with 'arena sandboxes prune'"
DEFAULT_SOCKET = "unix:///var/run/docker.sock"


class RefusedError(EngineError):
    """The engine answered with an error status."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Connection:
    """One lazily opened connection pool to the engine at `DOCKER_HOST` or the default socket.

    `raw` is docker's low-level client; every use of it stands inside `guard`, which turns what can
    go wrong into `EngineError` with one clear line.
    """

    def __init__(self, host: str | None = None) -> None:
        self._host = host
        self._raw: Any = None
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        """Address of the engine."""
        if self._host:
            return self._host
        return str(docker.utils.kwargs_from_env().get("base_url") or DEFAULT_SOCKET)

    @property
    def raw(self) -> Any:
        """The low-level client, made on first use. Raises `EngineError` where no engine answers."""
        with self._lock:
            if self._raw is None:
                with self.guard():
                    self._raw = self._connect()
            return self._raw

    def _connect(self) -> Any:
        settings = docker.utils.kwargs_from_env()
        if self._host:
            settings = {"base_url": self._host}
        return docker.APIClient(
            **settings, version="auto", timeout=CALL_TIMEOUT_S, max_pool_size=POOL_SIZE
        )

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turn the client's exceptions into ours."""
        try:
            yield
        except docker.errors.APIError as error:
            raise _refused(error) from error
        except (docker.errors.DockerException, urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error.__cause__, docker.errors.APIError):
                raise _refused(error.__cause__) from error
            raise EngineError(
                f"no container engine answers at {self.where}; "
                "start one with sandboxes/engine/start.sh or set DOCKER_HOST"
            ) from error

    def close(self) -> None:
        """Close the pool."""
        with self._lock:
            if self._raw is not None:
                self._raw.close()
                self._raw = None


def _refused(error: Any) -> RefusedError:
    text = " ".join(str(error.explanation or error).split())
    if "no space left on device" in text:
        line = f"{FULL} ({text})"
    else:
        line = f"the container engine refused: {text}"
    return RefusedError(line, int(error.status_code or 0))
