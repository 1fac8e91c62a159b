"""Runs of untrusted code: the report's examples and the visible tests, in children with limits."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import inspect
import io
import json
import os
import re
import resource
import select
import signal
import sys
import time
from collections.abc import Callable
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
Local = Callable[[FrameType, str, Any], Any]


class ProbeOutcome(NamedTuple):
    """What one example or test did."""

    name: str
    state: str
    """As pytest has it: passed, failed or skipped."""
    lines: list[Line]
    """Lines of the tree that it executed inside functions, where they were traced."""


class HangError(BaseException):
    """An example ran out of its time; no `except Exception` of a candidate may swallow it."""


class Tracer:
    """Collects the lines of some files that run inside functions.

    What runs when a module is imported tells nothing about the example that imports it first.
    """

    def __init__(self, paths: list[str]) -> None:
        self._paths = {os.path.realpath(path): path for path in paths}
        self._files: dict[str, str | None] = {}
        self._lines: set[Line] = set()

    def start(self) -> None:
        """Begin a new collection; without paths nothing is traced, and nothing slowed."""
        self._lines = set()
        if self._paths:
            sys.settrace(self._enter)

    def stop(self) -> list[Line]:
        """End the collection and return it sorted."""
        sys.settrace(None)
        return sorted(self._lines)

    def _path(self, filename: str) -> str | None:
        """The tree's own path of a code object's file; asked for each call, so it is kept."""
        if filename not in self._files:
            self._files[filename] = self._paths.get(os.path.realpath(filename))
        return self._files[filename]

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Local | None:
        path = self._path(frame.f_code.co_filename)
        if path is None or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            return None
        lines = self._lines

        def local(frame: FrameType, event: str, _argument: Any) -> Any:
            if event == "line":
                lines.add((path, frame.f_lineno))
            return local

        return local


def parse(report: str) -> doctest.DocTest | None:
    """Return the examples typed at a Python prompt in a report, None where there is none."""
    parser = doctest.DocTestParser()
    with contextlib.suppress(ValueError):
        found = parser.get_doctest(FENCE.sub("", report), {}, "report", None, 0)
        return found if found.examples else None
    return None


def examples(report: str, paths: list[str]) -> list[ProbeOutcome]:
    """Run the examples of a report in one namespace, as at a prompt, and trace the given files."""
    test = parse(report)
    if test is None:
        return []
    runner = _Examples(Tracer(paths))
    runner.run(test, out=lambda _text: None)
    return runner.outcomes


class _Examples(doctest.DocTestRunner):
    """Notes what each example does, and ends one that hangs."""

    def __init__(self, tracer: Tracer) -> None:
        super().__init__(verbose=False, optionflags=FLAGS)
        self.outcomes: list[ProbeOutcome] = []
        self._tracer = tracer
        signal.signal(signal.SIGALRM, _hang)

    def report_start(self, *_: Any) -> None:
        """Begin the time of an example."""
        signal.setitimer(signal.ITIMER_REAL, EXAMPLE_S)
        self._tracer.start()

    def report_success(self, *shown: Any) -> None:
        """Note an example that gives what the report shows."""
        self._note(shown[2], "passed")

    def report_failure(self, *shown: Any) -> None:
        """Note an example that gives something else, unless the report does not show what."""
        self._note(shown[2], "failed" if shown[2].want else "passed")

    def report_unexpected_exception(self, *shown: Any) -> None:
        """Note an example that raises."""
        self._note(shown[2], "failed")

    def _note(self, example: doctest.Example, state: str) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.outcomes.append(ProbeOutcome(example.source, state, self._tracer.stop()))


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


def visible_tests(paths: list[str], keep: list[str] | None = None) -> list[ProbeOutcome]:
    """Run the visible tests, or those with the given node ids up to the first failure."""
    import pytest

    arguments = ["-q", "--no-header", "--tb=no", "-p", "no:cacheprovider"]
    if keep is not None:
        arguments += ["-x", *sorted({node.split("::")[0] for node in keep})]
    recorder = _Tests(Tracer(paths), None if keep is None else set(keep))
    pytest.main(arguments, plugins=[recorder])
    return list(recorder.outcomes.values())


class _Tests:
    """A pytest plugin that keeps to some tests and notes what each did."""

    def __init__(self, tracer: Tracer, keep: set[str] | None) -> None:
        self.outcomes: dict[str, ProbeOutcome] = {}
        self._tracer, self._keep = tracer, keep

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep to the wanted tests."""
        if self._keep is not None:
            items[:] = [item for item in items if item.nodeid in self._keep]

    def pytest_runtest_logstart(self) -> None:
        """Trace from here."""
        self._tracer.start()

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note the state of a test: that of the first of its phases that did not pass."""
        name = report.nodeid
        before = self.outcomes.get(name, ProbeOutcome(name, "passed", []))
        state = report.outcome if before.state == "passed" else before.state
        self.outcomes[name] = ProbeOutcome(name, state, [])

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Trace up to here."""
        lines = self._tracer.stop()
        if nodeid in self.outcomes:
            self.outcomes[nodeid] = self.outcomes[nodeid]._replace(lines=lines)


def isolated(work: Callable[[], Any], timeout_s: float) -> Any:
    """Return what work returns, passed as JSON, or None where it crashed or took too long.

    A fork starts in a millisecond with everything already imported, and a mutant that loops,
    exits, eats memory or changes global state takes only its own process with it.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _child(work, writer, timeout_s)
    os.close(writer)
    try:
        return _receive(reader, timeout_s)
    finally:
        os.close(reader)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def memory_bytes() -> int:
    """Return what a child may use: half of what the container may, lest it be ended for it."""
    for path in MEMORY_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            return min(MEMORY_BYTES, int(Path(path).read_text()) // 2)
    return MEMORY_BYTES


def _child(work: Callable[[], Any], writer: int, timeout_s: float) -> None:
    try:
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
        sys.stdout = sys.stderr = io.TextIOWrapper(io.FileIO(nowhere, "w"))
        payload = json.dumps(work()).encode() + b"\n"
        while payload:
            payload = payload[os.write(writer, payload) :]
    finally:
        os._exit(0)


def _receive(reader: int, timeout_s: float) -> Any:
    deadline = time.monotonic() + timeout_s
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return None
        part = os.read(reader, 1 << 16)
        if not part:
            return None
        parts.append(part)
    return json.loads(b"".join(parts))
