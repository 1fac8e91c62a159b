"""What all records share: closed, frozen, digestible; the words with few values; addresses."""

import hashlib
import ipaddress
import json
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import PydanticSerializationError

from arena.serialize import well_formed

Language = Literal["python", "javascript", "go", "other"]
Difficulty = Literal["easy", "medium", "hard", "unknown"]
Assurance = Literal["ids", "report", "exit_code", "reward_file"]
ReportForm = Literal[
    "junit", "tap", "ctest", "unittest", "go-json", "cargo-json", "jest-json", "mocha-json"
]
Provenance = Literal["A", "B", "C", "D"]
Evidence = Literal["live", "docs", "code", "recalled", "user"]

Verdict = Literal[
    "passed", "failed", "no_patch", "invalid_patch", "timeout", "resource", "integrity"
]
Stop = Literal[
    "submitted",  # the agent said it is done
    "gave_up",  # it ended without saying so
    "steps",
    "seconds",
    "usd",
    "tokens",
    "context_overflow",  # the conversation no longer fits the model
    "content_filter",  # the provider refused the content
    "container_ended",  # the agent ended or filled its own container
    "agent_error",  # the agent's own program broke
]
TestOutcome = Literal["passed", "failed", "error", "skipped", "missing"]
CallOutcome = Literal[
    "ok",
    "rate_limited",
    "overloaded",
    "quota_exhausted",
    "auth",
    "bad_request",
    "context_overflow",
    "content_filter",
    "timeout",
    "connection",
    "malformed_reply",
]
Api = Literal["chat", "messages", "responses"]
EffortLevel = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How hard a model is to think, in the words that most providers use; `none` is not at all."""
CostStatus = Literal["known", "estimated", "partial", "unknown"]

Message = dict[str, JsonValue]
"""One chat message exactly as the OpenAI protocol writes it; an assistant's is kept verbatim."""

Tokens = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """Base of all records: frozen, closed, documented by attribute docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def json_of(record: BaseModel) -> str:
    """A record as a line of JSON, without halves of surrogate pairs, as names of files may hold."""
    try:
        return record.model_dump_json()
    except PydanticSerializationError:
        clean = well_formed(record.model_dump(mode="json"))
        return json.dumps(clean, ensure_ascii=False, separators=(",", ":"))


def digest_of(value: JsonValue) -> str:
    """Sha256 (hex) of a JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


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
        what = "must be ASCII: an international host in punycode (xn--...), a path percent-encoded"
        raise ValueError(what)
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
