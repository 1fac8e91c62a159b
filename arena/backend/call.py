"""One request on its way to an endpoint, and the server-sent events that answer it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from arena.backend.chat import Prompt
from arena.records import BackendSpec, Reply, Stop
from arena.serialize import from_json


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
        """What the reply says is out, or nobody waits any more: no other attempt is of use."""
        ...

    def restart(self) -> None:
        """Another attempt begins; nothing of the last one was of use."""
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


DONE = b"[DONE]"
"""Payload that ends a stream of chat completions."""


def events(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each event as it came, and its payload, which a comment does not have."""
    raw, rest, payload = b"", b"", []
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            raw += line + b"\n"
            if line.startswith(b"data:"):
                payload.append(line[5:].strip())
            elif not line.rstrip(b"\r"):
                yield raw, b"\n".join(payload)
                raw, payload = b"", []
    if rest.startswith(b"data:") and _is_whole(rest[5:]):
        payload.append(rest[5:].strip())
        raw += rest + b"\n"
    if payload:
        yield raw + b"\n", b"\n".join(payload)


def _is_whole(payload: bytes) -> bool:
    """Whether a last line without an end was not cut: a cut one is no part of an event."""
    try:
        from_json(payload)
    except ValueError:
        return payload.strip() == DONE
    return True
