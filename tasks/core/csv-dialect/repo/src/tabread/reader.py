"""Rows from chunks of text and from files."""

from tabread.dialect import Dialect
from tabread.lexer import Lexer

_BLOCK = 64 * 1024
_BOM = "\ufeff"


def _without_bom(chunks):
    """The chunks, less a byte order mark at the very beginning."""
    started = False
    for chunk in chunks:
        if chunk and not started:
            started = True
            chunk = chunk[1:] if chunk.startswith(_BOM) else chunk
        yield chunk


def read_rows(chunks, dialect=Dialect()):
    """Yield rows from an iterable of strings."""
    lexer = Lexer(dialect)
    for chunk in _without_bom(chunks):
        yield from lexer.feed(chunk)
    yield from lexer.finish()


def _blocks(stream, size):
    while block := stream.read(size):
        yield block


def read_path(path, dialect=Dialect(), encoding="utf-8", block=_BLOCK):
    """Yield rows from a file, which is read in blocks of characters."""
    with open(path, encoding=encoding, newline="") as stream:
        yield from read_rows(_blocks(stream, block), dialect)
