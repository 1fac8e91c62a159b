"""Chunks of a chat stream in the one form that the libraries read."""

from pydantic import JsonValue

from arena.backend.gateway.asked import Item
from arena.backend.gateway.translate.growth import Delta
from arena.records import Usage


def chunk_of(
    name: str,
    model: str,
    delta: Delta,
    *,
    reasoning: str = "",
    finish: str | None = None,
    usage: Usage | None = None,
) -> Item:
    """A chunk.

    Args:
        name: id of the reply.
        model: as the agent calls it.
        delta: what it adds.
        reasoning: the field in which the reader expects reasoning.
        finish: why the reply ended.
        usage: of the whole reply.
    """
    renamed = {(reasoning if key == "reasoning" else key): value for key, value in delta.items()}
    choice: Item = {"index": 0, "delta": renamed, "finish_reason": finish}
    chunk: Item = {
        "id": name,
        "object": "chat.completion.chunk",
        "created": 0,
        "model": model,
        "choices": [choice],
    }
    return chunk if usage is None else {**chunk, "usage": _told(usage)}


def _told(usage: Usage) -> JsonValue:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
