"""Plain tables: columns as wide as their widest cell."""

from itertools import zip_longest

from termtext.cells import text_width
from termtext.fitting import pad
from termtext.wrapping import wrap


def _column_widths(rows):
    columns = zip_longest(*rows, fillvalue=[""])
    return [max(text_width(line) for cell in column for line in cell) for column in columns]


def table(rows, gap=2, max_width=None):
    """Rows of strings as aligned text.

    `max_width` is the width in columns from which a cell is wrapped.
    """
    split = [[wrap(cell, max_width) if max_width else [cell] for cell in row] for row in rows]
    if not split:
        return ""
    widths = _column_widths(split)
    out = []
    for row in split:
        for line in zip_longest(*row, fillvalue=""):
            padded = [pad(cell, width) for cell, width in zip(line, widths)]
            out.append((" " * gap).join(padded).rstrip())
    return "\n".join(out)
