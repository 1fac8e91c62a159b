"""Layers from texts, the environment and arguments."""

import configparser
import json

from strata.errors import ConfigError
from strata.layer import Layer
from strata.paths import put, split


def _guess(text):
    """A number, boolean, list, ... if the text is JSON, else the text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def from_json(name, text):
    """A layer from a JSON document, which must be a table."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{name}: not a table")
    return Layer(name, data)


def from_ini(name, text):
    """A layer from an INI file; `[a.b]` is the table b in a."""
    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    parser.optionxform = str
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ConfigError(f"{name}: {error}") from None
    data = {}
    for section in parser.sections():
        for key, value in parser[section].items():
            put(data, (*split(section), key), _guess(value))
    return Layer(name, data)


def from_env(name, prefix, environ):
    """A layer from variables: PREFIX_SERVER__PORT is server.port."""
    data = {}
    start = prefix + "_"
    for variable in sorted(environ):
        if variable.startswith(start):
            keys = variable[len(start):].lower().split("__")
            put(data, keys, _guess(environ[variable]))
    return Layer(name, data)


def from_args(name, arguments):
    """A layer from `path=value` arguments."""
    data = {}
    for argument in arguments:
        path, equals, value = argument.partition("=")
        if not equals:
            raise ConfigError(f"{name}: expected path=value, not {argument!r}")
        put(data, split(path), _guess(value))
    return Layer(name, data)
