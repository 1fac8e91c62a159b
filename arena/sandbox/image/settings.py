"""The machine's settings of apt, pip and npm, for builds in containers.

Its indexes, proxies and certificates are used, and none of them reaches an image. Proxies of the
environment are no settings here: builders take those as arguments that leave no trace.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from arena.records import File
from arena.sandbox.owner import text_at

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
    bundle, sources = _ca_bundle(), _sources()
    apt, pip, npm = _apt_settings(sources), _pip_settings(), _npm_settings()
    if bundle:
        apt.append(f'Acquire::https::CaInfo "{_CA}";')
        pip.append(f"cert = {_CA}")
        npm.append(f"cafile={_CA}")
    auth = (Path("/etc/apt/auth.conf"), *Path("/etc/apt/auth.conf.d").glob("*"))
    parts = {
        _APT_FILE: apt,
        f"{FOLDER}/sources.list": sources,
        f"{FOLDER}/auth.conf": [text_at(path) for path in auth],
        _PIP_FILE: ["[global]", *pip] if pip else [],
        **dict.fromkeys(_NPM_FILES, npm),
        _CA: bundle,
    }
    texts = {path: "".join(f"{line}\n" for line in lines) for path, lines in parts.items()}
    return [File(path=path, data=text.encode()) for path, text in texts.items() if text.strip()]


def _ca_bundle() -> list[str]:
    """The machine's certificates where it trusts any that a plain Debian does not."""
    named = [Path(os.environ[name]) for name in _CA_VARIABLES if os.environ.get(name)]
    extra = [path for path in named if path != _SYSTEM_CA and path.is_file()]
    if not extra and not list(_LOCAL_CA.glob("**/*.crt")):
        return []
    return [text for path in dict.fromkeys([_SYSTEM_CA, *extra]) if (text := text_at(path))]


def _apt_settings(sources: Sequence[str]) -> list[str]:
    lines = [line for line in _lines_of(["apt-config", "dump"]) if _APT_PROXY.match(line)]
    if sources:
        lines.append(f'Dir::Etc::sourcelist "{FOLDER}/sources.list";')
        lines.append('Dir::Etc::sourceparts "/dev/null";')
        lines.append(f'Dir::Etc::netrc "{FOLDER}/auth.conf";')
    return lines


def _sources() -> list[str]:
    """The machine's own Debian mirrors as a `sources.list`; none when they are the public ones."""
    mirror = os.environ.get("ARENA_DEBIAN_MIRROR", "").rstrip("/")
    if mirror:
        return [f"deb {mirror} {_SUITE} main", f"deb {mirror} {_SUITE}-updates main"]
    if "ID=debian" not in text_at(Path("/etc/os-release")).splitlines():
        return []
    shape = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    found = _lines_of(["apt-get", "indextargets", "--format", shape, "Created-By: Packages"])
    rows = [line.split() for line in found if line.endswith(" main")]
    if all(any(host in row[0] for host in _PUBLIC_HOSTS) for row in rows):
        return []
    return [
        f"deb {uri} {_SUITE}{release[release.find('-') :] if '-' in release else ''} main"
        for uri, release, _ in rows
    ]


def _pip_settings() -> list[str]:
    found: dict[str, str] = {}
    listing = _lines_of([sys.executable, "-m", "pip", "config", "list"])
    for line in sorted(listing, key=lambda line: line.startswith(":env:")):
        if match := _PIP_LINE.match(line):
            values = [word for word in match[3].split() if not word.startswith("file:")]
            if match[2] in _PIP_KEYS and values:
                found[match[2]] = " ".join(values)
    return [f"{key} = {value}" for key, value in found.items()]


def _npm_settings() -> list[str]:
    text = text_at(Path("/etc/npmrc")) + "\n" + text_at(Path.home() / ".npmrc")
    lines = [os.path.expandvars(line) for line in text.splitlines() if _NPM_LINE.match(line)]
    for name, value in os.environ.items():  # npm reads the name in either case
        if name.lower() == "npm_config_registry":
            lines.append(f"registry={value}")
    return lines


def _lines_of(words: Sequence[str]) -> list[str]:
    """Lines that a tool prints; none when it is missing or fails."""
    if shutil.which(words[0]) is None:
        return []
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []
