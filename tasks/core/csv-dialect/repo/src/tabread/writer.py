"""Writing tables."""

from tabread.dialect import Dialect


def _quoted(field, dialect):
    special = {dialect.delimiter, dialect.quote, "\r", "\n", dialect.escape}
    if field and not any(char in special for char in field):
        return field
    if dialect.escape:
        field = field.replace(dialect.escape, dialect.escape * 2)
    body = field.replace(dialect.quote, dialect.quote * 2)
    return f"{dialect.quote}{body}{dialect.quote}"


def write_rows(rows, dialect=Dialect(), line_end="\r\n"):
    """Yield one line of text a row, fields quoted where needed."""
    for row in rows:
        yield dialect.delimiter.join(_quoted(field, dialect) for field in row) + line_end
