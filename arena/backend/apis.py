"""The APIs that endpoints speak, and which of them a contestant's agent uses."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import metadata
from typing import Protocol

from pydantic import JsonValue

from arena.backend import chat, messages, responses
from arena.backend.chat import Prompt, RequestForm
from arena.errors import InputError
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


DIALECTS: dict[Api, Dialect] = {"chat": chat, "messages": messages, "responses": responses}
"""A new one is a module, and a row here."""


def of(api: Api) -> Dialect:
    """The dialect of an API."""
    return DIALECTS[api]


TRANSLATORS: dict[Api, str] = {"messages": "any-llm-sdk", "responses": "openai-agents"}
"""What must be installed for the gateway to translate an agent's API to chat completions."""


def over(spec: BackendSpec, api: Api) -> BackendSpec:
    """The backend as it is reached over one of its APIs."""
    of_routes = {text for texts in spec.route_caveats.values() for text in texts}
    caveats = [text for text in spec.caveats if text not in of_routes]
    address = spec.endpoints.get(api, spec.base_url)
    told = (*caveats, *spec.route_caveats.get(api, ()))
    body = {k: v for k, v in spec.quirks.extra_body.items() if k not in spec.chat_body}
    body = {**spec.chat_body, **body} if api == "chat" else body
    quirks = spec.quirks.model_copy(update={"extra_body": body})
    changed = {"api": api, "base_url": address, "caveats": told, "quirks": quirks}
    return spec.model_copy(update=changed)


def routed(spec: BackendSpec, speaks: Sequence[Api], *, agent: str) -> BackendSpec:
    """The backend at the first API of the agent's that it offers, else translated to chat.

    Args:
        spec: as it was resolved.
        speaks: APIs of the agent, the best first.
        agent: its name, for errors.

    Raises:
        InputError: the backend offers none of them, and no translation is possible.
    """
    offered = {spec.api, *spec.endpoints}
    if not spec.chat_tools:
        offered.discard("chat")
    for api in speaks:
        if api in offered:
            return over(spec, api)
    return _translated(spec, speaks[0], offered, agent=agent)


def _translated(
    spec: BackendSpec, api: Api, offered: Collection[Api], *, agent: str
) -> BackendSpec:
    """The backend over chat completions, for an agent that speaks another API."""
    between = f"{agent} speaks {api}, {spec.name} offers {', '.join(sorted(offered)) or 'nothing'}"
    if "chat" not in offered:
        why = "chat completions take no tools there" if not spec.chat_tools else "no chat there"
        raise InputError(
            f"{between}: {why}, so nothing can be translated",
            remedy="choose another agent or backend, or give the address under `endpoints`",
        )
    try:
        metadata.version(TRANSLATORS[api])
    except metadata.PackageNotFoundError:
        raise InputError(
            f"{between}: translating needs {TRANSLATORS[api]}",
            remedy="pip install 'arena-bakeoff[translate]'",
        ) from None
    chat = over(spec, "chat")
    caveat = f"Its agent speaks {api}; the gateway translated that to chat completions and back."
    return chat.model_copy(update={"translated_from": api, "caveats": (*chat.caveats, caveat)})
