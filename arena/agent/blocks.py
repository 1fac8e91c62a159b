"""Search/replace blocks: what a model without tools writes to change files.

    path/to/file.py
    <<<<<<< SEARCH
    old lines
    =======
    new lines
    >>>>>>> REPLACE

An empty search part makes a new file. Lines end at line feeds alone: `str.splitlines` would cut at
form feeds and U+2028 too, which stand inside lines of source.
"""

import re
from dataclasses import dataclass

_SEARCH = re.compile(r"^<{5,9} ?SEARCH\s*$")
_MIDDLE = re.compile(r"^={7}\s*$")
_REPLACE = re.compile(r"^>{5,9} ?REPLACE\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_AROUND_PATH = "`*#: \t"
_QUOTED_PATH = re.compile(r"[*#\s]*`([^`]+)`[*:\s]*")
"""Where a name with blanks is surely meant as one."""
_PROSE = re.compile(r"\s|[.!?,;]$")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_NOT_UTF8 = re.compile("[\ud800-\udfff]")
_BLANKS = " \t"
BOM = "\ufeff"
"""Stands before the first line of some files, unseen."""
_NAME_BYTES = 255
_PATH_BYTES = 2000
"""Linux takes 4,096 (PATH_MAX), with the engine's own folders before ours."""


@dataclass(frozen=True)
class EditBlock:
    """One change to one file."""

    path: str
    search: str
    replace: str


class BlockError(Exception):
    """Why a block cannot be read or applied, in words for the model."""


def path_of(written: str) -> str:
    """A path inside the repository as a model wrote it, in its one normal form.

    Raises `BlockError` where no file can be, or none that may be seen or changed.
    """
    parts = [part for part in written.split("/") if part not in {"", "."}]
    if _NOT_UTF8.search(written) or "\0" in written or _is_long(parts):
        raise BlockError(f"{written[:100]!r} is not a path that a file can have.")
    if written.startswith("/") or {"..", ".git"} & set(parts):
        raise BlockError(f"{written} is not a path inside the repository.")
    if not parts or written.endswith(("/", "/.")):
        raise BlockError(f"{written!r} names a folder, not a file.")
    return "/".join(parts)


def parse(text: str) -> list[EditBlock]:
    """All blocks of a reply, in order; a block without a path goes on with the file before.

    Raises `BlockError` where one has no end, not one middle or no path, or no file can hold it.
    """
    lines = _bare(text)
    blocks: list[EditBlock] = []
    at = 0
    while at < len(lines):
        if not _SEARCH.match(lines[at]):
            at += 1
            continue
        path = _path_above(lines, at) or (blocks[-1].path if blocks else "")
        if not path:
            raise BlockError("A block stands without the path of its file on the line above it.")
        middle, end = _parts(lines, at + 1, path)
        search, replace = _joined(lines[at + 1 : middle]), _joined(lines[middle + 1 : end])
        if _NOT_UTF8.search(search + replace):
            raise BlockError(f"The block for {path} holds characters that UTF-8 cannot write.")
        blocks.append(EditBlock(path, search, replace))
        at = end + 1
    return blocks


def apply(text: str, block: EditBlock) -> str:
    """The file after a block: new lines end as the file's do, all others stay as they are.

    Whole lines come first; failing that, lines that differ by one move to the right or left and in
    the blanks at their ends. Raises `BlockError` where these stand nowhere or more than once.
    """
    if text.startswith(BOM):
        return BOM + apply(text.removeprefix(BOM), block)
    if not block.search.strip():
        if text.strip():
            raise BlockError(f"{block.path} exists, so its block needs text to search for.")
        return block.replace
    lines, wanted, new = _LINE.findall(text), _bare(block.search), _bare(block.replace)
    at, moved = _placed(_bare(text), wanted, new, block.path)
    end = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    return "".join([*lines[:at], *(line + end for line in moved), *lines[at + len(wanted) :]])


def _placed(
    lines: list[str], wanted: list[str], new: list[str], path: str
) -> tuple[int, list[str]]:
    """Where the wanted lines begin, and the new ones as they belong there."""
    places = range(len(lines) - len(wanted) + 1)
    found = [at for at in places if lines[at : at + len(wanted)] == wanted]
    old = lead = ""
    if not found:
        first = next(count for count, line in enumerate(wanted) if line.strip())
        old = _lead(wanted[first])
        found = [at for at in places if _fits(lines[at : at + len(wanted)], wanted, first)]
        lead = _lead(lines[found[0] + first]) if found else ""
    if len(found) != 1:
        how = "is not there" if not found else f"is there {len(found)} times"
        raise BlockError(f"{path}: the text to search for {how}. Copy whole lines from it.")
    moved = _moved(new, old, lead)
    if moved is None:
        raise BlockError(
            f"{path}: the lines cannot be moved to the indentation of the file. Copy whole lines "
            "from it, with the blanks before them."
        )
    return found[0], moved


def _fits(lines: list[str], wanted: list[str], first: int) -> bool:
    """Whether lines differ from the wanted ones by one move and the blanks at their ends."""
    if lines[first].strip() != wanted[first].strip():
        return False
    moved = _moved(wanted, _lead(wanted[first]), _lead(lines[first]))
    return moved is not None and [m.rstrip() for m in moved] == [line.rstrip() for line in lines]


def _moved(lines: list[str], old: str, new: str) -> list[str] | None:
    """Lines of a block that stood at the indentation `old`, at `new`; None where that cannot be."""
    moved = []
    for line in lines:
        lead = _lead(line)
        if not line.strip():
            moved.append(line)
        elif lead.startswith(old):
            moved.append(new + line.removeprefix(old))
        elif old.startswith(lead) and new.endswith(out := old.removeprefix(lead)):
            moved.append(new.removesuffix(out) + line.removeprefix(lead))
        else:
            return None
    return moved


def _lead(line: str) -> str:
    return line[: len(line) - len(line.lstrip(_BLANKS))]


def _bare(text: str) -> list[str]:
    return [line.rstrip("\r\n") for line in _LINE.findall(text)]


def _is_long(parts: list[str]) -> bool:
    sizes = [len(part.encode("utf-8", "surrogatepass")) for part in parts]
    return sum(sizes) + len(sizes) > _PATH_BYTES or any(size > _NAME_BYTES for size in sizes)


def _path_above(lines: list[str], at: int) -> str:
    for line in reversed(lines[max(0, at - 3) : at]):
        if _REPLACE.match(line):
            return ""
        if _FENCE.match(line):
            continue
        if quoted := _QUOTED_PATH.fullmatch(line):
            return path_of(quoted[1].strip())
        name = line.strip(_AROUND_PATH)
        if name and not _PROSE.search(name):
            return path_of(name)
    return ""


def _parts(lines: list[str], start: int, path: str) -> tuple[int, int]:
    """Where the divider and the end of a block stand."""
    dividers = []
    for at in range(start, len(lines)):
        if _SEARCH.match(lines[at]):
            break
        if _MIDDLE.match(lines[at]):
            dividers.append(at)
        elif _REPLACE.match(lines[at]) and dividers:
            if len(dividers) > 1:
                raise BlockError(
                    f"The block for {path} holds {len(dividers)} lines of seven `=`, so where it "
                    "divides is not clear. Leave all but the divider out of it."
                )
            return dividers[0], at
    wants = "it needs one line of seven `=` and then its end."
    raise BlockError(f"The block for {path} is not complete: {wants}")


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
