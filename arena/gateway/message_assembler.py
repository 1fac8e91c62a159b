"""Chunks of a chat stream: in the one form that the libraries read, and what each adds."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import JsonValue

from arena.backend import chat
from arena.gateway.proxy_request import Item
from arena.records import Message, Usage
from arena.serialize import mappings

Delta = dict[str, JsonValue]


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

    def add(self, chunk: JsonValue) -> Delta:
        """What a chunk adds; nothing where it is empty."""
        delta = chat.delta_of(chunk)
        if delta is None:
            return {}
        chat.grow(self.message, delta)
        return self._news(done=False)

    def finish(self, message: Message) -> Delta:
        """What the whole message adds to the chunks that came."""
        self.message = message
        return self._news(done=True)

    def _news(self, *, done: bool) -> Delta:
        begun = self._said or self.ids  # no API takes reasoning behind the answer
        reasoning = "" if begun else reasoning_of(self.message)[self._reasoned :]
        content = chat.text_of(self.message.get("content"))[self._said :]
        self._reasoned += len(reasoning)
        self._said += len(content)
        calls = self._calls(done=done)
        news: Delta = {"reasoning": reasoning, "content": content, "tool_calls": calls}
        return {name: value for name, value in news.items() if value}

    def _calls(self, *, done: bool) -> list[JsonValue]:
        news: list[JsonValue] = []
        for number, call in enumerate(mappings(self.message.get("tool_calls"))):
            function = call.get("function")
            name = function.get("name") if isinstance(function, dict) else None
            # An unnamed call waits for its name, and those behind it wait with it.
            if not isinstance(function, dict) or not isinstance(name, str) or not name:
                break
            begun = number < len(self.ids)
            more = _arguments(function.get("arguments"), done=done)
            more = more[self._given[number] :] if begun else more
            if begun and not more:
                continue
            piece: Delta = {"index": number, "function": {"arguments": more}}
            if not begun:
                self.ids.append(self.name_call())
                self._given.append(0)
                piece |= {"id": self.ids[number], "type": "function"}
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
