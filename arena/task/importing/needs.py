"""What a stranger's scripts fetch while they run, put into the image instead.

Nothing that is graded has a network. What a test script installs from package registries is
installed when the image is built, with the versions it names; the same line of the script then
finds it there.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from arena.records import File

_PIP = re.compile(r"(?:pip3?|uv +pip) +install +(.*)|uv +add +(.*)")
_APT = re.compile(r"apt(?:-get)? +(?:-\S+ +)*install +(.*)")
_UVX = re.compile(r"\b(?:uvx|uv +(?:tool +)?run) +(.*)")
_UV = re.compile(r"(?:^|[\s;&|])uvx? +[a-z-]")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,-]+\])?([=<>!~]=?[\w.*,<>=!~]+)*", re.ASCII)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_TAKES_VALUE = {
    "-r",
    "--requirement",
    "-e",
    "--editable",
    "-p",
    "--python",
    "-i",
    "--index-url",
    "--extra-index-url",
    "-c",
    "-t",
    "--target",
}
_NAMES_ONE = {"--with", "-w", "--from"}
_SHIM = "arena-uvx"
_ENDS = {"&&", "||", ";", "|", "&", ">", "2>", ">>", "2>/dev/null", "2>&1"}

UVX = """\
#!/bin/sh
# Runs what the image has: uvx and uv run without a network.
if [ "$(basename "$0")" = uv ]; then
    case "$1" in
        run) shift ;;
        tool) shift 2 ;;
        *) exit 0 ;;
    esac
fi
while [ $# -gt 0 ]; do
    case "$1" in
        -p|--python|-w|--with|--from|-i|--index-url|--extra-index-url) shift 2 ;;
        -m) break ;;
        -*) shift ;;
        *) break ;;
    esac
done
case "$1" in -m|*.py) set -- python3 "$@" ;; esac
exec "$@"
"""


def with_needs(dockerfile: str, scripts: Sequence[File], end: str) -> list[File]:
    """A Dockerfile that installs as well what shell scripts would install when they run.

    Beside it is what it copies.

    Args:
        dockerfile: what is built.
        scripts: files of which those that end in `.sh` are read.
        end: steps that come after it.
    """
    lines = [
        line
        for file in scripts
        if file.path.endswith(".sh")
        for line in _lines(file.data.decode("utf-8", "replace"))
    ]
    packages = sorted(set(_apt(lines)))
    requirements = list(dict.fromkeys(_pip(lines)))
    steps = []
    if packages:
        steps.append(
            "RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes "
            f"{' '.join(packages)} || true"
        )
    if requirements:
        steps.append(
            "RUN command -v pip3 >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND="
            "noninteractive apt-get install -qq --yes --no-install-recommends python3-pip; }"
        )
        words = " ".join(shlex.quote(one) for one in requirements)
        steps.append(f"RUN PIP_BREAK_SYSTEM_PACKAGES=1 pip3 install --no-cache-dir {words}")
    used = any(_UV.search(line) for line in lines)
    if used:
        steps.append(f"COPY {_SHIM} /usr/local/lib/{_SHIM}")
        steps.append(
            f"RUN chmod 755 /usr/local/lib/{_SHIM} && for name in uv uvx; "
            f"do ln -sf /usr/local/lib/{_SHIM} /usr/local/bin/$name; done"
        )
    text = "\n".join([dockerfile.rstrip(), *(["USER root"] if steps else []), *steps, end])
    files = [File(path="Dockerfile", data=text.encode())]
    return [*files, File(path=_SHIM, data=UVX.encode())] if used else files


def _lines(text: str) -> list[str]:
    joined = re.sub(r"\\\r?\n", " ", text)
    return [line.strip() for line in joined.splitlines() if not line.lstrip().startswith("#")]


def _words(text: str) -> Iterator[str]:
    """Words of a command up to its end."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        words = text.split()
    for word in words:
        if word in _ENDS or word.startswith((">", "2>")):
            return
        yield word.rstrip(";")
        if word.endswith(";"):
            return


def _apt(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        for match in _APT.finditer(line):
            yield from (word for word in _words(match[1]) if _PACKAGE.fullmatch(word))


def _pip(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        for match in _PIP.finditer(line):
            words = _words(match[1] or match[2])
            yield from _requirements(words)
        for match in _UVX.finditer(line):
            words = _words(match[1])
            before = ""
            for word in words:
                if before in _NAMES_ONE and _REQUIREMENT.fullmatch(word):
                    yield word
                elif before not in _TAKES_VALUE | _NAMES_ONE and not word.startswith("-"):
                    tool = "run" not in match[0].split()[:2] and "--from" not in match[1].split()
                    if tool and _REQUIREMENT.fullmatch(word):
                        yield word
                    break
                before = word


def _requirements(words: Iterable[str]) -> Iterator[str]:
    before = ""
    for word in words:
        if before not in _TAKES_VALUE and _REQUIREMENT.fullmatch(word):
            yield word
        before = word
