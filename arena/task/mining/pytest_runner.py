"""Projects of Python: the wheels they need, and their tests under pytest."""

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from arena.errors import InputError
from arena.grading.job import CLEAN_ENV
from arena.grading.pytest_runner import PYTEST_ENV
from arena.records import File, Record, TestOutcome
from arena.records.container import TESTER_UID, TRUSTED, WORKDIR
from arena.sandbox.image import packages
from arena.sandbox.image.packages import REQUIREMENTS
from arena.serialize import json_lines
from arena.task.mining.history import is_python_test
from arena.task.mining.projects import Project, read_project
from arena.task.mining.runner import (
    LATE,
    Environment,
    LanguageSupport,
    MiningSession,
    RepositoryRun,
    Say,
    SeenTest,
    TestRunOptions,
    keep,
    made_before,
)

PLUGIN = "arena_mining"

NOT_LOADED = frozenset(
    {"pytest_cov", "xdist", "xdist.looponfail", "randomly", "sugar", "benchmark"}
)
"""Plugins of pytest that would change what is run or in which order."""
_PYTEST_PLUGIN = re.compile(r"^\[pytest11\]\n((?:(?!\[).*\n?)*)", re.MULTILINE)
_TRIES = 12

_PLUGIN_SOURCE = """\
import contextlib
import faulthandler
import json
import os
import random
import signal
import sys

import pytest

if not getattr(sys.flags, "safe_path", False):
    del sys.path[0]  # the tree's top, which no later Python puts there and no grading
LIMIT = float(os.environ["ARENA_TEST_SECONDS"])
SEED = os.environ.get("ARENA_SEED")
REPORT = open(os.environ["ARENA_REPORT"], "a", buffering=1)
NOWHERE = open(os.devnull, "w")
BEFORE = {json.loads(line)["id"] for line in open(os.environ["ARENA_REPORT"]) if line.strip()}


class TestTimeLimit(BaseException):  # what a test catches by itself seldom holds it
    __test__ = False


def _late(*_):
    raise TestTimeLimit(f"longer than {LIMIT:g} s")


@contextlib.contextmanager
def _limited():  # a signal ends most, and what no signal ends goes with its process
    signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    faulthandler.dump_traceback_later(2 * LIMIT, exit=True, file=NOWHERE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()


def _write(**fields):
    REPORT.write(json.dumps(fields) + "\\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.nodeid not in BEFORE]
    if SEED:
        random.Random(SEED).shuffle(items)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    with _limited():
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    _write(id=item.nodeid, when="start", outcome="failed", error="TestTimeLimit")
    with _limited():
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.arena_error = call.excinfo.typename if call.excinfo else ""


def pytest_runtest_logreport(report):
    xfail = hasattr(report, "wasxfail")
    _write(
        id=report.nodeid,
        when=report.when,
        outcome="skipped" if xfail else report.outcome,
        error=getattr(report, "arena_error", ""),
    )


def pytest_collectreport(report):
    if report.failed:
        text = str(report.longrepr).strip()
        last = [line for line in text.splitlines() if line.startswith("E ")]
        error = (last or [text])[-1].lstrip("E ").partition(":")[0].rpartition(".")[2]
        _write(id=report.nodeid, when="collect", outcome="failed", error=error)
"""

_REPORT_LIMIT = 32 << 20
_LATE_EXIT = 1
"""Of a process that a test which nothing else ends takes with it."""


class _Line(Record):
    id: str
    when: Literal["start", "setup", "call", "teardown", "collect"]
    outcome: Literal["passed", "failed", "skipped"]
    error: str = ""


def run_pytest(run: RepositoryRun) -> MiningSession:
    """Run tests with a plugin that shuffles, limits each test's time and writes what it saw.

    It writes a line of JSON a phase of a test. A test that nothing but the end of its process ends
    is one that took too long; those that were to come are run without it.
    """
    folder = f"{TRUSTED}/{secrets.token_hex(8)}"
    report = f"{folder}/report.jsonl"
    with run.opened() as box:
        if failed := run.lay(box):
            return failed
        trusted = [File(path=f"{folder}/{PLUGIN}.py", data=_PLUGIN_SOURCE.encode())]
        trusted.append(File(path=f"{folder}/pytest.ini", data=b"[pytest]\n"))
        box.put(trusted)
        box.put([File(path=report, data=b"")], owner=TESTER_UID)
        env = {
            **CLEAN_ENV,
            **PYTEST_ENV,
            "PYTHONPATH": f"{WORKDIR}{'/src' if run.tree.src else ''}:{folder}",
            "ARENA_REPORT": report,
            "ARENA_TEST_SECONDS": str(run.how.test_seconds),
            **({"ARENA_SEED": run.seed} if run.seed else {}),
        }
        argv, started = _argv(run.how, folder, run.places), time.monotonic()
        seen, crashed = _Seen(), set[str]()
        while True:
            left_s = max(started + run.timeout_s - time.monotonic(), 0.1)
            done = box.exec(argv, timeout_s=left_s, env=env)
            before, seen = seen.hung, _read(box.get(report, limit=_REPORT_LIMIT).data)
            if done.ended != "exited" or seen.hung == before:
                break
            if done.exit_code != _LATE_EXIT:
                crashed |= seen.hung - before
        box.kill()
    seen.tests.update(dict.fromkeys(crashed, SeenTest(outcome="error", error="ProcessDied")))
    wall_s = time.monotonic() - started
    if done.ended != "exited":
        return MiningSession(ended="timeout", tests=seen.tests, wall_s=wall_s)
    broken = done.exit_code in {3, 4} or not (seen.tests or seen.uncollected)
    return MiningSession(
        ended="broken" if broken else "complete",
        detail=done.text[-300:] if broken else "",
        tests=seen.tests,
        uncollected=seen.uncollected,
        wall_s=wall_s,
    )


def _argv(how: TestRunOptions, folder: str, places: Sequence[str]) -> list[str]:
    return [
        *("python3", "-m", "pytest", "-q", "--tb=line", "--color=no"),
        *("-c", f"{folder}/pytest.ini", f"--rootdir={WORKDIR}", f"--confcutdir={WORKDIR}"),
        *("-o", "addopts=", "-p", "no:cacheprovider", "-p", PLUGIN),
        "--continue-on-collection-errors",
        *(word for name in how.plugins for word in ("-p", name)),
        *(word for line in how.options for word in ("-o", line)),
        *how.arguments,
        *(places or [WORKDIR]),
    ]


@dataclass
class _Seen:
    tests: dict[str, SeenTest] = field(default_factory=dict)
    uncollected: dict[str, str] = field(default_factory=dict)
    hung: set[str] = field(default_factory=set)
    """Tests that began and took their process with them."""


def _read(data: bytes) -> _Seen:
    """Outcomes of tests from the plugin's lines; a torn last line is passed over."""
    seen = _Seen()
    for _, told in json_lines(data.split(b"\n"), broken=None):
        try:
            line = _Line.model_validate(told)
        except ValidationError:
            continue
        if line.when == "collect":
            seen.uncollected[line.id] = line.error
            continue
        if line.when == "start":
            seen.hung.add(line.id)
        elif line.when == "teardown":
            seen.hung.discard(line.id)
        _note(seen.tests, line)
    for name in seen.hung:
        seen.tests[name] = SeenTest(outcome="error", error=LATE)
    return seen


def _note(tests: dict[str, SeenTest], line: _Line) -> None:
    if line.when == "start":
        return
    if line.outcome == "failed":
        worse: TestOutcome = "failed" if line.when == "call" else "error"
        tests[line.id] = SeenTest(outcome=worse, error=line.error)
    elif line.outcome == "skipped" or (line.when == "call" and line.id not in tests):
        tests[line.id] = SeenTest(outcome=line.outcome)


# ── what it needs ──────────────────────────────────────────────────────────────────────────────


def make(pack: Path, image: str, project: Project, install: Sequence[str], say: Say) -> Environment:
    """As `MakeEnvironment`, with wheels.

    Raises:
        InputError: pip refuses what a person asked for.
    """
    if made := made_before(pack, image):
        return made
    pinned, left_out = _resolved(project.requirements, install, say)
    files = packages.unpack_python(pinned, "python")
    found = Environment(image=image, plugins=_plugins(files), left_out=left_out)
    listed = File(path=REQUIREMENTS, data="".join(f"{one}\n" for one in pinned).encode())
    keep(pack, found, "python", project, [listed, *_metadata(project)])
    return found


def _resolved(
    inferred: Sequence[str], given: Sequence[str], say: Say
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Exact versions, and what had to be left out."""
    wanted, left_out = list(inferred), list[str]()
    for _ in range(_TRIES):
        try:
            return packages.resolve_python([*given, *wanted], "python"), tuple(left_out)
        except packages.NoPackageError as error:
            name = re.sub(r"[-_.]+", "-", error.name).lower()
            kept = [one for one in wanted if not re.match(rf"{re.escape(name)}\b(?!-)", one)]
            if len(kept) == len(wanted):
                raise
            say(f"left out: no wheel of {name}")
            left_out.append(name)
            wanted = kept
    raise InputError(
        "its requirements cannot be resolved",
        where=", ".join(wanted[:8]),
        remedy="name what its tests need with --install",
    )


def _plugins(files: Sequence[File]) -> tuple[str, ...]:
    names: list[str] = []
    for file in files:
        if file.path.endswith(".dist-info/entry_points.txt"):
            text = file.data.decode("utf-8", "replace").replace("\r", "")
            for match in _PYTEST_PLUGIN.finditer(text):
                lines = [line for line in match[1].splitlines() if "=" in line]
                names += [line.partition("=")[0].strip() for line in lines]
    return tuple(sorted(name for name in names if name not in NOT_LOADED))


def _metadata(project: Project) -> list[File]:
    """The project as an installed one, so that it can ask for its own version."""
    if not project.name:
        return []
    name, version = re.sub(r"[-_.]+", "_", project.name), project.version or "0.0.0"
    folder = f"site/{name}-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {project.name}\nVersion: {version}\n"
    files = [File(path=f"{folder}/METADATA", data=head.encode())]
    if project.entry_points:
        data = project.entry_points.encode()
        files.append(File(path=f"{folder}/entry_points.txt", data=data))
    return files


PYTHON = LanguageSupport(
    language="python",
    runner="pytest",
    manifests=("pyproject.toml", "setup.py", "setup.cfg"),
    suffixes=(".py",),
    read=read_project,
    make=make,
    run=run_pytest,
    run_seconds=60.0,
    is_test=lambda file: is_python_test(file.path),
    place=str,
)
