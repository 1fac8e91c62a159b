"""Unified git diffs as data: a parser that takes what `git apply` takes, and a writer of our own.

What is applied is always written anew from what was parsed, so that no difference between this
parser and `git apply` can carry anything past the policy. For the same reason text before, between
and after changes is passed over, as git does it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from arena.records import Record

_BINARY = re.compile(
    r"GIT binary patch\n"
    r"((literal|delta) \d{1,9}\n([A-Za-z]([!#-&(-+\-0-9;-Z^-z{-~]{5})+\n)*\n){1,2}"
)
_INDEX = re.compile(r"[0-9a-f]{40}\.\.[0-9a-f]{40}|[0-9a-f]{64}\.\.[0-9a-f]{64}")
_REGULAR = re.compile(r"(?:100|0)?[0-7]{3}")
"""Modes of regular files, of which git keeps only whether they are executable."""
_HUNK = re.compile(r"@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@")
_EXTENDED = (
    *("old mode ", "new mode ", "deleted file mode ", "new file mode "),
    *("rename from ", "rename to ", "rename old ", "rename new ", "copy from ", "copy to "),
    *("index ", "similarity index ", "dissimilarity index "),
)
_ESCAPES = dict(zip('abtnvfr"\\', b'\a\b\t\n\v\f\r"\\', strict=True))
_QUOTED = re.compile(r'"(?:[^"\\]|\\(?:[abtnvfr"\\]|[0-3][0-7]{2}))*"')
_ESCAPE = re.compile(rb"\\([abtnvfr\"\\]|[0-3][0-7]{2})")
_END = re.compile(r"[\r\v\f]")
_END_OR_TAB = re.compile(r"[\t\r\v\f]")
"""What ends a name that is not quoted, and a carriage return among it: git reads on behind it."""
_STAMP = re.compile(r"(?<!\s)\s+(?:\d\d)?\d\d-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d\d:?\d\d$")
_EPOCH = re.compile(r"(1969-12-31|1970-01-01) \d\d:\d\d:00(\.0*)?( [+-]\d{4})?")
"""The time of a file that is not there, in diffs that git did not write."""
_CHOPPED_LINES = 3
"""Empty lines that an end may have lost: as many as there are lines of context."""
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
    index: str | None = None
    """What git calls the contents before and after, in full: a binary change is made by it."""
    binary: bool = False
    """Not in lines; `hunks` is git's own form of it, or empty where there is no content."""
    copied: bool = False
    plain: bool = False
    """Whether git's own line is not above it: whether the file is new is then for git to see."""
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
    index: str | None = None
    created: bool = False
    deleted: bool = False
    copied: bool = False
    binary: bool = False


def parse(text: str) -> list[FilePatch]:
    """The changes of a diff, in its order, as `git apply` finds them.

    Raises:
        PatchError: with the line, where git would call it corrupt.
    """
    lines = text.split("\n")
    ended = len(lines) - 1
    if not lines[-1].startswith(("\\ ", "@@ -")):  # a line without an end is no part of a hunk
        lines.pop()
    at, strip, found = 0, 1, []
    while at < len(lines):
        if _starts(lines, at):
            strip = 0 if _is_bare(lines, at) else strip
            change, after = _section(lines, at, strip)
            if after > at + 1:  # else the line alone, as a message may quote it
                found.append(change)
            at = after
        elif at < ended and _HUNK.match(lines[at]):
            raise PatchError(f"line {at + 1}: a hunk that belongs to no file")
        else:
            at += 1
    return found


def parse_loosely(text: str) -> list[FilePatch]:
    """The changes of a diff as GNU `patch` finds them where `git apply` calls it corrupt or finds
    no place for it: with its end stripped, or sent with CRLF in the place of all line ends.

    Raises:
        PatchError: what `parse` finds wrong with it even so.
    """
    lines = text.split("\n")
    if any(line.endswith("\r") and line.startswith(_HEADS) for line in lines):
        lines = [line.removesuffix("\r") for line in lines]
    whole = "\n".join(lines) + ("" if not lines[-1] else "\n")
    for chopped in range(_CHOPPED_LINES):
        with suppress(PatchError):
            return parse(whole + " \n" * chopped)
    return parse(whole)


_HEADS = ("diff --git ", "--- ", "+++ ", "@@ -")


def _starts(lines: Sequence[str], at: int) -> bool:
    """Whether a change begins: with git's own line, or with two names and a hunk."""
    if lines[at].startswith("diff --git "):
        return True
    return (
        at + 2 < len(lines)
        and lines[at].startswith("--- ")
        and lines[at + 1].startswith("+++ ")
        and lines[at + 2].startswith("@@ -")
    )


def _is_bare(lines: Sequence[str], at: int) -> bool:
    """Whether names have no folder at all: git then takes none off, here and in all below."""
    if lines[at].startswith("diff --git "):
        return False
    old, new = (_END_OR_TAB.split(lines[n][len("--- ") :])[0] for n in (at, at + 1))
    return "/" not in new and (old == "/dev/null" or "/" not in old)


def _section(lines: Sequence[str], start: int, strip: int) -> tuple[FilePatch, int]:
    head, at = _Head(), start
    if lines[at].startswith("diff --git "):
        head.old, head.new = _header_names(lines[at][len("diff --git ") :])
        at += 1
        while at < len(lines) and _extended(lines[at], at, head):
            at += 1
    here = lines[at] if at < len(lines) else ""
    if here.startswith(("GIT binary patch", "Binary files ", "Files ")):
        head.binary = True
    elif here.startswith("--- ") and (here != "--- " or head.created):
        at = (_names if at > start else _plain_names)(lines, at, head, strip)
    if head.created:
        head.old = None
    if head.deleted:
        head.new = None
    if head.old is None and head.new is None and at > start + 1:
        raise PatchError(f"line {start + 1}: no file is named")
    end = _binary(lines, at, head) if head.binary else _hunks(lines, at)
    change = FilePatch(
        old=head.old,
        new=head.new,
        old_mode=head.old_mode,
        new_mode=head.new_mode,
        index=head.index if head.binary else None,
        binary=head.binary,
        copied=head.copied,
        plain=not lines[start].startswith("diff --git "),
        hunks="" if head.binary and not head.index else _text(lines[at:end]),
    )
    return change, end


def _text(lines: Sequence[str]) -> str:
    return "".join(line + "\n" for line in lines)


def _binary(lines: Sequence[str], at: int, head: _Head) -> int:
    """Where a binary change ends. One that git could not make loses its index."""
    end = next((i for i in range(at + 1, len(lines)) if _starts(lines, i)), len(lines))
    whole = _BINARY.match(_text(lines[at:end]))
    after = at + whole[0].count("\n") if whole else end
    torn = after < end and lines[after].startswith(("literal ", "delta "))
    if whole and head.index and not torn:
        return after
    head.index = None
    return end


def _header_names(rest: str) -> tuple[str | None, str | None]:
    """Names of a `diff --git` line; none where only the lines below can tell them apart."""
    rest = rest.removesuffix("\r") if rest.endswith('"\r') else rest
    middle = len(rest) // 2
    old, new = (_unquote(side).partition("/")[2] for side in (rest[:middle], rest[middle + 1 :]))
    return (old, new) if rest[middle : middle + 1] == " " and old == new != "" else (None, None)


def _extended(line: str, at: int, head: _Head) -> bool:
    """Take in one line of git's extended header; False when it is none."""
    key = next((key for key in _EXTENDED if line.startswith(key)), None)
    if key is None:
        return False
    value = line[len(key) :]
    match key:
        case "old mode " | "deleted file mode ":
            head.old_mode, head.deleted = _mode(value), head.deleted or key.startswith("deleted")
        case "new mode " | "new file mode ":
            head.new_mode, head.created = _mode(value), head.created or key.startswith("new file")
        case "rename from " | "rename old " | "copy from ":
            head.old, head.copied = _unquote(_END.split(value)[0], at), key.startswith("copy")
        case "rename to " | "rename new " | "copy to ":
            head.new = _unquote(_END.split(value)[0], at)
        case "index ":
            names, _, mode = value.partition(" ")
            head.index = names if _INDEX.fullmatch(names) else None
            head.old_mode = _mode(mode) or head.old_mode
            head.new_mode = _mode(mode) or head.new_mode
    return True


def _mode(text: str) -> str:
    """A mode as git keeps it."""
    mode = text.strip()
    if not _REGULAR.fullmatch(mode):
        return mode
    return "100755" if int(mode, 8) & 0o100 else "100644"


def _names(lines: Sequence[str], at: int, head: _Head, strip: int) -> int:
    """Where the names below git's own header end, which must be the same as there. As git does,
    the old one is read where it stands alone too.
    """
    old, new = _side(lines[at], at, strip), None if head.deleted else head.new
    ends = at + 1
    if ends < len(lines) and lines[ends].startswith("+++ "):
        new, ends = _side(lines[ends], ends, strip), ends + 1
    elif not (head.created or head.deleted):
        raise PatchError(f"line {at + 1}: an old name without the new one below it")
    for said, name in ((head.old, old), (head.new, new)):
        if None not in (said, name) and said != name:
            raise PatchError(f"line {at + 1}: two different names for one file")
    if (head.created and old is not None) or (head.deleted and new is not None):
        raise PatchError(f"line {at + 1}: a new or deleted file with two names")
    head.old, head.new = old, new
    return ends


def _plain_names(lines: Sequence[str], at: int, head: _Head, strip: int) -> int:
    """Names of a change that git's header is not above: one file, whatever they are called."""
    old, new = (_side(_STAMP.sub("", lines[n]), n, strip) for n in (at, at + 1))
    name = old if old and new and new.startswith(old) else new or old
    head.old = None if old is None or _is_epoch(lines[at]) else name
    head.new = None if new is None or _is_epoch(lines[at + 1]) else name
    return at + 2


def _is_epoch(line: str) -> bool:
    return bool(_EPOCH.fullmatch(line.partition("\t")[2]))


def _side(line: str, at: int, strip: int) -> str | None:
    """The path on one side, without the first folder, whatever it is called."""
    name = _unquote(_END_OR_TAB.split(line[len("--- ") :])[0], at)
    if name == "/dev/null":
        return None
    path = name.partition("/")[2] if strip else name
    if not path:
        raise PatchError(f"line {at + 1}: a name without a folder such as 'a/' before it")
    return path


def _hunks(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and lines[at].startswith("@@ -"):
        match = _HUNK.match(lines[at])
        if match is None:
            raise PatchError(f"line {at + 1}: a hunk that does not say which lines it is for")
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
    if file.binary and file.hunks:
        head.append(f"index {file.index}")
    elif file.binary:
        head.append(f"Binary files {_quote(before)} and {_quote(after)} differ")
    elif file.hunks:
        head += [f"--- {_quote(before)}{_tab(before)}", f"+++ {_quote(after)}{_tab(after)}"]
    if file.plain:  # the empty line keeps it from being read as part of a header above
        head = ["", *head[-2:]]
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
