"""Runs of untrusted code: the report's examples and the visible tests, in children with limits."""

from __future__ import annotations

import contextlib
import doctest
import inspect
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

MEMORY_BYTES = 256 * 1024 * 1024
"""Of a child: less than any container has, lest that be ended for it."""
FILE_BYTES = 32 * 1024 * 1024
FENCE = re.compile(r"^[ \t]*(```|~~~).*$", re.MULTILINE)
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PYTEST = ("-q", "--no-header", "--tb=no", "--color=no", "-rfE", "-p", "no:cacheprovider")
EXAMPLE_S = 3.0
EXAMPLES_S = 8.0
TESTS_S = 30.0
CHILD = """\
import sys
sys.path[0] = {root!r}
from {package} import runs
tell = runs.limited({seconds})
tell(runs.{call})
"""
"""What stands in the tree is imported only after all that we need ourselves."""

Line = tuple[str, int]


class HangError(BaseException):
    """An example ran out of its time; no `except Exception` of a candidate may swallow it."""


def examples(report: str) -> tuple[bool, set[Line]] | None:
    """Whether a report's examples hold here, and what lines ran in functions; None on a crash."""
    told = isolated(f"run_examples({report!a})", EXAMPLES_S)
    return None if told is None else (told[0], {(path, line) for path, line in told[1]})


def failing_tests() -> set[str] | None:
    """Run the visible tests of the tree here; those that fail, None where not all could run."""
    told = isolated("run_tests()", TESTS_S)
    if told is None:
        return None
    code, printed = told
    failing = set(FAILED.findall(printed))
    return failing if code == int(bool(failing)) else None


def isolated(call: str, timeout_s: float) -> Any:
    """What a call of this module returns in a child, None where it crashed or was late.

    Code that loops, exits, eats memory or starts others takes only its own processes with it.
    """
    package = __package__ or ""
    root = str(Path(__file__).parents[package.count(".") + 1])
    code = CHILD.format(root=root, package=package, seconds=timeout_s, call=call)
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as output:
        source.write(code.encode())  # a report may be longer than an argument
        source.seek(0)
        child = subprocess.Popen(
            [sys.executable, "-"],
            stdin=source,
            stdout=output,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout_s)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        output.seek(0)
        with contextlib.suppress(ValueError):
            return json.loads(output.read())
    return None


def limited(seconds: float) -> Callable[[Any], None]:
    """Limit and silence this process, a child; returns what tells a value and ends it."""
    for kind, limit in (
        (resource.RLIMIT_CPU, int(seconds) + 1),
        (resource.RLIMIT_DATA, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (limit, limit))
    told = os.dup(1)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - no file
        os.dup2(nowhere.fileno(), 1)
    sys.path[:0] = [str(Path("src").absolute()), str(Path.cwd())]

    def tell(value: Any) -> None:
        with os.fdopen(told, "w") as output:
            json.dump(value, output)
        os._exit(0)

    return tell


def run_examples(report: str) -> tuple[bool, list[Line]]:
    """Run the examples typed at a Python prompt in a report, in one namespace, as at a prompt."""
    try:
        parser = doctest.DocTestParser()
        test = parser.get_doctest(FENCE.sub("", report), {}, "report", None, 0)
    except ValueError:  # what looks like a prompt is none
        return True, []
    runner = _Examples(_Shown(), verbose=False, optionflags=FLAGS)
    signal.signal(signal.SIGALRM, _hang)
    failed = runner.run(test, out=lambda _text: None).failed
    signal.setitimer(signal.ITIMER_REAL, 0)
    return not failed, sorted(runner.lines)


class _Examples(doctest.DocTestRunner):
    """Notes lines of the tree that run inside functions, not on import; ends what hangs."""

    def __init__(self, *given: Any, **how: Any) -> None:
        super().__init__(*given, **how)
        self.lines: set[Line] = set()
        self._tree = f"{Path.cwd()}/"

    def report_start(self, *_: Any) -> None:
        """Begin an example: the runner ends the trace of the one before."""
        signal.setitimer(signal.ITIMER_REAL, EXAMPLE_S)
        sys.settrace(self._enter)

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        path = frame.f_code.co_filename
        if not path.startswith(self._tree) or not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
            return None
        return self._run

    def _run(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            path = frame.f_code.co_filename.removeprefix(self._tree)
            self.lines.add((path, frame.f_lineno))
        return self._run


class _Shown(doctest.OutputChecker):
    """Takes any result where the report shows none."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        return not want or super().check_output(want, got, optionflags)


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise HangError


def run_tests() -> tuple[int, str]:
    """Run pytest; returns its exit code and what it prints. ImportError where it is missing."""
    import pytest

    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = pytest.main([*PYTEST])
    return int(code), printed.getvalue()
