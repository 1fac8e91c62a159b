"""Reports that test commands of any language leave, each read as hostile input.

A form is a function from the bytes of one report to its tests, in their order; the ids are those of
the form:

    junit       <classname>::<name>
    tap         <outer> > <inner>               of nested subtests
    ctest       <name>                          what `ctest` prints
    unittest    <test> (<class>) <doc line>     what `unittest -v` prints, below Django too
    go-json     <package>::<Test/subtest>       `go test -json`
    cargo-json  <path::to::test>                libtest's JSON, or the lines it prints without
    jest-json   <file>::<describe> > <name>     `jest --json`, `vitest --reporter=json`
    mocha-json  <file>::<describe> > <name>     `mocha --reporter json`
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from xml.parsers import expat

from arena.grading.findings import Reported, ReportError
from arena.records import ReportForm, TestOutcome
from arena.records.container import WORKDIR
from arena.serialize import from_json, json_lines

MAX_BYTES = 16 << 20
_MAX_TESTS = 200_000
_MAX_DEPTH = 64
_ALL_BYTES = 64 << 20
_ALL_ID_CHARS = 64 << 20
"""Of all ids together: a name that many tests share stands in each of theirs."""
_TOO_MANY = f"the report holds more than {_MAX_TESTS:,} tests, or too long names"

_JUNIT_BYTES = 8 << 20
_JUNIT_DEPTH = 16
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_MARKS: dict[str, TestOutcome] = {"skipped": "skipped", "failure": "failed", "error": "error"}
"""What an element in a test says of it; the worst one last."""
_TAP = re.compile(r"( *)(not )?ok\b(?: +(\d+))?(?: *- *)?(.*)")
_TAP_MARK = re.compile(r"(?<!\\)#\s*(skip|todo)\b.*", re.IGNORECASE)
_TAP_PLAN = re.compile(r"( *)1\.\.(\d+)\b.*")
# Three looks at a line instead of one, which would try each way to part it into three
_CTEST = re.compile(r"\s*\d+/\d+ Test\s+#\d+: ")
_CTEST_DOTS = re.compile(r" \.{2,}\s*(?:\*{3})?")
_CTEST_TIME = re.compile(r"\s\d+\.\d+ sec\b")
_CTEST_SKIPPED = re.compile(r"Skipped|Not Run \(Disabled\)", re.IGNORECASE)
_UNITTEST = re.compile(r"^(\w+ \([\w.]+\))(?:\n(.*))? \.\.\. ", re.MULTILINE)
_UNITTEST_SAID = re.compile(
    r"(?:^| \.\.\. )(ok$|FAIL$|ERROR$|skipped\b|expected failure$|unexpected success$)",
    re.MULTILINE,
)
_LIBTEST = re.compile(r"test (\S.*?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b.*")
_GO: dict[str, TestOutcome] = {"pass": "passed", "fail": "failed", "skip": "skipped"}
_CARGO: dict[str, TestOutcome] = {
    "ok": "passed",
    "failed": "failed",
    "timeout": "failed",
    "ignored": "skipped",
    "FAILED": "failed",
}
_JEST: dict[str, TestOutcome] = {"passed": "passed", "failed": "failed"}


def read(form: ReportForm, parts: Iterable[bytes], *, cut: bool = False) -> tuple[Reported, ...]:
    """The tests of one report, or of several together; with `cut` they may end early, for the
    command did. Raises `ReportError` where one is empty, too large, not of the form, or cut off, or
    where all hold too much.
    """
    try:
        return tuple(_bounded(form, parts, cut=cut))
    except ReportError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ReportError(f"the report is not {form}: {error!r:.120}") from error


def _bounded(form: ReportForm, parts: Iterable[bytes], *, cut: bool) -> Iterator[Reported]:
    left_bytes, left_tests, left_chars = _ALL_BYTES, _MAX_TESTS, _ALL_ID_CHARS
    for data in parts:
        left_bytes -= len(data)
        if not data.strip():
            raise ReportError("there is no report")
        if len(data) > MAX_BYTES or left_bytes < 0:
            raise ReportError(f"it is larger than {MAX_BYTES:,} bytes, or all {_ALL_BYTES:,}")
        for test in _tap(data, cut=cut) if form == "tap" else _FORMS[form](data):
            left_tests -= 1
            left_chars -= len(test.id)
            if left_tests < 0 or left_chars < 0:
                raise ReportError(_TOO_MANY)
            yield test


def _junit(data: bytes) -> Iterator[Reported]:
    if len(data) > _JUNIT_BYTES:
        raise ReportError(f"the report is larger than {_JUNIT_BYTES:,} bytes")
    reader = _JUnitReader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, UnicodeError) as error:
        raise ReportError(f"the report is not whole XML: {error}") from error
    if not reader.suites:
        raise ReportError("the report holds no suite")
    yield from reader.tests


class _JUnitReader:
    """Takes what a parser of XML tells, and refuses what no runner writes."""

    def __init__(self) -> None:
        self.tests: list[Reported] = []
        self.suites = 0
        self._path: list[str] = []
        self._claims: list[dict[str, str]] = []
        self._starts: list[int] = []
        self._id = ""
        self._marks: list[list[str]] = []
        """Of each test; pytest from 9 on writes one for each failed subtest."""

    def doctype(self, *_: object) -> None:
        raise ReportError("the report declares a document type")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        above = self._path[-1:]
        if not above and tag not in {"testsuites", "testsuite"}:
            raise ReportError(f"the report is a {tag!r}")
        if len(self._path) >= _JUNIT_DEPTH:
            raise ReportError("the report is nested too deeply")
        if tag == "testsuite":
            self.suites += 1
            self._claims.append(attributes)
            self._starts.append(len(self.tests))
        elif tag == "testcase":
            if tag in self._path or "name" not in attributes:
                raise ReportError("a test case is nested or has no name")
            _not_negative(attributes)
            self._marks.append([])
            self._id = f"{attributes.get('classname', '')}::{attributes['name']}"
        elif tag in _MARKS and above == ["testcase"]:
            self._marks[-1].append(tag)
        self._path.append(tag)

    def end(self, tag: str) -> None:
        self._path.pop()
        if tag == "testcase":
            outcomes: list[TestOutcome] = ["passed"]
            outcomes += [outcome for mark, outcome in _MARKS.items() if mark in self._marks[-1]]
            self.tests.append(Reported(id=self._id, outcome=outcomes[-1]))
        elif tag == "testsuite":
            _check_counts(self._claims.pop(), self._marks[self._starts.pop() :])


def _check_counts(claims: dict[str, str], tests: list[list[str]]) -> None:
    """Subtests count as tests, and those that pass are nowhere: no more can be asked of `tests`,
    nor need be, where each expected test must be there.
    """
    _not_negative(claims)
    held = claims.get("tests", str(len(tests)))
    if not re.fullmatch("[0-9]{1,9}", held) or int(held) < len(tests):
        raise ReportError(f"the report says tests={held!r} but holds {len(tests)}")
    for key, mark in _COUNTED.items():
        numbers = [sum(mark in marks for marks in tests), sum(m.count(mark) for m in tests)]
        if claims.get(key, str(numbers[0])) not in map(str, numbers):
            raise ReportError(f"the report says {key}={claims[key]!r} but holds {numbers[-1]}")


def _not_negative(attributes: dict[str, str]) -> None:
    try:
        seconds = float(attributes.get("time", "0").replace(",", ""))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise ReportError(f"a duration of {attributes['time'][:20]!r}")


def _tap(data: bytes, *, cut: bool = False) -> Iterator[Reported]:
    """Tests that hold no others; a subtest's tests stand above it, further in."""
    held: list[list[Reported]] = [[]]
    planned: dict[int, int] = {}
    seen: dict[int, int] = {}
    left_tests, left_chars = _MAX_TESTS, _ALL_ID_CHARS
    for line in _text(data).splitlines():
        if line.lstrip().startswith("Bail out!"):
            raise ReportError(f"the tests gave up: {line.strip()[:120]}")
        if match := _TAP_PLAN.fullmatch(line):
            planned[len(match[1]) // 4] = int(match[2])
        elif match := _TAP.fullmatch(line):
            depth = len(match[1]) // 4
            if depth > _MAX_DEPTH:
                raise ReportError("the report is nested too deeply")
            seen[depth] = seen.get(depth, 0) + 1
            for inner in [one for one in planned | seen if one > depth]:
                _tap_whole(planned.pop(inner, None), seen.pop(inner, 0))
            while len(held) <= depth + 1:
                held.append([])
            name, outcome = _tap_test(match)
            left_tests -= 1
            left_chars -= sum(len(name) + len(one.id) for one in held[depth + 1])
            if left_tests < 0 or left_chars < 0:
                raise ReportError(_TOO_MANY)
            inside = [
                one.model_copy(update={"id": f"{name} > {one.id}"}) for one in held[depth + 1]
            ]
            held[depth] += inside or [Reported(id=name, outcome=outcome)]
            del held[depth + 1 :]
    if not cut:
        _tap_whole(planned.get(0), seen.get(0, 0))
    yield from held[0]


def _tap_test(match: re.Match[str]) -> tuple[str, TestOutcome]:
    name = _TAP_MARK.sub("", match[4]).strip() or f"test {match[3] or ''}".strip()
    if _TAP_MARK.search(match[4]):
        return name, "skipped"
    return name, "failed" if match[2] else "passed"


def _tap_whole(planned: int | None, seen: int) -> None:
    if planned is None:
        raise ReportError("the report has no plan: it was cut off")
    if planned != seen:
        raise ReportError(f"the report plans {planned} tests but holds {seen}")


def _ctest(data: bytes) -> Iterator[Reported]:
    for line in _text(data).splitlines():
        head = _CTEST.match(line)
        dots = _CTEST_DOTS.search(line, head.end() + 1) if head else None
        time = _CTEST_TIME.search(line, dots.end()) if dots else None
        if head and dots and time:
            said = line[dots.end() : time.start()].rstrip()
            outcome: TestOutcome = "passed" if said == "Passed" else "failed"
            if _CTEST_SKIPPED.match(said):
                outcome = "skipped"
            yield Reported(id=line[head.end() : dots.start()], outcome=outcome)


def _unittest(data: bytes) -> Iterator[Reported]:
    """What a test prints stands between its name and its end; it failed if any subtest did."""
    text = _text(data)
    heads = list(_UNITTEST.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    for head, end in zip(heads, ends, strict=True):
        said = set(_UNITTEST_SAID.findall(text, head.end() - len(" ... "), end))
        outcome: TestOutcome = "passed" if said == {"ok"} else "error"
        if said & {"FAIL", "unexpected success"}:
            outcome = "failed"
        elif said & {"skipped", "expected failure"}:
            outcome = "skipped"
        yield Reported(id=" ".join(filter(None, head.groups())), outcome=outcome)


def _go_json(data: bytes) -> Iterator[Reported]:
    for event in _events(data):
        if event.get("Test") and event.get("Action") in _GO:
            name = f"{event['Package']}::{event['Test']}"
            yield Reported(id=name, outcome=_GO[event["Action"]])


def _cargo_json(data: bytes) -> Iterator[Reported]:
    told = [event for event in _events(data) if event.get("type") == "test"]
    if told:
        for event in told:
            if event["event"] in _CARGO:
                yield Reported(id=event["name"], outcome=_CARGO[event["event"]])
        return
    for line in _text(data).splitlines():
        if match := _LIBTEST.fullmatch(line):
            yield Reported(id=match[1], outcome=_CARGO[match[2]])


def _jest_json(data: bytes) -> Iterator[Reported]:
    for suite in _whole(data)["testResults"]:
        for test in suite["assertionResults"]:
            inside = " > ".join(filter(None, [*test.get("ancestorTitles", ()), test["title"]]))
            outcome = _JEST.get(test["status"], "skipped")
            yield Reported(id=f"{_relative(suite['name'])}::{inside}", outcome=outcome)


def _mocha_json(data: bytes) -> Iterator[Reported]:
    told = _whole(data)
    waiting = {(test.get("file"), test["fullTitle"]) for test in told["pending"]}
    for test in told["tests"]:
        outcome: TestOutcome = "failed" if test["err"] else "passed"
        if (test.get("file"), test["fullTitle"]) in waiting:
            outcome = "skipped"
        outer = test["fullTitle"].removesuffix(test["title"]).strip()
        inside = " > ".join(part for part in (outer, test["title"]) if part)
        yield Reported(id=f"{_relative(test.get('file') or '')}::{inside}", outcome=outcome)


def _whole(data: bytes) -> Any:
    """One JSON value, below whatever else the command printed in lines of their own."""
    text = data.strip()
    start = text.find(b"{")
    return from_json(text[start:] if start > 0 and text[start - 1 : start] == b"\n" else text)


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    """The JSON objects among the lines."""
    lines = [line for line in data.splitlines() if line.lstrip().startswith(b"{")]
    return (one for _, one in json_lines(lines, broken=None) if isinstance(one, dict))


def _relative(path: str) -> str:
    return path.removeprefix(f"{WORKDIR}/")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


_FORMS: dict[ReportForm, Callable[[bytes], Iterator[Reported]]] = {
    "junit": _junit,
    "tap": _tap,
    "ctest": _ctest,
    "unittest": _unittest,
    "go-json": _go_json,
    "cargo-json": _cargo_json,
    "jest-json": _jest_json,
    "mocha-json": _mocha_json,
}
