"""What a package.json says: the package's name, what it and its tests need, who runs its tests."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from arena.mine.node_runner import is_node_test, uses_node_test
from arena.mine.project import Project
from arena.records import File
from arena.serialize import from_json

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
