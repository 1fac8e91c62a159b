"""The examples of a bug report: what they print now, and what they should print."""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import re
import signal
import time
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from .trace import Line, Tracer

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.DONT_ACCEPT_TRUE_FOR_1
NO_ERROR = ""
TIMEOUT_S = 2.0


class Example(NamedTuple):
    """One statement of a report, in the order the reader would type them."""

    source: str
    want: str | None
    """What the report shows under it; None where nothing is shown."""
    wishes: tuple[str, ...] = ()
    """What the report says beside it that it should give."""
    block: int = 0
    """Examples of one block were shown together."""


class Outcome(NamedTuple):
    """What an example did."""

    text: str
    error: str
    """Exception name, empty where it ended well."""
    message: str
    seconds: float
    lines: list[Line]
    frames: list[Line]
    """Where in the tree the exception passed, outermost first."""


class HangError(BaseException):
    """An example ran out of its time; no candidate's `except Exception` may swallow it."""


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise HangError


def run(
    examples: list[Example], *, timeout_s: float = TIMEOUT_S, tracer: Tracer | None = None
) -> Iterator[Outcome]:
    """Run examples in one namespace, each when it is asked for; never raises for what they do."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    signal.signal(signal.SIGALRM, _hang)
    for example in examples:
        yield _one(example, namespace, timeout_s, tracer)


def _one(
    example: Example, namespace: dict[str, Any], timeout_s: float, tracer: Tracer | None
) -> Outcome:
    printed, error, message, begun = io.StringIO(), "", "", time.monotonic()
    frames: list[Line] = []
    lines: list[Line] = []
    try:
        code = compile(example.source, "<report>", "single", dont_inherit=True)
        signal.setitimer(signal.ITIMER_REAL, timeout_s)
        with contextlib.redirect_stdout(printed):
            if tracer:
                tracer.start()
            exec(code, namespace)  # noqa: S102 - examples are there to be run
    except BaseException as raised:  # noqa: BLE001 - whatever it raises is its outcome
        error, message = type(raised).__name__, str(raised)
        frames = _frames(raised, tracer)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if tracer:
            lines = tracer.stop()
    seconds = time.monotonic() - begun
    return Outcome(printed.getvalue(), error, message, seconds, lines, frames)


def _frames(raised: BaseException, tracer: Tracer | None) -> list[Line]:
    if tracer is None:
        return []
    found = traceback.extract_tb(raised.__traceback__)
    places = [(tracer.path(frame.filename), frame.lineno or 0) for frame in found]
    return [(path, line) for path, line in places if path is not None]


def wanted_error(goal: str) -> tuple[str, str] | None:
    """Return the exception name and message that a shown traceback ends with."""
    if not goal.lstrip().startswith("Traceback"):
        return None
    last = [line for line in goal.splitlines() if re.match(r"[A-Za-z_][\w.]*(:|$)", line)]
    if not last or last[-1].startswith("Traceback"):
        return None
    name, _, message = last[-1].partition(":")
    return name.rsplit(".", 1)[-1].strip(), message.strip()


def satisfied(goal: str, outcome: Outcome) -> bool:
    """Tell whether an outcome is what a goal asks for."""
    if (wanted := wanted_error(goal)) is not None:
        name, message = wanted
        same = message in ("", "...") or " ".join(outcome.message.split()) == message
        return outcome.error == name and same
    if outcome.error:
        return False
    return goal == NO_ERROR or same_text(goal, outcome.text)


def same_text(goal: str, text: str) -> bool:
    """Compare outputs as doctest does, and as literals where both are."""
    if doctest.OutputChecker().check_output(goal.rstrip() + "\n", text, FLAGS):
        return True
    try:
        left, right = ast.literal_eval(goal.strip()), ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
    return type(left) is type(right) and bool(left == right)
