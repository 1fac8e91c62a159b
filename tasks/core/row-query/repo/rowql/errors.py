"""The error of this package."""


class QueryError(ValueError):
    """The query is not understood."""
