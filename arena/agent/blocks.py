"""Search/replace blocks: what a model without tools writes to change files.

    path/to/file.py
    <<<<<<< SEARCH
    old lines
    =======
    new lines
    >>>>>>> REPLACE

An empty search part makes a new file.
"""

import re
from dataclasses import dataclass

_SEARCH = re.compile(r"^<{5,9} ?SEARCH\s*$")
_MIDDLE = re.compile(r"^={5,9}\s*$")
_REPLACE = re.compile(r"^>{5,9} ?REPLACE\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_AROUND_PATH = "`*#: \t"


@dataclass(frozen=True)
class Block:
    """One change to one file."""

    path: str
    search: str
    replace: str


class BlockError(Exception):
    """Why a block cannot be read or applied, in words for the model."""


def parse(text: str) -> list[Block]:
    """All blocks of a reply, in order; a block without a path goes on with the file before.

    Raises:
        BlockError: a block that has no end, no middle or no path.
    """
    lines = text.splitlines()
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        if not _SEARCH.match(lines[at]):
            at += 1
            continue
        path = _path_above(lines, at) or (blocks[-1].path if blocks else "")
        if not path:
            raise BlockError("A block stands without the path of its file on the line above it.")
        middle = _find(lines, at + 1, _MIDDLE, path)
        end = _find(lines, middle + 1, _REPLACE, path)
        blocks.append(
            Block(path, _joined(lines[at + 1 : middle]), _joined(lines[middle + 1 : end]))
        )
        at = end + 1
    return blocks


def apply(text: str, block: Block) -> str:
    """The file after a block.

    Exact text comes first; failing that, lines that differ only in the blanks around them, when
    they stand in one place alone.

    Raises:
        BlockError: the search text is not there, or more than once.
    """
    if not block.search.strip():
        if text.strip():
            raise BlockError(f"{block.path} exists, so its block needs text to search for.")
        return block.replace
    count = text.count(block.search)
    if count == 1:
        return text.replace(block.search, block.replace)
    if count > 1:
        raise BlockError(f"{block.path}: the text to search for is there {count} times.")
    return _apply_loosely(text, block)


def _apply_loosely(text: str, block: Block) -> str:
    lines, wanted = text.splitlines(keepends=True), block.search.splitlines()
    bare = [line.strip() for line in wanted]
    size = len(bare)
    found = [
        at
        for at in range(len(lines) - size + 1)
        if [line.strip() for line in lines[at : at + size]] == bare
    ]
    if len(found) != 1:
        how = "is not there" if not found else f"is there {len(found)} times"
        raise BlockError(f"{block.path}: the text to search for {how}. Copy whole lines from it.")
    at = found[0]
    shift = _indent(lines[at]) - _indent(wanted[0])
    new = "".join(_shifted(line, shift) for line in block.replace.splitlines(keepends=True))
    return "".join(lines[:at]) + new + "".join(lines[at + size :])


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _shifted(line: str, by: int) -> str:
    if not line.strip():
        return line
    return " " * by + line if by >= 0 else line[min(-by, _indent(line)) :]


def _path_above(lines: list[str], at: int) -> str:
    for line in reversed(lines[max(0, at - 3) : at]):
        if _REPLACE.match(line):
            return ""
        name = "" if _FENCE.match(line) else line.strip(_AROUND_PATH)
        if name and " " not in name:
            return name
    return ""


def _find(lines: list[str], start: int, what: re.Pattern[str], path: str) -> int:
    for at in range(start, len(lines)):
        if what.match(lines[at]):
            return at
        if _SEARCH.match(lines[at]):
            break
    raise BlockError(f"The block for {path} is not complete.")


def _joined(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
