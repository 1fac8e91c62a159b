"""Packages of npm: what they say of themselves, and their tests under Node's own runner."""

import re
import secrets
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from arena.grading.job import CLEAN_ENV
from arena.grading.node_runner import NodeEvent, ended
from arena.protocols import Sandbox
from arena.records import File, ReportForm
from arena.records.container import TESTER_UID, TRUSTED, WORKDIR
from arena.sandbox.image import packages
from arena.sandbox.image.packages import LOCK, MODULES
from arena.serialize import from_json, json_lines
from arena.task.mining.command_runner import run_tests
from arena.task.mining.history import purpose
from arena.task.mining.projects import Project, first_text, table
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

    found = sorted(path for path, file in run.fix.files.items() if uses_node_test(file))
    return run.each(found, one)


def _read(data: bytes) -> list[tuple[str, SeenTest]]:
    """Outcomes by name; none where the report is not whole."""
    told = json_lines(data.split(b"\n"), broken=None)
    try:
        return [
            (name, SeenTest(outcome=event.outcome, error=event.error))
            for name, event in ended(NodeEvent.model_validate(one) for _, one in told)
        ]
    except ValueError:
        return []


_REPORT, _OF_MOCHA = ".test-report.json", ".test-reporter.cjs"
_JEST = f"--ci --json --outputFile={_REPORT}"
_COMMANDS = {
    "jest": f"{MODULES}/jest/bin/jest.js {_JEST}",
    "vitest": f"{MODULES}/vitest/vitest.mjs run --reporter=json --outputFile={_REPORT}",
    "mocha": f"$(ls {MODULES}/mocha/bin/mocha* | tail -1) --reporter {WORKDIR}/{_OF_MOCHA}",
    "react-scripts": f"{MODULES}/react-scripts/bin/react-scripts.js test --watchAll=false {_JEST}",
    "kcd-scripts": f"{MODULES}/kcd-scripts/dist/index.js test --no-watch {_JEST}",
}
"""Runners of npm that can be driven by a command of ours, and what hands it on to jest."""
_WRITE_REPORTER = f"""\
cat >{_OF_MOCHA} <<'END'
const report = require('path').resolve('{_REPORT}');
module.exports = function (runner) {{
  const ended = [], pending = [], failed = new Set();
  const told = (test) => ({{ title: test.title, fullTitle: test.fullTitle(), file: test.file,
    err: failed.has(test) ? {{ message: 'failed' }} : {{}} }});
  runner.on('pending', (test) => pending.push(test));
  runner.on('fail', (test) => failed.add(test));
  runner.on('test end', (test) => ended.push(test));
  runner.on('end', () => require('fs').writeFileSync(report,
    JSON.stringify({{ tests: ended.map(told), pending: pending.map(told) }})));
}};
END"""
"""Mocha's own report lacks files before version 8, and is among what tests print before 9.2."""
_WORD = r"""(?:'[^']*'|"[^"]*"|\$\([^$)]*\)|[^\s'"])+"""
_PART = re.compile(r"""(?:'[^']*'|"[^"]*"|\$\([^$)]*\)|[^&|;()])+""")
_RUNS = re.compile(r"(.*?)(?<!\S)(?:(npm|pnpm|yarn|bun)|run-[sp]|npm-run-all2?|concurrently)\s(.*)")
"""A command that runs scripts of a package."""
_SETTING = re.compile(rf"(?<!\S)[A-Z]\w*={_WORD}")
_OF_NODE = re.compile(
    rf"(?<!\S)--(?:experimental-[\w-]+(?:={_WORD})?|(?:import|loader|require)[ =]{_WORD})"
)
"""What stands before a runner in a script: settings of the environment, options of Node."""
_OPTION = re.compile(
    r"(?<!\S)(?:(--(?:recursive|globals(?: [\w,*$]+)?|exit|forceExit|runInBand|delay"
    r"|(?:no-)?experimental-[\w-]+|no-(?:threads|isolate|file-parallelism))(?!\S)|-t[ =]\d+(?!\S)"
    r"|-u (?:tdd|bdd|qunit|exports)(?!\S)|(?:-[rcn]|--(?:require|import|loader|config|opts"
    r"|compilers|env|environment|ui|ext|extension|file|root|rootDir|dir|project|timeout|testTimeout"
    rf"|ignore|exclude|node-option|filter|mode|pool))[ =]{_WORD}|--(?:projects|selectProjects"
    rf"|roots|testMatch|testRegex|testPathIgnorePatterns|setupFiles\w*)(?:[ =](?!-){_WORD})+)|(?:"
    rf"-[ROgfsj]|--(?:reporter(?:-options?)?|f?grep|slow|jobs|package|retries)) {_WORD}|\d?>+ ?\S*)"
)
"""What stands after it: first what decides what its tests are and how they are loaded."""
_RUNNERS = (*_COMMANDS, "ava", "tap", "tape", "jasmine", "karma", "uvu", "lab", "bun")
_SITES = frozenset({"website", "site", "www"})
_RUN_SECONDS = 300.0
_MOST, _LONGEST, _WORDS = 300, 10_000, 50
"""Scripts and commands that are looked at, characters of one, and scripts that it names."""
_TOOLS = re.compile(
    r"@?(typescript-)?(eslint|prettier|stylelint|oxlint|biome|husky|lint-staged|commit|cz-|xo$|np$"
    r"|semantic-release|release|changesets|standard(x|-version)?$|lerna|nx$|turbo$|size-limit"
    r"|bundlesize|typedoc|jsdoc|docusaurus|storybook|playwright|puppeteer|karma|nyc$|c8$|codecov"
    r"|coveralls|tsd$|flow-bin$|unbuild$|obuild$|tsup$|tsdown$|automd$|changelogen$)"
)
"""Packages for development that tests do not import; what is tested with one has it as a peer.

Those that bundle and release bring published copies of what is mined, with the fix in them."""
_IMPORTED = re.compile(
    rb"""(?:\bfrom|\bimport\(?|\brequire(?:\.resolve)?\()\s*["'](@[\w.-]+/[\w.-]+|[\w.-]+)"""
)
_ALIAS = re.compile(r"npm:(@?[\w./-]+)(?:@[^:/]*)?")
_YARN = re.compile(
    r"^(?=[^\n]*@)([^\s#][^\n]*):\n(?:  [^\n]*\n)*?  version:? \"?([^\s\"]+)", re.MULTILINE
)
_PNPM = re.compile(
    r"(?m)^ +'?(@?[^'\s:]+)'?:(?:\n +specifier: [^\n]*\n +version:)? '?(\d+\.\d[^\s_('/]*)"
)
"""Before version 6 what is asked for stands above, which is no version where that differs."""
_BUN = re.compile(r'^ +"([^"\s]+)": \["\1@(\d+\.[^"]+)"', re.MULTILINE)
_VERSION = re.compile(r"[~^<>=]*\s*v?\d[\w.\-+~^<>=| *]*|\*|[a-z][\w-]*")


def read_package(tree: Sequence[File]) -> Project:
    """What it and its tests need, as `name@versions`; Node itself where the image's is too old."""
    package, exact, driven = _package(tree), _locked(tree), _driven(tree)
    needs = _in_all(tree, "peerDependencies")
    tests = b"\n".join(file.data for file in tree if _is_test(file.path))
    imported = {name.decode() for name in _IMPORTED.findall(tests)}
    for name, versions in _in_all(tree, "devDependencies").items():
        if name in needs or name in imported or not _TOOLS.match(name):
            needs[name] = versions  # of a peer, those that are developed with
    needs |= _in_all(tree, "dependencies")
    own_names = {str(one.get("name")) for one in [package, *dict(_workspace(tree)).values()]}
    wanted = {
        name: alias[0] if alias else exact.get(f"{name}@{text}", exact.get(name, text))
        for name, text in needs.items()
        # Versions of a catalogue stand in the lock alone
        if (alias := _ALIAS.fullmatch(text))
        or _VERSION.fullmatch(exact.get(name, "") if text.startswith("catalog:") else text)
        if (alias[1] if alias else name) not in own_names
    }
    typed = not driven and any(uses_node_test(one) and one.path.endswith("ts") for one in tree)
    if typed or packages.needs_newer_node(package):
        wanted[packages.NODE] = packages.NEWER_NODE
    return Project(
        name=first_text("name", package),
        version=first_text("version", package),
        requirements=tuple(f"{name}@{text}" for name, text in sorted(wanted.items())),
    )


def javascript_of(tree: Sequence[File]) -> LanguageSupport:
    """What runs the tests of a package: Node's own runner, or the one that it names."""
    runner = _driven(tree)
    if not runner:
        return JAVASCRIPT
    command = _command(runner, tree)
    return replace(
        JAVASCRIPT,
        runner="command",
        command=command,
        run=partial(run_tests, command),
        run_seconds=_RUN_SECONDS,
        is_test=lambda file: _is_test(file.path),
        refuses=lambda _tree, _hidden: "",
    )


def _driven(tree: Sequence[File]) -> str:
    """The runner of npm that a package's tests are driven with; empty for Node's own."""
    there = _in_all(tree, "devDependencies") | _in_all(tree, "dependencies")
    had = [name for name in _COMMANDS if name in there]
    commands = list(_commands(_package(tree)))
    called = [name for name in had if any(_call(name, one) for one in commands)]
    own = sum(map(uses_node_test, tree))
    cases = sum(_is_test(file.path) and b"test(" in file.data for file in tree)
    if 2 * own > cases and any({"borp", "--test"}.intersection(one.split()) for one in commands):
        called = []
    # A file of tests that a script runs with another runner may import a part of `node:test`
    return next(iter(called or ([] if own else had)), "")


def _commands(package: Mapping[str, Any]) -> Iterator[str]:
    """The commands of `npm test`, then of the scripts that they run, called as they call them."""
    told, waiting, known = _versions_in(package, "scripts").items(), ["npm test"], set[str]()
    scripts = dict(islice(((name, text) for name, text in told if len(text) < _LONGEST), _MOST))
    for command in islice(waiting, _MOST):  # which grows
        run = _RUNS.fullmatch(command)
        before, of_npm, after = run.groups("") if run else ("", "", "")
        words = [word.strip("'\"").removeprefix("npm:") for word in after.split()[:_WORDS]]
        if of_npm:  # and hands on what follows the name
            words = [one for one in words if not re.fullmatch("-.*|run|run-script", one)][:1]
        names = [name for word in words for name in scripts if fnmatchcase(name, word)]
        handed = re.sub(r"^ --(?!\S)", "", after.partition(words[0])[2]) if of_npm and words else ""
        for name in dict.fromkeys(names):
            parts = [] if name in known else _PART.findall(scripts[name] + handed)
            waiting += [" ".join(f"{before} {part}".split()) for part in parts]
        known.update(names)
        if not names:
            yield command


def _call(runner: str, command: str) -> re.Match[str] | None:
    """Where a command calls a runner: what stands before it and after it."""
    called = rf"(.*?)(?<![\w@:=.-])_?{runner}(?:\.[cm]?js)?(?![^\s\"'])(.*)"
    return re.fullmatch(called, command)


def _command(runner: str, tree: Sequence[File]) -> TestCommand:
    """What runs a package's tests as its own script does; its workspace's packages are linked."""
    call = next(filter(None, (_call(runner, one) for one in _commands(_package(tree)))), None)
    before, after = call.groups() if call else ("", "")
    # Vite writes bundled settings into the nearest folder of this name; the image's is read-only
    lines = ["mkdir -p node_modules", "set -- {files}"]
    words = (_SETTING.findall(before), _OF_NODE.findall(before), _OPTION.findall(after))
    env, node, options = (" ".join(filter(None, one)) for one in words)
    if runner == "mocha":
        places = " ".join(re.findall(rf"(?<!\S)(?!-){_WORD}", _OPTION.sub("", after)))
        lines = [_WRITE_REPORTER, *lines, f"[ $# -gt 0 ] || set -- {places}"]
    for folder, inner in _workspace(tree):
        link = PurePosixPath("node_modules", str(inner.get("name")))
        lines.append(shlex.join(["mkdir", "-p", str(link.parent)]))
        lines.append(shlex.join(["ln", "-sfn", f"{WORKDIR}/{folder}", str(link)]))
    # Files first: options of jest that take several words would take them as well
    lines.append(f'env {env} node {node} {_COMMANDS[runner]} "$@" {options}')
    form: ReportForm = "mocha-json" if runner == "mocha" else "jest-json"
    return TestCommand(script="\n".join(lines), report=form, report_files=(_REPORT,))


def _workspace(tree: Sequence[File]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The packages inside a package, each with its folder; no site for its documentation."""
    for file in tree:
        folder, _, name = file.path.rpartition("/")
        inside = name == "package.json" and folder and folder.count("/") < 2
        if inside and purpose(f"{folder}/index.js") == "source" and folder not in _SITES:
            yield folder, _read_json(file.data)


def _locked(tree: Sequence[File]) -> dict[str, str]:
    """Exact versions as a lock file has them, by name; of yarn's by name and what is asked for."""
    texts = {file.path: file.data for file in tree if "/" not in file.path}
    npm = _read_json(texts.get(LOCK) or texts.get("npm-shrinkwrap.json", b""))
    had = table(npm, "dependencies") | table(npm, "packages")  # the latter from npm 7 on
    found = {at.removeprefix("node_modules/"): str(table(had, at).get("version")) for at in had}
    for lock, line in (("pnpm-lock.yaml", _PNPM), ("yarn.lock", _YARN), ("bun.lock", _BUN)):
        text = texts.get(lock, b"").decode("utf-8", "replace").replace("\r\n", "\n")
        # In pnpm's there follow what its own packages need
        for match in line.finditer(text.partition("\npackages:")[0]):
            for name in match[1].replace('"', "").replace("@npm:", "@").split(", "):
                found.setdefault(name, match[2])
    return {name: text for name, text in found.items() if re.fullmatch(r"\d+\.[\w.+-]+", text)}


def _refuses(tree: Sequence[File], hidden: Sequence[File]) -> str:
    if any(map(uses_node_test, hidden)) or not any(_is_test(file.path) for file in hidden):
        return ""
    package = _package(tree)
    words = [*_commands(package), *_versions_in(package, "devDependencies")]
    named = re.search(rf"\b({'|'.join(_RUNNERS)})\b", " ".join(words))
    runner = named[1] if named else "another runner"
    return f"its tests are run by {runner}, which cannot be driven without --with"


def _pin(_project: Project, wanted: Sequence[str]) -> tuple[list[File], tuple[str, ...]]:
    parts = ((word[0], *word[1:].partition("@")) for word in wanted)
    return packages.lock_node({at + name: text or "*" for at, name, _, text in parts}), ()


def _package(tree: Sequence[File]) -> dict[str, Any]:
    return _read_json(next((file.data for file in tree if file.path == "package.json"), b"{}"))


def _read_json(text: bytes) -> dict[str, Any]:
    try:
        found = from_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _in_all(tree: Sequence[File], key: str) -> dict[str, str]:
    """Versions by name that a package or one of its workspace asks for; its own win."""
    of = [*(inner for _, inner in _workspace(tree)), _package(tree)]
    return {name: text for one in of for name, text in _versions_in(one, key).items()}


def _versions_in(package: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: text for name, text in table(package, key).items() if isinstance(text, str)}


JAVASCRIPT = LanguageSupport(
    language="javascript",
    runner="node",
    manifests=("package.json",),
    suffixes=(".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"),
    read=read_package,
    make=partial(make_environment, "javascript", _pin),
    run=run_node,
    run_seconds=90.0,
    is_test=uses_node_test,
    refuses=_refuses,
)
