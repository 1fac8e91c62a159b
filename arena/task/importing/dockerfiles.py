"""A stranger's Dockerfile, made to build here: on images that can be had, with all that it needs.

Where no registry answers, a stand-in holds what an image's name promises, and the task says so.
Nothing that is graded has a network: what a test script would fetch is installed when the image is
built, with the versions it names, and the same line of the script then finds it there.
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from arena.records import File, Language
from arena.task.importing.importer import NotImportableError, shipped

_ENDS = "(-(slim|bookworm|bullseye|trixie))*"
_STAND_INS: tuple[tuple[str, str, str, Language], ...] = (
    (rf"python(:(3|latest)[\w.]*{_ENDS})?", "python", "Python 3.11 of Debian 12", "python"),
    (rf"t-bench/python-3-\d+(:\w+)?{_ENDS}", "python", "Python 3.11 of Debian 12", "python"),
    (rf"debian(:[\w.]+?{_ENDS})?", "debian", "Debian 12", "other"),
    (r"(t-bench/)?ubuntu(-\d\d-\d\d)?(:[\w.]+)?", "debian", "Debian 12", "other"),
    (rf"(gcc|buildpack-deps)(:[\w.]+?{_ENDS})?", "gcc", "GCC 12 of Debian 12", "other"),
    (rf"node(:(18|lts|latest)[\d.]*{_ENDS})?", "node", "Node 18 of Debian 12", "javascript"),
    (rf"golang:1\.19(\.\d+)?{_ENDS}", "go", "Go 1.19 of Debian 12", "go"),
)
_ORDER = ("debian", "python", "gcc")
"""Each holds what those before it hold."""
_PREFIX = r"([\w.-]+(:\d+)?/)?((docker/)?library/|laude-institute/|harbor-framework/)?"
_FROM = re.compile(
    r"(?:^[ \t]*#.*\\\n|(?<!\\\n)^)[ \t]*FROM[ \t]+(?:--\S+[ \t]+)*"
    r"(?P<image>\S+)(?P<stage>[ \t]+AS[ \t]+(?P<name>\S+))?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ARG = re.compile(r"^[ \t]*ARG[ \t]+(\w+)=[\"']?([^\s\"']*)", re.IGNORECASE | re.MULTILINE)
_VARIABLE = re.compile(r"\$\{?(\w+)(?::-([^}]*))?\}?")
_ONLY_BUILDKIT = re.compile(r"--mount=type=(?:cache|tmpfs)\S*[ \t]+|(?<=COPY )--link[ \t]+")
"""Options that only save time, and that not every builder knows."""
_UV_COPIED = re.compile(
    r"^[ \t]*COPY[ \t]+--from=\S{0,200}?astral-sh/uv(?::(?P<version>[\d.]{0,20})\S{0,99})?[ \t]+"
    r"(?:/\S{0,99}uvx?[ \t]+){1,9}(?P<into>\S{1,200}?)(?:/uv)?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_UV_INSTALLER = re.compile(
    r"(?:curl|wget)\b[^|&;\n]{0,200}astral\.sh/uv/(?:(?P<version>[\d.]+)/)?install\.sh[^|&;\n]{0,99}\|"
    r"(?:[^|&;\n]{0,99}UV_INSTALL_DIR=(?P<into>\S{1,200}))?[^|&;\n]{0,99}?\b(?:ba)?sh\b"
)
_ARCHIVE = re.compile(r"add-apt-repository\b[^&;|\n]{0,99}?(ppa:[\w./-]+)")
_APT_STEP = re.compile(r"\bapt(?:-get)?\b[^&;|\n]{0,200}?\binstall\b(?:\\\n|[^&;|\n])*")
_PINNED = re.compile(r"(?<=\s)([a-z0-9][a-z0-9.+-]*)=[\w.+:~*-]+")


@dataclass(frozen=True)
class Based:
    """A Dockerfile on an image that can be had."""

    dockerfile: str
    language: Language
    base: str | None = None
    """The shipped image that it stands on."""
    pull: str | None = None
    """Or the pinned one of a registry."""
    notes: tuple[str, ...] = ()
    """What stands for something else."""


def on_what_there_is(text: str, pin: Callable[[str], str]) -> Based:
    """Put a Dockerfile on the images it names where a registry answers, else on ours.

    `pin` gives an image with its digest, or raises where no registry has it.
    """
    text = _ONLY_BUILDKIT.sub("", text.replace("\r\n", "\n"))
    found = list(_FROM.finditer(text))
    if not found:
        raise NotImportableError("its Dockerfile has no FROM")
    given = dict(_ARG.findall(text[: found[0].start()]))
    names = [match["name"].lower() for match in found if match["name"]]
    wanted = [_filled(match["image"], given) for match in found]
    foreign = [image for image in wanted if image.lower() not in {*names, "scratch"}]
    last = _foreign_below(found, wanted)
    if last not in foreign:
        raise NotImportableError(f"base image: {last} holds nothing to work in")
    entry = _entry(last)
    language = entry[3] if entry else "other"
    try:
        pinned = {image: pin(image) for image in dict.fromkeys(foreign)}
    except NotImportableError as error:
        return _stand_in(text, wanted, foreign, language, str(error))
    sources = {**pinned, last: "${BASE}"}
    return Based(_based(text, wanted, sources), language, pull=pinned[last])


def _stand_in(
    text: str, wanted: Sequence[str], foreign: Sequence[str], language: Language, why: str
) -> Based:
    kinds: dict[str, str] = {}
    notes: list[str] = []
    for image in dict.fromkeys(foreign):
        entry = _entry(image)
        if entry is None:
            raise NotImportableError(f"base image: none of ours stands for {image}, and {why}")
        kinds[image] = entry[1]
        notes.append(f"{entry[2]} stands for {image}")
    used = {*kinds.values()}
    if len(used) > 1 and not used <= {*_ORDER}:
        raise NotImportableError(f"base image: no one image of ours stands for {', '.join(kinds)}")
    kind = max(used, key=_ORDER.index) if len(used) > 1 else used.pop()
    # Terminal-Bench's own images set a work folder, and many a Dockerfile relies on it
    text = _FROM.sub(
        lambda match: match[0] + "\nWORKDIR /app" * ("/t-bench/" in match["image"]), text
    )
    text, more = _on_debian(text)
    notes += more
    dockerfile = _based(text, wanted, dict.fromkeys(kinds, "${BASE}"))
    return Based(dockerfile, language, base=f"stand-ins/{kind}", notes=tuple(notes))


def _on_debian(text: str) -> tuple[str, list[str]]:
    """Steps that fetch from where nothing answers, said with what PyPI and Debian have: uv, no
    archive for Ubuntu alone, one version of each package; and notes of what that changes.
    """
    text = _UV_COPIED.sub(lambda match: f"RUN {_uv(match)}", _UV_INSTALLER.sub(_uv, text))
    archives = dict.fromkeys(_ARCHIVE.findall(text))
    pinned = dict.fromkeys(one for step in _APT_STEP.findall(text) for one in _PINNED.findall(step))
    text = _APT_STEP.sub(lambda match: _PINNED.sub(r"\1", match[0]), _ARCHIVE.sub("true", text))
    said = {"": archives, "the versions named of ": pinned}
    return text, [f"Debian 12 stands for {what}{', '.join(of)}" for what, of in said.items() if of]


def _uv(match: re.Match[str]) -> str:
    """A command that has pip lay uv where its own installer would, or an image's copy."""
    exact = (match["version"] or "").strip(".")
    pin = f"=={exact}{'.*' if exact.count('.') < 2 else ''}" if exact else ""
    fetched = f"{_PIP3} && pip3 install -q --no-cache-dir --target /tmp/uv 'uv{pin}'"
    into = match["into"] or "~/.local/bin"
    return f"{fetched} && mkdir -p {into} && cp /tmp/uv/bin/uv* {into}"


def _entry(image: str) -> tuple[str, str, str, Language] | None:
    name = image.partition("@")[0]
    return next(
        (entry for entry in _STAND_INS if re.fullmatch(_PREFIX + f"(?:{entry[0]})", name)), None
    )


def _foreign_below(found: Sequence[re.Match[str]], wanted: Sequence[str]) -> str:
    """The image that the last stage stands on in the end."""
    *_, image = wanted
    for match, below in reversed([*zip(found, wanted, strict=True)][:-1]):
        if (match["name"] or "").lower() == image.lower():
            image = below
    return image


def _based(text: str, wanted: Sequence[str], sources: Mapping[str, str]) -> str:
    """The Dockerfile with other images in its `FROM` lines."""
    images = iter(sources.get(image, image) for image in wanted)
    text = _FROM.sub(lambda match: f"FROM {next(images)}{match['stage'] or ''}", text)
    return f"ARG BASE\n{text.rstrip()}\n"


def _filled(image: str, given: Mapping[str, str]) -> str:
    """An image's name with the build arguments that the Dockerfile gives it."""
    return _VARIABLE.sub(lambda match: given.get(match[1]) or match[2] or match[0], image)


# ── what its scripts fetch ───────────────────────────────────────────────────────────────────────

_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(\[[\w,-]+\])?([=<>!~][\w.*,<>=!~]+)?", re.ASCII)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*(=[\w.+:~*-]+)?", re.ASCII)
_PIP = re.compile(r"(?:uv )?pip3? install|python3? -m pip install|uv add")
_APT = re.compile(r"apt(?:-get)?(?: -\S+)* install")
_UVX = re.compile(r"(?P<tool>uvx|uv tool run)|uv run")
_COMMAND_ENDS = re.compile(r"&&|\|\||[;|]|\d?>+ *\S+")
_VALUED = re.compile(r"-[reipct]|--(requirement|editable|python|(extra-)?index-url|target)")
"""Options whose value names no package."""
_NAMING = {"--with", "-w", "--from"}
_SHIM = "uvx.sh"
_PIP3 = (
    "{ command -v pip3 >/dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive "
    "apt-get install -qq --yes --no-install-recommends python3-pip; }; }"
)


def with_needs(dockerfile: str, scripts: Sequence[File], end: str) -> list[File]:
    """A Dockerfile that installs as well what shell scripts would install when they run.

    Beside it is what it copies. Of the files those in `.sh` are read; `end` has its last steps.
    """
    packages: dict[str, None] = {}
    requirements: dict[str, None] = {}
    uses_uv = False
    shell = (file for file in scripts if file.path.endswith(".sh"))
    for command in (one for file in shell for one in _commands(file)):
        uses_uv = uses_uv or command.startswith(("uv ", "uvx "))
        if match := _APT.match(command):
            packages |= dict.fromkeys(_plain(command[match.end() :].split(), _PACKAGE))
        elif match := _PIP.match(command):
            requirements |= dict.fromkeys(_plain(_words(command[match.end() :])))
        elif match := _UVX.match(command):
            words = _words(command[match.end() :])
            requirements |= dict.fromkeys(_of_uvx(words, runs_tool=bool(match["tool"])))
    steps = []
    if packages:
        install = "DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes"
        # One that this release has not, or not in the version named, keeps none of the others away
        each = f"for one in {' '.join(packages)}; do {install} $one || {install} ${{one%%=*}}; done"
        steps.append(f"RUN apt-get update -qq; {each}; true")
    if requirements:
        words = [shlex.quote(one) for one in requirements]
        install = "PIP_BREAK_SYSTEM_PACKAGES=1 pip3 install --no-cache-dir"
        steps += [f"RUN {_PIP3}", f"RUN {install} {' '.join(words)}"]
    if uses_uv:
        links = "ln -sf uvx.sh /usr/local/bin/uvx && ln -sf uvx.sh /usr/local/bin/uv"
        steps.append(f"COPY {_SHIM} /usr/local/bin/")
        steps.append(f"RUN chmod 755 /usr/local/bin/{_SHIM} && {links}")
    text = "\n".join([dockerfile.rstrip(), *(["USER root"] if steps else []), *steps, end])
    files = [File(path=_SHIM, data=shipped(_SHIM))] if uses_uv else []
    return [*files, File(path="Dockerfile", data=text.encode("utf-8", "surrogateescape"))]


def _commands(script: File) -> Iterator[str]:
    """The simple commands of a shell script, as far as a look at its lines shows them."""
    text = re.sub(r"\\\r?\n", " ", script.data.decode("utf-8", "replace"))
    for line in text.splitlines():
        if not line.lstrip().startswith("#"):
            yield from (" ".join(part.split()) for part in _COMMAND_ENDS.split(_unquoted(line)))


def _unquoted(line: str) -> str:
    """A line whose quoted bounds of versions are no redirections."""
    return re.sub(r"[\"']([\w.,\[\]<>=!~*@-]+)[\"']", lambda m: m[1].replace(">", "\0"), line)


def _words(text: str) -> list[str]:
    return text.replace("\0", ">").split()


def _plain(words: Sequence[str], named: re.Pattern[str] = _REQUIREMENT) -> Iterator[str]:
    for before, word in zip(("", *words), words, strict=False):
        if not _VALUED.fullmatch(before) and named.fullmatch(word):
            yield word


def _of_uvx(words: Sequence[str], *, runs_tool: bool) -> Iterator[str]:
    """What uvx would fetch: what its options name, and the tool itself where none names it."""
    for before, word in zip(("", *words), words, strict=False):
        if before in _NAMING:
            yield from _plain([word])
        elif not word.startswith("-") and not _VALUED.fullmatch(before):
            if runs_tool and "--from" not in words:
                yield from _plain([word.removesuffix("@latest").replace("@", "==")])
            return
