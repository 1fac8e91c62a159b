"""The APIs that endpoints speak: chat completions, Messages, Responses."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from pydantic import JsonValue

from arena.backend import messages, responses, wire
from arena.backend.form import RequestForm
from arena.backend.wire import Prompt
from arena.records import Api, BackendSpec, Quirks, Reply


class Dialect(Protocol):
    """How one API is written and read; each is a module."""

    PATH: str
    """Below the base URL."""
    HEADERS: Mapping[str, str]
    """Sent with every request."""
    KEY_HEADER: str
    """Carries the key, unless a profile says that a bearer token does."""
    REQUEST: RequestForm
    """How agents' requests are built."""

    def error_body(self, status: int, message: str, /, *, overflow: bool) -> dict[str, JsonValue]:
        """An error as the gateway tells it; `overflow` where the context is too long."""
        ...

    def request_body(self, spec: BackendSpec, prompt: Prompt, output_limit: int, /) -> bytes:
        """The whole request of the built-in agent."""
        ...

    def parse_reply(self, body: JsonValue, quirks: Quirks, /) -> Reply:
        """A reply from a whole body; raises `wire.MalformedReplyError`."""
        ...

    def assemble(self, chunks: Iterable[JsonValue], /) -> dict[str, JsonValue]:
        """The body that a stream's events amount to."""
        ...

    def is_last(self, chunk: JsonValue, /) -> bool:
        """Whether an event ends the stream."""
        ...

    def is_whole(self, body: dict[str, JsonValue], /) -> bool:
        """Whether an assembled body says how it ended."""
        ...


DIALECTS: dict[Api, Dialect] = {"chat": wire, "messages": messages, "responses": responses}
"""A new one is a module, and a row here."""


def of(api: Api) -> Dialect:
    """The dialect of an API."""
    return DIALECTS[api]
