"""Addresses of endpoints."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_LONGEST = 2000
"""Characters of an address, which servers and clients bound too."""
_ADDRESS = re.compile(
    r"https?://(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.-]+))(?::(?P<port>\d{1,5}))?(?:/[!-~]*)?",
    re.ASCII,
)
_LABEL = re.compile(r"(?!-)[\w-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*", re.ASCII | re.IGNORECASE)
"""As the last label it makes a host an IPv4 address (WHATWG URL, "ends in a number")."""


def _checked(value: str) -> str:
    """An address that a client can connect to and that holds no secret, without its last slash."""
    authority = value.partition("://")[2].partition("/")[0]
    if "@" in authority or "?" in value or "#" in value:
        raise ValueError("must not hold a user name, key or query; use api_key_env")
    if not value.isascii():
        raise ValueError(
            "must be ASCII: an international host in punycode (xn--...), a path percent-encoded"
        )
    found = _ADDRESS.fullmatch(value)
    if found is None or len(value) > _LONGEST or not _is_host(found) or not _is_port(found["port"]):
        raise ValueError(
            "must be an http:// or https:// address, of a valid host and port and without blanks"
        )
    return value.rstrip("/")


def _is_host(found: re.Match[str]) -> bool:
    name: str | None = found["name"]
    try:
        if name is None:
            ipaddress.IPv6Address(found["v6"])
            return True
        labels = name.removesuffix(".").split(".")
        if _NUMBER.fullmatch(labels[-1]):
            ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _is_port(text: str | None) -> bool:
    return text is None or 0 < int(text) < 1 << 16


Address = Annotated[str, AfterValidator(_checked)]
"""Base URL of an endpoint, as somebody writes it."""


def is_local(url: str) -> bool:
    """Whether an address is on this machine."""
    return (urlsplit(url).hostname or "") in LOOPBACK
