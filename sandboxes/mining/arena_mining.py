"""A plugin of pytest, for mining: shuffles, limits each test's time, and writes down what it saw.

For any Python from 3.7 on, and any pytest.
"""

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
    REPORT.write(json.dumps(fields) + "\n")


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
