"""What can be wrong with a table."""


class TableError(ValueError):
    """The text is not a table; `line` says where, counted from 1."""

    def __init__(self, message, line):
        super().__init__(f"line {line}: {message}")
        self.line = line
