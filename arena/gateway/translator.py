"""One trial's translation: requests before the metered call, replies as they arrive.

An agent's own API has no place for every vendor's reasoning and signatures, without which some
refuse the next request. So the gateway keeps each message and puts it back where the agent repeats
it, known by the ids of its calls, or by its text where it made none.
"""

import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from pydantic import JsonValue

from arena.backend import apis, chat
from arena.gateway import proxy_request
from arena.gateway.bridge import ReplyBridge
from arena.gateway.proxy_request import BadProxyRequestError, Item, ProxyRequest
from arena.records import Api, Message, Reply, Usage
from arena.serialize import mapping, mappings


@dataclass(frozen=True)
class _KnownMessage:
    """A message of the model, and the ids under which the agent knows its calls."""

    message: Message
    ids: tuple[str, ...]

    def answered(self, answers: set[str]) -> Message:
        """The message, without calls that the agent left out of what it sends."""
        made = self.message.get("tool_calls")
        if not isinstance(made, list) or answers.issuperset(self.ids):
            return self.message
        kept = [call for call, name in zip(made, self.ids, strict=False) if name in answers]
        rest = {k: v for k, v in self.message.items() if k != "tool_calls"}
        return {**rest, "tool_calls": kept} if kept else rest


class ReplyHistory:
    """Calls may come from several threads; each step here is one of a dictionary's own."""

    def __init__(self) -> None:
        self._calls = itertools.count(1)
        self._by_call: dict[str, _KnownMessage] = {}
        self._by_text: dict[str, Message] = {}

    def name_call(self) -> str:
        """An id that no other call of the trial has."""
        return f"call_{next(self._calls)}"

    def keep(self, message: Message, ids: Sequence[str]) -> None:
        """Remember a message whose calls the agent knows under these ids."""
        said = _KnownMessage(message, tuple(ids))
        self._by_call.update(dict.fromkeys(ids, said))
        if not ids:
            self._by_text[chat.text_of(message.get("content")).strip()] = message

    def restored(self, turns: Sequence[Message]) -> list[Message]:
        """A conversation with the model's messages as they came."""
        answers = {str(turn.get("tool_call_id")) for turn in turns if turn.get("role") == "tool"}
        done: set[int] = set()
        made: list[Message] = []
        for turn in turns:
            calls = turn.get("tool_calls")
            if turn.get("role") == "tool":
                made.append({**turn, "tool_call_id": self._vendors(turn.get("tool_call_id"))})
            elif turn.get("role") != "assistant":
                made.append(turn)
            elif (said := self._of(calls)) is None:
                text = chat.text_of(turn.get("content")).strip()
                made.append(turn if calls else self._by_text.get(text, turn))
            elif id(said) not in done:  # an agent may repeat parallel calls one by one
                done.add(id(said))
                made.append(said.answered(answers))
        return made

    def _of(self, calls: JsonValue) -> _KnownMessage | None:
        ids = [call.get("id") for call in mappings(calls)]
        known = (self._by_call.get(name) for name in ids if isinstance(name, str))
        return next((said for said in known if said is not None), None)

    def _vendors(self, name: JsonValue) -> JsonValue:
        """The id that the vendor gave a call."""
        if (said := self._by_call.get(str(name))) is None:
            return name
        calls = mappings(said.message.get("tool_calls"))
        return calls[said.ids.index(str(name))].get("id")


@dataclass
class MessageAssembler:
    """One assistant message as it grows; each part is handed out once.

    A delta may hold `reasoning` and `content` (text) and `tool_calls`, numbered as the calls of the
    message are, each with its name at first and then more of its arguments.
    """

    name_call: Callable[[], str]
    """A new id for a call: the vendors' own are not unique, and some leave them out."""
    message: Message = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    """Of the calls handed out, in the message's order."""
    _reasoned: int = 0
    _said: int = 0
    _given: list[int] = field(default_factory=list)

    def add(self, chunk: JsonValue) -> Item:
        """What a chunk adds; nothing where it is empty."""
        chat.grow(self.message, chat.delta_of(chunk))
        return self._news(done=False)

    def finish(self, message: Message) -> Item:
        """What the whole message adds to the chunks that came."""
        self.message = message
        return self._news(done=True)

    def _news(self, *, done: bool) -> Item:
        begun = self._said or self.ids  # no API takes reasoning behind the answer
        reasoning = "" if begun else reasoning_of(self.message)[self._reasoned :]
        content = chat.text_of(self.message.get("content"))[self._said :]
        self._reasoned += len(reasoning)
        self._said += len(content)
        calls = self._calls(done=done)
        news: Item = {"reasoning": reasoning, "content": content, "tool_calls": calls}
        return {name: value for name, value in news.items() if value}

    def _calls(self, *, done: bool) -> list[JsonValue]:
        news: list[JsonValue] = []
        for number, call in enumerate(mappings(self.message.get("tool_calls"))):
            function = mapping(call, "function")
            name = function.get("name")
            # An unnamed call waits for its name, and those behind it wait with it.
            if not isinstance(name, str) or not name:
                break
            more = _arguments(function.get("arguments"), done=done)
            if number < len(self.ids):
                more = more[self._given[number] :]
                piece: Item = {"index": number, "function": {"arguments": more}}
                if not more:
                    continue
            else:
                self.ids.append(self.name_call())
                self._given.append(0)
                piece = {"index": number, "id": self.ids[number], "type": "function"}
                piece["function"] = {"name": name, "arguments": more}
            self._given[number] += len(more)
            news.append(piece)
        return news


def reasoning_of(message: Message) -> str:
    """What a message says of its reasoning, in any of the fields in use."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(text := message.get(name), str) and text:
            return text
    return chat.text_of(message.get("reasoning_details"))


def _arguments(given: JsonValue, *, done: bool) -> str:
    if isinstance(given, str) and given:
        return given
    return json.dumps(given or {}) if done else ""


class ReplyEvents(ABC):
    """An API over chat completions: a named reply in its events, from what each chunk adds."""

    reasoning: str
    """The field of a chunk in which the library expects reasoning."""

    def __init__(self, name: str, model: str) -> None:
        self.name = name
        self.model = model

    @staticmethod
    @abstractmethod
    def request_body(request: ProxyRequest) -> Item:
        """A request for chat completions; `BadProxyRequestError` where they cannot hold it."""

    @abstractmethod
    def close(self, finish: str, usage: Usage) -> Iterator[Item]:
        """The end of the reply."""

    @abstractmethod
    def events(self, chunk: Item) -> Iterator[Item]:
        """What the library makes of a chunk."""

    def chunk(self, delta: Item, finish: str | None = None) -> Item:
        """A chunk in the one form that the libraries read."""
        renamed = {(self.reasoning if k == "reasoning" else k): v for k, v in delta.items()}
        return {
            "id": self.name,
            "object": "chat.completion.chunk",
            "created": 0,
            "model": self.model,
            "choices": [{"index": 0, "delta": renamed, "finish_reason": finish}],
        }


_PASSED = ("max_tokens", "stop", "temperature", "top_p")
_CARRIED = frozenset(
    {"model", "messages", "input", "instructions", "system", "stream", "tools", "tool_choice"}
    | {"parallel_tool_calls", "max_tokens", "max_output_tokens", "stop_sequences"}
    | {"temperature", "top_p"}
)
_PICTURES = ("image", "image_url", "input_image", "document", "file", "input_file")
_INSTRUCTIONS = ("system", "developer")


def library(api: Api) -> type[ReplyEvents]:
    """How an API is translated, by a package that takes seconds to import and may be missing."""
    if api == "messages":
        from arena.gateway import from_messages

        return from_messages.MessagesEvents
    from arena.gateway import from_responses

    return from_responses.ResponsesEvents


class Translator:
    """Translates the calls of one trial, from several threads."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._library = library(api)
        self._history = ReplyHistory()
        self._replies = itertools.count(1)

    def request(self, request: ProxyRequest) -> ProxyRequest:
        """The same request for chat completions; `BadProxyRequestError` where none carries it."""
        inside = proxy_request.objects_in(list(request.turns), besides=frozenset({"input"}))
        if any(part.get("type") in _PICTURES for part in inside):
            raise BadProxyRequestError(
                f"pictures and files are not carried from {self._api} to chat completions"
            )
        made = self._library.request_body(request)
        turns = [_plain(turn) for turn in mappings(made["messages"])]
        body: Item = {name: made[name] for name in _PASSED if made.get(name) is not None}
        body |= {"model": request.model, **({"stream": True} if request.streamed else {})}
        body["messages"] = list(self._history.restored(list(_in_order(turns))))
        tools = [_tool(tool) for tool in mappings(made.get("tools"))]
        if tools:
            body |= {"tools": list(tools), **_choices(made)}
        return proxy_request.of("chat", body, (*request.dropped, *_left_out(request, tools)))

    def bridge(self) -> "TranslatedBridge":
        """Takes the reply to one call."""
        made = partial(self._library, f"reply_{next(self._replies)}")
        return TranslatedBridge(self._api, made, self._history)


class TranslatedBridge(ReplyBridge):
    """Takes a chat reply, and hands it on in the agent's API."""

    def __init__(
        self, api: Api, events: Callable[[str], ReplyEvents], history: ReplyHistory
    ) -> None:
        super().__init__(api, {})
        self._begin_events = events
        self._history = history
        self._model = ""

    def read(self, request: ProxyRequest) -> None:
        super().read(request)
        self._model = request.model
        self.restart()

    def restart(self) -> None:
        super().restart()
        self._events = self._begin_events(self._model)
        self._growth = MessageAssembler(self._history.name_call)

    def event(self, raw: bytes, chunk: JsonValue) -> None:
        """Pass on what a chunk adds; a comment keeps the agent's connection alive."""
        if raw.startswith(b":"):
            super().event(raw, None)
        if delta := self._growth.add(chunk):
            self._pass_on(self._events.events(self._events.chunk(delta)))

    def whole(self, body: bytes) -> None:
        """Wait for `finish`, which has the reply read."""

    def finish(self, reply: Reply) -> None:
        """Pass on the rest of a reply, and its end."""
        assert reply.usage is not None, "the meter has estimated what was not told"
        rest, made = self._growth.finish(reply.message), self._events
        finish = reply.finish_reason or "stop"
        if self._growth.ids and finish != "length":
            finish = "tool_calls"
        last = made.events(made.chunk(rest)) if rest else ()
        events = itertools.chain(last, made.close(finish, reply.usage))
        if self.streamed:
            self._pass_on(events)
        else:
            super().whole(chat.encoded(apis.DIALECTS[self.api].assemble(events)))
        self._history.keep(reply.message, self._growth.ids)
        self.end()

    def _pass_on(self, events: Iterable[Item]) -> None:
        for event in events:
            data = b"event: %s\ndata: %s\n\n" % (str(event["type"]).encode(), chat.encoded(event))
            super().event(data, event)


def _plain(turn: Message) -> Message:
    """A message with nothing but what every endpoint knows, its text in one piece."""
    kept: Message = {"role": turn.get("role"), "content": _text(turn.get("content"))}
    return kept | {name: turn[name] for name in ("tool_calls", "tool_call_id") if turn.get(name)}


def _text(content: JsonValue) -> JsonValue:
    if not isinstance(content, list):
        return content
    parts = mappings(content)
    for kind in (part.get("type") for part in parts):
        if kind not in ("text", "input_text", "output_text"):
            what = f"content of type {kind!r}"
            raise BadProxyRequestError(f"{what} is not carried to chat completions")
    return "\n\n".join(str(part.get("text") or "") for part in parts)


def _in_order(turns: Iterable[Message]) -> Iterator[Message]:
    """One system message, at the start; instructions that come later are said as the user.

    Many chat templates take no other, and not every endpoint knows the role `developer`.
    """
    first: list[str] = []
    begun = False
    for turn in turns:
        instructs = turn["role"] in _INSTRUCTIONS
        if instructs and not begun:
            first.append(str(turn["content"]))
            continue
        if not begun and first:
            yield {"role": "system", "content": "\n\n".join(first)}
        begun = True
        yield {**turn, "role": "user"} if instructs else turn


def _tool(tool: Item) -> Item:
    """A function without `strict`, which several vendors refuse."""
    known = ("name", "description", "parameters")
    function = {k: v for k, v in mapping(tool, "function").items() if k in known}
    return {"type": "function", "function": function}


def _choices(made: Item) -> Item:
    """How tools may be called, where that is not as usual: several vendors refuse the parameter."""
    choice = made.get("tool_choice")
    wanted: Item = {} if choice in (None, "auto") else {"tool_choice": choice}
    one_by_one = made.get("parallel_tool_calls") is False
    return {**wanted, "parallel_tool_calls": False} if one_by_one else wanted


def _left_out(request: ProxyRequest, tools: list[Item]) -> Iterator[str]:
    """What of the agent's request the endpoint does not get."""
    yield from (name for name in request.body if name not in _CARRIED)
    names = [mapping(tool, "function").get("name") for tool in tools]
    for tool in mappings(request.body.get("tools")):
        if tool.get("name") not in names:
            yield f"tool {tool.get('name') or tool.get('type')}"
