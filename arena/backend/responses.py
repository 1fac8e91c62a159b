"""The Responses API, as agents of others speak it; the built-in agent does not."""

from collections.abc import Iterable

from pydantic import JsonValue

from arena.backend import chat
from arena.backend.chat import COMMON, MalformedReplyError, Prompt, RequestForm, read_account, word
from arena.errors import HarnessError
from arena.records import BackendSpec, Message, Quirks, Reply, ToolCall
from arena.serialize import mapping, mappings

REQUEST = RequestForm(
    path="/responses",
    turns="input",
    system="instructions",
    limits=("max_output_tokens",),
    passed=COMMON
    | {"input", "instructions", "max_output_tokens", "parallel_tool_calls", "reasoning", "text"}
    | {"include", "store", "truncation", "prompt_cache_key", "stream_options"},
    tools=("function", "custom", "local_shell", "apply_patch"),
)
error_body = chat.error_body
_LAST = ("response.completed", "response.incomplete", "response.failed")
_ENDS = {"max_output_tokens": "length", "content_filter": "content_filter"}
_CALLS = ("function_call", "custom_tool_call", "local_shell_call")


def request_body(spec: BackendSpec, prompt: Prompt, output_limit: int) -> bytes:
    """The built-in agent speaks chat completions and Messages."""
    del prompt, output_limit
    raise HarnessError(f"{spec.name}: the built-in agent does not speak the Responses API")


def parse_reply(body: JsonValue, quirks: Quirks) -> Reply:
    """A reply from the body of a response; `MalformedReplyError` where there is no output."""
    body, bare = read_account(body, "responses", quirks)
    output = body.get("output")
    if not isinstance(output, list):
        raise MalformedReplyError("the reply has no output", bare)
    items = mappings(output)
    calls = tuple(_call(item) for item in items if item.get("type") in _CALLS)
    texts = (chat.text_of(i.get("content")) for i in items if i.get("type") == "message")
    message: Message = {"role": "assistant", "content": output}
    finish = word(_finish(body, called=bool(calls)))
    return chat.finished(bare, message, "".join(texts), calls, finish)


def assemble(chunks: Iterable[JsonValue]) -> dict[str, JsonValue]:
    """The response that a stream's events amount to; the last one's output may be empty."""
    body: dict[str, JsonValue] = {}
    items: list[JsonValue] = []
    for chunk in chunks:
        if not isinstance(chunk, dict):
            continue
        whole, item = chunk.get("response"), chunk.get("item")
        if isinstance(whole, dict):
            body |= {k: v for k, v in whole.items() if v is not None}
        if chunk.get("type") == "response.output_item.done" and isinstance(item, dict):
            items.append(item)
    if not body.get("output"):
        body["output"] = items
    return body


def is_last(chunk: JsonValue) -> bool:
    """Whether an event ends the response."""
    return isinstance(chunk, dict) and chunk.get("type") in _LAST


def is_whole(body: dict[str, JsonValue]) -> bool:
    """Whether an assembled response says how it ended."""
    return body.get("status") in ("completed", "incomplete")


def _finish(body: dict[str, JsonValue], *, called: bool) -> str | None:
    reason, status = mapping(body, "incomplete_details").get("reason"), body.get("status")
    if status == "incomplete" or reason:
        return _ENDS.get(str(reason), str(reason))
    if status in ("failed", "cancelled"):
        return "error"
    if status not in ("completed", None):
        return str(status)
    return "tool_calls" if called else "stop"


def _call(item: dict[str, JsonValue]) -> ToolCall:
    return ToolCall(
        id=str(item.get("call_id") or item.get("id") or ""),
        name=str(item.get("name") or item.get("type") or ""),
        arguments=str(item.get("arguments") or item.get("input") or ""),
    )
