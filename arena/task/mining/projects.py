"""What a Python project says of itself: its name, what it and its tests need, how pytest is set.

Read from its files as data; nothing of it is run.
"""

import ast
import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from arena.records import File, Record
from arena.task.files import leads_out

_TEST_EXTRAS = re.compile(
    r"(unit)?[-_]?tests?(ing)?[-_]?(deps|requirements)?|dev(el)?(elopment)?|all"
)
_REQUIREMENT_FILES = re.compile(
    r"(requirements[-_./])?(test|tests|testing|dev)([-_]requirements)?\.(txt|in|pip)"
    r"|requirements\.(txt|in)|(test|dev|tests)[-_]requirements\.txt"
    r"|(tests?|requirements)/(requirements|tests?|testing|dev|base|common)\.(txt|in)"
)
_NAME = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(\[[^\]]*\])?\s*(\([^)]*\)|[^;#]*)(;[^#]*)?")
_UNWANTED = frozenset(
    {"python", "tox", "nox", "mypy", "black", "flake8", "ruff", "isort", "pylint", "pre-commit"}
    | {"sphinx", "twine", "build", "wheel", "setuptools", "pip", "coverage", "codecov", "coveralls"}
    | {"pytest-cov", "pytest-xdist", "pytest-randomly", "pytest-sugar", "pyright", "bump2version"}
    | {"mkdocs", "mkdocs-material", "furo", "towncrier", "reno", "pip-tools", "hatch", "poetry"}
    | {"setuptools-scm", "tox-uv", "uv", "atheris", "pip-audit", "zest-releaser", "bumpversion"}
    | {"virtualenv", "ipython", "ipdb", "interrogate", "pyproject-hooks", "pytest-benchmark"}
)
_CARRIED = re.compile(
    r"asyncio_.*|python_(files|classes|functions)|pythonpath|usefixtures|doctest_optionflags"
    r"|anyio_mode|DJANGO_SETTINGS_MODULE"
)
_NOT_PYTHON = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


class Project(Record):
    """A project as its files describe it."""

    name: str | None = None
    version: str | None = None
    requirements: tuple[str, ...] = ()
    """What it and its tests need, each once, `pytest` included."""
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
        if file.path.count("/") <= 1 and len(file.data) < 1 << 20
    }
    pyproject = _toml(texts.get("pyproject.toml", ""))
    setup_cfg, tox = _ini(texts.get("setup.cfg", "")), _ini(texts.get("tox.ini", ""))
    call = _setup_call(texts.get("setup.py", ""))
    project, tool = table(pyproject, "project"), table(pyproject, "tool")
    poetry = table(tool, "poetry")
    wanted = [
        *_of_pyproject(project, table(pyproject, "dependency-groups"), poetry),
        *_of_setup(table(setup_cfg, "options"), table(setup_cfg, "options.extras_require")),
        *_of_setup(call, table(call, "extras_require")),
        *_of_files(texts),
        *_of_tox(table(tox, "testenv")),
    ]
    pytest_ini = _ini(texts.get("pytest.ini", ""))
    settings = (
        table(pytest_ini, "pytest"),
        table(tool, "pytest", "ini_options"),
        table(tox, "pytest"),
        table(setup_cfg, "tool:pytest"),
    )
    own = (project, poetry, table(setup_cfg, "metadata"), call)
    name = _first_text(one.get("name") for one in own)
    return Project(
        name=name,
        version=_first_text(one.get("version") for one in (project, poetry, call)),
        requirements=_distinct([*wanted, "pytest"], name),
        options=tuple(_options(next((one for one in settings if one), {}))),
        version_files=tuple(_version_files(tool)),
        entry_points=_entry_points(project),
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


def _of_pyproject(
    project: Mapping[str, Any], groups: Mapping[str, Any], poetry: Mapping[str, Any]
) -> Iterator[str]:
    yield from _texts(project.get("dependencies"))
    for needs in _for_tests(table(project, "optional-dependencies")).values():
        yield from _texts(needs)
    for group in _for_tests(groups):
        yield from _group(groups, group, set())
    tables = [table(poetry, "dependencies"), table(poetry, "dev-dependencies")]
    poetry_groups = table(poetry, "group")
    tables += [table(poetry_groups, name, "dependencies") for name in _for_tests(poetry_groups)]
    for needs in tables:
        yield from (name for name in needs if not table(needs, name).get("optional"))


def _group(groups: Mapping[str, Any], name: str, seen: set[str]) -> Iterator[str]:
    if name in seen or not isinstance(groups.get(name), list):
        return
    seen.add(name)
    for need in groups[name]:
        if isinstance(need, str):
            yield need
        elif isinstance(need, dict):
            yield from _group(groups, str(need.get("include-group")), seen)


def _of_setup(options: Mapping[str, Any], extras: Mapping[str, Any]) -> Iterator[str]:
    """Of setup.cfg, or of the call in setup.py, which have the same names."""
    for needs in (options.get("install_requires"), options.get("tests_require")):
        yield from _texts(needs)
    for needs in _for_tests(extras).values():
        yield from _texts(needs)


def _for_tests(extras: Mapping[str, Any]) -> dict[str, Any]:
    return {name: needs for name, needs in extras.items() if _TEST_EXTRAS.fullmatch(name.lower())}


def _of_files(texts: Mapping[str, str]) -> Iterator[str]:
    for path, text in sorted(texts.items()):
        if _REQUIREMENT_FILES.fullmatch(path):
            for line in text.splitlines():
                if not line.strip().startswith(("-", "#", "git+", "http", ".")):
                    yield line.split(" --hash")[0]


def _of_tox(testenv: Mapping[str, Any]) -> Iterator[str]:
    for line in _texts(testenv.get("deps")):
        plain = line.strip()
        if plain and not plain.startswith(("-", "{", ".", "#")) and "://" not in plain:
            yield plain.rpartition(": ")[2] if re.match(r"[\w!,{}-]+: ", plain) else plain


def _distinct(lines: Iterable[str], own: str | None) -> tuple[str, ...]:
    """Each package once, by name alone: pins of one commit would not fit another."""
    found: dict[str, str] = {}
    for line in lines:
        match = _NAME.match(line)
        if not match or "{" in line:
            continue
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        if (
            name in _UNWANTED
            or name.startswith(("types-", "sphinx"))
            or name == (own or "").lower()
        ):
            continue
        marker = (match[4] or "").strip()
        if "extra" in marker:
            marker = ""
        if name not in found or not marker:
            found[name] = f"{name}{match[2] or ''}{marker}"
    return tuple(found.values())


# ── settings and names ─────────────────────────────────────────────────────────────────────────


def _options(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        if _CARRIED.fullmatch(name):
            words = value if isinstance(value, list) else [value]
            yield f"{name}={' '.join(' '.join(map(str, words)).split())}"


def _version_files(tool: Mapping[str, Any]) -> Iterator[str]:
    hooks, scm = table(tool, "hatch", "build", "hooks", "vcs"), table(tool, "setuptools_scm")
    named = (hooks.get("version-file"), scm.get("write_to"), scm.get("version_file"))
    yield from (path for path in named if isinstance(path, str) and not leads_out(path))


def _entry_points(project: Mapping[str, Any]) -> str:
    groups = {"console_scripts": project.get("scripts"), **table(project, "entry-points")}
    return "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in groups.items()
        if points and isinstance(points, dict)
    )


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


def _first_text(values: Iterable[Any]) -> str | None:
    return next((value for value in values if value and isinstance(value, str)), None)


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _ini(text: str) -> dict[str, Any]:
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
