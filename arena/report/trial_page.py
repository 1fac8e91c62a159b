"""One trial as a page: what it was asked, what it did, and how that was judged."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from arena.paths import SafePath
from arena.records import TrialRecord, Usage
from arena.report import format as show
from arena.report import transcript
from arena.report.format import one_line, plain
from arena.report.outcomes import STOPS, outcome, page_name
from arena.report.page import page, prose, template
from arena.report.transcript import Duty, PricedCall, tests_of
from arena.rundir.directory import TaskEntry
from arena.score.results import TrialRow

LineKind = Literal["add", "del", "same", "hunk", "note"]

MAX_LINES = 5_000
MAX_LINE_CHARS = 2_000
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_HEADER = re.compile(
    r"(index|old mode|new mode|similarity index|dissimilarity index|copy|rename"
    r"|new file mode|deleted file mode|--- |\+\+\+ )"
)
_CHANGES = (("new file", "added"), ("deleted file", "deleted"), ("rename", "renamed"))


class DiffLine(NamedTuple):
    """One row; a line number is None on the side where the line does not exist."""

    kind: LineKind
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class DiffFile:
    """All rows of one file."""

    path: str
    change: str
    """changed, added, deleted or renamed"""
    lines: tuple[DiffLine, ...]

    @property
    def added(self) -> int:
        """Added lines."""
        return sum(line.kind == "add" for line in self.lines)

    @property
    def removed(self) -> int:
        """Removed lines."""
        return sum(line.kind == "del" for line in self.lines)


class Diff(NamedTuple):
    """A whole patch; `dropped_lines` of it are not shown."""

    files: tuple[DiffFile, ...]
    dropped_lines: int = 0


class _DiffReader:
    """Collects rows file by file while the lines of a patch go by."""

    def __init__(self) -> None:
        self.files: list[DiffFile] = []
        self._path, self._change = "", "changed"
        self._lines: list[DiffLine] = []
        self._old = self._new = self._old_left = self._new_left = 0

    def feed(self, line: str) -> None:
        if self._old_left > 0 or self._new_left > 0:
            self._body(line)
        elif line.startswith("diff --git "):
            self.close()
            self._path = line.rsplit(" b/", 1)[-1].strip('"')
        elif hunk := _HUNK.match(line):
            self._old, self._new = int(hunk[1]), int(hunk[3])
            self._old_left, self._new_left = int(hunk[2] or 1), int(hunk[4] or 1)
            self._row("hunk", line)
        elif _HEADER.match(line):
            self._change = next((c for h, c in _CHANGES if line.startswith(h)), self._change)
            if line.startswith("+++ b/") and not self._path:
                self._path = line[6:]
        else:
            self._row("note", line.removeprefix("\\ "))

    def close(self) -> None:
        if self._path or self._lines:
            self.files.append(DiffFile(self._path, self._change, tuple(self._lines)))
        self._path, self._change, self._lines = "", "changed", []
        self._old_left = self._new_left = 0

    def _body(self, line: str) -> None:
        if line.startswith("\\"):
            self._row("note", line[2:])
            return
        old, new = not line.startswith("+"), not line.startswith("-")
        kind: LineKind = "same" if old and new else "del" if old else "add"
        self._row(kind, line[1:], self._old if old else None, self._new if new else None)
        self._old, self._old_left = self._old + old, self._old_left - old
        self._new, self._new_left = self._new + new, self._new_left - new

    def _row(
        self, kind: LineKind, text: str, old: int | None = None, new: int | None = None
    ) -> None:
        if len(text) > MAX_LINE_CHARS:
            text = f"{text[:MAX_LINE_CHARS]} … {len(text) - MAX_LINE_CHARS} more characters"
        self._lines.append(DiffLine(kind, old, new, text))


def parse(patch: str) -> Diff:
    """Rows of a unified diff; text that is none comes back as notes."""
    lines = plain(patch).split("\n")
    if not lines[-1]:
        lines.pop()
    reader = _DiffReader()
    for line in lines[:MAX_LINES]:
        reader.feed(line)
    reader.close()
    return Diff(tuple(reader.files), max(0, len(lines) - MAX_LINES))


FILES = ("transcript.jsonl", "patch.diff", "junit.xml", "verify.log")
MAX_PATCH_BYTES = 1_000_000

_DUTIES: Mapping[Duty, str] = {
    "fail_to_pass": "pass, failed before",
    "pass_to_pass": "still pass",
    "must_fail": "fail (twin)",
    "other": "not counted",
}


class CallMeter(NamedTuple):
    """What the page shows of a call: whole records take long to hand to another process."""

    outcome: str
    usage: Usage | None
    billed_usd: Decimal | None
    wall_s: float | None

    @classmethod
    def of(cls, call: PricedCall) -> "CallMeter":
        """What to show of a call that may never have settled."""
        billed_usd = call.cost.billed_usd if call.cost else None
        if call.end is None:
            return cls("never settled", None, billed_usd, None)
        return cls(call.end.outcome, call.usage, billed_usd, call.end.wall_s)


@dataclass(frozen=True, slots=True)
class TrialSource:
    """Everything a trial's page is made from."""

    run_name: str
    attempts: int
    """Planned for each pairing."""
    task: TaskEntry
    row: TrialRow
    record: TrialRecord | None
    calls: dict[str, CallMeter]
    """By id."""
    peers: Markup
    """From `peers` of all trials of the same task."""
    folder: SafePath


def peers(rows: Sequence[TrialRow]) -> Markup:
    """The list of all trials of one task, the same on the page of each."""
    by_name: dict[str, list[TrialRow]] = {}
    for row in rows:
        by_name.setdefault(row.contestant, []).append(row)
    text = template("peers.html").render(peers=by_name, outcome=outcome, page_name=page_name)
    return Markup(text)  # noqa: S704 - rendered by a template that escapes


def render(source: TrialSource) -> str:
    """The page of one trial."""
    row, task, folder, record = source.row, source.task, source.folder, source.record
    tests = list(tests_of(record, task.tests)) if record else []
    verdict, tone = outcome(row)
    return template("trial.html").render(
        page=page(("base.css", "trial.css"), ("theme.js",)),
        title=f"{verdict}: {plain(row.contestant)} on {row.task_id}",
        home="../index.html",
        source=source,
        row=row,
        verdict=verdict,
        tone=tone,
        reason=one_line(row.fault.message if row.fault else row.reason, 600),
        stop=STOPS[row.stop] if row.stop else show.DASH,
        statement=prose(task.problem_statement),
        diff=parse(_patch(folder / "patch.diff")),
        stripped=record.verification.stripped if record and record.verification else (),
        bad_tests=[test for test in tests if test.tone == "bad"],
        other_tests=[test for test in tests if test.tone != "bad"],
        good=sum(test.tone == "good" for test in tests),
        duties=_DUTIES,
        conversation=transcript.read_conversation(folder / "transcript.jsonl"),
        calls=source.calls,
        peers=_marked(source),
        base=f"../../trials/{quote(folder.name)}",
        files=[name for name in FILES if (folder / name).is_file()],
    )


def _marked(source: TrialSource) -> Markup:
    """The peers with this page's own link marked."""
    own = Markup('href="{}"').format(page_name(source.row.id))
    return source.peers.replace(own, own + Markup(' aria-current="page"'), 1)


def _patch(path: SafePath) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        return handle.read(MAX_PATCH_BYTES).decode("utf-8", "replace")
