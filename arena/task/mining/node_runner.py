"""Packages of npm: what they say of themselves, and their tests under Node's own runner."""

import re
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from arena.grading.job import CLEAN_ENV
from arena.grading.node_runner import Event, ended
from arena.protocols import Sandbox
from arena.records import File
from arena.records.container import TESTER_UID, TRUSTED, WORKDIR
from arena.sandbox.image import packages
from arena.sandbox.image.packages import LOCK, MODULES
from arena.serialize import from_json, json_lines
from arena.task.mining.command_runner import run_tests
from arena.task.mining.history import purpose
from arena.task.mining.projects import Project, table
from arena.task.mining.runner import (
    LATE,
    LanguageSupport,
    MiningSession,
    RepositoryRun,
    SeenTest,
    TestCommand,
    make_environment,
)

_FILE_SECONDS = 30.0
_REPORT_LIMIT = 8 << 20
_ENV = {**CLEAN_ENV, "NO_COLOR": "1"}
_REPORTER = b"""\
const wanted = new Set(['test:start', 'test:pass', 'test:fail']);
export default async function* (events) {
  for await (const { type, data } of events) {
    if (!wanted.has(type)) continue;
    const { name, nesting, skip, todo, details } = data;
    const cause = details?.error?.cause ?? details?.error;
    const thrown = cause?.code === 'ERR_ASSERTION' ? 'AssertionError' : cause?.name;
    yield JSON.stringify({
      type, name, nesting,
      suite: details?.type === 'suite',
      skip: skip !== undefined, todo: todo !== undefined,
      error: type === 'test:fail' ? String(thrown ?? details?.error?.failureType) : '',
    }) + '\\n';
  }
}
"""
_NODE_TEST = re.compile(rb"""["']node:test["']""")
_FIND = (
    *("grep", "-rlE", "[\"']node:test[\"']", WORKDIR, "--include=*.js", "--include=*.ts"),
    *("--include=*.[cm][jt]s", "--exclude-dir=node_modules", "--exclude-dir=.git"),
)
_PLAIN = frozenset({".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"})
"""What Node itself runs, where it is new enough for types."""
_SUFFIXES = _PLAIN | {".jsx", ".tsx"}
_MISSING = re.compile(r"MODULE_NOT_FOUND|does not provide an export|ERR_PACKAGE_PATH_NOT_EXPORTED")
_THROWN = re.compile(r"^(?:Uncaught )?(\w*Error)\b", re.MULTILINE)


def _is_test(path: str, suffixes: frozenset[str] = _SUFFIXES) -> bool:
    return PurePosixPath(path).suffix in suffixes and purpose(path) == "test"


def uses_node_test(file: File) -> bool:
    """Whether a file's tests are of Node's own runner."""
    return _is_test(file.path, _PLAIN) and bool(_NODE_TEST.search(file.data))


def run_node(run: RepositoryRun) -> MiningSession:
    """Run tests a file at a time; only the order of files is shuffled, Node has none for tests."""

    def one(box: Sandbox, path: str, left_s: float) -> tuple[dict[str, SeenTest], str]:
        folder = f"{TRUSTED}/{secrets.token_hex(8)}"
        reporter, report = f"{folder}/reporter.mjs", f"{folder}/report.jsonl"
        box.put([File(path=reporter, data=_REPORTER)])
        box.put([File(path=report, data=b"")], owner=TESTER_UID)
        words = (f"--test-reporter={reporter}", f"--test-reporter-destination={report}", path)
        done = box.exec(["node", *words], timeout_s=min(left_s, _FILE_SECONDS), env=_ENV)
        if done.ended != "exited":
            return {}, LATE
        named = _read(box.get(report, limit=_REPORT_LIMIT).data)
        if named:
            often = Counter(name for name, _ in named)  # one name for two tests names neither
            return {f"{path}::{name}": seen for name, seen in named if often[name] == 1}, ""
        if _MISSING.search(done.text):
            return {}, "ModuleNotFoundError"
        thrown = _THROWN.search(done.text)
        return {}, thrown[1] if thrown else f"exit code {done.exit_code}"

    return run.each(_found, one)


def _found(box: Sandbox) -> list[str]:
    listed = box.exec(_FIND, timeout_s=60.0).stdout.decode("utf-8", "replace").splitlines()
    return sorted(filter(_is_test, (line.removeprefix(f"{WORKDIR}/") for line in listed)))


def _read(data: bytes) -> list[tuple[str, SeenTest]]:
    """Outcomes by name; none where the report is not whole."""
    told = json_lines(data.split(b"\n"), broken=None)
    try:
        return [
            (name, SeenTest(outcome=event.outcome, error=event.error))
            for name, event in ended(Event.model_validate(one) for _, one in told)
        ]
    except ValueError:
        return []


_REPORT = ".test-report.json"
COMMANDS = {
    "jest": TestCommand(
        script=f"node {MODULES}/jest/bin/jest.js --ci --json --outputFile={_REPORT} {{files}}",
        report="jest-json",
        report_files=(_REPORT,),
    ),
    "vitest": TestCommand(
        script=f"node {MODULES}/vitest/vitest.mjs run --reporter=json"
        f" --outputFile={_REPORT} {{files}}",
        report="jest-json",
        report_files=(_REPORT,),
    ),
    "mocha": TestCommand(
        script=f"m={MODULES}/mocha/bin/mocha; [ -e $m.js ] && m=$m.js\n"
        f"node $m --reporter json --reporter-option output={_REPORT} {{files}}",
        report="mocha-json",
        report_files=(_REPORT,),
    ),
}
"""Runners of npm that can be driven by a command of ours."""
_RUNNERS = (*COMMANDS, "ava", "tap", "tape", "jasmine", "karma", "uvu", "lab", "bun")
_RUN_SECONDS = 300.0
_IMPORT = re.compile(r"""(?:\bfrom\s*|\brequire\(\s*|\bimport\(?\s*)["']([^"'.][^"']*)["']""")
_SETTINGS = re.compile(
    r"package\.json|tsconfig.*\.json|\.babelrc.*|\.mocharc.*|\.swcrc"
    r"|(jest|vitest|vite|babel|mocha|svelte)(\.\w+)*\.config\.[cm]?[jt]s(on)?|(jest|vitest)\.\w+.*"
)
_NEEDED = re.compile(
    r"(@babel/|@swc/|@vitest/|@testing-library/|@vitejs/|@sveltejs/|babel-|jest|ts-|vite|esbuild"
    r"|rollup|mocha|chai|sinon|react|preact|vue|svelte|solid-js|(tsx|typescript|tslib|jsdom"
    r"|happy-dom|nock|supertest)$)"
)
"""Packages that tests need without naming them: runners' parts, transforms, peers."""
_YARN = re.compile(
    r"^\"?(@?[^@\s\"]+)@[^\n]*:\n(?:  [^\n]*\n)*?  version:? \"?([^\s\"]+)", re.MULTILINE
)
_PNPM = re.compile(
    r"^ +'?(@?[^'\s:]+)'?:\n +specifier: [^\n]*\n +version: '?(\d[\w.+-]*)", re.MULTILINE
)
_VERSION = re.compile(r"[~^<>=]*\s*v?\d[\w.\-+~^<>=| *]*|\*|latest")


def read_package(tree: Sequence[File]) -> Project:
    """What a package and its tests need: its dependencies, and those for development that a test
    names; Node itself where the image's is too old for it. Requirements are written
    `name@versions`.
    """
    package, exact, driven = _package(tree), _locked(tree), _driven(tree)
    settings, named = _settings(tree, package), set(_named(tree))
    needs: dict[str, str] = {}
    for inner in (package, *_workspace(tree)):
        needs |= _versions_in(inner, "peerDependencies") | _versions_in(inner, "dependencies")
    for name, versions in _versions_in(package, "devDependencies").items():
        if name in named or (driven and (_NEEDED.match(name) or f'"{name}' in settings)):
            needs.setdefault(name, versions)
    wanted = {
        name: exact.get(name, text) for name, text in needs.items() if _VERSION.fullmatch(text)
    }
    typed = any(uses_node_test(file) and file.path.endswith("ts") for file in tree)
    if typed or packages.needs_newer_node(package):
        wanted[packages.NODE] = packages.NEWER_NODE
    own, version = package.get("name"), package.get("version")
    return Project(
        name=own if isinstance(own, str) else None,
        version=version if isinstance(version, str) else None,
        requirements=tuple(f"{name}@{text}" for name, text in sorted(wanted.items())),
    )


def javascript_of(tree: Sequence[File]) -> LanguageSupport:
    """What runs the tests of a package: Node's own runner, or the one that it names."""
    runner = _driven(tree)
    if not runner:
        return JAVASCRIPT
    return replace(
        JAVASCRIPT,
        runner="command",
        command=COMMANDS[runner],
        run=partial(run_tests, COMMANDS[runner]),
        run_seconds=_RUN_SECONDS,
        is_test=lambda file: _is_test(file.path),
        refuses=lambda _tree, _hidden: "",
    )


def _driven(tree: Sequence[File]) -> str:
    """The runner of npm that a package's tests are driven with; empty for Node's own."""
    if any(map(uses_node_test, tree)):
        return ""
    package = _package(tree)
    there = _versions_in(package, "devDependencies") | _versions_in(package, "dependencies")
    choices = (name for name in (_runner(package), *COMMANDS) if name in COMMANDS and name in there)
    return next(choices, "")


def _settings(tree: Sequence[File], package: Mapping[str, Any]) -> str:
    """The texts of the files in which a package sets its tools, quoted alike."""
    texts = [
        file.data.decode("utf-8", "replace")
        for file in tree
        if "/" not in file.path and file.path != "package.json" and _SETTINGS.fullmatch(file.path)
    ]
    texts += [str(package.get(key)) for key in ("jest", "babel", "mocha", "scripts", "vitest")]
    return "\n".join(texts).replace("'", '"')


def _workspace(tree: Sequence[File]) -> Iterator[dict[str, Any]]:
    """The packages inside a package."""
    for file in tree:
        folder, _, name = file.path.rpartition("/")
        if name == "package.json" and folder and folder.count("/") < 2 and "test" not in folder:
            yield _read_json(file.data)


def _locked(tree: Sequence[File]) -> dict[str, str]:
    """Exact versions of what a package itself asks for, as its lock file has them."""
    texts = {file.path: file.data for file in tree if "/" not in file.path}
    found: dict[str, str] = {}
    for place, entry in table(_read_json(texts.get(LOCK, b"")), "packages").items():
        name = place.removeprefix("node_modules/")
        if name != place and "node_modules/" not in name and isinstance(entry, dict):
            found[name] = str(entry.get("version", ""))
    for lock, line in (("pnpm-lock.yaml", _PNPM), ("yarn.lock", _YARN)):
        for match in line.finditer(texts.get(lock, b"").decode("utf-8", "replace")):
            found.setdefault(match[1], match[2])
    return {name: text for name, text in found.items() if re.fullmatch(r"\d+\.[\w.+-]+", text)}


def refuses_node(tree: Sequence[File], hidden: Sequence[File]) -> str:
    """Why the hidden tests cannot be run with Node's own runner; empty where they can."""
    if any(map(uses_node_test, hidden)):
        return ""
    if not any(_is_test(file.path) for file in hidden):
        return "no test file is left by it"
    return f"its tests are run by {_runner(_package(tree))}, which cannot be driven without --with"


def _pin(_project: Project, wanted: Sequence[str]) -> tuple[list[File], tuple[str, ...]]:
    parts = ((word[0], *word[1:].partition("@")) for word in wanted)
    return packages.lock_node({at + name: text or "*" for at, name, _, text in parts}), ()


def _runner(package: Mapping[str, Any]) -> str:
    script = _versions_in(package, "scripts").get("test", "")
    texts = (script, " ".join(_versions_in(package, "devDependencies")))
    found = (name for text in texts for name in _RUNNERS if re.search(rf"\b{name}\b", text))
    return next(found, "another runner")


def _named(tree: Sequence[File]) -> Iterator[str]:
    """Packages that the tests import."""
    for file in tree:
        if _is_test(file.path):
            for module in _IMPORT.findall(file.data.decode("utf-8", "replace")):
                yield "/".join(module.split("/")[: 2 if module.startswith("@") else 1])


def _package(tree: Sequence[File]) -> dict[str, Any]:
    return _read_json(next((file.data for file in tree if file.path == "package.json"), b"{}"))


def _read_json(text: bytes) -> dict[str, Any]:
    try:
        found = from_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _versions_in(package: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: text for name, text in table(package, key).items() if isinstance(text, str)}


make = partial(make_environment, "javascript", _pin)
JAVASCRIPT = LanguageSupport(
    language="javascript",
    runner="node",
    manifests=("package.json",),
    suffixes=(".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"),
    read=read_package,
    make=make,
    run=run_node,
    run_seconds=90.0,
    is_test=uses_node_test,
    refuses=refuses_node,
)
