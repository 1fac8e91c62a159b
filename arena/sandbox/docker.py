"""The connection to the container engine: all that imports docker, or reaches into it."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ContextDecorator, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import docker
import docker.errors
import docker.utils
import urllib3.exceptions
from docker import auth
from docker.credentials.errors import StoreError
from docker.utils import config

from arena.errors import EngineError, InputError

CALL_TIMEOUT_S = 180
"""Longest silence of the engine inside one call; a commit or an import of an image may be slow."""
POOL_SIZE = 64
FULL = "the engine's disk is full; free some with 'arena sandboxes prune'"
BAD_REQUEST = 400
NOT_FOUND = 404
_INSIDE = ("_url", "_raise_for_status", "_get_raw_response_socket")
"""What we use of its client though it is not offered; more is found in replies."""
_STAT_HEADER = "X-Docker-Container-Path-Stat"
_PULL_PAUSES_S = (2.0, 5.0)
DEFAULT_SOCKET = "unix:///var/run/docker.sock"

Say = Callable[[str], None]
"""Takes one line about what is going on."""


class EngineRefusedError(EngineError):
    """The engine answered with an error status."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Hijacked(NamedTuple):
    """A connection that the engine gave up to us, to talk to a process in a container."""

    response: Any
    """Keeps the connection open; close it at the end."""
    sock: socket.socket
    early: bytes
    """What came with the headers: it lies in the response's buffer, and not in the socket."""


class _Guarded:
    """docker's client, each of whose methods stands inside a guard."""

    def __init__(self, client: Any, guard: Callable[[], ContextDecorator]) -> None:
        self._client = client
        self._guard = guard

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        return self._guard()(found) if callable(found) else found


class Connection:
    """One lazily opened connection pool to the engine at `host`, `DOCKER_HOST` or the default
    socket. A stream that a call of `raw` returns has to be read inside `guard`.
    """

    def __init__(self, host: str | None = None) -> None:
        self._host = host
        self._raw: Any = None
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        """Address of the engine."""
        return self._host or os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET

    @property
    def raw(self) -> Any:
        """The low-level client, made on first use; whatever goes wrong is an `EngineError`."""
        with self._lock:
            if self._raw is None:
                with self.guard():
                    self._raw = _Guarded(self._connect(), self.guard)
            return self._raw

    def _connect(self) -> Any:
        settings = docker.utils.kwargs_from_env()
        if self._host:
            settings = {"base_url": self._host}
        if missing := [name for name in _INSIDE if name not in dir(docker.APIClient)]:
            raise _unknown_docker(", ".join(missing))
        try:
            client = docker.APIClient(
                **settings, version="auto", timeout=CALL_TIMEOUT_S, max_pool_size=POOL_SIZE
            )
        except (docker.errors.InvalidConfigFile, AttributeError, TypeError, ValueError) as error:
            if isinstance(error, OSError):  # what answers is no engine
                raise
            raise _unusable_config(f"not a configuration of Docker's ({error})") from error
        try:
            _check_inside(client)
        except AttributeError as error:
            raise _unknown_docker(str(error)) from error
        return client

    def folder(self) -> Path | None:
        """The engine's own folder, where this process sees it."""
        folder = Path(self.raw.info().get("DockerRootDir") or "/nonexistent")
        return folder if self.where.startswith("unix:") and folder.is_dir() else None

    def start_exec(self, ident: str) -> Hijacked:
        """Start an exec that was created: the connection to it."""
        with self.guard():
            return hijacked(self.raw.exec_start(ident, socket=True))

    def saved(self, names: Sequence[str]) -> Iterator[bytes]:
        """Some images as one tar, in which no layer is twice; call it inside `guard`."""
        raw, asked = self.raw, {"names": list(names)}
        url = raw._url("/images/get")  # noqa: SLF001
        reply = raw.get(url, params=asked, timeout=raw.timeout, stream=True)
        raw._raise_for_status(reply)  # noqa: SLF001
        yield from reply.iter_content(1 << 20)

    def path_stat(self, ident: str, path: str) -> dict[str, Any] | None:
        """What the engine says of a path in a container; None for nothing there."""
        raw = self.raw
        url = raw._url("/containers/{0}/archive", ident)  # noqa: SLF001
        reply = raw.head(url, params={"path": path}, timeout=raw.timeout)
        if reply.status_code == NOT_FOUND:
            return None
        raw._raise_for_status(reply)  # noqa: SLF001
        fields: dict[str, Any] = docker.utils.decode_json_header(reply.headers[_STAT_HEADER])
        return fields

    @contextmanager
    def registry(self, repository: str | None = None) -> Iterator[Any]:
        """The client, for a call that asks the user's credential helpers first: those of a
        repository, or all. Raises `InputError` where one is not installed or does not work.
        """
        helpers: list[str] = []
        try:
            with self.guard():
                client = self.raw
                helpers += _helpers(auth.load_config(), repository)
                yield client
        except (StoreError, ValueError, LookupError, TypeError, AttributeError) as error:
            if not helpers and not isinstance(error, StoreError):
                raise
            said = ": ".join(["no credentials for registries", *helpers, str(error)])
            raise _unusable_config(said) from error

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
            if isinstance(error.__cause__, StoreError):
                raise error.__cause__ from error
            raise EngineError(
                f"no container engine answers at {self.where}; "
                "start Docker (`systemctl start docker`, as root) or set DOCKER_HOST"
            ) from error

    def close(self) -> None:
        """Close the pool."""
        with self._lock:
            if self._raw is not None:
                self._raw.close()
                self._raw = None


def hijacked(handed_out: Any) -> Hijacked:
    """What is under the object that docker hands out as a socket: one over TLS, else its file."""
    response = handed_out._response  # noqa: SLF001
    sock = handed_out if isinstance(handed_out, socket.socket) else handed_out._sock  # noqa: SLF001
    sock.setblocking(False)  # else the look at what came early would wait for more
    return Hijacked(response, sock, response.raw._fp.fp.peek() or b"")  # noqa: SLF001


def _helpers(known: Any, repository: str | None) -> list[str]:
    """The programs that are asked for credentials of a repository, or of all there are."""
    if repository is None:
        names = {known.creds_store, *known.cred_helpers.values()}
    else:
        names = {known.get_credential_store(auth.resolve_repository_name(repository)[0])}
    programs = sorted(f"docker-credential-{name}" for name in names if name)
    if missing := [program for program in programs if shutil.which(program) is None]:
        raise StoreError(f"{', '.join(missing)} not installed")
    return programs


def _unusable_config(what: str) -> InputError:
    where = config.find_config_file() or "Docker's configuration"
    remedy = "mend it, or install the programs that credsStore and credHelpers name"
    return InputError(what, where=where, remedy=remedy)


def _check_inside(client: Any) -> None:
    """Look once for what we use under a reply; what is not there raises `AttributeError`."""
    reply = client.get(client._url("/_ping"), stream=True, timeout=CALL_TIMEOUT_S)  # noqa: SLF001
    client._raise_for_status(reply)  # noqa: SLF001
    hijacked(client._get_raw_response_socket(reply)).response.close()  # noqa: SLF001


def _unknown_docker(lacks: str) -> EngineError:
    return EngineError(
        f"the Python package docker {docker.__version__} is not one that Arena knows ({lacks}); "
        "install docker>=7.1,<8"
    )


def _refused(error: Any) -> EngineRefusedError:
    text = " ".join(str(error.explanation or error).split())
    full = "no space left on device" in text
    line = f"{FULL} ({text})" if full else f"the container engine refused: {text}"
    return EngineRefusedError(line, int(error.status_code or 0))


# ── images of registries ──────────────────────────────────────────────────────────────────────────


def pull(connection: Connection, image: str, say: Say) -> str:
    """Pull a pinned image, from `ARENA_REGISTRY_MIRROR` where set; its name afterwards."""
    name, _, digest = image.partition("@")
    source = _source(_repository(name))
    for pause_s in (*_PULL_PAUSES_S, None):
        say(f"pulling {name}")
        try:
            with connection.registry(source) as client:
                client.pull(source, tag=digest)
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
    """An image with the digest of its tag in a registry now; `InputError` where none gave it."""
    name, _, digest = image.partition("@")
    if digest:
        return image
    repository = _repository(name)
    tag = name.removeprefix(repository).removeprefix(":") or "latest"
    source = _source(repository)
    try:
        with connection.registry(source) as client:
            found = client.inspect_distribution(f"{source}:{tag}")
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
