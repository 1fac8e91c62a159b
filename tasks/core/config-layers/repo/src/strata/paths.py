"""Dotted paths into nested tables."""

from strata.errors import ConfigError

MISSING = object()


def split(path):
    """The keys of a path."""
    return tuple(path.split("."))


def join(keys):
    """The path of some keys."""
    return ".".join(keys)


def find(data, keys):
    """The value at a path, MISSING if there is none."""
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return MISSING
        data = data[key]
    return data


def put(data, keys, value):
    """Set a value in nested tables, which are made where missing."""
    *tables, last = keys
    for key in tables:
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            raise ConfigError(f"{join(keys)} leads through a value")
    if isinstance(data.get(last), dict):
        raise ConfigError(f"{join(keys)} is a table already")
    data[last] = value


def leaves(data, keys=()):
    """Yield (keys, value) for everything that is not a table, in order."""
    for key, value in data.items():
        if isinstance(value, dict):
            yield from leaves(value, (*keys, key))
        else:
            yield (*keys, key), value
