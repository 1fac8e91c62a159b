"""A pytest plugin that is laid into the container of a mining run; it imports nothing of Arena.

It shuffles, limits each test's time, and writes one JSON line a phase of a test.
"""

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
