"""From characters to rows."""

from tabread.errors import TableError


class Lexer:
    """Takes text piece by piece and gives rows.

    Feed it with `feed` and end with `finish`; both yield lists of strings.
    """

    def __init__(self, dialect):
        self.dialect = dialect
        self.line = 1
        self._row = []
        self._field = []
        self._in_quotes = False
        self._was_quoted = False
        self._opened_at = 0

    def feed(self, text):
        """Yield the rows that are complete with this text."""
        dialect = self.dialect
        position = 0
        while position < len(text):
            char = text[position]
            following = text[position + 1:position + 2]
            position += 1
            if char == dialect.escape:
                self._put(following)
                position += 1
            elif self._in_quotes:
                if char != dialect.quote:
                    if char == "\n":
                        self.line += 1
                    self._field.append(char)
                elif following == dialect.quote:
                    self._field.append(char)
                    position += 1
                else:
                    self._in_quotes = False
            elif char == dialect.quote and not self._field and not self._was_quoted:
                self._in_quotes = self._was_quoted = True
                self._opened_at = self.line
            elif char == dialect.delimiter:
                self._end_field()
            elif char in "\r\n":
                if char == "\r" and following == "\n":
                    position += 1
                yield from self._end_row()
            else:
                self._put(char)

    def finish(self):
        """Yield the last row if its line end is missing."""
        if self._in_quotes:
            raise TableError("the quoted field that starts here has no end", self._opened_at)
        if self._row or self._field or self._was_quoted:
            yield from self._end_row()

    def _put(self, char):
        if self._was_quoted and not self._in_quotes and self.dialect.strict:
            raise TableError("text after the closing quote", self.line)
        self._field.append(char)

    def _end_field(self):
        self._row.append("".join(self._field))
        self._field = []
        self._was_quoted = False

    def _end_row(self):
        self.line += 1
        blank = not self._row and not self._field and not self._was_quoted
        if not blank:
            self._end_field()
        row, self._row = self._row, []
        if not (blank and self.dialect.skip_blank):
            yield row
