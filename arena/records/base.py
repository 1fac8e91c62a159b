"""What all records share: closed, frozen, digestible; and the words with few values."""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import PydanticSerializationError

from arena.serialize import well_formed

Language = Literal["python", "javascript", "go", "other"]
Difficulty = Literal["easy", "medium", "hard", "unknown"]
Assurance = Literal["ids", "exit_code", "reward_file"]
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
CostStatus = Literal["known", "estimated", "partial", "unknown"]

Message = dict[str, JsonValue]
"""One chat message exactly as the OpenAI protocol writes it; an assistant's is kept verbatim."""

Tokens = Annotated[int, Field(ge=0)]


class Record(BaseModel):
    """Base of all records: frozen, closed, documented by attribute docstrings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def json_of(record: BaseModel) -> str:
    """A record as one line of JSON.

    Names of files and output of programs may hold bytes that are not UTF-8, as halves of surrogate
    pairs: those are replaced.
    """
    try:
        return record.model_dump_json()
    except PydanticSerializationError:
        clean = well_formed(record.model_dump(mode="json"))
        return json.dumps(clean, ensure_ascii=False, separators=(",", ":"))


def digest_of(value: JsonValue) -> str:
    """Sha256 (hex) of a JSON value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
