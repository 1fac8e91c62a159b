"""Errors of the pool itself."""


class PoolClosed(RuntimeError):
    """The pool takes no more jobs."""


class Cancelled(Exception):
    """The job was cancelled before it began."""
