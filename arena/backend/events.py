"""Server-sent events, taken out of a body as it arrives."""

from collections.abc import Iterable, Iterator

from arena.serialize import from_json

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
