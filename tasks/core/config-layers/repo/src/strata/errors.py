"""The error of this package."""


class ConfigError(ValueError):
    """The configuration makes no sense; the message says where."""
