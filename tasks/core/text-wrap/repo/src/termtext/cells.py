"""Text as a list of cells: what is printed together, and how wide it is."""

import unicodedata
from dataclasses import dataclass

from termtext.ansi import split_ansi

_ZERO_WIDTH = {"Mn", "Me", "Cf"}


@dataclass(frozen=True)
class Cell:
    """A character or an escape sequence with its width in columns."""

    text: str
    width: int


def char_width(char):
    """Columns a terminal uses for the character: 0, 1 or 2."""
    if unicodedata.category(char) in _ZERO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cells(text):
    """The cells of a text, escape sequences included."""
    found = []
    for is_escape, piece in split_ansi(text):
        if is_escape:
            found.append(Cell(piece, 0))
        else:
            found.extend(Cell(char, char_width(char)) for char in piece)
    return found


def join(parts):
    """The text of some cells."""
    return "".join(cell.text for cell in parts)


def width_of(parts):
    """Columns that some cells take."""
    return sum(cell.width for cell in parts)


def text_width(text):
    """Columns that a text takes on one line."""
    return width_of(cells(text))
