"""Runs a repository's tests with Node's own runner, a file at a time."""

import random
import re
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from arena.grading.job import CLEAN_ENV
from arena.grading.node_runner import Event, ended
from arena.mine.runner import LATE, How, Seen, Session, Tree, lay, opened
from arena.protocols import Engine, Sandbox
from arena.records import File
from arena.records.container import TESTER_UID, TRUSTED, WORKDIR
from arena.serialize import json_lines

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
_NODE_TEST = re.compile(r"""["']node:test["']""")
_FIND = (
    *("grep", "-rlE", "[\"']node:test[\"']", WORKDIR, "--include=*.js", "--include=*.mjs"),
    *("--include=*.cjs", "--exclude-dir=node_modules", "--exclude-dir=.git"),
)
_TEST_NAME = re.compile(r"(.*[-._])?test\.[cm]?js|test-.*\.[cm]?js|.*\.spec\.[cm]?js")
_TEST_FOLDERS = frozenset({"test", "tests", "__tests__", "spec"})
_JS = frozenset({".js", ".mjs", ".cjs"})
_MISSING = re.compile(r"MODULE_NOT_FOUND|does not provide an export|ERR_PACKAGE_PATH_NOT_EXPORTED")
_THROWN = re.compile(r"^(?:Uncaught )?(\w*Error)\b", re.MULTILINE)


def is_node_test(path: str) -> bool:
    """Whether Node's runner would take a path for tests by its name or folder."""
    pure = PurePosixPath(path)
    *folders, name = pure.parts
    return pure.suffix in _JS and (
        bool(_TEST_NAME.fullmatch(name)) or any(folder in _TEST_FOLDERS for folder in folders)
    )


def uses_node_test(file: File) -> bool:
    """Whether a file's tests are of Node's own runner."""
    return is_node_test(file.path) and bool(_NODE_TEST.search(file.data.decode("utf-8", "replace")))


def run_node(
    engine: Engine,
    tree: Tree,
    how: How,
    places: Sequence[str],
    *,
    timeout_s: float,
    seed: str | None = None,
    labels: Mapping[str, str],
) -> Session:
    """As `RunTests`; the order of files is shuffled, for Node has none for tests."""
    del how
    deadline = time.monotonic() + timeout_s
    folder = f"{TRUSTED}/{secrets.token_hex(8)}"
    tests: dict[str, Seen] = {}
    uncollected: dict[str, str] = {}
    started = time.monotonic()
    with opened(engine, tree, labels) as box:
        if failed := lay(box, tree):
            return failed
        files = list(places) or _found(box)
        if seed:
            random.Random(seed).shuffle(files)
        box.put([File(path=f"{folder}/reporter.mjs", data=_REPORTER)])
        for number, path in enumerate(files):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return Session(ended="timeout", tests=tests, wall_s=time.monotonic() - started)
            report = f"{folder}/{number}.jsonl"
            seen, error = _run(box, path, report, min(left_s, _FILE_SECONDS))
            tests.update(seen)
            if error:
                uncollected[path] = error
    wall_s = time.monotonic() - started
    if not files:
        return Session(ended="broken", detail="no file uses node:test", wall_s=wall_s)
    return Session(ended="complete", tests=tests, uncollected=uncollected, wall_s=wall_s)


def _found(box: Sandbox) -> list[str]:
    listed = box.exec(_FIND, timeout_s=60.0).stdout.decode("utf-8", "replace").splitlines()
    paths = sorted(line.removeprefix(f"{WORKDIR}/") for line in listed)
    return [path for path in paths if is_node_test(path)]


def _run(box: Sandbox, path: str, report: str, timeout_s: float) -> tuple[dict[str, Seen], str]:
    """The tests of one file; or the error for which it has none."""
    box.put([File(path=report, data=b"")], owner=TESTER_UID)
    folder = report.rpartition("/")[0]
    reporters = (
        f"--test-reporter={folder}/reporter.mjs",
        f"--test-reporter-destination={report}",
    )
    done = box.exec(["node", *reporters, path], timeout_s=timeout_s, env=_ENV)
    if done.ended != "exited":
        return {}, LATE
    named = _read(box.get(report, limit=_REPORT_LIMIT).data)
    if named:
        often = Counter(name for name, _ in named)  # one name for two tests names neither
        return {f"{path}::{name}": seen for name, seen in named if often[name] == 1}, ""
    said = done.text
    if _MISSING.search(said):
        return {}, "ModuleNotFoundError"
    thrown = _THROWN.findall(said)
    return {}, thrown[0] if thrown else f"exit code {done.exit_code}"


def _read(data: bytes) -> list[tuple[str, Seen]]:
    """Outcomes by name; none where the report is not whole."""
    told = json_lines(data.split(b"\n"), broken=None)
    try:
        return [
            (name, Seen(outcome=event.outcome, error=event.error))
            for name, event in ended(Event.model_validate(one) for _, one in told)
        ]
    except ValueError:
        return []
