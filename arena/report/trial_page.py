"""One trial as a page: what it was asked, what it did, and how that was judged."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from arena.paths import SafePath
from arena.report import format as show
from arena.report import transcript
from arena.report.format import plain
from arena.report.outcomes import STOPS, outcome, page_name
from arena.report.page import page, template
from arena.report.transcript import TrialDetails, tests_of
from arena.rundir.directory import RunDir, TaskEntry
from arena.score.results import Results, TrialRow
from arena.task import patch

LineKind = Literal["add", "del", "same", "hunk", "note"]

MAX_LINES = 5_000
MAX_LINE_CHARS = 2_000
_HUNK = re.compile(r"@@ -(\d+)\S* \+(\d+)")


class DiffLine(NamedTuple):
    """One row; a line number is None on the side where the line does not exist."""

    kind: LineKind
    old: int | None
    new: int | None
    text: str


class DiffFile(NamedTuple):
    """All rows of one file."""

    path: str
    change: str
    """changed, added, deleted, renamed or copied"""
    lines: tuple[DiffLine, ...]


class Diff(NamedTuple):
    """A whole patch; `dropped_lines` of it are not shown."""

    files: tuple[DiffFile, ...]
    dropped_lines: int = 0


def parse(text: str) -> Diff:
    """Rows of a unified diff; text that is none comes back as notes."""
    try:
        found = patch.parse(text if text.endswith("\n") else f"{text}\n")
    except patch.PatchError:
        found = []
    files = [DiffFile(plain(one.path), _change(one), tuple(_rows(one))) for one in found]
    if not files and text:
        notes = (_line("note", line) for line in text.splitlines())
        files = [DiffFile("", "changed", tuple(notes))]
    left, shown = MAX_LINES, []
    for file in files:
        shown.append(file._replace(lines=file.lines[: max(0, left)]))
        left -= len(file.lines)
    return Diff(tuple(shown), max(0, -left))


def _change(file: patch.FilePatch) -> str:
    if file.old is None or file.new is None:
        return "added" if file.old is None else "deleted"
    return "copied" if file.copied else "renamed" if file.old != file.new else "changed"


def _rows(file: patch.FilePatch) -> Iterator[DiffLine]:
    old = new = 0
    for line in file.hunks.split("\n")[:-1]:
        if file.binary or line.startswith("\\"):
            yield _line("note", line.removeprefix("\\ "))
        elif hunk := _HUNK.match(line):
            old, new = int(hunk[1]), int(hunk[2])
            yield _line("hunk", line)
        elif line.startswith("+"):
            yield _line("add", line[1:], None, new)
            new += 1
        elif line.startswith("-"):
            yield _line("del", line[1:], old)
            old += 1
        else:
            yield _line("same", line[1:], old, new)
            old, new = old + 1, new + 1


def _line(kind: LineKind, text: str, old: int | None = None, new: int | None = None) -> DiffLine:
    text, more = plain(text[:MAX_LINE_CHARS]), len(text) - MAX_LINE_CHARS
    return DiffLine(kind, old, new, f"{text} … {more} more characters" if more > 0 else text)


FILES = ("transcript.jsonl", "patch.diff", "junit.xml", "verify.log")
MAX_PATCH_BYTES = 1_000_000


def peers(rows: Sequence[TrialRow]) -> Markup:
    """The list of all trials of one task, the same on the page of each."""
    by_name: dict[str, list[TrialRow]] = {}
    for row in rows:
        by_name.setdefault(row.contestant, []).append(row)
    # Rendered by a template that escapes.
    return Markup(template("peers.html").render(peers=by_name))  # noqa: S704


def render(results: Results, task: TaskEntry, found: TrialDetails, peers: Markup) -> str:
    """The page of one trial; `peers` are those of its task, by the function of that name."""
    row, folder = found.row, RunDir(results.path).trial_dir(found.row.id)
    # A record of an earlier digest is not this trial's, as in `arena.score.load`.
    record = found.record if row.verdict or row.fault else None
    own = Markup('href="{}"').format(page_name(row.id))
    return template("trial.html").render(
        page=page(("base.css", "trial.css"), ("theme.js",)),
        title=f"{outcome(row)[0]}: {plain(row.contestant)} on {row.task_id}",
        home="../index.html",
        manifest=results.manifest,
        task=task,
        row=row,
        calls={call.begin.call_id: call for call in found.calls},
        stop=STOPS[row.stop] if row.stop else show.DASH,
        diff=parse(_patch(folder / "patch.diff")),
        verified=record.verification if record else None,
        tests=list(tests_of(row, record, task.tests)) if record else [],
        conversation=transcript.read_conversation(folder / "transcript.jsonl"),
        peers=peers.replace(own, own + Markup(' aria-current="page"'), 1),
        base=f"../../trials/{quote(folder.name)}",
        files=[name for name in FILES if (folder / name).is_file()],
    )


def _patch(path: SafePath) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        data = handle.read(MAX_PATCH_BYTES + 1)
    whole = data[:MAX_PATCH_BYTES]
    # Half a hunk is none: what is too long ends with its last whole file
    cut = whole.rfind(b"\ndiff --git ") + 1 if len(data) > MAX_PATCH_BYTES else 0
    return (whole[:cut] if cut else whole).decode("utf-8", "replace")
