"""The Messages API over chat completions; the only module that imports `any_llm`."""

from collections.abc import Iterator

from any_llm.exceptions import AnyLLMError
from any_llm.types.completion import ChatCompletionChunk
from any_llm.types.messages import MessagesParams
from any_llm.utils.messages_compat import (
    StreamingState,
    chat_completion_chunk_to_message_stream_events,
    close_open_blocks,
    messages_params_to_completion_params,
)
from pydantic import ValidationError

from arena.gateway.proxy_request import BadProxyRequestError, Item, ProxyRequest
from arena.gateway.translator import ReplyEvents
from arena.records import Usage
from arena.serialize import mappings

_TAKEN = ("max_tokens", "tools", "tool_choice", "stop_sequences", "temperature", "top_p")


class MessagesEvents(ReplyEvents):
    """Events of one message."""

    reasoning = "reasoning"

    @staticmethod
    def request_body(request: ProxyRequest) -> Item:
        fields = {name: request.body[name] for name in _TAKEN if name in request.body}
        tools = mappings(fields.get("tools"))
        # The others' schemas are known to Anthropic alone.
        fields["tools"] = [tool for tool in tools if "input_schema" in tool]
        try:
            params = MessagesParams.model_validate(
                {"model": request.model, "messages": list(request.turns), "max_tokens": 1, **fields}
            )
            body: Item = messages_params_to_completion_params(params)
        except (AnyLLMError, ValidationError, AttributeError, KeyError, TypeError) as error:
            raise BadProxyRequestError(f"not for chat completions: {str(error)[:200]}") from None
        return body

    def __init__(self, name: str, model: str) -> None:
        super().__init__(name, model)
        self._state = StreamingState()

    def close(self, finish: str, usage: Usage) -> Iterator[Item]:
        """The end of the message."""
        yield from self.events(self.chunk({}, finish))
        for event in close_open_blocks(self._state):
            yield event.model_dump(mode="json")
        told: Item = {
            "input_tokens": usage.input_fresh,
            "cache_read_input_tokens": usage.cache_read,
            "cache_creation_input_tokens": usage.cache_write,
            "output_tokens": usage.output,
        }
        reason = {"stop_reason": self._state.stop_reason or "end_turn", "stop_sequence": None}
        yield {"type": "message_delta", "delta": reason, "usage": told}
        yield {"type": "message_stop"}

    def events(self, chunk: Item) -> Iterator[Item]:
        """What the library makes of a chunk."""
        read = ChatCompletionChunk.model_validate(chunk)
        for event in chat_completion_chunk_to_message_stream_events(read, self._state):
            yield event.model_dump(mode="json")
