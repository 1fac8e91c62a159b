"""Usage of one call, from every vendor's shape to one.

The API that was spoken decides the shape; some endpoints send the fields of another beside their
own, with other meanings. The invariant `input_fresh + cache_read + cache_write == prompt` always
holds.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from pydantic import JsonValue

from arena.records import Api, Usage
from arena.serialize import mapping, mappings

XAI_TICKS_PER_USD = Decimal(10_000_000_000)
"""`cost_in_usd_ticks` counts ten-billionths of a dollar."""

LARGEST = 2**53
"""Of tokens, dollars and ticks; beyond it JSON readers differ, and nobody means it."""

_READ = ("cached_tokens", "cache_read_tokens")
_READ_AT_TOP = ("cached_tokens", "num_cached_tokens", "cache_read_input_tokens")
_WRITE = ("cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens")


def normalise(raw: JsonValue, api: Api, *, reasoning_in_output: bool | None = None) -> Usage | None:
    """One call's usage from its raw `usage` object, or None when the reply did not tell it.

    `reasoning_in_output` is whether `completion_tokens` counts reasoning; None decides from the
    total, which some vendors write as prompt + completion + reasoning, also where they tell no
    reasoning (Google's endpoint, and proxies of its models): what it has beyond is output.
    """
    if not isinstance(raw, dict):
        return None
    if api == "messages":
        return _messages(raw)
    return _responses(raw) if api == "responses" else _chat(raw, reasoning_in_output)


def reported_usd(raw: JsonValue) -> Decimal | None:
    """Cost of the call as its endpoint tells it: `cost` in USD, or xAI's ticks.

    A router called with one's own key of the upstream tells its fee as the cost; what the upstream
    bills stands beside it, and both are paid. Where it does not, the cost is not told.
    """
    if not isinstance(raw, dict):
        return None
    ticks = _decimal(raw.get("cost_in_usd_ticks"))
    if ticks is not None:
        return ticks / XAI_TICKS_PER_USD
    cost = _decimal(raw.get("cost"))
    upstream = _decimal(mapping(raw, "cost_details").get("upstream_inference_cost"))
    own_key = raw.get("is_byok")
    if own_key is True or (own_key is None and cost == 0 and upstream):
        return None if cost is None or upstream is None else cost + upstream
    return cost


def estimate(prompt_tokens: int, output_bytes: int) -> Usage:
    """Usage of a reply that told none: our prompt estimate, one output token per three bytes."""
    return Usage(input_fresh=prompt_tokens, output=-(-output_bytes // 3), estimated=True)


def _chat(raw: Mapping[str, JsonValue], reasoning_in_output: bool | None) -> Usage | None:
    details = mapping(raw, "prompt_tokens_details") or mapping(raw, "prompt_token_details")
    out_details = mapping(raw, "completion_tokens_details")
    hit, miss = _count(raw, "prompt_cache_hit_tokens"), _count(raw, "prompt_cache_miss_tokens")
    prompt = _count(raw, "prompt_tokens")
    if prompt is None and hit is not None and miss is not None:
        prompt = hit + miss
    completion = _count(raw, "completion_tokens")
    if prompt is None or completion is None:
        return None
    read = _first(_count(details, *_READ), _count(raw, *_READ_AT_TOP), hit)
    write = _first(_count(details, *_WRITE), _count(raw, *_WRITE))
    reasoning = _first(_count(out_details, "reasoning_tokens"), _count(raw, "reasoning_tokens"))
    beyond = (_count(raw, "total_tokens") or 0) - prompt - completion
    if reasoning_in_output is None:
        beside = (read, write, read + write)  # caches that a total has beside the prompt
        if not reasoning and beyond not in beside:
            reasoning = max(0, beyond)
        reasoning_in_output = beyond != reasoning
    output = completion if reasoning_in_output else completion + reasoning
    return _usage(prompt, read, write, output, reasoning)


def _responses(raw: Mapping[str, JsonValue]) -> Usage | None:
    prompt, output = _count(raw, "input_tokens"), _count(raw, "output_tokens")
    if prompt is None or output is None:
        return None
    details = mapping(raw, "input_tokens_details")
    reasoning = _count(mapping(raw, "output_tokens_details"), "reasoning_tokens")
    read, write = _count(details, *_READ), _count(details, *_WRITE)
    return _usage(prompt, read or 0, write or 0, output, reasoning or 0)


def _messages(raw: Mapping[str, JsonValue]) -> Usage | None:
    if _count(raw, "input_tokens") is None or _count(raw, "output_tokens") is None:
        return None
    # The conversation, summed up on the way, is billed, and by Anthropic's documentation of
    # compaction not among the counts at the top.
    steps = mappings(raw.get("iterations"))
    parts = (raw, *(step for step in steps if step.get("type") == "compaction"))
    fresh = _sum(parts, "input_tokens")
    read = _sum(parts, "cache_read_input_tokens")
    write = _sum(parts, "cache_creation_input_tokens")
    output = _sum(parts, "output_tokens")
    reasoning = _count(mapping(raw, "output_tokens_details"), "thinking_tokens") or 0
    return _usage(fresh + read + write, read, write, output, reasoning)


def _sum(parts: Iterable[Mapping[str, JsonValue]], name: str) -> int:
    return sum(_count(part, name) or 0 for part in parts)


def _usage(prompt: int, read: int, write: int, output: int, reasoning: int) -> Usage:
    """Parts cut to their whole; a usage that contradicts itself counts as estimated."""
    contradicts = read + write > prompt or reasoning > output
    read = min(read, prompt)
    write = min(write, prompt - read)
    return Usage(
        input_fresh=prompt - read - write,
        cache_read=read,
        cache_write=write,
        output=output,
        reasoning=min(reasoning, output),
        estimated=contradicts,
    )


def _count(raw: Mapping[str, JsonValue], *names: str) -> int | None:
    """Under the first of these names that tells one."""
    for name in names:
        value = raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if 0 <= value <= LARGEST and value == int(value):
            return int(value)
    return None


def _first(*values: int | None) -> int:
    return next((value for value in values if value is not None), 0)


def _decimal(value: JsonValue) -> Decimal | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and 0 <= number <= LARGEST else None
