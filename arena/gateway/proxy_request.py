"""What an external agent asks for, what of it goes on, and what the gateway itself answers.

The contestant decides which model answers and how; the agent decides what it says. Parameters and
tools go on by name, since an unknown one may search the web at the provider, read the files of the
key's owner, or buy a faster tier.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from arena.backend import apis
from arena.backend.chat import Prompt, encoded
from arena.records import Api, BackendSpec
from arena.serialize import from_json, mapping


def error_body(api: Api, status: int, message: str, *, overflow: bool = False) -> bytes:
    """The body of an error; `overflow` has the words by which agents know that they can mend it."""
    return encoded(apis.DIALECTS[api].error_body(status, message, overflow=overflow))


def error_event(api: Api, body: bytes) -> bytes:
    """An error's body as an event inside a stream that has begun."""
    told = from_json(body)
    failed = isinstance(told, dict) and told.get("type") == "response.failed"
    event = b"event: response.failed\n" if failed else b"event: error\n"
    return (b"" if api == "chat" else event) + b"data: " + body + b"\n\n"


def models(name: str) -> bytes:
    """The list of models, with the one there is; fields of all APIs together."""
    one: Item = {"id": name, "object": "model", "created": 0, "owned_by": "arena"}
    one |= {"type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    listing: Item = {"object": "list", "data": [one]}
    return encoded({**listing, "has_more": False, "first_id": name, "last_id": name})


Item = dict[str, JsonValue]

NAME_LENGTH = 200
"""Characters of names that an agent chose, where they are repeated."""

_ADDRESSES = ("url", "image_url", "file_url", "audio_url", "video_url", "input_audio")
_CONTENTS = ("file_data", "image", "video", "audio", "data")
"""What holds the content itself, or an address of it."""
_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_OWN = frozenset({"input", "annotations", "citations"})
"""Parts of a turn that the model wrote: addresses there are words."""

_CALLS = ("function_call", "custom_tool_call", "local_shell_call", "apply_patch_call")
_MODELS = ("reasoning", *_CALLS)
"""Items of the Responses API that the model wrote."""


class BadProxyRequestError(Exception):
    """A request that goes nowhere; the text is for the agent."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(brief(message, 2 * NAME_LENGTH))
        self.status = status


@dataclass(frozen=True)
class ProxyRequest:
    """One request of an agent, read."""

    api: Api
    body: Item
    model: str
    turns: tuple[Item, ...]
    """Everything said so far: system prompts, then messages or items."""
    prompt: Prompt
    dropped: tuple[str, ...]
    """Parameters and tools that do not go on."""

    @property
    def streamed(self) -> bool:
        """Whether events are wanted."""
        return self.body.get("stream") is True

    @property
    def wants_usage(self) -> bool:
        """Whether a chat stream is to end with its usage."""
        return mapping(self.body, "stream_options").get("include_usage") is True


def read(api: Api, data: bytes) -> ProxyRequest:
    """Read a request.

    Raises `BadProxyRequestError` where it is malformed, leans on state at the provider, or wants it
    to fetch something.
    """
    try:
        body: JsonValue = from_json(data)
    except ValueError:
        raise BadProxyRequestError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadProxyRequestError("the body is not a JSON object")
    for name in ("previous_response_id", "conversation", "background"):
        if body.get(name):
            raise BadProxyRequestError(f"{name} is not offered: send the whole conversation")
    kept, dropped = _kept(api, body)
    request = of(api, kept, dropped)
    if api == "responses" and any(_is_reference(turn) for turn in request.turns):
        raise BadProxyRequestError("items must be in the request itself, not referred to")
    if any(_reaches_out(turn) for turn in request.turns):
        raise BadProxyRequestError("content must be in the request itself, not at an address")
    return request


def of(api: Api, body: Item, dropped: tuple[str, ...]) -> ProxyRequest:
    """A request from a body that may go on; `BadProxyRequestError` where nothing is said in it."""
    turns = tuple(_turns(api, body))
    tools = body.get("tools")
    prompt = Prompt(tuple(encoded(plain(turn)) for turn in turns), encoded(tools) if tools else b"")
    return ProxyRequest(api, body, str(body.get("model") or ""), turns, prompt, dropped)


def prepared(request: ProxyRequest, spec: BackendSpec, limit: int) -> tuple[bytes, int]:
    """The request as it goes to the endpoint, and its output limit in tokens."""
    quirks = spec.quirks
    names = apis.DIALECTS[request.api].REQUEST.limits
    wanted = [v for v in (request.body.get(name) for name in names) if type(v) is int and v > 0]
    limit = min([limit, *wanted])
    skipped = {*names, *spec.refuses}
    body = {k: v for k, v in request.body.items() if k not in skipped}
    if request.api == "messages":
        body = _edited(body, _briefly_cached, besides=_OWN)
    body |= {**quirks.extra_body, "model": spec.model}
    body[quirks.output_limit_param if request.api == "chat" else names[0]] = limit
    thinking = mapping(body, "thinking")
    if isinstance(budget := thinking.get("budget_tokens"), int) and budget >= limit:
        # The Messages API demands that it leaves room for an answer.
        body["thinking"] = {**thinking, "budget_tokens": max(1, limit // 2)}
    if quirks.stream:
        body["stream"] = True
    if request.api == "chat" and body.get("stream") and quirks.stream_usage:
        body["stream_options"] = {"include_usage": True}
    return encoded(body), limit


def _briefly_cached(part: Item) -> Item:
    """A part of a request whose cache breakpoint has the life that the price book prices."""
    if not isinstance(cached := part.get("cache_control"), dict):
        return part
    return {**part, "cache_control": {k: v for k, v in cached.items() if k != "ttl"}}


def _turns(api: Api, body: Item) -> Iterator[Item]:
    form = apis.DIALECTS[api].REQUEST
    if form.system and (system := body.get(form.system)):
        yield {"role": "system", "content": system}
    said = body.get(form.turns)
    if isinstance(said, str) and api == "responses":
        yield {"role": "user", "content": said}
        return
    if not isinstance(said, list) or not said:
        raise BadProxyRequestError(f"{form.turns} must be a list with something in it")
    for turn in said:
        if not isinstance(turn, dict):
            raise BadProxyRequestError(f"{form.turns} must hold objects")
        yield turn


def _kept(api: Api, body: Item) -> tuple[Item, tuple[str, ...]]:
    passed = apis.DIALECTS[api].REQUEST.passed
    kept = {k: v for k, v in body.items() if k in passed}
    dropped = [k for k in body if k not in passed]

    def sifted(what: str, offered: JsonValue, fits: Callable[[JsonValue], bool]) -> list[JsonValue]:
        """What of a list may go on; of what is no list nothing may."""
        if not isinstance(offered, list):
            dropped.extend([] if offered is None else [f"{what} {_type(offered)}"])
            return []
        bad = [one for one in offered if not fits(one)]
        dropped.extend(f"{what} {_type(one) or 'without a type'}" for one in bad)
        return [one for one in offered if fits(one)]

    def with_own_tools(holder: Item) -> Item:
        tools = sifted("tool", holder["tools"], lambda tool: _runs_at_agent(api, tool))
        return {**holder, "tools": tools}

    if "tools" in kept and not (kept := with_own_tools(kept))["tools"]:
        kept.pop("tools")
        kept.pop("tool_choice", None)
    managed = kept.pop("context_management", None)
    edits = managed.get("edits") if isinstance(managed, dict) else managed
    if clearing := sifted("edit", edits, _clears):
        kept["context_management"] = {"edits": clearing}
    said = body.get("input")
    if api == "responses" and isinstance(said, list):  # Codex offers some models their tools there
        kept["input"] = [
            with_own_tools(item) if isinstance(item, dict) and "tools" in item else item
            for item in said
        ]
    return kept, tuple(dropped)


def _clears(edit: JsonValue) -> bool:
    """Whether an edit leaves something out; no limit holds a compaction, a request of its own."""
    return (_type(edit) or "").startswith("clear_")


def _runs_at_agent(api: Api, tool: JsonValue) -> bool:
    kind = _type(tool)
    if api == "responses" and kind == "namespace" and isinstance(tool, dict):
        inner = tool.get("tools")
        return isinstance(inner, list) and all(_runs_at_agent(api, one) for one in inner)
    return api == "messages" if kind is None else kind.startswith(apis.DIALECTS[api].REQUEST.tools)


def _type(tool: JsonValue) -> str | None:
    kind = tool.get("type") if isinstance(tool, dict) else "unknown"
    return kind if isinstance(kind, str) or kind is None else "unknown"


def _reaches_out(turn: Item) -> bool:
    """Whether the provider would have to fetch something, or read a file of its account."""
    return any(
        one.get("file_id")
        or any(_is_address(one.get(name)) for name in _ADDRESSES)
        or any(_is_address(one.get(name), scheme=True) for name in _CONTENTS)
        for one in objects_in(turn, besides=_OWN)
    )


def _is_address(value: JsonValue, *, scheme: bool = False) -> bool:
    """Whether it is or holds an address; `scheme` where content may stand instead."""
    if isinstance(value, list):
        return any(_is_address(inner, scheme=scheme) for inner in value)
    if isinstance(value, dict):
        value = value.get("url")
    if not isinstance(value, str) or value.startswith("data:"):
        return False
    return not scheme or _SCHEME.match(value) is not None


def _is_reference(item: Item) -> bool:
    """Whether an item stands for one that the provider keeps; its type may be left out."""
    return item.get("type") in (None, "item_reference") and "role" not in item


def brief(name: str, most: int = NAME_LENGTH) -> str:
    """A name as it is repeated and written down."""
    return name if len(name) <= most else name[:most] + "…"


def plain(turn: Item) -> Item:
    """A turn without cache breakpoints, which move from one request to the next."""
    return _edited(turn, lambda one: {k: v for k, v in one.items() if k != "cache_control"})


def _edited(
    whole: Item, edit: Callable[[Item], Item], besides: frozenset[str] = frozenset()
) -> Item:
    """An object with itself and all objects in it edited, but nothing below these names."""

    def within(value: JsonValue) -> JsonValue:
        if isinstance(value, list):
            return [within(inner) for inner in value]
        return _edited(value, edit, besides) if isinstance(value, dict) else value

    return {k: v if k in besides else within(v) for k, v in edit(whole).items()}


def is_models(turn: Item) -> bool:
    """Whether a turn repeats what the model said."""
    return turn.get("role") == "assistant" or turn.get("type") in _MODELS


def objects_in(value: JsonValue, besides: frozenset[str]) -> Iterator[Item]:
    """A value's objects at any depth, itself included, but nothing below these names."""
    if isinstance(value, dict):
        yield value
        value = [inner for name, inner in value.items() if name not in besides]
    if isinstance(value, list):
        for inner in value:
            yield from objects_in(inner, besides)
