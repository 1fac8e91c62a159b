"""The machine's settings of apt, pip and npm, for builds in containers.

Its indexes, proxies and certificates are used, and none of them reaches an image. Proxies of the
environment are no settings here: builders take those as arguments that leave no trace.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from arena.records import File

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


def files() -> list[File]:
    """Files that make apt, pip and npm in a container use this machine's mirrors; often none."""
    bundle = _ca_bundle()
    parts = {
        _APT_FILE: _apt_settings(with_ca=bool(bundle)),
        f"{FOLDER}/sources.list": "".join(_sources()),
        f"{FOLDER}/auth.conf": _apt_auth(),
        _PIP_FILE: _pip_settings(with_ca=bool(bundle)),
        **dict.fromkeys(_NPM_FILES, _npm_settings(with_ca=bool(bundle))),
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


def _apt_settings(*, with_ca: bool) -> str:
    lines = [line for line in _lines_of(["apt-config", "dump"]) if _APT_PROXY.match(line)]
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
    found = _lines_of(["apt-get", "indextargets", "--format", shape, "Created-By: Packages"])
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


def _pip_settings(*, with_ca: bool) -> str:
    found: dict[str, str] = {}
    listing = _lines_of([sys.executable, "-m", "pip", "config", "list"])
    for line in sorted(listing, key=lambda line: line.startswith(":env:")):
        if match := _PIP_LINE.match(line):
            values = [word for word in match[3].split() if not word.startswith("file:")]
            if match[2] in _PIP_KEYS and values:
                found[match[2]] = " ".join(values)
    if with_ca:
        found["cert"] = _CA
    lines = [f"{key} = {value}" for key, value in found.items()]
    return _lines(["[global]", *lines] if lines else [])


def _npm_settings(*, with_ca: bool) -> str:
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


def _lines_of(words: Sequence[str]) -> list[str]:
    """Lines that a tool prints; none when it is missing or fails."""
    if shutil.which(words[0]) is None:
        return []
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []
