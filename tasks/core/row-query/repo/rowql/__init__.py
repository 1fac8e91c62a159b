"""Small questions about lists of JSON objects."""

from rowql.errors import QueryError
from rowql.query import run

__all__ = ["QueryError", "run"]
