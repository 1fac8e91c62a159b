"""Delimited text as a stream of rows."""

from tabread.dialect import EXCEL, UNIX, Dialect
from tabread.errors import TableError
from tabread.reader import read_path, read_rows
from tabread.records import read_records
from tabread.sniff import sniff
from tabread.writer import write_rows

__all__ = [
    "EXCEL",
    "UNIX",
    "Dialect",
    "TableError",
    "read_path",
    "read_records",
    "read_rows",
    "sniff",
    "write_rows",
]
