"""Where base images come from: a registry, or the package mirror as this machine reaches it.

Proxies of the environment are not here: builders take those as arguments that leave no trace.
"""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from arena.errors import EngineError, InputError
from arena.records import File
from arena.sandbox.docker import NOT_FOUND, Connection, EngineRefusedError

FOLDER = "/etc/arena-host"
_APT_FILE = "/etc/apt/apt.conf.d/99arena-host"
_PIP_FILE = "/etc/pip.conf"
_NPM_FILES = ("/etc/npmrc", "/usr/etc/npmrc")
WRITTEN = frozenset({FOLDER, _APT_FILE, _PIP_FILE, *_NPM_FILES})
"""Everything that `settings` writes; no base image has any of it."""

_CA = f"{FOLDER}/ca.pem"
_SYSTEM_CA = Path("/etc/ssl/certs/ca-certificates.crt")
_LOCAL_CA = Path("/usr/local/share/ca-certificates")
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
_PUBLIC_HOSTS = ("deb.debian.org", "security.debian.org", "archive.ubuntu.com")
_SUITE = "bookworm"
_APT_PROXY = re.compile(r'^Acquire::https?::Proxy(::\S+)? ".+";$')
_PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "proxy")
_PIP_LINE = re.compile(r"^(\S+?)\.([a-z-]+)='(.*)'$")
_NPM_LINE = re.compile(r"^(@[^:]+:)?registry *=|^//|^(https-)?proxy *=|^strict-ssl *=")


def settings() -> list[File]:
    """Files that make apt, pip and npm in a container use this machine's mirrors; often none."""
    bundle = _ca_bundle()
    parts = {
        _APT_FILE: _apt(with_ca=bool(bundle)),
        f"{FOLDER}/sources.list": "".join(_sources()),
        f"{FOLDER}/auth.conf": _apt_auth(),
        _PIP_FILE: _pip(with_ca=bool(bundle)),
        **dict.fromkeys(_NPM_FILES, _npm(with_ca=bool(bundle))),
        _CA: bundle,
    }
    return [File(path=path, data=text.encode()) for path, text in parts.items() if text]


def _ca_bundle() -> str:
    """The machine's certificates where it trusts any that a plain Debian does not."""
    named = [Path(os.environ[name]) for name in _CA_VARIABLES if os.environ.get(name)]
    extra = [path for path in named if path != _SYSTEM_CA and path.is_file()]
    if not extra and not list(_LOCAL_CA.glob("**/*.crt")):
        return ""
    return "".join(_read(path) for path in dict.fromkeys([_SYSTEM_CA, *extra]))


def _apt(*, with_ca: bool) -> str:
    lines = [line for line in _run(["apt-config", "dump"]) if _APT_PROXY.match(line)]
    if _sources():
        lines.append(f'Dir::Etc::sourcelist "{FOLDER}/sources.list";')
        lines.append('Dir::Etc::sourceparts "/dev/null";')
        lines.append(f'Dir::Etc::netrc "{FOLDER}/auth.conf";')
    if with_ca:
        lines.append(f'Acquire::https::CaInfo "{_CA}";')
    return _lines(lines)


def _sources() -> list[str]:
    """The machine's own Debian mirrors as a `sources.list`; none when they are the public ones."""
    mirror = os.environ.get("ARENA_DEBIAN_MIRROR", "").rstrip("/")
    if mirror:
        return [f"deb {mirror} {_SUITE} main\n", f"deb {mirror} {_SUITE}-updates main\n"]
    if "ID=debian" not in _read(Path("/etc/os-release")).splitlines():
        return []
    shape = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    found = _run(["apt-get", "indextargets", "--format", shape, "Created-By: Packages"])
    rows = [line.split() for line in found if line.endswith(" main")]
    if all(any(host in row[0] for host in _PUBLIC_HOSTS) for row in rows):
        return []
    return [
        f"deb {uri} {_SUITE}{release[release.find('-') :] if '-' in release else ''} main\n"
        for uri, release, _ in rows
    ]


def _apt_auth() -> str:
    folder = Path("/etc/apt")
    return "".join(_read(path) for path in [folder / "auth.conf", *folder.glob("auth.conf.d/*")])


def _pip(*, with_ca: bool) -> str:
    found: dict[str, str] = {}
    listing = _run([sys.executable, "-m", "pip", "config", "list"])
    for line in sorted(listing, key=lambda line: line.startswith(":env:")):
        if match := _PIP_LINE.match(line):
            values = [word for word in match[3].split() if not word.startswith("file:")]
            if match[2] in _PIP_KEYS and values:
                found[match[2]] = " ".join(values)
    if with_ca:
        found["cert"] = _CA
    lines = [f"{key} = {value}" for key, value in found.items()]
    return _lines(["[global]", *lines] if lines else [])


def _npm(*, with_ca: bool) -> str:
    text = _read(Path("/etc/npmrc")) + "\n" + _read(Path.home() / ".npmrc")
    lines = [os.path.expandvars(line) for line in text.splitlines() if _NPM_LINE.match(line)]
    for name, value in os.environ.items():  # npm reads the name in either case
        if name.lower() == "npm_config_registry":
            lines.append(f"registry={value}")
    if with_ca:
        lines.append(f"cafile={_CA}")
    return _lines(lines)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _run(words: Sequence[str]) -> list[str]:
    """Lines that a tool prints; none when it is missing or fails."""
    if shutil.which(words[0]) is None:
        return []
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


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
