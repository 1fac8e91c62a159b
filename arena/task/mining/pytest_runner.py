"""Runs a repository's tests with pytest: every test's outcome, and why it failed.

It shuffles, limits each test's time, and writes one JSON line a phase of a test.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import ValidationError

from arena.grading.job import CLEAN_ENV
from arena.grading.pytest_runner import PYTEST_ENV
from arena.protocols import Engine
from arena.records import File, Record, TestOutcome
from arena.records.container import TESTER_UID, TRUSTED, WORKDIR
from arena.serialize import json_lines
from arena.task.mining import environment
from arena.task.mining.history import is_python_test
from arena.task.mining.projects import read_project
from arena.task.mining.runner import (
    LanguageKit,
    MiningSession,
    RepositoryTree,
    SeenTest,
    TestRunOptions,
    lay,
    opened,
)

PLUGIN = "arena_mining"

SOURCE = """\
import json
import os
import random
import signal

import pytest

LIMIT = float(os.environ["ARENA_TEST_SECONDS"])
SEED = os.environ.get("ARENA_SEED")
REPORT = open(os.environ["ARENA_REPORT"], "a", buffering=1)


class TestTimeLimit(Exception):
    __test__ = False


def _late(*_):
    raise TestTimeLimit(f"longer than {LIMIT:g} s")


def _write(**fields):
    REPORT.write(json.dumps(fields) + "\\n")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    if SEED:
        random.Random(SEED).shuffle(items)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item, nextitem):
    signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


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
        error = (last or [text])[-1].lstrip("E ").partition(":")[0]
        _write(id=report.nodeid, when="collect", outcome="failed", error=error)
"""

_REPORT_LIMIT = 32 << 20


class _Line(Record):
    id: str
    when: Literal["setup", "call", "teardown", "collect"]
    outcome: Literal["passed", "failed", "skipped"]
    error: str = ""


def run_pytest(
    engine: Engine,
    tree: RepositoryTree,
    how: TestRunOptions,
    places: Sequence[str],
    *,
    timeout_s: float,
    seed: str | None = None,
    labels: Mapping[str, str],
) -> MiningSession:
    """As `RunTests`."""
    folder = f"{TRUSTED}/{secrets.token_hex(8)}"
    report = f"{folder}/report.jsonl"
    with opened(engine, tree, labels) as box:
        if failed := lay(box, tree):
            return failed
        trusted = [File(path=f"{folder}/{PLUGIN}.py", data=SOURCE.encode())]
        trusted.append(File(path=f"{folder}/pytest.ini", data=b"[pytest]\n"))
        box.put(trusted)
        box.put([File(path=report, data=b"")], owner=TESTER_UID)
        env = {
            **CLEAN_ENV,
            **PYTEST_ENV,
            "PYTHONPATH": f"{WORKDIR}{'/src' if tree.src else ''}:{folder}",
            "ARENA_REPORT": report,
            "ARENA_TEST_SECONDS": str(how.test_seconds),
            **({"ARENA_SEED": seed} if seed else {}),
        }
        done = box.exec(_argv(how, folder, places), timeout_s=timeout_s, env=env)
        box.kill()
        data = box.get(report, limit=_REPORT_LIMIT).data
    tests, uncollected = _read(data)
    if done.ended != "exited":
        return MiningSession(ended="timeout", tests=tests, wall_s=done.wall_s)
    broken = done.exit_code in {3, 4} or not (tests or uncollected)
    return MiningSession(
        ended="broken" if broken else "complete",
        detail=done.text[-300:] if broken else "",
        tests=tests,
        uncollected=uncollected,
        wall_s=done.wall_s,
    )


def _argv(how: TestRunOptions, folder: str, places: Sequence[str]) -> list[str]:
    return [
        *("python3", "-P", "-m", "pytest", "-q", "--tb=line", "--color=no"),
        *("-c", f"{folder}/pytest.ini", f"--rootdir={WORKDIR}", f"--confcutdir={WORKDIR}"),
        *("-o", "addopts=", "-p", "no:cacheprovider", "-p", PLUGIN),
        "--continue-on-collection-errors",
        *(word for name in how.plugins for word in ("-p", name)),
        *(word for line in how.options for word in ("-o", line)),
        *how.arguments,
        *(places or [WORKDIR]),
    ]


def _read(data: bytes) -> tuple[dict[str, SeenTest], dict[str, str]]:
    """Outcomes of tests from the plugin's lines; a torn last line is passed over."""
    tests: dict[str, SeenTest] = {}
    uncollected: dict[str, str] = {}
    for _, told in json_lines(data.split(b"\n"), broken=None):
        try:
            line = _Line.model_validate(told)
        except ValidationError:
            continue
        if line.when == "collect":
            uncollected[line.id] = line.error
        elif line.outcome == "failed":
            worse: TestOutcome = "failed" if line.when == "call" else "error"
            tests[line.id] = SeenTest(outcome=worse, error=line.error)
        elif line.outcome == "skipped" or (line.when == "call" and line.id not in tests):
            tests[line.id] = SeenTest(outcome=line.outcome)
    return tests, uncollected


def _refuses(_tree: Sequence[File], hidden: Sequence[File]) -> str:
    there = any(is_python_test(file.path) for file in hidden)
    return "" if there else "no test file of Python is left by it"


KIT = LanguageKit(
    language="python",
    runner="pytest",
    manifests=("pyproject.toml", "setup.py", "setup.cfg"),
    suffixes=(".py",),
    read=read_project,
    make=environment.make,
    run=run_pytest,
    run_seconds=60.0,
    is_test=lambda file: is_python_test(file.path),
    place=str,
    refuses=_refuses,
)
