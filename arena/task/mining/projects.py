"""What a Python project says of itself: its name, what it and its tests need, how pytest is set.

Read from its files as data; nothing of it is run.
"""

import ast
import configparser
import itertools
import math
import posixpath
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from arena.records import File, Record
from arena.task.files import leads_out

TEST_EXTRAS = re.compile(
    r"(unit)?[-_]?tests?(ing)?[-_]?(deps|requirements)?|dev(el)?(elopment)?|all"
)
"""Names of extras that tests may need."""
_REQUIREMENT_FILES = re.compile(
    r"(requirements[-_./])?(test|tests|testing|dev)([-_]requirements)?\.(txt|in|pip)"
    r"|requirements\.(txt|in)|(test|dev|tests)[-_]requirements\.txt"
    r"|(tests?|requirements)/(requirements|tests?|testing|dev|base|common)\.(txt|in)"
    r"|tests?/requirements/(py3|requirements|tests?|testing|base|common)\.(txt|in)"
)
_NAME = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*(\([^)]*\)|[^;#]*)(;[^#]*)?")
_INCLUDES = re.compile(r"(?:-r|--requirement)[\s=]*(\S+)")
UNWANTED = frozenset(
    {"python", "tox", "nox", "mypy", "black", "flake8", "ruff", "isort", "pylint", "pre-commit"}
    | {"sphinx", "twine", "build", "wheel", "setuptools", "pip", "coverage", "codecov", "coveralls"}
    | {"pytest-cov", "pytest-xdist", "pytest-randomly", "pytest-sugar", "pyright", "bump2version"}
    | {"mkdocs", "mkdocs-material", "furo", "towncrier", "reno", "pip-tools", "hatch", "poetry"}
    | {"setuptools-scm", "tox-uv", "uv", "atheris", "pip-audit", "zest-releaser", "bumpversion"}
    | {"virtualenv", "ipython", "ipdb", "interrogate", "pyproject-hooks", "pytest-benchmark"}
)
"""Tools of development, which tests do not need."""
_CARRIED = re.compile(
    r"(asyncio|anyio|trio|mock|django|DJANGO|log|pytester)_\w+|python_(files|classes|functions)"
    r"|pythonpath|usefixtures|doctest_(optionflags|encoding)|xfail_strict|empty_parameter_set_mark"
    r"|consider_namespace_packages|env"
)
_FLAGS = ("--import-mode", "--doctest-modules", "--doctest-glob", "--asyncio-mode")
"""Of `addopts`, those that decide what the tests are."""
_FACTORS = re.compile(r"py(3|311|3\.11)?|tests?|pytest|!py(27|2|3\d|310|3\.10)")
"""Of tox, those that apply to this Python and to any environment of tests."""
_WAYS = 1000
"""Most environments that a line of tox names; of more, none is looked at."""
_NOT_PYTHON = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


class Project(Record):
    """A project as its files describe it."""

    name: str | None = None
    version: str | None = None
    requirements: tuple[str, ...] = ()
    """What it and its tests need, each once, `pytest` included."""
    bounded: tuple[str, ...] = ()
    """The same, each with the versions that it is wanted in."""
    build: tuple[str, ...] = ()
    """What its own build needs."""
    plugins: tuple[str, ...] = ()
    """Of pytest, that its settings load."""
    options: tuple[str, ...] = ()
    """Settings of pytest that decide what its tests are, each `name=value`."""
    version_files: tuple[str, ...] = ()
    """Files that its build would write its version into."""
    entry_points: str = ""
    """In the form of `entry_points.txt`."""


def read_project(tree: Iterable[File]) -> Project:
    """What the files of a project say; what is not as it should be is passed over."""
    texts = {
        file.path: file.data.decode("utf-8", "replace")
        for file in tree
        if file.path.count("/") <= 2 and len(file.data) < 1 << 20
    }
    pyproject = _toml(texts.get("pyproject.toml", ""))
    setup_cfg, tox = read_ini(texts.get("setup.cfg", "")), read_ini(texts.get("tox.ini", ""))
    call = _setup_call(texts.get("setup.py", ""))
    project, tool = table(pyproject, "project"), table(pyproject, "tool")
    poetry, options = table(tool, "poetry"), table(setup_cfg, "options")
    own_needs = [
        *_texts(project.get("dependencies")),
        *table(poetry, "dependencies"),
        *_texts(options.get("install_requires")),
        *_texts(call.get("install_requires")),
    ]
    wanted = [
        *_of(project, "dependencies", table(project, "optional-dependencies")),
        *_of_groups(table(pyproject, "dependency-groups")),
        *_of_poetry(poetry),
        *_of(options, "install_requires", table(setup_cfg, "options.extras_require")),
        *_of(call, "install_requires", table(call, "extras_require")),
        *_of_files(texts),
        *_of_tox(table(tox, "testenv"), texts),
        "pytest",
    ]
    settings = (
        table(read_ini(texts.get("pytest.ini", "")), "pytest"),
        table(tool, "pytest", "ini_options"),
        table(tox, "pytest"),
        table(setup_cfg, "tool:pytest"),
    )
    name = first_text("name", project, poetry, table(setup_cfg, "metadata"), call)
    needed = list(_needed(wanted, own_needs, name))
    chosen = next((one for one in settings if one), {})
    return Project(
        name=name,
        version=first_text("version", project, poetry, call),
        requirements=_distinct(needed, versions=False),
        bounded=_distinct(needed, versions=True),
        build=tuple(_texts(table(pyproject, "build-system").get("requires"))),
        plugins=tuple(_plugins(chosen)),
        options=tuple(_options(chosen)),
        version_files=tuple(_version_files(tool)),
        entry_points=_entry_points(project, poetry, setup_cfg, call),
    )


def with_version_files(tree: Sequence[File], project: Project) -> tuple[File, ...]:
    """The tree with the version files that the project's build would have written."""
    known = {file.path for file in tree}
    version = project.version or "0.0.0"
    text = f'__version__ = version = "{version}"\n__version_tuple__ = version_tuple = (0, 0, 0)\n'
    more = [
        File(path=path, data=text.encode())
        for path in project.version_files
        if path not in known and path.endswith(".py")
    ]
    return (*tree, *more)


# ── requirements ───────────────────────────────────────────────────────────────────────────────


def _of(told: Mapping[str, Any], key: str, extras: Mapping[str, Any]) -> Iterator[str]:
    for needs in (told.get(key), told.get("tests_require"), *_for_tests(extras).values()):
        yield from _texts(needs)


def _of_groups(groups: Mapping[str, Any]) -> Iterator[str]:
    waiting, seen = [*_for_tests(groups)], set[str]()
    while waiting:
        name = waiting.pop(0)
        needs = groups.get(name)
        for need in needs if isinstance(needs, list) and name not in seen else ():
            if isinstance(need, str):
                yield need
            elif isinstance(need, dict):
                waiting.append(str(need.get("include-group")))
        seen.add(name)


def _of_poetry(poetry: Mapping[str, Any]) -> Iterator[str]:
    groups = table(poetry, "group")
    tables = [table(poetry, "dependencies"), table(poetry, "dev-dependencies")]
    tables += [table(groups, name, "dependencies") for name in _for_tests(groups)]
    for needs in tables:
        yield from (name for name in needs if not table(needs, name).get("optional"))


def _for_tests(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {name: needs for name, needs in extras.items() if TEST_EXTRAS.fullmatch(name.lower())}


def _of_files(texts: Mapping[str, str]) -> Iterator[str]:
    paths = sorted(path for path in texts if _REQUIREMENT_FILES.fullmatch(path))
    # A file for development names all sorts of tools beside what one for tests has
    tested = any("test" in path for path in paths)
    yield from _named(paths if not tested else [p for p in paths if "dev" not in p], texts)


def _named(paths: Iterable[str], texts: Mapping[str, str]) -> Iterator[str]:
    """Lines of files, and of those that they include; each file once."""
    waiting, seen = list(paths), set[str]()
    while waiting:
        path = waiting.pop(0)
        lines = texts.get(path, "").splitlines() if path not in seen else ()
        seen.add(path)
        folder = posixpath.dirname(path)
        for line in map(str.strip, lines):
            if match := _INCLUDES.match(line):
                waiting.append(posixpath.normpath(posixpath.join(folder, match[1])))
            elif not line.startswith(("-", "#", "git+", "http", ".")):
                yield line.split(" --hash")[0]


def _of_tox(testenv: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[str]:
    for line in _texts(testenv.get("deps")):
        plain = line.strip()
        if match := re.match(r"([\w!,{}.-]+): +(.*)", plain):
            if not _applies(match[1]):
                continue
            plain = match[2]
        if match := _INCLUDES.match(plain):
            yield from _named([match[1].replace("{toxinidir}/", "")], texts)
        elif plain and not plain.startswith(("-", "{", ".", "#")) and "://" not in plain:
            yield plain


def _applies(condition: str) -> bool:
    """Whether a line of tox for some environments is one for ours, as `py{38,311}-test,dev`."""
    parts = re.split(r"\{([^{}]*)\}", condition)  # every other one is a choice
    choices = [part.split(",") if at % 2 else [part] for at, part in enumerate(parts)]
    if math.prod(map(len, choices)) > _WAYS:
        return False
    ways = ("".join(map(str.strip, way)) for way in itertools.product(*choices))
    names = (name for way in ways for name in way.split(","))
    return any(all(map(_FACTORS.fullmatch, name.split("-"))) for name in names)


def _needed(
    lines: Iterable[str], own_needs: Iterable[str], own: str | None
) -> Iterator[re.Match[str]]:
    """The lines that name packages; of tools of development those that it needs to run."""
    runs = {normal_name(match[1]) for match in map(_NAME.match, own_needs) if match}
    for line in lines:
        match = _NAME.match(line)
        if not match or "{" in line or match[3].startswith("/"):
            continue
        name = normal_name(match[1])
        tool = name in UNWANTED or name.startswith(("types-", "sphinx"))
        if name != "python" and name != normal_name(own or "") and (name in runs or not tool):
            yield match


def normal_name(name: str) -> str:
    """A package's name, in the one of its spellings that is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distinct(needed: Iterable[re.Match[str]], *, versions: bool) -> tuple[str, ...]:
    """Each package once for every condition; pins of one commit would not fit another."""
    found: dict[str, dict[str, str]] = {}
    for match in needed:
        name, marker = normal_name(match[1]), (match[4] or "").strip()
        if "extra" in marker:
            marker = ""
        bounds = re.sub(r"[\s()]", "", match[3]) if versions else ""
        if not versions and not marker:
            found[name] = {}
        elif "" in found.get(name, {}):
            continue
        extras = "".join((match[2] or "").split())
        found.setdefault(name, {}).setdefault(marker, f"{name}{extras}{bounds}{marker}")
    return tuple(line for conditions in found.values() for line in conditions.values())


# ── settings and names ─────────────────────────────────────────────────────────────────────────


def _options(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        if _CARRIED.fullmatch(name):
            words = value if isinstance(value, list) else [value]
            yield f"{name}={' '.join(' '.join(map(str, words)).split())}"
    kept = [word for word in _added(settings) if word.startswith(_FLAGS)]
    if kept:
        yield f"addopts={' '.join(kept)}"


def _plugins(settings: Mapping[str, Any]) -> list[str]:
    """Plugins that `addopts` loads."""
    return re.findall(r"(?<!\S)-p\s*(?!no:)(\S+)", " ".join(_added(settings)))


def _added(settings: Mapping[str, Any]) -> list[str]:
    value = settings.get("addopts") or ""
    if isinstance(value, list):
        return [str(one) for one in value]
    try:
        return shlex.split(str(value))
    except ValueError:
        return []


def _version_files(tool: Mapping[str, Any]) -> Iterator[str]:
    hooks, scm = table(tool, "hatch", "build", "hooks", "vcs"), table(tool, "setuptools_scm")
    named = (hooks.get("version-file"), scm.get("write_to"), scm.get("version_file"))
    yield from (path for path in named if isinstance(path, str) and not leads_out(path))


def _entry_points(
    project: Mapping[str, Any],
    poetry: Mapping[str, Any],
    setup_cfg: Mapping[str, Any],
    call: Mapping[str, Any],
) -> str:
    """Those of all places, `group: name = value`; setup.py may have them as one text."""
    written = call.get("entry_points")
    groups: dict[str, Any] = {
        "console_scripts": project.get("scripts") or poetry.get("scripts"),
        **table(project, "entry-points"),
        **table(poetry, "plugins"),
        **table(setup_cfg, "options.entry_points"),
        **(read_ini(written) if isinstance(written, str) else table(call, "entry_points")),
    }
    sections = {group: "".join(_points(points)) for group, points in groups.items()}
    return "".join(f"[{group}]\n{lines}" for group, lines in sections.items() if lines)


def _points(points: Any) -> Iterator[str]:
    """Lines `name = value` of a group, whichever way it is written."""
    pairs = points.items() if isinstance(points, dict) else ()
    yield from (f"{name} = {value}\n" for name, value in pairs if isinstance(value, str))
    yield from (f"{line.strip()}\n" for line in _texts(points) if "=" in line)


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def table(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """A table inside another; empty where there is none, or something else."""
    found: Any = data
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _texts(value: Any) -> list[str]:
    """The lines of a text, or the texts of a list."""
    if isinstance(value, str):
        return value.splitlines()
    return [one for one in value if isinstance(one, str)] if isinstance(value, list | tuple) else []


def first_text(key: str, *places: Mapping[str, Any]) -> str | None:
    """The first text that stands under a key and is not empty."""
    values = (place.get(key) for place in places)
    return next((value for value in values if value and isinstance(value, str)), None)


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def read_ini(text: str) -> dict[str, Any]:
    """Its sections as they are written; none where it cannot be read."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _setup_call(text: str) -> dict[str, Any]:
    """Literal arguments of the `setup(…)` of a setup.py, names at its top level followed."""
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except _NOT_PYTHON:
        return {}
    names: dict[str, Any] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _literal(node.value, {})
    return {
        word.arg: _literal(word.value, names)
        for node in nodes
        if isinstance(node, ast.Call)
        and "setup" in {getattr(node.func, "id", ""), getattr(node.func, "attr", "")}
        for word in node.keywords
        if word.arg
    }


def _literal(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    try:
        return ast.literal_eval(node)
    except _NOT_PYTHON:
        return None
