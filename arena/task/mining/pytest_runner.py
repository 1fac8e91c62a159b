"""Projects of Python: the wheels they need, and their tests under pytest."""

import re
import secrets
import shlex
import time
from collections.abc import Sequence
from functools import partial
from typing import Literal

from pydantic import ValidationError

from arena.grading.job import CLEAN_ENV
from arena.grading.pytest_runner import PYTEST_ENV
from arena.protocols import Sandbox
from arena.records import File, Record, TestOutcome
from arena.records.container import TESTER_UID, TRUSTED, WORKDIR
from arena.sandbox.image import packages
from arena.sandbox.image.packages import REQUIREMENTS
from arena.serialize import json_lines
from arena.task.mining.history import is_python_test
from arena.task.mining.projects import Project, read_ini, read_project
from arena.task.mining.runner import (
    Ended,
    LanguageSupport,
    MiningSession,
    RepositoryRun,
    SeenTest,
    TestCommand,
    TestRunOptions,
    make_environment,
)

PLUGIN = "arena_mining"

NOT_LOADED = frozenset(
    {"pytest_cov", "xdist", "xdist.looponfail", "randomly", "sugar", "benchmark"}
)
"""Plugins of pytest that would change what is run or in which order."""

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
ENDS = {}


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


def _name(item):
    return item.nodeid.replace("::()", "")  # pytest before 4 tells a class so


def _write(**fields):
    REPORT.write(json.dumps(fields) + "\\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if _name(item) not in BEFORE]
    if SEED:
        random.Random(SEED).shuffle(items)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    with _limited():
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    _write(id=_name(item), when="start", outcome="error", error="TestTimeLimit")
    with _limited():
        yield


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.arena_error = call.excinfo.typename if call.excinfo else ""


def pytest_runtest_logreport(report):
    end = ENDS.setdefault(report.nodeid, {"outcome": "missing", "error": ""})
    if report.skipped or hasattr(report, "wasxfail"):
        end.update(outcome="skipped", error="")
    elif report.failed:
        kind = "failed" if report.when == "call" else "error"
        end.update(outcome=kind, error=getattr(report, "arena_error", ""))
    elif report.passed and report.when == "call" and end["outcome"] == "missing":
        end.update(outcome="passed")
    if report.when == "teardown":
        _write(id=_name(report), when="end", **ENDS.pop(report.nodeid))


def pytest_collectreport(report):
    if report.failed:
        text = str(report.longrepr).strip()
        last = [line for line in text.splitlines() if line.startswith("E ")]
        error = (last or [text])[-1].lstrip("E ").partition(":")[0].rpartition(".")[2]
        _write(id=_name(report), when="collect", outcome="error", error=error)
"""

_REPORT_LIMIT = 32 << 20
_LATE_EXIT = 1
"""Of a process that a test which nothing else ends takes with it."""
_CRASHED = SeenTest(outcome="error", error="ProcessDied")


class _Line(Record):
    id: str
    when: Literal["start", "end", "collect"]
    outcome: TestOutcome
    error: str


def run_pytest(run: RepositoryRun) -> MiningSession:
    """Run tests with a plugin that shuffles, limits each test's time and writes what it saw.

    It writes a line of JSON where a test begins and one where it has ended. A test that nothing but
    the end of its process ends is one that took too long; those that were to come are run without
    it.
    """
    return run.session(partial(_look, run))


def _look(run: RepositoryRun, box: Sandbox) -> MiningSession:
    folder = f"{TRUSTED}/{secrets.token_hex(8)}"
    report = f"{folder}/report.jsonl"
    trusted = [File(path=f"{folder}/{PLUGIN}.py", data=_PLUGIN_SOURCE.encode())]
    trusted.append(File(path=f"{folder}/pytest.ini", data=b"[pytest]\n"))
    box.put(trusted)
    box.put([File(path=report, data=b"")], owner=TESTER_UID)
    env = {
        **CLEAN_ENV,
        **PYTEST_ENV,
        "PYTHONPATH": f"{WORKDIR}{'/src' if run.src else ''}:{folder}",
        "ARENA_REPORT": report,
        "ARENA_TEST_SECONDS": str(run.how.test_seconds),
        **({"ARENA_SEED": run.seed} if run.seed else {}),
    }
    argv, deadline = _argv(run.how, folder, run.places), time.monotonic() + run.timeout_s
    hung, crashed = set[str](), dict[str, SeenTest]()
    while True:
        done = box.exec(argv, timeout_s=max(deadline - time.monotonic(), 0.1), env=env)
        before = hung
        tests, uncollected, hung = _read(box.get(report, limit=_REPORT_LIMIT).data)
        if done.ended != "exited" or hung == before:
            break
        if done.exit_code != _LATE_EXIT:
            crashed |= dict.fromkeys(hung - before, _CRASHED)
    box.kill()
    ended: Ended = "complete" if done.ended == "exited" else "timeout"
    if ended == "complete" and (done.exit_code in {3, 4} or not (tests or uncollected)):
        ended = "broken"
    detail = done.text[-300:] if ended == "broken" else ""
    tests |= crashed
    return MiningSession(ended=ended, detail=detail, tests=tests, uncollected=uncollected)


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


def _read(data: bytes) -> tuple[dict[str, SeenTest], dict[str, str], set[str]]:
    """Tests, files that could not be collected, and tests that took their process with them.

    A torn last line is passed over.
    """
    tests, uncollected, hung = dict[str, SeenTest](), dict[str, str](), set[str]()
    for _, told in json_lines(data.split(b"\n"), broken=None):
        try:
            line = _Line.model_validate(told)
        except ValidationError:
            continue
        if line.when == "collect":
            uncollected[line.id] = line.error
            continue
        tests[line.id] = SeenTest(outcome=line.outcome, error=line.error)
        (hung.add if line.when == "start" else hung.discard)(line.id)
    return tests, uncollected, hung


# ── what it needs ──────────────────────────────────────────────────────────────────────────────


def _pin(project: Project, wanted: Sequence[str]) -> tuple[list[File], tuple[str, ...]]:
    pinned = packages.resolve_python(wanted)
    listed = File(path=REQUIREMENTS, data="".join(f"{one}\n" for one in pinned).encode())
    plugins = _plugins(packages.unpack_python(pinned))
    return [listed, *_metadata(project)], plugins


def _plugins(files: Sequence[File]) -> tuple[str, ...]:
    texts = (
        file.data.decode("utf-8", "replace")
        for file in files
        if file.path.endswith(".dist-info/entry_points.txt")
    )
    names = {name for text in texts for name in read_ini(text).get("pytest11", {})}
    return tuple(sorted(names - NOT_LOADED))


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


make = partial(make_environment, "python", _pin)
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
)


# ── tests that our pytest cannot run ───────────────────────────────────────────────────────────

_REPORT = ".arena-report.xml"
OWN_PYTEST = TestCommand(
    script="python3 -m pytest -q -p no:cacheprovider -o junit_family=xunit1"
    f" --junitxml={_REPORT} {{files}}",
    report="junit",
    report_files=(_REPORT,),
)
"""Its tests must share it with the runner, so the tree's runs them."""


_DJANGO = "tests/runtests.py"


def unittest_command(tree: Sequence[File], files: Sequence[str]) -> TestCommand:
    """What runs test files of unittest; Django's by its own script, which sets up databases."""
    words = ["-m", "unittest", "-v", *files]
    if any(file.path == _DJANGO for file in tree):
        modules = [
            file.removeprefix("tests/").removesuffix(".py").replace("/", ".") for file in files
        ]
        words = [_DJANGO, "--verbosity=2", "--parallel=1", *modules]
    script = f'PYTHONPATH="$PWD" python3 -u {shlex.join(words)} 2>&1'
    return TestCommand(script=script, report="unittest")


def is_pytest(tree: Sequence[File]) -> bool:
    """Whether a tree is pytest's own."""
    return any(file.path.removeprefix("src/") == "_pytest/__init__.py" for file in tree)


def as_reported(name: str) -> str:
    """An id of pytest as its JUnit report writes it."""
    whole, bracket, parameters = name.partition("[")
    path, *inner = whole.split("::")
    parts = [path.removesuffix(".py").replace("/", "."), *inner[:-1]]
    return f"{'.'.join(parts)}::{''.join(inner[-1:])}{bracket}{parameters}"
