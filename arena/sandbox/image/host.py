"""How this machine reaches package mirrors, for use while an image is built and never after.

Proxies of the environment are not here: builders take those as arguments that leave no trace.
"""

import configparser
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from arena.records import File

FOLDER = "/etc/arena-host"
PATHS = frozenset(
    {"/etc/apt/apt.conf.d/99arena-host", "/etc/pip.conf", "/etc/npmrc", "/usr/etc/npmrc"}
)
"""Everything that is written outside the folder; no base image has any of it."""

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
        "/etc/apt/apt.conf.d/99arena-host": _apt(with_ca=bool(bundle)),
        f"{FOLDER}/sources.list": "".join(_sources()),
        f"{FOLDER}/auth.conf": _apt_auth(),
        "/etc/pip.conf": _pip(with_ca=bool(bundle)),
        "/etc/npmrc": _npm(with_ca=bool(bundle)),
        "/usr/etc/npmrc": _npm(with_ca=bool(bundle)),
        _CA: bundle,
    }
    return [File(path=path, data=text.encode()) for path, text in parts.items() if text]


def is_ours(path: str) -> bool:
    """Whether an absolute path is one of those that `settings` writes."""
    return path in PATHS or path == FOLDER or path.startswith(f"{FOLDER}/")


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
    if not found:
        return ""
    config = configparser.RawConfigParser()
    config["global"] = found
    text = io.StringIO()
    config.write(text)
    return text.getvalue()


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
