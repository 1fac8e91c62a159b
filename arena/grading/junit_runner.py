"""Any runner that writes JUnit XML, and its report read as hostile input.

Such a run has twins but no canaries, for nothing is known about the language of its tests. Names
are changed where they are written as pytest and unittest write them.
"""

import re
from collections.abc import Callable
from xml.parsers import expat

from arena.grading.findings import Findings, Reported, Session, weigh
from arena.grading.job import Job, TestRunner, stopped
from arena.grading.names import Renaming
from arena.records import Entry, File, Record, TestOutcome

MAX_BYTES = 8 << 20
_MAX_DEPTH = 16
_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
_MARKS: dict[str, TestOutcome] = {"failure": "failed", "error": "error", "skipped": "skipped"}
_RANK: dict[TestOutcome, int] = {"passed": 0, "skipped": 1, "failed": 2, "error": 3}


class JUnitError(ValueError):
    """A report that cannot be believed."""


class JUnitTest(Record):
    """One `testcase` element."""

    classname: str
    name: str
    outcome: TestOutcome
    marks: tuple[str, ...] = ()
    """Elements that tell of failures: pytest from 9 on writes one for each failed subtest."""


def read_report(entry: Entry) -> tuple[JUnitTest, ...]:
    """The tests of a report file, in its order.

    Raises:
        JUnitError: missing, too large, not XML, with a document type, or with wrong counts.
    """
    if entry.kind != "file" or not entry.data:
        raise JUnitError("there is no report")
    if entry.too_large or len(entry.data) > MAX_BYTES:
        raise JUnitError(f"the report is larger than {MAX_BYTES:,} bytes")
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.doctype
    try:
        parser.Parse(entry.data, True)
    except (expat.ExpatError, UnicodeError) as error:
        raise JUnitError(f"the report is not whole XML: {error}") from error
    if not reader.suites:
        raise JUnitError("the report holds no suite")
    return tuple(reader.tests)


class _Reader:
    def __init__(self) -> None:
        self.tests: list[JUnitTest] = []
        self.suites = 0
        self._path: list[str] = []
        self._claims: list[dict[str, str]] = []
        self._starts: list[int] = []
        self._case: JUnitTest | None = None
        self._marks: list[str] = []

    def doctype(self, *_: object) -> None:
        raise JUnitError("the report declares a document type")

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag)
        if len(self._path) > _MAX_DEPTH:
            raise JUnitError("the report is nested too deeply")
        if len(self._path) == 1 and tag not in {"testsuites", "testsuite"}:
            raise JUnitError(f"the report is a {tag!r}")
        if tag == "testsuite":
            self.suites += 1
            self._claims.append(attributes)
            self._starts.append(len(self.tests))
        elif tag == "testcase":
            if self._case is not None or "name" not in attributes:
                raise JUnitError("a test case is nested or has no name")
            _not_negative(attributes)
            self._marks = []
            self._case = JUnitTest(
                classname=attributes.get("classname", ""),
                name=attributes["name"],
                outcome="passed",
            )
        elif self._case is not None and tag in _MARKS and self._path[-2] == "testcase":
            self._marks.append(tag)

    def end(self, tag: str) -> None:
        self._path.pop()
        if tag == "testcase" and self._case is not None:
            told = [self._case.outcome, *(_MARKS[mark] for mark in self._marks)]
            worst = max(told, key=_RANK.__getitem__)
            marked = {"outcome": worst, "marks": tuple(self._marks)}
            self.tests.append(self._case.model_copy(update=marked))
            self._case = None
        elif tag == "testsuite":
            self._check(self._claims.pop(), self.tests[self._starts.pop() :])

    def _check(self, claims: dict[str, str], tests: list[JUnitTest]) -> None:
        """Refuse counts that cannot be. Subtests count as tests, and those that pass are nowhere:
        no more can be asked of `tests`, nor need be, where each expected test must be there.
        """
        _not_negative(claims)
        held = claims.get("tests", str(len(tests)))
        if not re.fullmatch("[0-9]{1,9}", held) or int(held) < len(tests):
            raise JUnitError(f"the report says tests={held!r} but holds {len(tests)}")
        for key, mark in _COUNTED.items():
            numbers = [sum(mark in t.marks for t in tests), sum(t.marks.count(mark) for t in tests)]
            if claims.get(key, str(numbers[0])) not in map(str, numbers):
                raise JUnitError(f"the report says {key}={claims[key]!r} but holds {numbers[-1]}")


def _not_negative(attributes: dict[str, str]) -> None:
    try:
        seconds = float(attributes.get("time", "0").replace(",", ""))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 1e9:
        raise JUnitError(f"a duration of {attributes['time'][:20]!r}")


REPORT = "{report}"
"""Stands for the report's path in a task's command."""


def run_junit(job: Job) -> Findings:
    """Grade a patched tree with the task's command; ids are `<classname>::<name>`."""
    plan = job.task.tests
    report = job.report(".xml")
    files, ids = _renamed(job)
    job.lay(files, [report])
    job.tell({new: old for new, old in ids.items() if old in plan.fail_to_pass})
    result = job.run([part.replace(REPORT, report) for part in plan.command], {})
    job.finish()
    if early := stopped(result):
        return early
    session = Session(
        expected=(*plan.fail_to_pass, *plan.pass_to_pass),
        must_fail=job.must_fail,
        exit_code=result.exit_code,
        selected=False,
    )

    def id_of(test: JUnitTest) -> str:
        seen = f"{test.classname}::{test.name}"
        return ids.get(seen, seen)

    return weigh_report(job, session, report, id_of)


def _renamed(job: Job) -> tuple[list[File], dict[str, str]]:
    """Hidden files and twins under names of this run, where ids say which file a test is in.

    Returns:
        The files, and the ids of this run with those of the plan.
    """
    command = File(path="", data=" ".join(job.task.tests.command).encode())
    renaming = Renaming(job.names, {**job.around(), "": command})
    planned = (*job.task.tests.fail_to_pass, *job.must_fail)
    ids, files = {}, []
    for path, file in {**job.hidden(), **job.twins()}.items():
        stem = path.rpartition("/")[2].partition(".")[0]
        word = re.compile(rf"(?<!\w){re.escape(stem)}(?!\w)")
        inside = [i for i in planned if word.search(i.rpartition("::")[0])]
        text = file.data.decode("utf-8", "surrogateescape")
        moved = path
        if inside and stem.startswith("test_") and not word.search(text):
            moved = renaming.of_file(path, "test_snake")
        new_stem = moved.rpartition("/")[2].partition(".")[0]
        for test_id in inside:
            place, _, full = test_id.rpartition("::")
            name, bracket, rest = full.partition("[")
            if name.startswith("test_"):
                text, name = renaming.within(path, text, name, "test_snake")
            ids[f"{word.sub(new_stem, place)}::{name}{bracket}{rest}"] = test_id
        data = text.encode("utf-8", "surrogateescape")
        files.append(file.model_copy(update={"path": moved, "data": data}))
    return files, ids


def weigh_report(
    job: Job, session: Session, path: str, id_of: Callable[[JUnitTest], str]
) -> Findings:
    """Weigh a session by its report, whose tests are known to the plan by other ids."""
    entry = job.read(path)
    job.keep("junit.xml", entry.data)
    try:
        tests = tuple(Reported(id=id_of(t), outcome=t.outcome) for t in read_report(entry))
    except JUnitError as error:
        return weigh(session.model_copy(update={"fault": str(error)}), job.defences)
    return weigh(session.model_copy(update={"report": tests}), job.defences)


RUNNER = TestRunner(run_junit)
