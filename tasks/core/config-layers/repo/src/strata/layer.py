"""A layer: a name and what it says."""

from dataclasses import dataclass, field

from strata.errors import ConfigError


def _check(name, data):
    for key, value in data.items():
        if not isinstance(key, str) or not key.rstrip("+") or "." in key:
            raise ConfigError(f"{name}: not a key: {key!r}")
        if key.endswith("+") and not isinstance(value, list):
            raise ConfigError(f"{name}: {key!r} needs a list")
        if isinstance(value, dict):
            _check(name, value)


@dataclass(frozen=True)
class Layer:
    """Nested tables with string keys, from one source."""

    name: str
    data: dict = field(default_factory=dict)

    def __post_init__(self):
        _check(self.name, self.data)
