"""Configuration in layers."""

from strata.config import Config
from strata.errors import ConfigError
from strata.explain import explain
from strata.layer import Layer
from strata.sources import from_args, from_env, from_ini, from_json

__all__ = [
    "Config",
    "ConfigError",
    "Layer",
    "explain",
    "from_args",
    "from_env",
    "from_ini",
    "from_json",
]
