"""Rows with a header."""

from tabread.dialect import Dialect
from tabread.errors import TableError
from tabread.reader import read_rows


def read_records(chunks, dialect=Dialect()):
    """Yield one dict a row; the first row names the columns.

    Short rows get None for what is missing, long rows are an error.
    """
    rows = read_rows(chunks, dialect)
    header = next(rows, None)
    if header is None:
        return
    if len(set(header)) < len(header):
        raise TableError("two columns have the same name", 1)
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) > len(header):
            raise TableError(f"row {number} has more fields than the header", number)
        padded = row + [None] * (len(header) - len(row))
        yield dict(zip(header, padded))
