"""Breaking text into lines."""

from termtext.cells import cells, join, text_width


def _fitting(parts, width):
    """How many of the cells go on a line of that width."""
    used = 0
    for index, cell in enumerate(parts):
        used += cell.width
        if used >= width:
            return index
    return len(parts)


def _break_word(word, width):
    """Cut a word into pieces that fit; at least one cell each."""
    rest = cells(word)
    pieces = []
    while rest:
        cut = _fitting(rest, width) or 1
        pieces.append(join(rest[:cut]))
        rest = rest[cut:]
    return pieces


def _words(paragraph, width):
    """The words of a paragraph, those too wide for a line in pieces."""
    for word in paragraph.split():
        if text_width(word) > width:
            yield from _break_word(word, width)
        else:
            yield word


def _wrap_paragraph(paragraph, width):
    lines = []
    current, used = [], 0
    for word in _words(paragraph, width):
        needed = text_width(word)
        if current and used + 1 + needed > width:
            lines.append(" ".join(current))
            current, used = [], 0
        used += needed + (1 if current else 0)
        current.append(word)
    lines.append(" ".join(current))
    return lines


def wrap(text, width):
    """The text as lines of at most `width` columns.

    Line breaks in the text are kept, other white space is not. An empty
    text is one empty line.
    """
    if width < 1:
        raise ValueError("width must be at least 1")
    lines = []
    for paragraph in text.split("\n"):
        lines.extend(_wrap_paragraph(paragraph, width))
    return lines


def fill(text, width, indent=""):
    """Wrapped text as one string, every line indented."""
    room = width - text_width(indent)
    return "\n".join(indent + line for line in wrap(text, room))
