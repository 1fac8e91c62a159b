"""Guessing the delimiter."""

from tabread.dialect import Dialect
from tabread.errors import TableError
from tabread.reader import read_rows

_CANDIDATES = ",;\t|:"


def _score(sample, delimiter):
    """(share of rows that agree, fields a row), best is highest."""
    try:
        widths = [len(row) for row in read_rows([sample], Dialect(delimiter=delimiter)) if row]
    except TableError:
        return (0.0, 0)
    if not widths:
        return (0.0, 0)
    common = max(set(widths), key=lambda width: (widths.count(width), width))
    if common == 1:
        return (0.0, 1)
    return (widths.count(common) / len(widths), common)


def sniff(sample):
    """The dialect whose delimiter gives the most regular rows.

    Falls back to commas.
    """
    best = max(_CANDIDATES, key=lambda delimiter: _score(sample, delimiter))
    return Dialect(delimiter=best)
