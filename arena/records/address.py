"""Addresses of endpoints."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def _checked(value: str) -> str:
    """An address that a client can connect to and that holds no secret, without its last slash."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")  # as connecting does: refuses empty and overlong labels
    except ValueError:
        host = ""
    if not host or not re.fullmatch(r"https?://\S+", value):
        raise ValueError("must be an http:// or https:// address")
    if parts.username is not None or "?" in value or "#" in value:
        raise ValueError("must not hold a user name, key or query; use api_key_env")
    return value.rstrip("/")


Address = Annotated[str, AfterValidator(_checked)]
"""Base URL of an endpoint, as somebody writes it."""


def is_local(url: str) -> bool:
    """Whether an address is on this machine."""
    return (urlsplit(url).hostname or "") in LOOPBACK
