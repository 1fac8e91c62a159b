"""Runs of untrusted code: the report's examples and the visible tests, in children with limits."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import multiprocessing
import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

MEMORY_BYTES = 512 * 1024 * 1024
MEMORY_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
FILE_BYTES = 32 * 1024 * 1024
FENCE = re.compile(r"^[ \t]*(```|~~~).*$", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
EXAMPLE_S = 3.0

Line = tuple[str, int]
Files = dict[str, str]
"""What is traced: absolute path, and the tree's own."""


class ProbeOutcome(NamedTuple):
    """What a test did, or all examples of a report together."""

    name: str
    state: str
    """As pytest has it: passed, failed or skipped."""
    lines: list[Line]
    """Lines of the traced files that it executed inside functions."""


class HangError(BaseException):
    """An example ran out of its time; no `except Exception` of a candidate may swallow it."""


def trace(files: Files, lines: set[Line]) -> None:
    """Note from here on which lines run inside functions; without files nothing is slowed.

    What runs when a module is imported tells nothing about the example that imports it first.
    """

    def enter(frame: FrameType, _event: str, _argument: Any) -> Any:
        path = files.get(frame.f_code.co_filename)
        if path is None or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            return None

        def local(frame: FrameType, event: str, _argument: Any) -> Any:
            if event == "line":
                lines.add((path, frame.f_lineno))
            return local

        return local

    sys.settrace(enter if files else None)


def examples(report: str, files: Files) -> ProbeOutcome:
    """Run the examples typed at a Python prompt in a report, in one namespace, as at a prompt."""
    try:
        parser = doctest.DocTestParser()
        test = parser.get_doctest(FENCE.sub("", report), {}, "report", None, 0)
    except ValueError:  # what looks like a prompt is none
        return ProbeOutcome("report", "passed", [])
    runner = _Examples(files)
    signal.signal(signal.SIGALRM, _hang)
    failed = runner.run(test, out=lambda _text: None).failed
    signal.setitimer(signal.ITIMER_REAL, 0)
    return ProbeOutcome("report", "failed" if failed else "passed", sorted(runner.lines))


class _Examples(doctest.DocTestRunner):
    """Traces each example and ends one that hangs."""

    def __init__(self, files: Files) -> None:
        super().__init__(_Shown(), verbose=False, optionflags=FLAGS)
        self.lines: set[Line] = set()
        self._files = files

    def report_start(self, *_: Any) -> None:
        """Begin an example: the runner ends the trace of the one before."""
        signal.setitimer(signal.ITIMER_REAL, EXAMPLE_S)
        trace(self._files, self.lines)


class _Shown(doctest.OutputChecker):
    """Takes any result where the report shows none."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise HangError


def load_pytest() -> bool:
    """Import pytest with its plugins, once before the forks; tell whether it is there."""
    try:
        config: Any = importlib.import_module("_pytest.config")
    except ImportError:
        return False
    for name in getattr(config, "default_plugins", ()):
        with contextlib.suppress(ImportError):
            importlib.import_module(f"_pytest.{name}")
    return True


def visible_tests(files: Files, keep: list[str] | None = None) -> list[ProbeOutcome]:
    """Run the visible tests, or those with the given node ids up to the first failure."""
    import pytest

    arguments = ["-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    if keep is not None:
        arguments += ["-x", *sorted({node.split("::")[0] for node in keep})]
    recorder = _Tests(files, keep)
    pytest.main(arguments, plugins=[recorder])
    return recorder.outcomes


class _Tests:
    """A pytest plugin that keeps to some tests and notes what each did."""

    def __init__(self, files: Files, keep: list[str] | None) -> None:
        self.outcomes: list[ProbeOutcome] = []
        self._files, self._keep = files, keep
        self._lines: set[Line] = set()
        self._state = "passed"

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep to the wanted tests."""
        if self._keep is not None:
            items[:] = [item for item in items if item.nodeid in self._keep]

    def pytest_runtest_logstart(self) -> None:
        """Begin a test."""
        self._lines, self._state = set(), "passed"
        trace(self._files, self._lines)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note the state of a test: that of the first of its phases that did not pass."""
        if self._state == "passed":
            self._state = report.outcome

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """End a test."""
        sys.settrace(None)
        self.outcomes.append(ProbeOutcome(nodeid, self._state, sorted(self._lines)))


def isolated(work: Callable[[], Any], timeout_s: float) -> Any:
    """Return what work returns, or None where it crashed or took too long.

    A fork starts in a millisecond with everything already imported, and a mutant that loops,
    exits, eats memory or changes global state takes only its own process with it.
    """
    reader, writer = multiprocessing.Pipe(duplex=False)
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=_child, args=(work, writer, timeout_s))
    child.start()
    assert child.pid
    writer.close()
    try:
        return reader.recv() if reader.poll(timeout_s) else None
    except EOFError:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.kill()
        child.join()
        reader.close()


def memory_bytes() -> int:
    """Return what a child may use: half of what the container may, lest it be ended for it."""
    for path in MEMORY_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            return min(MEMORY_BYTES, int(Path(path).read_text()) // 2)
    return MEMORY_BYTES


def _child(work: Callable[[], Any], writer: Connection[Any, Any], timeout_s: float) -> None:
    os.setsid()
    seconds = int(timeout_s) + 1
    for kind, limit in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, memory_bytes()),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.stdout = sys.stderr = os.fdopen(nowhere, "w")
    writer.send(work())
