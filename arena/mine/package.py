"""What a package.json says: the package's name, what it and its tests need, who runs its tests."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from arena.mine import environment
from arena.mine.environment import Environment, Say
from arena.mine.node_runner import is_node_test, run_node, uses_node_test
from arena.mine.project import Project
from arena.mine.runner import Kit
from arena.records import File
from arena.sandbox.image import packages
from arena.serialize import from_json

_NODE = "node"
_RUNNERS = (
    "jest",
    "vitest",
    "mocha",
    "ava",
    "tap",
    "tape",
    "jasmine",
    "karma",
    "uvu",
    "lab",
    "bun",
)
_IMPORT = re.compile(r"""(?:\bfrom\s*|\brequire\(\s*|\bimport\(?\s*)["']([^"'.][^"']*)["']""")
_VERSION = re.compile(r"[~^<>=]*\s*v?\d[\w.\-+~^<>=| *]*|\*|latest")


def read_package(tree: Sequence[File]) -> Project:
    """What a package and its tests need: its dependencies, and those for development that a test
    names. Requirements are written `name@versions`.
    """
    package = _package(tree)
    dependencies = _table(package, "dependencies") | _table(package, "peerDependencies")
    named = set(_named(tree))
    for name, versions in _table(package, "devDependencies").items():
        if name in named:
            dependencies.setdefault(name, versions)
    wanted = {name: text for name, text in dependencies.items() if _VERSION.fullmatch(text)}
    own, version = package.get("name"), package.get("version")
    return Project(
        name=own if isinstance(own, str) else None,
        version=version if isinstance(version, str) else None,
        requirements=tuple(f"{name}@{text}" for name, text in sorted(wanted.items())),
    )


def refuses_node(tree: Sequence[File], hidden: Sequence[File]) -> str:
    """Why the hidden tests cannot be run with Node's own runner; empty where they can."""
    if any(map(uses_node_test, hidden)):
        return ""
    if any(re.search(r"\.[cm]?tsx?$", file.path) for file in hidden):
        return "its tests are TypeScript, which the image's Node does not run"
    if not any(is_node_test(file.path) for file in hidden):
        return "no test file of JavaScript is left by it"
    return f"its tests are run by {_runner(_package(tree))}, and only node --test can be driven"


def make(pack: Path, image: str, project: Project, install: Sequence[str], say: Say) -> Environment:
    """As `Make`, for a package of npm; the shipped image itself where nothing is needed.

    Raises:
        InputError: npm refuses what a person asked for, or is not here.
    """
    if made := environment.made_before(pack, image):
        return made
    given, wanted = _versions(install), _versions(project.requirements)
    if not (given or wanted):
        return Environment(image=_NODE)
    left_out: list[str] = []
    while True:
        try:
            pinned = packages.lock_node(wanted | given)
            break
        except packages.NoPackageError as error:
            if wanted.pop(error.name, None) is None:
                raise
            say(f"left out: no package {error.name}")
            left_out.append(error.name)
    found = Environment(image=image, left_out=tuple(left_out))
    environment.keep(pack, found, "javascript", _NODE, project, pinned)
    return found


def _versions(requirements: Sequence[str]) -> dict[str, str]:
    """Versions by name, of words like `name@^1.2` or `@scope/name`."""
    found = {}
    for word in requirements:
        name, _, versions = word[1:].partition("@")
        found[word[0] + name] = versions or "*"
    return found


def _runner(package: Mapping[str, Any]) -> str:
    script = str(_table(package, "scripts").get("test", ""))
    texts = (script, " ".join(_table(package, "devDependencies")))
    found = (name for text in texts for name in _RUNNERS if re.search(rf"\b{name}\b", text))
    return next(found, "another runner")


def _named(tree: Iterable[File]) -> Iterable[str]:
    """Packages that the tests import."""
    for file in tree:
        if is_node_test(file.path):
            for module in _IMPORT.findall(file.data.decode("utf-8", "replace")):
                parts = module.split("/")
                yield "/".join(parts[: 2 if module.startswith("@") else 1])


def _package(tree: Iterable[File]) -> dict[str, Any]:
    text = next((file.data for file in tree if file.path == "package.json"), b"{}")
    try:
        found = from_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _table(package: Mapping[str, Any], key: str) -> dict[str, str]:
    found = package.get(key)
    return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}


KIT = Kit(
    language="javascript",
    runner="node",
    manifests=("package.json",),
    suffixes=(".js", ".mjs", ".cjs", ".ts"),
    read=read_package,
    make=make,
    run=run_node,
    run_seconds=90.0,
    is_test=uses_node_test,
    place=str,
    refuses=refuses_node,
)
