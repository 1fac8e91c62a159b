"""Hunks whose surroundings have changed, placed as `patch --fuzz=5` places them.

SWE-bench tries GNU `patch` where `git apply` finds no place. What comes out is again an exact
change, for git to apply: `git apply -C` would insert at other lines than `patch` does.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from arena.task.patch import FilePatch

MOST_FUZZ = 5
"""Lines at each end of a hunk that need not be there, as SWE-bench has it."""
_AT = re.compile(r"@@ -(\d+)(?:,\d+)? ")


def fitted(
    files: Sequence[FilePatch], read: Callable[[str], str | None]
) -> tuple[FilePatch, ...] | None:
    """The same changes at the places where they fit; None where a hunk has no such place.

    Several may be of one file. `read` gives what is at a path, bytes that are not UTF-8 as
    surrogates.
    """
    now: dict[str, list[str]] = {}
    found = []
    for file in files:
        if file.old is None or not file.hunks or file.binary:
            found.append(file)
            continue
        if file.old not in now:
            now[file.old] = _lines(read(file.old) or "")
        placed = _place_all(list(_hunks(file.hunks)), now[file.old])
        if placed is None:
            return None
        hunks, now[file.path] = placed
        found.append(file.model_copy(update={"hunks": hunks}))
    return tuple(found)


@dataclass
class _Hunk:
    """One hunk: where it says that it begins, and its lines with their marks."""

    first: int
    lines: list[tuple[str, str]]

    @property
    def pattern(self) -> list[str]:
        """What must be in the file."""
        return [line for mark, line in self.lines if mark != "+"]

    @property
    def context(self) -> tuple[int, int]:
        """Unchanged lines at its beginning and at its end."""
        marks = "".join(mark for mark, _ in self.lines)
        return len(marks) - len(marks.lstrip(" ")), len(marks) - len(marks.rstrip(" "))


def _hunks(text: str) -> Iterator[_Hunk]:
    hunk = _Hunk(0, [])
    for line in _lines(text):
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


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _place_all(hunks: Sequence[_Hunk], old: list[str]) -> tuple[str, list[str]] | None:
    """The hunks anew, with only the context that is there, and the lines after them."""
    text, new, done, offset = "", [], 0, 0
    for hunk in hunks:
        guess = hunk.first - bool(hunk.pattern) + offset
        found = _locate(hunk, old, guess, done)
        if found is None:
            return None
        at, ahead, behind = found
        offset += at - guess
        kept = hunk.lines[ahead : len(hunk.lines) - behind]
        gone = [line for mark, line in kept if mark != "+"]
        come = [line for mark, line in kept if mark != "-"]
        start = at + ahead
        new += old[done:start]
        spans = [f"{n + bool(side)},{len(side)}" for n, side in ((start, gone), (len(new), come))]
        text += f"@@ -{spans[0]} +{spans[1]} @@\n" + "".join(map(_written, kept))
        new += come
        done = start + len(gone)
    return text, new + old[done:]


def _written(marked: tuple[str, str]) -> str:
    line = "".join(marked)
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _locate(hunk: _Hunk, old: list[str], guess: int, done: int) -> tuple[int, int, int] | None:
    """Where a hunk begins, and how many lines of context it lacks at each end.

    The order of `locate_hunk` of GNU patch: as little fuzz as possible, then as near as possible
    to where the hunk is expected, lines below first. A hunk with less context at one end than at
    the other is at that end of the file, until as much is left out at the other.
    """
    pattern, (ahead, behind) = hunk.pattern, hunk.context
    if not pattern:
        return (guess, 0, 0) if done <= guess <= len(old) else None
    most = max(ahead, behind)
    for fuzz in range(min(MOST_FUZZ, most) + 1):
        cut = fuzz + ahead - most, fuzz + behind - most
        lost = max(cut[0], 0), max(cut[1], 0)
        wanted = pattern[lost[0] : len(pattern) - lost[1]]
        last = len(old) - len(pattern) + lost[1]
        if cut[0] < 0 and hunk.first <= 1:
            places = [0] if cut[1] >= 0 or len(pattern) == len(old) else []
        elif cut[1] < 0:
            places = [last]
        else:
            places = sorted(range(done, last + 1), key=lambda at: (abs(at - guess), at < guess))
        for at in places:
            start = at + lost[0]
            if done <= at <= last and old[start : start + len(wanted)] == wanted:
                return at, *lost
    return None
