"""What a stranger's scripts fetch while they run, put into the image instead.

Nothing that is graded has a network. What a test script installs from package registries is
installed when the image is built, with the versions it names; the same line of the script then
finds it there.
"""

import re
import shlex
from collections.abc import Iterator, Sequence

from arena.records import File
from arena.resources import sandboxes_dir

_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,-]+\])?([=<>!~][\w.*,<>=!~]+)?", re.ASCII)
_PIP = re.compile(r"(?:uv )?pip3? install|python3? -m pip install|uv add")
_APT = re.compile(r"apt(?:-get)?(?: -\S+)* install")
_UVX = re.compile(r"(?P<tool>uvx|uv tool run)|uv run")
_ENDS = re.compile(r"&&|\|\||[;|]|\d?>+ *\S+")
_VALUED = re.compile(r"-[reipct]|--(requirement|editable|python|(extra-)?index-url|target)")
"""Options whose value names no package."""
_NAMING = {"--with", "-w", "--from"}
_SHIM = "uvx.sh"
_PIP3 = (
    "RUN command -v pip3 >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive "
    "apt-get install -qq --yes --no-install-recommends python3-pip; }"
)


def with_needs(dockerfile: str, scripts: Sequence[File], end: str) -> list[File]:
    """A Dockerfile that installs as well what shell scripts would install when they run.

    Beside it is what it copies.

    Args:
        dockerfile: what is built.
        scripts: files of which those that end in `.sh` are read.
        end: steps that come after it.
    """
    packages: dict[str, None] = {}
    requirements: dict[str, None] = {}
    files: list[File] = []
    for command in (
        one for file in scripts if file.path.endswith(".sh") for one in _commands(file)
    ):
        if match := _APT.match(command):
            packages |= dict.fromkeys(_plain(command[match.end() :].split()))
        elif match := _PIP.match(command):
            requirements |= dict.fromkeys(_plain(_words(command[match.end() :])))
        elif match := _UVX.match(command):
            words = _words(command[match.end() :])
            requirements |= dict.fromkeys(_of_uvx(words, runs_tool=bool(match["tool"])))
        if command.startswith(("uv ", "uvx ")) and not files:
            files.append(
                File(path=_SHIM, data=(sandboxes_dir() / "stand-ins" / _SHIM).read_bytes())
            )
    steps = []
    if packages:
        install = "DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes"
        steps.append(f"RUN apt-get update -qq && {install} {' '.join(packages)} || true")
    if requirements:
        words = [shlex.quote(one) for one in requirements]
        install = "PIP_BREAK_SYSTEM_PACKAGES=1 pip3 install --no-cache-dir"
        steps += [_PIP3, f"RUN {install} {' '.join(words)}"]
    if files:
        links = "ln -sf uvx.sh /usr/local/bin/uvx && ln -sf uvx.sh /usr/local/bin/uv"
        steps.append(f"COPY {_SHIM} /usr/local/bin/")
        steps.append(f"RUN chmod 755 /usr/local/bin/{_SHIM} && {links}")
    text = "\n".join([dockerfile.rstrip(), *(["USER root"] if steps else []), *steps, end])
    return [*files, File(path="Dockerfile", data=text.encode())]


def _commands(script: File) -> Iterator[str]:
    """The simple commands of a shell script, as far as a look at its lines shows them."""
    text = re.sub(r"\\\r?\n", " ", script.data.decode("utf-8", "replace"))
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            yield from (" ".join(part.split()) for part in _ENDS.split(_unquoted(line)))


def _unquoted(line: str) -> str:
    """A line whose quoted bounds of versions are no redirections."""
    return re.sub(r"[\"']([\w.,\[\]<>=!~-]+)[\"']", lambda m: m[1].replace(">", "\0"), line)


def _words(text: str) -> list[str]:
    return text.replace("\0", ">").split()


def _plain(words: Sequence[str]) -> Iterator[str]:
    for before, word in zip(("", *words), words, strict=False):
        if not _VALUED.fullmatch(before) and _REQUIREMENT.fullmatch(word):
            yield word


def _of_uvx(words: Sequence[str], *, runs_tool: bool) -> Iterator[str]:
    """What uvx would fetch: what its options name, and the tool itself where none names it."""
    for before, word in zip(("", *words), words, strict=False):
        if before in _NAMING:
            yield from _plain([word])
        elif not word.startswith("-") and not _VALUED.fullmatch(before):
            if runs_tool and "--from" not in words:
                yield from _plain([word])
            return
