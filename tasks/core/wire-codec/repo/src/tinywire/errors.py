"""The error of this package."""


class WireError(ValueError):
    """Bytes, a value, a schema or a request that make no sense."""
