"""The patch of an agent's container, made so that nothing there can bend it; and its hunks fitted.

The engine says which paths differ; contents come from the stopped container and from a fresh one
of the same image. Git on the host compares files under numbered names in a scratch folder and
never sees a repository, a name or an attribute that an agent wrote.

Hunks whose surroundings have changed are placed as `patch --fuzz=5` places them, which SWE-bench
tries where `git apply` finds no place. What comes out is again an exact change, for git to apply:
`git apply -C` would insert at other lines than `patch` does.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from arena.git import GitError, GitLimitError, run_git
from arena.protocols import Sandbox
from arena.records import Change, Entry
from arena.records.container import WORKDIR
from arena.task.files import is_cache, is_leftover
from arena.task.patch import FilePatch, parse, render
from arena.task.policy import MAX_BYTES, MAX_FILES

MAX_CHANGES = 20_000
MAX_READ_BYTES = 4 << 20
MAX_TOTAL_BYTES = 64 << 20

_DIFF_SECONDS = 30.0
_LOOKED_AT = 8000
"""Bytes at the start of a file by which git tells whether it is binary."""
_ABSENT = frozenset({"absent", "directory"})
_LEFTOVER_CONTENT = (b"\x7fELF", b"SQLite format 3\0", b"!<arch>\n")
_MODES = {"symlink": "120000", "other": "010000"}
_OPTIONS = (
    *("--no-index", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color"),
    *("--unified=3", "--src-prefix=a/", "--dst-prefix=b/", "--diff-algorithm=myers"),
)
_AS_TEXT = ("--text",)
_IN_FULL = ("--binary", "--full-index", "--no-prefix")  # "old/7 new/7", read as one name
_SECTION = re.compile(rb"^diff --git a/(?:old|new)/(\d+) ", re.MULTILINE)


class Remains:
    """What a killed container's work tree says, read at once: the container itself may then go.

    Of more than the policy allows, what is needed to say so.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        changes = sandbox.changes(limit=MAX_CHANGES)
        self.not_looked_at = changes if len(changes) > MAX_CHANGES else []
        self.entries: dict[str, Entry] = {}
        """What is at changed paths, caches and other leftovers left out."""
        self.left_bytes = MAX_TOTAL_BYTES
        for change in changes if not self.not_looked_at else ():
            if len(self.entries) <= MAX_FILES and not _is_left_over(change):
                entry = self.read(sandbox, change.path)
                nothing = entry.kind in _ABSENT or entry.data.startswith(_LEFTOVER_CONTENT)
                if change.kind != "added" or not nothing:
                    self.entries[change.path] = entry

    def read(self, sandbox: Sandbox, path: str) -> Entry:
        """What is at a path, within the bound on memory of all that is read."""
        limit = min(MAX_READ_BYTES, self.left_bytes)
        entry = sandbox.get(f"{WORKDIR}/{path}", limit=limit)
        self.left_bytes -= len(entry.data)
        return entry


class _Pair(NamedTuple):
    """One path before and after."""

    path: str
    old: Entry
    new: Entry

    @property
    def known(self) -> bool:
        """Both contents are read, and of files or links."""
        return not any(one.kind == "other" or one.too_large for one in (self.old, self.new))

    @property
    def comparable(self) -> bool:
        """Both contents can be put into hunks, or are the same."""
        old, new = self.old.data, self.new.data
        return self.known and (old == new or not (b"\0" in old or b"\0" in new))

    @property
    def binary(self) -> bool:
        """Git itself takes one of the contents for binary."""
        sides = (self.old, self.new)
        return (
            self.known
            and not self.comparable
            and any(b"\0" in one.data[:_LOOKED_AT] for one in sides)
        )

    @property
    def differs(self) -> bool:
        """There is something to say, as of what is too large to be compared."""
        if self.old.too_large or self.new.too_large:
            return True
        sides = [(entry.kind, entry.data, _mode(entry)) for entry in (self.old, self.new)]
        return sides[0] != sides[1] and not _ABSENT.issuperset({self.old.kind, self.new.kind})


def capture(remains: Remains, pristine: Sandbox, *, binaries: bool) -> str:
    """What the work tree of a stopped container says over that of a fresh one, as a diff.

    New files are part of it; caches and other leftovers, and anything under `.git`, are not.
    With `binaries` binary files are in it in full: a task whose own script looks at what is left
    may ask for a table or an image. Beside tests that are graded one by one, nobody could read what
    compiled code does. Whatever cannot be a patch (links, devices, large files, other binary files,
    too many changes) is named in it in a form that the policy refuses with the reason. Bytes that
    are not UTF-8 come back as surrogates: encode with `surrogateescape`.
    """
    if remains.not_looked_at:
        changes = remains.not_looked_at[: MAX_FILES + 1]
        return render([FilePatch(old=None, new=change.path) for change in changes])
    entries = remains.entries.items()
    found = [_Pair(path, remains.read(pristine, path), new) for path, new in entries]
    pairs = [pair for pair in found if pair.differs]
    hunks = _hunks([pair for pair in pairs if pair.comparable])
    whole = _binaries([pair for pair in pairs if pair.binary]) if binaries else {}
    return render([_change(pair, hunks, whole) for pair in pairs])


def _is_left_over(change: Change) -> bool:
    if ".git" in change.path.split("/") or is_cache(change.path):
        return True
    return change.kind == "added" and is_leftover(change.path)


# ── writing the diff ───────────────────────────────────────────────────────────────────────────


def _change(pair: _Pair, hunks: Mapping[str, str], whole: Mapping[str, FilePatch]) -> FilePatch:
    old, new = (None if entry.kind in _ABSENT else entry for entry in (pair.old, pair.new))
    full = whole.get(pair.path)
    return FilePatch(
        old=pair.path if old else None,
        new=pair.path if new else None,
        old_mode=_mode(old) if old else None,
        new_mode=_mode(new) if new else None,
        binary=not pair.comparable and "other" not in {pair.old.kind, pair.new.kind},
        index=full.index if full else None,
        hunks=full.hunks if full else hunks.get(pair.path, ""),
    )


def _mode(entry: Entry) -> str:
    return _MODES.get(entry.kind) or ("100755" if entry.mode & 0o100 else "100644")


def _hunks(pairs: Sequence[_Pair]) -> dict[str, str]:
    """Hunks by path, from one run of git over numbered files."""
    try:
        text = _compared(pairs, _AS_TEXT, 4 * MAX_TOTAL_BYTES)
    except GitLimitError:
        return {pair.path: _replaced(pair) for pair in pairs}
    starts = list(_SECTION.finditer(text))
    ends = [*(match.start() for match in starts), len(text)][1:]  # none where only modes changed
    found = {}
    for match, end in zip(starts, ends, strict=True):
        at = text.find(b"\n@@ ", match.start(), end)
        if at >= 0:
            body = text[at + 1 : end].decode("utf-8", "surrogateescape")
            found[pairs[int(match[1])].path] = body
    return found


def _binaries(pairs: Sequence[_Pair]) -> dict[str, FilePatch]:
    """Changes of binary files by path, as git writes them in full; none where that is too much."""
    try:
        text = _compared(pairs, _IN_FULL, 2 * MAX_BYTES)
    except GitError:
        return {}
    changes = parse(text.decode("ascii"))
    return {pairs[int(one.path)].path: one for one in changes if one.binary}


def _compared(pairs: Sequence[_Pair], options: Sequence[str], limit_bytes: int) -> bytes:
    """What git says of the contents, under the number of each pair. Raises `GitError`."""
    if not pairs:
        return b""
    with tempfile.TemporaryDirectory(prefix="arena-diff-") as scratch:
        for side in ("old", "new"):
            folder = Path(scratch, side)
            folder.mkdir()
            for number, pair in enumerate(pairs):
                entry: Entry = getattr(pair, side)
                if entry.kind not in _ABSENT:
                    (folder / str(number)).write_bytes(entry.data)
        return run_git(
            ["diff", *_OPTIONS, *options, "old", "new"],
            cwd=Path(scratch),
            git_dir=None,
            timeout_s=_DIFF_SECONDS,
            output_limit=limit_bytes,
            codes=(0, 1),
        )


def _replaced(pair: _Pair) -> str:
    """One hunk that takes away all old lines and adds all new ones."""
    sides = (("-", pair.old.data), ("+", pair.new.data))
    texts = ((mark, data.decode("utf-8", "surrogateescape")) for mark, data in sides)
    return _written(0, 0, [(mark, line) for mark, text in texts for line in _split(text)])


# ── hunks placed where their surroundings have changed ───────────────────────────────────────────

_MOST_FUZZ = 5
"""Lines at each end of a hunk that need not be there, as SWE-bench has it."""
_MOST_LOOKS = 10_000_000
"""Lines that are compared to find the places of a patch: then there is none."""
_AT = re.compile(r"@@ -(\d+)(?:,\d+)? ")


def fitted(
    files: Sequence[FilePatch], read: Callable[[str], str | None]
) -> tuple[FilePatch, ...] | None:
    """The same changes at the places where they fit; None where a hunk has no such place.

    Several may be of one file. `read` gives what is at a path, bytes that are not UTF-8 as
    surrogates.
    """
    now: dict[str, list[str]] = {}
    found, looks = [], [_MOST_LOOKS]
    for file in files:
        if file.old is None or not file.hunks or file.binary:
            found.append(file)
            continue
        if file.old not in now:
            now[file.old] = _split(read(file.old) or "")
        placed = _place_all(list(_hunks_in(file.hunks)), now[file.old], looks)
        if placed is None:
            return None
        hunks, now[file.path] = placed
        found.append(file.model_copy(update={"hunks": hunks}))
    return tuple(found)


class _Hunk(NamedTuple):
    """One hunk: where it says that it begins, and its lines with their marks."""

    first: int
    lines: list[tuple[str, str]]

    @property
    def pattern(self) -> list[str]:
        """What must be in the file."""
        return [line for mark, line in self.lines if mark != "+"]


def _hunks_in(text: str) -> Iterator[_Hunk]:
    hunk = _Hunk(0, [])
    for line in _split(text):
        if match := _AT.match(line):
            if hunk.lines:
                yield hunk
            hunk = _Hunk(int(match[1]), [])
        elif line.startswith("\\"):
            mark, last = hunk.lines[-1]
            hunk.lines[-1] = mark, last.removesuffix("\n")
        else:
            hunk.lines.append((line[0], line[1:]) if line != "\n" else (" ", line))
    yield hunk


def _split(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _place_all(
    hunks: Sequence[_Hunk], old: list[str], looks: list[int]
) -> tuple[str, list[str]] | None:
    """The hunks anew, with only the context that is there, and the lines after them; the one
    number in `looks`, how many may be compared, is counted down.
    """
    text, new, done, offset = "", [], 0, 0
    for hunk in hunks:
        guess = hunk.first - bool(hunk.pattern) + offset
        found = _locate(hunk, old, guess, done, looks)
        if found is None:
            return None
        at, ahead, behind = found
        offset += at - guess
        kept = hunk.lines[ahead : len(hunk.lines) - behind]
        start = at + ahead
        new += old[done:start]
        text += _written(start, len(new), kept)
        new += [line for mark, line in kept if mark != "-"]
        done = start + sum(mark != "+" for mark, _ in kept)
    return text, new + old[done:]


def _written(start: int, to: int, lines: Sequence[tuple[str, str]]) -> str:
    """A hunk of marked lines; where it begins before and after counts from 0."""
    gone, come = (sum(mark != other for mark, _ in lines) for other in "+-")
    text = f"@@ -{start + bool(gone)},{gone} +{to + bool(come)},{come} @@\n"
    for mark, line in lines:
        end = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
        text += f"{mark}{line}{end}"
    return text


def _locate(
    hunk: _Hunk, old: list[str], guess: int, done: int, looks: list[int]
) -> tuple[int, int, int] | None:
    """Where a hunk begins, and how many lines of context it lacks at each end.

    The order of `locate_hunk` of GNU patch: as little fuzz as possible, then as near as possible
    to where the hunk is expected, lines below first. A hunk with less context at one end than at
    the other is at that end of the file, until as much is left out at the other.
    """
    pattern, marks = hunk.pattern, "".join(mark for mark, _ in hunk.lines)
    if not pattern:
        return (guess, 0, 0) if done <= guess <= len(old) else None
    ahead, behind = len(marks) - len(marks.lstrip(" ")), len(marks) - len(marks.rstrip(" "))
    most = max(ahead, behind)
    for fuzz in range(min(_MOST_FUZZ, most) + 1):
        cut = fuzz + ahead - most, fuzz + behind - most
        lost = max(cut[0], 0), max(cut[1], 0)
        wanted = pattern[lost[0] : len(pattern) - lost[1]]
        last = len(old) - len(pattern) + lost[1]
        places: Iterable[int]
        if cut[0] < 0 and hunk.first <= 1:
            places = [0] if cut[1] >= 0 or len(pattern) == len(old) else []
        elif cut[1] < 0:
            places = [last]
        else:
            places = _nearest(guess, done, last)
        for at in places:
            start = at + lost[0]
            looks[0] -= len(wanted)
            if looks[0] < 0:
                return None
            if done <= at <= last and old[start : start + len(wanted)] == wanted:
                return at, *lost
    return None


def _nearest(guess: int, first: int, last: int) -> Iterator[int]:
    """The numbers of a range, the nearest to a guess first, those above it before those below."""
    start = max(first - guess, guess - last, 0)
    for away in range(start, max(last - guess, guess - first) + 1):
        if first <= guess + away <= last:
            yield guess + away
        if away and first <= guess - away <= last:
            yield guess - away
