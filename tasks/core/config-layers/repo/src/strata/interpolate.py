"""References between values."""

import re

from strata.errors import ConfigError
from strata.paths import MISSING, find, split

_REFERENCE = re.compile(r"\$?\$\{([A-Za-z0-9_.-]+)\}")


def _text(value, path):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ConfigError(f"${{{path}}} is no text, number or boolean")


def expand(text, lookup):
    """The text with references replaced by what `lookup(path)` returns."""
    match = _REFERENCE.fullmatch(text)
    if match and not text.startswith("$$"):
        return lookup(match[1])

    def replacement(match):
        if match[0].startswith("$$"):
            return match[0][1:]
        return _text(lookup(match[1]), match[1])

    return _REFERENCE.sub(replacement, text)


def interpolate(value, data):
    """The value with every reference replaced by what it stands for in `data`."""

    def lookup(path):
        found = find(data, split(path))
        if found is MISSING:
            raise ConfigError(f"${{{path}}} refers to nothing")
        return interpolate(found, data)

    if isinstance(value, str):
        return expand(value, lookup)
    if isinstance(value, list):
        return [interpolate(item, data) for item in value]
    if isinstance(value, dict):
        return {key: interpolate(item, data) for key, item in value.items()}
    return value
