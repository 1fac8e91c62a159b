"""Unified git diffs as data: a strict parser, and a writer whose text is ours alone.

What is applied is always written anew from what was parsed, so that no difference between this
parser and `git apply` can carry anything past the policy.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from arena.records import Record

_HUNK = re.compile(r"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")
_EXTENDED = (
    *("old mode ", "new mode ", "deleted file mode ", "new file mode "),
    *("rename from ", "rename to ", "copy from ", "copy to "),
    *("index ", "similarity index ", "dissimilarity index "),
)
_ESCAPES = dict(zip('abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
_QUOTED = re.compile(r'"(?:[^"\\]|\\(?:[abtnvfr"\\]|[0-3][0-7]{2}))*"')
_ESCAPE = re.compile(rb"\\([abtnvfr\"\\]|[0-3][0-7]{2})")
_UNESCAPES = {code: letter for letter, code in _ESCAPES.items()}


class PatchError(ValueError):
    """Text that is not a diff as git writes it."""


class FilePatch(Record):
    """The change of one path, or of two where it is renamed."""

    old: str | None
    """Path before; None for a new file."""
    new: str | None
    """Path after; None for a deleted file."""
    old_mode: str | None = None
    new_mode: str | None = None
    binary: bool = False
    copied: bool = False
    hunks: str = ""
    """Hunks exactly as they were, their line counts checked."""

    @property
    def path(self) -> str:
        """Where the change is seen: the path after it, or the deleted one."""
        return self.new or self.old or ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path it touches."""
        return tuple(dict.fromkeys(path for path in (self.old, self.new) if path is not None))

    def added_lines(self) -> Iterator[str]:
        """Lines the change adds, without the plus sign."""
        return (line[1:] for line in self.hunks.split("\n") if line.startswith("+"))


# ── reading ────────────────────────────────────────────────────────────────────────────────────


@dataclass
class _Head:
    """What the lines above the hunks say."""

    old: str | None = None
    new: str | None = None
    old_mode: str | None = None
    new_mode: str | None = None
    created: bool = False
    deleted: bool = False
    copied: bool = False
    binary: bool = False


def parse(text: str) -> list[FilePatch]:
    """The changes of a diff, in its order. Text before the first change is skipped.

    Raises:
        PatchError: with the line, when anything is not as git writes it.
    """
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    at = next((i for i in range(len(lines)) if _starts(lines, i)), len(lines))
    found = []
    while at < len(lines):
        if not _starts(lines, at):
            raise PatchError(f"line {at + 1} belongs to no change: {lines[at][:60]!r}")
        change, at = _section(lines, at)
        found.append(change)
    return found


def _starts(lines: Sequence[str], at: int) -> bool:
    if lines[at].startswith("diff --git "):
        return True
    follows = lines[at + 1] if at + 1 < len(lines) else ""
    return lines[at].startswith("--- ") and follows.startswith("+++ ")


def _section(lines: Sequence[str], start: int) -> tuple[FilePatch, int]:
    head, at = _Head(), start
    if lines[at].startswith("diff --git "):
        head.old, head.new = _header_names(lines[at][len("diff --git ") :])
        at += 1
        while at < len(lines) and _extended(lines[at], at, head):
            at += 1
    here = lines[at] if at < len(lines) else ""
    if here.startswith(("GIT binary patch", "Binary files ")):
        head.binary = True
        at = next((i for i in range(at + 1, len(lines)) if _starts(lines, i)), len(lines))
    elif at < len(lines) and _starts(lines, at) and here.startswith("--- "):
        _names(lines, at, head)
        at += 2
    if head.created:
        head.old = None
    if head.deleted:
        head.new = None
    if head.old is None and head.new is None:
        raise PatchError(f"line {start + 1}: no file is named")
    end = at if head.binary else _hunks(lines, at)
    change = FilePatch(
        old=head.old,
        new=head.new,
        old_mode=head.old_mode,
        new_mode=head.new_mode,
        binary=head.binary,
        copied=head.copied,
        hunks="".join(line + "\n" for line in lines[at:end]),
    )
    return change, end


def _header_names(rest: str) -> tuple[str | None, str | None]:
    """Names of a `diff --git` line; none where only the lines below can tell them apart."""
    middle = len(rest) // 2
    old, new = _unquote(rest[:middle]), _unquote(rest[middle + 1 :])
    if rest[middle : middle + 1] != " " or old[:2] != "a/" or new[:2] != "b/" or old[2:] != new[2:]:
        return None, None
    return old[2:], new[2:]


def _extended(line: str, at: int, head: _Head) -> bool:
    """Take in one line of git's extended header; False when it is none."""
    key = next((key for key in _EXTENDED if line.startswith(key)), None)
    if key is None:
        return False
    value = line[len(key) :]
    match key:
        case "old mode " | "deleted file mode ":
            head.old_mode, head.deleted = value, key.startswith("deleted")
        case "new mode " | "new file mode ":
            head.new_mode, head.created = value, key.startswith("new file")
        case "rename from " | "copy from ":
            head.old, head.copied = _unquote(value, at), key.startswith("copy")
        case "rename to " | "copy to ":
            head.new = _unquote(value, at)
        case "index " if " " in value:
            head.old_mode = head.new_mode = value.rpartition(" ")[2]
    return True


def _names(lines: Sequence[str], at: int, head: _Head) -> None:
    old, new = _side(lines[at], at, "--- ", "a/"), _side(lines[at + 1], at + 1, "+++ ", "b/")
    for said, name in ((head.old, old), (head.new, new)):
        if None not in (said, name) and said != name:
            raise PatchError(f"line {at + 1}: two different names for one file")
    if (head.created and old is not None) or (head.deleted and new is not None):
        raise PatchError(f"line {at + 1}: a new or deleted file with two names")
    head.old, head.new = old, new


def _side(line: str, at: int, mark: str, prefix: str) -> str | None:
    if not line.startswith(mark):
        raise PatchError(f"line {at + 1}: expected {mark.strip()!r}")
    name = _unquote(line[len(mark) :].partition("\t")[0], at)
    if name == "/dev/null":
        return None
    if not name.startswith(prefix):
        raise PatchError(f"line {at + 1}: a name without {prefix!r} before it")
    return name[len(prefix) :]


def _hunks(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and (match := _HUNK.match(lines[at])):
        old, new = (1 if count is None else int(count) for count in match.groups())
        at = _body(lines, at + 1, old, new)
    return at


def _body(lines: Sequence[str], at: int, old: int, new: int) -> int:
    while old > 0 or new > 0:
        mark = lines[at][:1] if at < len(lines) else "end"
        if mark not in {"", " ", "+", "-", "\\"}:
            raise PatchError(f"line {at + 1}: a hunk is shorter than it says")
        old -= mark in {"", " ", "-"}
        new -= mark in {"", " ", "+"}
        at += 1
    if old or new:
        raise PatchError(f"line {at}: a hunk is longer than it says")
    while at < len(lines) and lines[at].startswith("\\"):
        at += 1
    return at


def _unquote(text: str, at: int = 0) -> str:
    if not text.startswith('"'):
        return text
    if not _QUOTED.fullmatch(text):
        raise PatchError(f"line {at + 1}: a quoted name that git would not write")
    data = text[1:-1].encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_meant, data).decode("utf-8", "surrogateescape")


def _meant(match: re.Match[bytes]) -> bytes:
    code = match[1].decode()
    return bytes([_ESCAPES[code] if code in _ESCAPES else int(code, 8)])


# ── writing ────────────────────────────────────────────────────────────────────────────────────


def render(files: Sequence[FilePatch]) -> str:
    """The changes as a diff that `git apply` reads; `parse` gives them back unchanged."""
    return "".join(_render_one(file) for file in files)


def _render_one(file: FilePatch) -> str:
    old, new = file.old or file.path, file.new or file.path
    head = [f"diff --git {_quote('a/' + old)} {_quote('b/' + new)}"]
    if file.old is None:
        head.append(f"new file mode {file.new_mode or '100644'}")
    elif file.new is None:
        head.append(f"deleted file mode {file.old_mode or '100644'}")
    elif file.old_mode and file.new_mode and file.old_mode != file.new_mode:
        head += [f"old mode {file.old_mode}", f"new mode {file.new_mode}"]
    if old != new:
        verb = "copy" if file.copied else "rename"
        head += [f"{verb} from {_quote(old)}", f"{verb} to {_quote(new)}"]
    before = "/dev/null" if file.old is None else "a/" + old
    after = "/dev/null" if file.new is None else "b/" + new
    if file.binary:
        head.append(f"Binary files {_quote(before)} and {_quote(after)} differ")
    elif file.hunks:
        head += [f"--- {_quote(before)}{_tab(before)}", f"+++ {_quote(after)}{_tab(after)}"]
    return "\n".join(head) + "\n" + file.hunks


def _tab(name: str) -> str:
    return "\t" if " " in name and _quote(name) == name else ""


def _quote(name: str) -> str:
    data = name.encode("utf-8", "surrogateescape")
    whole = data.decode("utf-8", "replace")
    if whole == name and not any(byte < 32 or byte in {34, 92, 127} for byte in data):
        return name
    out = []
    for byte in data:
        if byte in _UNESCAPES:
            out.append("\\" + _UNESCAPES[byte])
        else:
            out.append(chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
    return '"' + "".join(out) + '"'
