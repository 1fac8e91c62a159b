"""Node's test runner: each file in its own process, a trusted reporter writing to a file.

There is no parent runner: it would read results from the output of the process that holds
candidate code.
"""

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import cast

from arena.grading.findings import Findings, Reported, ReportError, Session, merge, weigh
from arena.grading.job import Job, parts_of
from arena.grading.names import Renaming, code_of, text_of, with_text
from arena.records import File, Record, TestOutcome

_MAX_EVENTS = 100_000
_ALL_NAME_CHARS = 64 << 20
"""Of all tests together: the names above a test stand in each of theirs."""
_REPORTER = Path(__file__).with_name("node_reporter.cjs")
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
_LINE = re.compile(r"^( *)(?:(test|it|describe)\(|\S)(.*)$", re.MULTILINE)
_OPENED = re.compile(r"""(['"])([^'"\\]+)\1, (?:async )?(?:\(\) =>|function \(\)) \{""")
_IMPORTED = re.compile(r"\b(test|it)\b(?=[^;\n]*['\"]node:test['\"])")
_MORE_CANARIES = (0, 2)
_TEMPLATE = r"`(?:\\.|[^`\\])*`"
_ESM = re.compile(r"^[^\S\n]*(?:import|export)\b", re.MULTILINE)


def run(job: Job) -> Findings:
    """Grade a patched tree with Node's own test runner."""
    parts, rest = parts_of(job, _rename, _with_canaries)
    reporter = File(path=f"{job.folder}/reporter.cjs", data=_REPORTER.read_bytes())
    reports = [job.report("") for _ in parts]
    job.lay([*rest, *(part.file for part in parts), reporter], reports)
    sessions = []
    for part, report in zip(parts, reports, strict=True):
        job.tell(part.ids)
        done = job.run(
            [
                *("node", f"--require={reporter.path}", f"--test-reporter={reporter.path}"),
                *(f"--test-reporter-destination={report}", part.file.path),
            ],
            {"NODE_OPTIONS": "", "NO_COLOR": "1"},
        )
        session = Session(
            expected=tuple(part.ids.values()),
            must_fail=tuple(part.must_fail),
            exit_code=done.exit_code,
            selected=False,
            ids=part.ids,
        )
        sessions.append((session, partial(_told, job, report, part.file.path)))
    job.finish()
    return merge([weigh(session, told) for session, told in sessions])


def _rename(file: File, ids: Sequence[str], renaming: Renaming) -> tuple[File, dict[str, str]]:
    text, new = text_of(file), {title: title for test_id in ids for title in _titles(test_id)}
    for title in new:
        text, new[title] = renaming.within(file.path, text, title, "plain words")
    path = renaming.of_file(file.path, "kebab-file")
    changed = {i: f"{path}::{' > '.join(new[title] for title in _titles(i))}" for i in ids}
    return with_text(file, text, path), changed


def _with_canaries(
    file: File, _: Sequence[Sequence[str]], renaming: Renaming
) -> tuple[File, list[str]]:
    """Canaries for each kind of assertion that a file uses, and some more, between its tests."""
    text, rng = text_of(file), renaming.names.rng
    kinds, planted = _assertions(text), list[str]()
    for kind in [*kinds, *rng.choices(kinds, k=rng.randint(*_MORE_CANARIES))]:
        title, text = _plant(text, renaming.draw("plain words"), kind, rng)
        planted.append(f"{file.path}::{title}")
    return with_text(file, text, file.path), planted


def _assertions(text: str) -> list[str]:
    """Templates for the kinds of assertion that a file uses; a plain one at least."""
    used = [name for name in dict.fromkeys(_ASSERT.findall(text)) if name in _FALSE]
    return [_FALSE[name] for name in used or ["strictEqual"]]


class _Gap(Record):
    """A place before a test or a group, where another test may stand."""

    at: int
    indent: str = ""
    call: str = ""
    group: str = ""
    """Title of the group that it is in."""


def _gaps(text: str) -> list[_Gap]:
    """Places at the file's own level or straight inside of a plain group, in no loop or helper."""
    gaps: list[_Gap] = []
    group, inner = "", ""
    code = code_of(text, _TEMPLATE)
    for line in _LINE.finditer(text):
        indent, call, rest = line[1], line[2] or "", line[3]
        if code[line.end(1)].isspace():
            continue  # in a comment or a literal
        if not indent:
            opened = _OPENED.fullmatch(rest) if call == "describe" else None
            group, inner = opened[2] if opened else "", ""
        else:
            inner = inner or indent
        if call and (not indent or (group and indent == inner and call != "describe")):
            at = line.start()
            gaps.append(_Gap(at=at, indent=indent, call=call, group=group if indent else ""))
    return gaps or [_Gap(at=len(text))]


def _plant(text: str, name: str, assertion: str, rng: random.Random) -> tuple[str, str]:
    """A canary beside the tests of a file, written as they are: its full title, and the text."""
    gap = rng.choice(_gaps(text))
    load = "await import" if _ESM.search(text) else "require"
    imported = [one for one in _IMPORTED.findall(text) if f"{one}(" in text]
    test = gap.call if gap.call in imported else next(iter(imported), "")
    left, right = rng.sample(range(2, 100), 2)
    subject = "assert" if _OWN_ASSERT.search(text) else f"({load}('node:assert')).strict"
    quote = max("'", '"', key=text.count)
    canary = (
        f"{gap.indent}{test or f';({load}(`node:test`)).test'}({quote}{name}{quote}, "
        f"async () => {{ {subject}.{assertion.format(left, right)}; }});\n"
    )
    title = f"{gap.group} > {name}" if gap.group else name
    return title, f"{text[: gap.at]}{'' if gap.at < len(text) else chr(10)}{canary}{text[gap.at :]}"


def _titles(test_id: str) -> list[str]:
    return test_id.partition("::")[2].split(" > ")


class NodeEvent(Record):
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


def ended(events: Iterable[NodeEvent]) -> Iterator[tuple[str, NodeEvent]]:
    """Ends of tests, each by its name and those above; `ValueError` where one never began, or
    where the names are too long.
    """
    stack: list[str] = []
    left_chars = _ALL_NAME_CHARS
    for event in events:
        if not 0 <= event.nesting <= len(stack):
            raise ValueError("events out of order")
        stack[event.nesting :] = [event.name]
        if event.type != "test:start" and not event.suite:
            name = " > ".join(stack)
            left_chars -= len(name)
            if left_chars < 0:
                raise ValueError("too long names")
            yield name, event


def _told(job: Job, report: str, path: str) -> tuple[Reported, ...]:
    try:
        return _tests(job.read(report), path)
    except ValueError as error:
        raise ReportError(f"no report of {path}: {error}") from error


def _tests(data: bytes, path: str) -> tuple[Reported, ...]:
    lines = data.splitlines()
    if len(lines) > _MAX_EVENTS:
        raise ReportError("too many events")
    return tuple(
        Reported(id=f"{path}::{name}", outcome=event.outcome)
        for name, event in ended(map(NodeEvent.model_validate_json, lines))
    )
