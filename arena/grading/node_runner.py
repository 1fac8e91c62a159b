"""Node's test runner: each file in its own process, a trusted reporter writing to a file.

There is no parent runner: it would read results from the output of the process that holds
candidate code.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from arena.grading.findings import Findings, Reported, Session, merge, weigh
from arena.grading.job import Job, Names, TestRunner, stopped
from arena.records import Entry, ExecResult, File, Record, TestOutcome
from arena.task.test_ids import by_place

_MAX_EVENTS = 100_000
_REPORTER = b"""\
export default async function* (events) {
  for await (const { type, data } of events) {
    if (type !== 'test:start' && type !== 'test:pass' && type !== 'test:fail') continue;
    const { name, nesting, skip, todo, details } = data;
    const marks = { skip: skip !== undefined, todo: todo !== undefined };
    const suite = details?.type === 'suite';
    yield JSON.stringify({ type, name, nesting, ...marks, suite }) + '\\n';
  }
}
"""
_ASSERT = re.compile(r"\bassert\.(\w+)\(")
_FALSE = {
    "equal": "equal({0}, {1})",
    "strictEqual": "strictEqual({0}, {1})",
    "deepEqual": "deepEqual([{0}], [{1}])",
    "deepStrictEqual": "deepStrictEqual([{0}], [{1}])",
    "notEqual": "notEqual({0}, {0})",
    "notStrictEqual": "notStrictEqual({0}, {0})",
    "notDeepStrictEqual": "notDeepStrictEqual([{0}], [{0}])",
    "ok": "ok({0} === {1})",
    "throws": "throws(() => {0})",
    "match": "match('{0}', /^{1}$/)",
}
_OWN_ASSERT = re.compile(r"\bassert\s*(?:=|\}|from\b)")
_ESM = re.compile(r"^\s*(?:import|export)\b", re.MULTILINE)


class _Part(Record):
    """One test file and what is expected of it."""

    file: File
    expected: tuple[str, ...]
    must_fail: tuple[str, ...]
    reported: dict[str, str]
    """Name in the report to id."""


def run_node(job: Job) -> Findings:
    """Grade a patched tree with Node's own test runner."""
    parts, rest = _parts(job)
    reporter = File(path=f"{job.folder}/reporter.mjs", data=_REPORTER)
    reports = [f"{job.folder}/{number}-{job.names.word(join='-')}" for number in range(len(parts))]
    job.lay([*rest, *(part.file for part in parts), reporter], reports)
    results: list[ExecResult] = []
    for part, report in zip(parts, reports, strict=True):
        result = job.run(
            [
                *("node", f"--test-reporter={reporter.path}"),
                *(f"--test-reporter-destination={report}", part.file.path),
            ],
            {"NODE_OPTIONS": "", "NO_COLOR": "1"},
        )
        if early := stopped(result):
            job.finish()
            return early
        results.append(result)
    job.finish()
    return merge(
        [
            weigh(_session(part, result, job.read(report)), job.defences)
            for part, result, report in zip(parts, results, reports, strict=True)
        ]
    )


# ── before ─────────────────────────────────────────────────────────────────────────────────────


def _parts(job: Job) -> tuple[list[_Part], list[File]]:
    """Graded files with canaries, twins under new names, and the other hidden files."""
    plan, tree, files = job.task.tests, job.tree(), job.hidden()
    parts = []
    for path, ids in by_place((*plan.fail_to_pass, *plan.pass_to_pass)).items():
        file = files.pop(path, None) or tree[path]
        parts.append(_part(job, file, ids) if job.defences.canaries else _plain(file, ids))
    twins = job.twins()
    for path, ids in by_place(job.must_fail).items():
        parts.insert(job.names.rng.randint(0, len(parts)), _twin(job, twins.pop(path), ids))
    if job.shuffle:
        job.names.rng.shuffle(parts)
    return parts, [*files.values(), *twins.values()]


def _plain(file: File, ids: Sequence[str]) -> _Part:
    names = {_name(test_id): test_id for test_id in ids}
    return _Part(file=file, expected=tuple(ids), must_fail=(), reported=names)


def _part(job: Job, file: File, ids: Sequence[str]) -> _Part:
    text = file.data.decode("utf-8", "surrogateescape")
    taken = {_name(test_id) for test_id in ids}
    canaries = []
    for assertion in _assertions(text):
        name = job.names.word(taken, join=" ")
        taken.add(name)
        canaries.append(name)
        text += _canary(text, name, assertion, job.names)
    plain = _plain(file.model_copy(update={"data": text.encode("utf-8", "surrogateescape")}), ids)
    planted = {name: f"{file.path}::{name}" for name in canaries}
    return plain.model_copy(
        update={
            "must_fail": tuple(planted.values()),
            "reported": {**plain.reported, **planted},
        }
    )


def _assertions(text: str) -> list[str]:
    """Templates for the kinds of assertion that a file uses; a plain one at least."""
    used = [name for name in dict.fromkeys(_ASSERT.findall(text)) if name in _FALSE]
    return [_FALSE[name] for name in used or ["strictEqual"]]


def _canary(text: str, name: str, assertion: str, names: Names) -> str:
    left, right = names.rng.sample(range(2, 100), 2)
    load = "await import" if _ESM.search(text) else "require"
    own = "assert" if _OWN_ASSERT.search(text) else ""
    subject = own or f"({load}('node:assert')).strict"
    return (
        f"\n({load}('node:test')).test({json.dumps(name)}, async () => "
        f"{{ {subject}.{assertion.format(left, right)}; }});\n"
    )


def _twin(job: Job, file: File, ids: Sequence[str]) -> _Part:
    folder, slash, name = file.path.rpartition("/")
    suffix = name[name.index(".") :] if "." in name else ""
    path = f"{folder}{slash}{job.names.word(join='-')}{suffix}"
    renamed = {_name(test_id): f"{path}::{_name(test_id)}" for test_id in ids}
    return _Part(
        file=file.model_copy(update={"path": path}),
        expected=(),
        must_fail=tuple(renamed.values()),
        reported=renamed,
    )


def _name(test_id: str) -> str:
    return test_id.partition("::")[2]


# ── after ──────────────────────────────────────────────────────────────────────────────────────


class Event(Record):
    """What a reporter tells of a test that began or ended."""

    type: str
    name: str
    nesting: int
    skip: bool = False
    todo: bool = False
    suite: bool = False
    error: str = ""
    """Kind of the error, where the reporter tells it."""

    @property
    def outcome(self) -> TestOutcome:
        """How the test ended."""
        if self.skip or self.todo:
            return "skipped"
        return cast("TestOutcome", self.type.removeprefix("test:") + "ed")


def ended(events: Iterable[Event]) -> Iterator[tuple[str, Event]]:
    """The events of tests that ended, each by its name and the names above it.

    Raises:
        ValueError: a test stands in none that began.
    """
    stack: list[str] = []
    for event in events:
        if not 0 <= event.nesting <= len(stack):
            raise ValueError("events out of order")
        stack[event.nesting :] = [event.name]
        if event.type != "test:start" and not event.suite:
            yield " > ".join(stack), event


def _session(part: _Part, result: ExecResult, entry: Entry) -> Session:
    session = Session(
        expected=part.expected,
        must_fail=part.must_fail,
        exit_code=result.exit_code,
        selected=False,
    )
    try:
        tests = _tests(entry, part)
    except ValueError as error:
        return session.model_copy(update={"fault": f"no report of {part.file.path}: {error}"})
    return session.model_copy(update={"report": tests})


def _tests(entry: Entry, part: _Part) -> tuple[Reported, ...]:
    """Outcomes from the reporter's events."""
    if entry.kind != "file" or entry.too_large or not entry.data:
        raise ValueError("missing, empty or too large")
    lines = entry.data.decode("utf-8").splitlines()
    if len(lines) > _MAX_EVENTS:
        raise ValueError("too many events")
    return tuple(
        Reported(id=part.reported.get(name, name), outcome=event.outcome)
        for name, event in ended(map(Event.model_validate_json, lines))
    )


RUNNER = TestRunner(run_node)
