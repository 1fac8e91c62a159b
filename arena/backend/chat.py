"""Chat completions as JSON: the request's bytes, and a reply from a body or a stream.

What a provider puts beside text and tool calls (reasoning, signatures, details) comes back to it
byte for byte, also when it arrived in pieces.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from pydantic import JsonValue

from arena.money import usage
from arena.records import Api, BackendSpec, Message, Quirks, Reply, ToolCall, ToolSpec
from arena.serialize import from_json, mapping, mappings, well_formed

COMMON = frozenset(
    {"model", "tools", "tool_choice", "stream", "temperature", "top_p", "metadata", "user"}
)
"""Parameters that every API has."""


@dataclass(frozen=True)
class RequestForm:
    """How requests of one API are built."""

    path: str
    """Below the base URL."""
    turns: str
    """Parameter that holds the conversation."""
    system: str | None
    """Parameter that holds the system prompt; None where it is a turn."""
    limits: tuple[str, ...]
    """Parameters that limit the output, in tokens; the first is the usual one."""
    passed: frozenset[str]
    """Parameters that go on to the endpoint."""
    tools: tuple[str, ...]
    """Beginnings of the types of tools that run at the agent."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request."""
    key_header: str = "authorization"
    """Carries the key, unless a profile says that a bearer token does."""


REQUEST = RequestForm(
    path="/chat/completions",
    turns="messages",
    system=None,
    limits=("max_completion_tokens", "max_tokens"),
    passed=COMMON
    | {"messages", "stream_options", "max_tokens", "max_completion_tokens", "stop", "seed"}
    | {"parallel_tool_calls", "response_format", "presence_penalty", "frequency_penalty"}
    | {"reasoning_effort", "reasoning", "thinking", "enable_thinking", "verbosity", "top_k"}
    | {"prompt_cache_key"},
    tools=("function", "custom"),
)
TRUNCATED = frozenset({"length", "max_tokens"})
TEMPLATE_TOKENS = 2048
"""Room for what a provider's chat template adds around messages and tools."""

REPEATED = frozenset({"role", "id", "type", "name", "index", "object", "format"})
"""Strings that streams repeat instead of continuing."""
_GROWING = frozenset({"text", "thinking"})
"""Parts of content, and of what LiteLLM calls `thinking_blocks`, which come without a number."""
_SUMMED = frozenset({"choices", "usage"})
"""What a stream's chunks hold parts of."""


@dataclass(frozen=True)
class Prompt:
    """Messages and tools as they go over the wire."""

    messages: tuple[bytes, ...]
    tools: bytes

    @classmethod
    def of(cls, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> "Prompt":
        """Serialise once; the same bytes are sent, compared and measured."""
        shown: list[JsonValue] = [
            {"type": "function", "function": tool.model_dump(mode="json")} for tool in tools
        ]
        return cls(tuple(encoded(m) for m in messages), encoded(shown) if shown else b"")

    @property
    def size(self) -> int:
        """Bytes of messages and tools."""
        return sum(len(m) for m in self.messages) + len(self.tools)

    def extends(self, earlier: "Prompt") -> bool:
        """Whether the earlier prompt is a byte-identical beginning of this one."""
        count = len(earlier.messages)
        return self.tools == earlier.tools and self.messages[:count] == earlier.messages


def request_body(spec: BackendSpec, prompt: Prompt, output_limit: int) -> bytes:
    """The whole request; only what the profile asks for stands beside messages and tools."""
    quirks = spec.quirks
    head: dict[str, JsonValue] = {**quirks.extra_body, "model": spec.model}
    head[quirks.output_limit_param] = output_limit
    if quirks.stream:
        head["stream"] = True
        if quirks.stream_usage:
            head["stream_options"] = {"include_usage": True}
    tools = b',"tools":' + prompt.tools if prompt.tools else b""
    messages = b',"messages":[' + b",".join(prompt.messages) + b"]"
    return encoded(head)[:-1] + messages + tools + b"}"


def error_body(status: int, message: str, *, overflow: bool) -> dict[str, JsonValue]:
    """An error as this API tells it; `overflow` of the context, which agents mend by its code."""
    kind = "invalid_request_error" if status < 500 or overflow else "server_error"
    code = "context_length_exceeded" if overflow else None
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


class MalformedReplyError(Exception):
    """A body that is not a chat completion; `reply` holds the usage it told all the same."""

    def __init__(self, message: str, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply or Reply()


def parse_reply(body: JsonValue, quirks: Quirks) -> Reply:
    """A reply from a body; raises `MalformedReplyError` where no choice has a message in it."""
    choice = _choice(body)
    if choice is not None and isinstance(body, dict):
        _take_usage(body := dict(body), choice)
    _, bare = read_account(body, "chat", quirks)
    message = None if choice is None else choice.get("message")
    if choice is None or not isinstance(message, dict):
        raise MalformedReplyError("the reply has no message", bare)
    calls = tuple(_tool_calls(message.get("tool_calls")))
    finish = _finish(choice) or ("tool_calls" if calls else None)
    said = message if message.get("role") else {**message, "role": "assistant"}
    return finished(bare, said, text_of(message.get("content")), calls, finish)


def finished(
    bare: Reply, message: Message, text: str, calls: tuple[ToolCall, ...], finish: str | None
) -> Reply:
    """A reply of which the account is read, with what it says."""
    said = {"message": message, "text": text, "tool_calls": calls, "finish_reason": finish}
    return bare.model_copy(update={**said, "truncated": finish in TRUNCATED})


def read_account(body: JsonValue, api: Api, quirks: Quirks) -> tuple[dict[str, JsonValue], Reply]:
    """A body as an object (else `MalformedReplyError`), and what every API tells in it."""
    if not isinstance(body, dict):
        raise MalformedReplyError("the body is not a JSON object")
    raw_usage = well_formed(body.get("usage"))
    told = usage.normalise(raw_usage, api, reasoning_in_output=quirks.reasoning_in_output)
    return body, Reply(
        returned_model=word(body.get("model")),
        upstream=word(body.get("provider")) if api == "chat" else None,
        fingerprint=word(body.get("system_fingerprint")),
        usage=told,
        raw_usage=raw_usage,
        reported_usd=usage.reported_usd(raw_usage),
    )


def assemble(chunks: Iterable[JsonValue]) -> dict[str, JsonValue]:
    """The body that a stream's chunks amount to; without `finish_reason` where it ended early."""
    body: dict[str, JsonValue] = {}
    message: Message = {}
    finish: JsonValue = None
    seen = False
    for chunk in chunks:
        if not isinstance(chunk, dict):
            continue
        body.update({k: v for k, v in chunk.items() if v is not None and k not in _SUMMED})
        _take_usage(body, chunk)
        choice = _choice(chunk)
        if choice is None or choice.get("index", 0) != 0:
            continue
        seen = True
        _take_usage(body, choice)
        finish = _finish(choice) or finish
        grow(message, mapping(choice, "delta"))
    if seen:
        message["role"] = message.get("role") or "assistant"
        for call in mappings(message.get("tool_calls")):
            call.pop("index", None)
        body["choices"] = [{"index": 0, "message": message, "finish_reason": finish}]
    return body


def _take_usage(body: dict[str, JsonValue], said: dict[str, JsonValue]) -> None:
    """A usage that counts nothing takes no other's place."""
    told = said.get("usage")
    if told is not None and (_counts(told) or not _counts(body.get("usage"))):
        body["usage"] = told


def _counts(told: JsonValue) -> bool:
    return isinstance(told, dict) and any(v for k, v in told.items() if k.endswith("_tokens"))


def is_last(_: JsonValue) -> bool:
    """A chat stream ends with a line of its own, not with an event."""
    return False


def is_whole(body: dict[str, JsonValue]) -> bool:
    """Whether an assembled body says why it ended."""
    return _finish(_choice(body) or {}) is not None


def delta_of(chunk: JsonValue) -> Message:
    """What a chunk holds of the message."""
    choice = _choice(chunk) or {}
    return mapping(choice, "delta") if choice.get("index", 0) == 0 else {}


def _choice(body: JsonValue) -> dict[str, JsonValue] | None:
    """The first choice of a body or a chunk."""
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) else None


def _finish(choice: dict[str, JsonValue]) -> str | None:
    """Why it ended; some say in every chunk of a stream, in words, that it has not."""
    finish = word(choice.get("finish_reason"))
    return None if finish == "null" else finish


def grow(message: Message, delta: Message) -> None:
    """Add what a chunk holds to the message."""
    if isinstance(pieces := delta.get("tool_calls"), list):
        made = message.setdefault("tool_calls", [])
        assert isinstance(made, list)
        for piece in mappings(pieces):  # an `index` in it stays until the message is whole
            target = _continued(mappings(made), piece)
            if target is None:
                made.append(target := {})
            _merge(target, {k: v for k, v in piece.items() if k != "id" or not target.get("id")})
    _merge(message, {k: v for k, v in delta.items() if k != "tool_calls"})


def _continued(
    made: Sequence[dict[str, JsonValue]], piece: dict[str, JsonValue]
) -> dict[str, JsonValue] | None:
    """The call that a piece continues; None where it begins another.

    Some vendors number every parallel call 0 or not at all, give none an id, or each piece its own.
    So one that names a function begins another where no call has its number, or that one is whole.
    """
    index, call_id = piece.get("index"), piece.get("id")
    name = mapping(piece, "function").get("name")
    here = made if index is None else [c for c in made if c.get("index", index) == index]
    same = [c for c in here if call_id and c.get("id") == call_id]
    if same:
        return same[-1]
    if not name:
        return here[-1] if here else made[-1] if made else None
    if not here or (index is None and call_id and here[-1].get("id")):
        return None
    function = mapping(here[-1], "function")
    return None if function.get("name", name) != name or _complete(function) else here[-1]


def _complete(function: dict[str, JsonValue]) -> bool:
    try:
        return isinstance(from_json(str(function.get("arguments") or "")), dict)
    except ValueError:
        return False


def _merge(target: dict[str, JsonValue], piece: dict[str, JsonValue]) -> None:
    for key, value in piece.items():
        have = target.get(key)
        if key == "content" and isinstance(have, str) and have and isinstance(value, list):
            have = target[key] = _as_parts(have)  # Mistral says its thoughts in parts, then text
        elif key == "content" and isinstance(have, list) and isinstance(value, str) and value:
            value = _as_parts(value)  # noqa: PLW2901
        if isinstance(have, str) and isinstance(value, str) and key not in REPEATED:
            target[key] = have + value
        elif isinstance(have, dict) and isinstance(value, dict):
            _merge(have, value)
        elif isinstance(have, list) and isinstance(value, list):
            _merge_list(have, value)
        elif value is not None and value != "":
            target[key] = deepcopy(value)
        else:
            target.setdefault(key, value)


def _merge_list(have: list[JsonValue], more: list[JsonValue]) -> None:
    for item in more:
        last = have[-1] if have else None
        if isinstance(item, dict) and isinstance(last, dict) and _goes_on(last, item):
            _merge(last, item)
        else:
            have.append(deepcopy(item))


def _as_parts(text: str) -> list[JsonValue]:
    return [{"type": "text", "text": text}]


def _goes_on(last: dict[str, JsonValue], item: dict[str, JsonValue]) -> bool:
    """Whether a part of a list continues the last one; a signature ends a thought."""
    index, kind = item.get("index"), item.get("type")
    if (index, kind) != (last.get("index"), last.get("type")):
        return False
    return "index" in item or (kind in _GROWING and not last.get("signature"))


def _tool_calls(raw: JsonValue) -> Iterable[ToolCall]:
    for call in mappings(raw):
        if not isinstance(function := call.get("function"), dict):
            continue
        arguments = function.get("arguments")
        yield ToolCall(
            id=str(call.get("id") or ""),
            name=str(function.get("name") or ""),
            arguments=arguments if isinstance(arguments, str) else json.dumps(arguments or {}),
        )


def text_of(content: JsonValue) -> str:
    """The text of a message's content, whole or in parts."""
    if isinstance(content, list):
        return "".join(str(p.get("text") or "") for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


def says(message: Message) -> bool:
    """Whether there is anything in a message, or a piece of one."""
    return any(value for name, value in message.items() if name != "role")


def word(value: JsonValue) -> str | None:
    """A text about a reply, as it can be written down; None for an empty one and for no text."""
    return well_formed(value) if isinstance(value, str) and value else None


def encoded(value: JsonValue | Message) -> bytes:
    """A value as the bytes that are sent."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair: only its escape can be sent
        return json.dumps(value, separators=(",", ":")).encode()
