"""Laying one table over another."""

from strata.errors import ConfigError


def _append(lower, key, items):
    below = lower.setdefault(key, [])
    if not isinstance(below, list):
        raise ConfigError(f"{key}+ needs a list below, not {below!r}")
    below += items


def merge(lower, upper):
    """Lay `upper` over `lower`."""
    for key, value in sorted(upper.items(), key=lambda item: item[0].endswith("+")):
        if key.endswith("+"):
            _append(lower, key[:-1], value)
        elif value is None:
            lower.pop(key, None)
        elif isinstance(value, dict) and isinstance(lower.get(key), dict):
            merge(lower[key], value)
        else:
            lower[key] = value
    return lower
