"""The patch of an agent's container, made so that nothing in the container can bend it.

The engine says which paths differ; contents come from the stopped container and from a fresh one
of the same image. Git on the host compares files under numbered names in a scratch folder and
never sees a repository, a name or an attribute that an agent wrote.
"""

import itertools
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from arena.git import GitLimitError, run_git
from arena.protocols import Sandbox
from arena.records import Change, Entry
from arena.records.container import WORKDIR
from arena.task.files import is_cache, is_leftover
from arena.task.patch import FilePatch, render
from arena.task.policy import MAX_FILES

MAX_CHANGES = 20_000
MAX_READ_BYTES = 4 << 20
MAX_TOTAL_BYTES = 64 << 20

_DIFF_SECONDS = 30.0
_ABSENT = frozenset({"absent", "directory"})
_LEFTOVER_CONTENT = (b"\x7fELF", b"SQLite format 3\0", b"!<arch>\n")
_MODES = {"symlink": "120000", "other": "010000"}
_OPTIONS = (
    *("--no-index", "--text", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color"),
    *("--unified=3", "--src-prefix=a/", "--dst-prefix=b/", "--diff-algorithm=myers"),
)
_SECTION = re.compile(rb"^diff --git a/(?:old|new)/(\d+) ", re.MULTILINE)


class Remains:
    """What a killed container's work tree says, read at once: the container itself may then go."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._changes = sandbox.changes(limit=MAX_CHANGES)
        self._entries: dict[str, Entry] = {}
        left_bytes = MAX_TOTAL_BYTES
        for change in self._changes if len(self._changes) <= MAX_CHANGES else ():
            if not _is_left_over(change):
                path = f"{WORKDIR}/{change.path}"
                entry = sandbox.get(path, limit=min(MAX_READ_BYTES, left_bytes))
                self._entries[path] = entry
                left_bytes -= len(entry.data)

    def changes(self, *, limit: int) -> list[Change]:
        """As `Sandbox.changes`."""
        return self._changes[: limit + 1]

    def get(self, path: str, *, limit: int) -> Entry:
        """As `Sandbox.get`, of what has changed and may be part of a diff."""
        entry = self._entries[path]
        return Entry(kind="file", too_large=True) if len(entry.data) > limit else entry


class _Pair(NamedTuple):
    """One path before and after."""

    path: str
    old: Entry
    new: Entry

    @property
    def comparable(self) -> bool:
        """Both contents can be put into hunks."""
        return all(
            entry.kind != "other" and not entry.too_large and b"\0" not in entry.data
            for entry in (self.old, self.new)
        )


def capture(sandbox: Sandbox | Remains, pristine: Sandbox) -> str:
    """What the work tree of a stopped container says over that of a fresh one, as a diff.

    New files are part of it; caches and other leftovers, and anything under `.git`, are not.
    Whatever cannot be a patch (links, devices, large or binary files, too many changes) is named
    in it in a form that the policy refuses with the reason. Bytes that are not UTF-8 come back as
    surrogates: encode with `surrogateescape`.
    """
    changes = sandbox.changes(limit=MAX_CHANGES)
    if len(changes) > MAX_CHANGES:
        changes = changes[: MAX_FILES + 1]
        return render([FilePatch(old=None, new=change.path) for change in changes])
    found = filter(_counts, _pairs(changes, sandbox, pristine))
    pairs = list(itertools.islice(found, MAX_FILES + 1))
    hunks = _hunks([pair for pair in pairs if pair.comparable])
    return render([_change(pair, hunks) for pair in pairs])


def _pairs(
    changes: Sequence[Change], sandbox: Sandbox | Remains, pristine: Sandbox
) -> Iterator[_Pair]:
    """Changed paths from both containers, within one bound on memory."""
    left_bytes = MAX_TOTAL_BYTES
    for change in changes:
        if _is_left_over(change):
            continue
        sides = []
        for side in (pristine, sandbox):
            limit = min(MAX_READ_BYTES, left_bytes)
            sides.append(side.get(f"{WORKDIR}/{change.path}", limit=limit))
            left_bytes -= len(sides[-1].data)
        yield _Pair(change.path, *sides)


def _is_left_over(change: Change) -> bool:
    if ".git" in change.path.split("/") or is_cache(change.path):
        return True
    return change.kind == "added" and is_leftover(change.path)


def _counts(pair: _Pair) -> bool:
    """Whether there is something to say about a path."""
    if _ABSENT.issuperset({pair.old.kind, pair.new.kind}):
        return False
    if pair.old.kind == "absent" and pair.new.data.startswith(_LEFTOVER_CONTENT):
        return False
    if pair.old.too_large or pair.new.too_large:
        return True
    sides = [(entry.kind, entry.data, _mode(entry)) for entry in (pair.old, pair.new)]
    return sides[0] != sides[1]


# ── writing the diff ───────────────────────────────────────────────────────────────────────────


def _change(pair: _Pair, hunks: Mapping[str, str]) -> FilePatch:
    old, new = (None if entry.kind in _ABSENT else entry for entry in (pair.old, pair.new))
    return FilePatch(
        old=pair.path if old else None,
        new=pair.path if new else None,
        old_mode=_mode(old) if old else None,
        new_mode=_mode(new) if new else None,
        binary=not pair.comparable and "other" not in {pair.old.kind, pair.new.kind},
        hunks=hunks.get(pair.path, ""),
    )


def _mode(entry: Entry) -> str:
    return _MODES.get(entry.kind) or ("100755" if entry.mode & 0o100 else "100644")


def _hunks(pairs: Sequence[_Pair]) -> dict[str, str]:
    """Hunks by path, from one run of git over numbered files."""
    if not pairs:
        return {}
    with tempfile.TemporaryDirectory(prefix="arena-diff-") as scratch:
        for side in ("old", "new"):
            folder = Path(scratch, side)
            folder.mkdir()
            for number, pair in enumerate(pairs):
                entry: Entry = getattr(pair, side)
                if entry.kind not in _ABSENT:
                    (folder / str(number)).write_bytes(entry.data)
        try:
            text = run_git(
                ["diff", *_OPTIONS, "old", "new"],
                cwd=Path(scratch),
                git_dir=None,
                timeout_s=_DIFF_SECONDS,
                output_limit=4 * MAX_TOTAL_BYTES,
                codes=(0, 1),
            )
        except GitLimitError:
            return {pair.path: _replaced(pair) for pair in pairs}
    starts = list(_SECTION.finditer(text))
    ends = [match.start() for match in starts[1:]] + [len(text)]
    found = {}
    for match, end in zip(starts, ends, strict=True):
        at = text.find(b"\n@@ ", match.start(), end)
        if at >= 0:
            body = text[at + 1 : end].decode("utf-8", "surrogateescape")
            found[pairs[int(match[1])].path] = body
    return found


def _replaced(pair: _Pair) -> str:
    """One hunk that takes away all old lines and adds all new ones."""
    sides = [_lines("-", pair.old.data), _lines("+", pair.new.data)]
    counts = [len(lines) for lines in sides]
    spans = [f"{min(count, 1)},{count}" for count in counts]
    return f"@@ -{spans[0]} +{spans[1]} @@\n" + "".join(itertools.chain(*sides))


def _lines(mark: str, data: bytes) -> list[str]:
    text = data.decode("utf-8", "surrogateescape")
    lines = [f"{mark}{line}\n" for line in text.split("\n")]
    if lines[-1] == mark + "\n":
        return lines[:-1]
    lines[-1] += "\\ No newline at end of file\n"
    return lines
