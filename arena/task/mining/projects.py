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
    """What the files of a project say."""
    texts = {
        file.path: file.data.decode("utf-8", "replace")
        for file in tree
        if file.path.count("/") <= 1 and len(file.data) < 1 << 20
    }
    pyproject = _toml(texts.get("pyproject.toml", ""))
    setup_cfg = _ini(texts.get("setup.cfg", ""))
    calls = _setup_call(texts.get("setup.py", ""))
    project = pyproject.get("project", {})
    tool = pyproject.get("tool", {})
    poetry = tool.get("poetry", {})
    wanted = [
        *_of_project(project, pyproject.get("dependency-groups", {})),
        *_of_poetry(poetry),
        *_of_setup_cfg(setup_cfg),
        *_of_setup_py(calls),
        *_of_files(texts),
        *_of_tox(_ini(texts.get("tox.ini", ""))),
    ]
    name = project.get("name") or poetry.get("name") or setup_cfg.get("metadata", {}).get("name")
    return Project(
        name=name or _text(calls.get("name")),
        version=project.get("version") or poetry.get("version") or _text(calls.get("version")),
        requirements=_distinct([*wanted, "pytest"], name),
        options=tuple(_options(tool, setup_cfg, texts)),
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


def _of_project(project: Mapping[str, Any], groups: Mapping[str, Any]) -> Iterator[str]:
    yield from project.get("dependencies", ())
    for extra, needs in project.get("optional-dependencies", {}).items():
        if _TEST_EXTRAS.fullmatch(extra.lower()):
            yield from needs
    for group in groups:
        if _TEST_EXTRAS.fullmatch(group.lower()):
            yield from _group(groups, group, set())


def _group(groups: Mapping[str, Any], name: str, seen: set[str]) -> Iterator[str]:
    if name in seen:
        return
    seen.add(name)
    for need in groups.get(name, ()):
        if isinstance(need, str):
            yield need
        elif isinstance(need, dict):
            yield from _group(groups, str(need.get("include-group")), seen)


def _of_poetry(poetry: Mapping[str, Any]) -> Iterator[str]:
    tables = [poetry.get("dependencies", {}), poetry.get("dev-dependencies", {})]
    for name, group in poetry.get("group", {}).items():
        if _TEST_EXTRAS.fullmatch(name.lower()):
            tables.append(group.get("dependencies", {}))
    for table in tables:
        for name, wanted in table.items():
            if not (isinstance(wanted, dict) and wanted.get("optional")):
                yield name


def _of_setup_cfg(config: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    options = config.get("options", {})
    yield from options.get("install_requires", "").splitlines()
    yield from options.get("tests_require", "").splitlines()
    for extra, needs in config.get("options.extras_require", {}).items():
        if _TEST_EXTRAS.fullmatch(extra.lower()):
            yield from needs.splitlines()


def _of_setup_py(call: Mapping[str, Any]) -> Iterator[str]:
    for key in ("install_requires", "tests_require"):
        value = call.get(key)
        yield from [value] if isinstance(value, str) else value or ()
    extras = call.get("extras_require")
    for extra, needs in (extras if isinstance(extras, dict) else {}).items():
        if isinstance(extra, str) and _TEST_EXTRAS.fullmatch(extra.lower()):
            yield from [needs] if isinstance(needs, str) else needs


def _of_files(texts: Mapping[str, str]) -> Iterator[str]:
    for path, text in sorted(texts.items()):
        if _REQUIREMENT_FILES.fullmatch(path):
            for line in text.splitlines():
                if not line.strip().startswith(("-", "#", "git+", "http", ".")):
                    yield line.split(" --hash")[0]


def _of_tox(config: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for line in config.get("testenv", {}).get("deps", "").splitlines():
        plain = line.strip()
        if plain and not plain.startswith(("-", "{", ".", "#")) and "://" not in plain:
            yield plain.rpartition(": ")[2] if re.match(r"[\w!,{}-]+: ", plain) else plain


def _distinct(lines: Iterable[str], own: str | None) -> tuple[str, ...]:
    """Each package once, by name alone: pins of one commit would not fit another."""
    found: dict[str, str] = {}
    for line in lines:
        match = _NAME.match(line) if isinstance(line, str) else None
        if not match or "{" in line:
            continue
        name = re.sub(r"[-_.]+", "-", match[1]).lower()
        marker = (match[4] or "").strip()
        if (
            name in _UNWANTED
            or name.startswith(("types-", "sphinx"))
            or name == (own or "").lower()
        ):
            continue
        if "extra" in marker:
            marker = ""
        if name not in found or not marker:
            found[name] = f"{name}{match[2] or ''}{marker}"
    return tuple(found.values())


# ── settings and names ─────────────────────────────────────────────────────────────────────────


def _options(
    tool: Mapping[str, Any], setup_cfg: Mapping[str, Mapping[str, str]], texts: Mapping[str, str]
) -> Iterator[str]:
    tables: list[Mapping[str, Any]] = [
        _ini(texts.get("pytest.ini", "")).get("pytest", {}),
        tool.get("pytest", {}).get("ini_options", {}),
        _ini(texts.get("tox.ini", "")).get("pytest", {}),
        setup_cfg.get("tool:pytest", {}),
    ]
    for name, value in next((table for table in tables if table), {}).items():
        if _CARRIED.fullmatch(name):
            words = value if isinstance(value, list) else [str(value)]
            yield f"{name}={' '.join(' '.join(map(str, words)).split())}"


def _version_files(tool: Mapping[str, Any]) -> Iterator[str]:
    hooks = tool.get("hatch", {}).get("build", {}).get("hooks", {}).get("vcs", {})
    scm = tool.get("setuptools_scm", {})
    for table, keys in ((hooks, ("version-file",)), (scm, ("write_to", "version_file"))):
        yield from (str(table[key]) for key in keys if table.get(key))


def _entry_points(project: Mapping[str, Any]) -> str:
    groups = {"console_scripts": project.get("scripts", {}), **project.get("entry-points", {})}
    return "".join(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in groups.items()
        if points
    )


# ── files ──────────────────────────────────────────────────────────────────────────────────────


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def _ini(text: str) -> dict[str, dict[str, str]]:
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
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    names: dict[str, Any] = {}
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = _literal(node.value, {})
    for node in ast.walk(tree):
        called = node.func if isinstance(node, ast.Call) else None
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        if isinstance(node, ast.Call) and name == "setup":
            for word in node.keywords:
                if word.arg:
                    found[word.arg] = _literal(word.value, names)
    return found


def _literal(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
