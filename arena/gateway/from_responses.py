"""The Responses API over chat completions; the only module that imports `agents`."""

import types
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

from agents.exceptions import AgentsException
from agents.models import chatcmpl_stream_handler as library
from agents.models.chatcmpl_converter import Converter

from arena.gateway.proxy_request import BadProxyRequestError, Item, ProxyRequest
from arena.gateway.translator import ReplyEvents
from arena.records import Usage
from arena.serialize import mapping, mappings

_SAMPLING = ("temperature", "top_p")
_PREFIX = {"message": "msg", "function_call": "fc", "reasoning": "rs"}


class ResponsesEvents(ReplyEvents):
    """Events of one response."""

    reasoning = "reasoning_content"

    @staticmethod
    def request_body(request: ProxyRequest) -> Item:
        # By an id the library tells a message of the model from others.
        items = [
            {"id": f"item_{number}", **turn} if turn.get("role") == "assistant" else turn
            for number, turn in enumerate(request.turns)
        ]
        try:
            messages = Converter.items_to_messages(items, strict_feature_validation=True)
        except (AgentsException, AttributeError, KeyError, TypeError) as error:
            raise BadProxyRequestError(f"not for chat completions: {str(error)[:200]}") from None
        body: Item = {"messages": messages}
        body |= {k: v for k, v in request.body.items() if k in _SAMPLING}
        if limit := request.body.get("max_output_tokens"):
            body["max_tokens"] = limit
        tools = mappings(request.body.get("tools"))
        functions = [tool for tool in tools if tool.get("type") == "function"]
        choice = request.body.get("tool_choice")
        if isinstance(choice, dict) and choice.get("type") == "function":
            choice = {"type": "function", "function": {"name": choice.get("name")}}
        body["tools"] = [{"type": "function", "function": tool} for tool in functions]
        body["tool_choice"] = choice
        body["parallel_tool_calls"] = request.body.get("parallel_tool_calls")
        return body

    def __init__(self, name: str, model: str) -> None:
        super().__init__(name, model)
        self._kinds: dict[int, str] = {}
        response = library.Response(
            id=name,
            object="response",
            created_at=0,
            model=model,
            status="in_progress",
            output=[],
            tools=[],
            tool_choice="auto",
            parallel_tool_calls=True,
        )
        self._driven = _driven(response)
        next(self._driven)

    def close(self, finish: str, usage: Usage) -> Iterator[Item]:
        """The end of the response."""
        told: Item = {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.output,
            "total_tokens": usage.prompt + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cache_read},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        }
        yield from self.events({**self.chunk({}, finish), "usage": told})
        for event in self._driven.send(None):
            yield self._shown(event, cut=finish == "length")

    def events(self, chunk: Item) -> Iterator[Item]:
        """What the library makes of a chunk."""
        for event in self._driven.send(library.ChatCompletionChunk.model_validate(chunk)):
            yield self._shown(event)

    def _shown(self, event: Any, *, cut: bool = False) -> Item:
        """An event with a name of its own for each item, which the library leaves alike."""
        shown: Item = event.model_dump(mode="json", exclude_none=True)
        index, item = shown.get("output_index"), shown.get("item")
        if isinstance(index, int):
            if isinstance(item, dict):
                self._kinds[index] = str(item.get("type"))
                self._sign(item, index)
            if "item_id" in shown:
                shown["item_id"] = self._item_name(index)
        if shown["type"] == "response.completed":
            response = mapping(shown, "response")
            shown |= _ended(response, cut=cut)
            for number, made in enumerate(mappings(response["output"])):
                self._sign(made, number)
        return shown

    def _sign(self, item: Item, index: int) -> None:
        item["id"] = self._item_name(index)
        item.pop("provider_data", None)  # the library's own

    def _item_name(self, index: int) -> str:
        kind = _PREFIX.get(self._kinds.get(index, ""), "item")
        return f"{kind}_{self.name}_{index}"


def _ended(response: Item, *, cut: bool) -> Item:
    """The last event with what the library does not say: that the reply was cut."""
    response["status"] = "incomplete" if cut else "completed"
    response["error"] = None
    response["incomplete_details"] = {"reason": "max_output_tokens"} if cut else None
    return {"type": f"response.{response['status']}", "response": response}


def _driven(response: Any) -> Generator[list[Any], Any]:
    """Drive the library's asynchronous generator by hand: takes a chunk, gives its events.

    It awaits nothing but chunks, so it needs no event loop. None ends it.
    """
    events: Any = library.ChatCmplStreamHandler.handle_stream(response, _chunks())
    made: list[Any] = []
    while True:
        step = events.__anext__()
        try:
            step.send(None)
            while True:
                chunk = yield made
                made = []
                step.send(chunk)
        except StopIteration as event:
            # The library goes on with the items in it
            made.append(event.value.model_copy(deep=True))
        except StopAsyncIteration:
            yield made
            return


async def _chunks() -> AsyncIterator[Any]:
    while (chunk := await _next_chunk()) is not None:
        yield chunk


@types.coroutine
def _next_chunk() -> Generator[None, Any, Any]:
    return (yield)
