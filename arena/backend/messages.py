"""The Messages API: the built-in agent's history as a request, and replies read from it.

Assistant messages stay in the history as this API wrote them, signatures and all; only what we say
ourselves is translated. Cache breakpoints stand behind the tools and the system prompt and at the
end of the last two turns, so that each request reads what the one before it wrote.
"""

import json
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from arena.backend.chat import (
    COMMON,
    MalformedReplyError,
    Prompt,
    RequestForm,
    encoded,
    finished,
    read_account,
    word,
)
from arena.records import BackendSpec, Message, Quirks, Reply, ToolCall
from arena.serialize import from_json, mapping, mappings

REQUEST = RequestForm(
    path="/messages",
    headers={"anthropic-version": "2023-06-01"},  # the version of this API: the one there is
    key_header="x-api-key",
    turns="messages",
    system="system",
    limits=("max_tokens",),
    passed=COMMON
    | {"messages", "system", "max_tokens", "stop_sequences", "thinking", "top_k"}
    | {"context_management", "output_config", "cache_control"},
    tools=("custom", "bash_", "text_editor_", "memory_"),
)
Block = dict[str, JsonValue]

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
_BREAKPOINT: Block = {"cache_control": {"type": "ephemeral"}}
_CACHED_TURNS = 2
_ENDS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}
"""Reasons for stopping, in the words of chat completions."""
_DELTAS = {
    "text_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
    "input_json_delta": "partial_json",
}
_CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens")


def request_body(spec: BackendSpec, prompt: Prompt, output_limit: int) -> bytes:
    """The whole request: system prompt apart, results of tools inside user turns."""
    # Our own bytes: what was taken from outside stands a few levels deeper in them.
    history: list[Message] = [json.loads(raw) for raw in prompt.messages]
    system: JsonValue = [_text_block(m) for m in history if m.get("role") == "system"]
    turns = _turns(history)
    for turn in [t for t in turns if t["role"] == "user"][-_CACHED_TURNS:]:
        _mark(turn["content"])
    body: dict[str, JsonValue] = {
        **spec.quirks.extra_body,
        "model": spec.model,
        "max_tokens": output_limit,
        "system": _mark(system),
        "messages": list(turns),
    }
    if prompt.tools:
        body["tools"] = _mark([_tool(made) for made in json.loads(prompt.tools)])
    if spec.quirks.stream:
        body["stream"] = True
    return encoded(body)


def error_body(status: int, message: str, *, overflow: bool) -> dict[str, JsonValue]:
    """An error as this API tells it; `overflow` of the context, which agents mend by its text."""
    kind = _ERROR_TYPES.get(status, "api_error")
    text = f"prompt is too long: {message}" if overflow else message
    return {"type": "error", "error": {"type": kind, "message": text}}


def parse_reply(body: JsonValue, quirks: Quirks) -> Reply:
    """A reply from the body of a message; `MalformedReplyError` where there is no content."""
    body, bare = read_account(body, "messages", quirks)
    content, reason = body.get("content"), body.get("stop_reason")
    begun = "stop_reason" in body and not is_whole(body)  # its stream counted one token so far
    used = None if begun else bare.usage
    if used is not None and content and not used.output:
        used = used.model_copy(update={"estimated": True})
    bare = bare.model_copy(update={"usage": used})
    if not isinstance(content, list):
        raise MalformedReplyError("the reply has no content", bare)
    finish = word(_ENDS.get(str(reason), str(reason))) if reason else None
    blocks = mappings(content)
    text = "".join(str(b.get("text") or "") for b in blocks if b.get("type") == "text")
    calls = tuple(_call(b, finish) for b in blocks if b.get("type") == "tool_use")
    return finished(bare, {"role": "assistant", "content": content}, text, calls, finish)


def assemble(chunks: Iterable[JsonValue]) -> dict[str, JsonValue]:
    """The message that a stream's events amount to."""
    body: dict[str, JsonValue] = {"stop_reason": None}
    blocks: dict[int, Block] = {}
    last: Block = {}
    for chunk in chunks:
        if not isinstance(chunk, dict):
            continue
        kind, index = chunk.get("type"), chunk.get("index")
        if kind == "message_start" and isinstance(chunk.get("message"), dict):
            body |= dict(mapping(chunk, "message"))
        elif kind == "message_delta":
            body |= mapping(chunk, "delta")
            last = _most(last, mapping(chunk, "usage"))
        elif kind == "content_block_start" and isinstance(index, int):
            blocks[index] = dict(mapping(chunk, "content_block"))
        elif kind == "content_block_delta" and isinstance(index, int):
            _extend(blocks.setdefault(index, {"type": "text"}), mapping(chunk, "delta"))
        if kind in ("message_start", "message_delta"):
            told = mapping(chunk, "usage") or mapping(mapping(chunk, "message"), "usage")
            body["usage"] = _most(mapping(body, "usage"), told)
    if blocks:
        body["content"] = [_closed(blocks[index]) for index in sorted(blocks)]
        # The start counts a token of output, or none: only the end knows how many there were.
        if told := mapping(body, "usage"):
            body["usage"] = {**told, "output_tokens": last.get("output_tokens", 0)}
    return body


def is_last(chunk: JsonValue) -> bool:
    """Whether an event ends the message."""
    return isinstance(chunk, dict) and chunk.get("type") == "message_stop"


def is_whole(body: dict[str, JsonValue]) -> bool:
    """Whether an assembled message says why it ended."""
    return body.get("stop_reason") is not None


def _turns(history: Sequence[Message]) -> list[Block]:
    turns: list[Block] = []
    for message in history:
        role = "assistant" if message.get("role") == "assistant" else "user"
        says = message.get("content") or message.get("role") == "tool"  # each call has its result
        if message.get("role") == "system" or not says:
            continue
        if role == "assistant":
            if said := _without_blanks(message["content"]):
                turns.append({"role": role, "content": said})
            continue
        if not turns or turns[-1]["role"] != "user":
            turns.append({"role": role, "content": []})
        content = turns[-1]["content"]
        assert isinstance(content, list)
        content.append(_result(message) if message.get("role") == "tool" else _text_block(message))
    return turns


def _without_blanks(content: JsonValue) -> JsonValue:
    """What a turn says, without texts of nothing, which this API sends and does not take back."""
    if not isinstance(content, list):
        return content

    def says(block: JsonValue) -> bool:
        if not isinstance(block, dict) or block.get("type") != "text":
            return True
        text = block.get("text")
        return isinstance(text, str) and bool(text.strip())

    return list(filter(says, content))


def _text_block(message: Message) -> Block:
    return {"type": "text", "text": message.get("content")}


def _result(message: Message) -> Block:
    answers, content = message.get("tool_call_id"), message.get("content")
    return {"type": "tool_result", "tool_use_id": answers, "content": content}


def _tool(made: dict[str, Block]) -> Block:
    function = dict(made["function"])
    schema = function.pop("parameters")
    return {**function, "input_schema": schema}


def _mark(blocks: JsonValue) -> JsonValue:
    """The same blocks with a cache breakpoint behind the last."""
    if isinstance(blocks, list) and blocks and isinstance(blocks[-1], dict):
        blocks[-1] |= _BREAKPOINT
    return blocks


def _call(block: Block, finish: str | None) -> ToolCall:
    given = block.get("input")
    cut = finish == "length" and not given
    return ToolCall(
        id=str(block.get("id") or ""),
        name=str(block.get("name") or ""),
        arguments="" if cut else json.dumps(given or {}),
    )


def _extend(block: Block, delta: Block) -> None:
    name = _DELTAS.get(str(delta.get("type")))
    if name is None:
        return
    had, more = block.get(name), delta.get(name)
    block[name] = (had if isinstance(had, str) else "") + (more if isinstance(more, str) else "")


def _closed(block: Block) -> Block:
    """A block whose input came in pieces, with the input as an object."""
    pieces = block.pop("partial_json", None)
    if isinstance(pieces, str) and pieces:
        try:
            given = from_json(pieces)
        except ValueError:  # the output limit cut it
            given = {}
        block["input"] = given if isinstance(given, dict) else {}
    return block


def _most(had: Block, told: Block) -> Block:
    """Counts only grow during a stream; some endpoints begin or end with zeros.

    Where the end alone tells of a cache, the start counted the whole prompt as fresh: Alibaba's
    endpoint (3602 at the start, 3604 read from the cache at the end) and vLLM's, which splits it.
    """
    told = {k: v for k, v in told.items() if v is not None}
    whole, cached = had.get("input_tokens"), _cached(told)
    if type(whole) is int and cached and not _cached(had):
        told["input_tokens"] = told.get("input_tokens") or max(0, whole - cached)
        had = {k: v for k, v in had.items() if k not in ("input_tokens", *_CACHED)}
    for name, value in had.items():
        new = told.get(name, value)
        told[name] = max(value, new) if type(value) is int and type(new) is int else new
    return told


def _cached(told: Block) -> int:
    counts = (told.get(name) for name in _CACHED)
    return sum(count for count in counts if type(count) is int and count > 0)
