"""What users and programmers do wrong."""


class SpecError(Exception):
    """The programmer described an impossible command."""


class UsageError(Exception):
    """The user wrote a command line that makes no sense."""
