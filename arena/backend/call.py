"""One request on its way to an endpoint, whoever wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from arena.backend.wire import Prompt
from arena.records import BackendSpec, Reply, Stop


class Relay(Protocol):
    """Takes a reply as it arrives, for somebody who waits for it outside."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Sent to the endpoint beside our own."""
        ...

    @property
    def streamed(self) -> bool:
        """Whether events are wanted one by one; else the whole body."""
        ...

    @property
    def closed(self) -> bool:
        """A part of the reply is out, or nobody waits any more: no other attempt is of use."""
        ...

    def event(self, raw: bytes, chunk: JsonValue) -> None:
        """One server-sent event as it came, with what it holds; None for a comment or an end."""
        ...

    def whole(self, body: bytes) -> None:
        """The body of a reply that is not streamed."""
        ...

    def finish(self, reply: Reply) -> None:
        """All of it has come, and is in order."""
        ...


@dataclass(frozen=True)
class Call:
    """One request, whole."""

    prompt: Prompt
    body: bytes
    output_limit: int
    relay: Relay | None = None


class Sender(Protocol):
    """One attempt on the wire, as `arena.backend.client.EndpointClient` makes it."""

    def send(
        self, spec: BackendSpec, body: bytes, *, timeout_s: float, relay: Relay | None = None
    ) -> Reply:
        """A whole reply, or `CallFailed`."""
        ...


class LimitReached(Exception):  # noqa: N818 - an outcome, caught by whoever asked
    """A limit of the trial keeps a call from being made."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"the trial's limit of {stop} is reached")
        self.stop: Stop = stop
