"""The scripted server with two more APIs: Messages and Responses, whole and streamed.

The script is the same (`tests.servers.openai_stub`): an answer is written as a chat message and goes
out in the words of the API that was asked. Usage is counted over the whole request, one token per
four bytes. The Messages side keeps a prompt cache, by breakpoint and byte-identical prefix, and
refuses requests that the real API refuses.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.servers.openai_stub import AUTO, Answer, Request, Served, Stub, _Handler

CALLS = {"function_call", "custom_tool_call", "local_shell_call"}
BREAKPOINTS = 4


def api(request: Request) -> str:
    """`chat`, `messages` or `responses`."""
    path = request.path.partition("?")[0]
    return {"messages": "messages", "responses": "responses"}.get(path.rsplit("/", 1)[-1], "chat")


def turn(request: Request) -> int:
    """What the model said so far in this conversation: calls and messages, each reply one."""
    if api(request) != "responses":
        return request.turn
    said = [item for item in request.body.get("input", []) if isinstance(item, dict)]
    return sum(item.get("type") in CALLS or item.get("role") == "assistant" for item in said)


def breaking(
    script: Callable[[Request], Answer], *, at: int, times: int
) -> Callable[[Request], Answer]:
    """The same script, whose replies at one turn break off in the middle, the first times."""
    lock, left = threading.Lock(), [times]

    def broken(request: Request) -> Answer:
        answer = script(request)
        with lock:
            if left[0] and request.body.get("tools") and turn(request) == at:
                left[0] -= 1
                return replace(answer, message=_renamed(answer.message, left[0]), fault="cut")
        return answer

    return broken


def _renamed(message: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """With ids of its own, as every reply of a vendor has: agents tell calls apart by them."""
    if "tool_calls" not in message:
        return message
    calls = [{**one, "id": f"{one['id']}_{number}"} for one in message["tool_calls"]]
    return {**message, "tool_calls": calls}


class ManyStub(Stub):
    """`Stub` with all three APIs."""

    def __init__(
        self, script: Sequence[Answer] | Callable[[Request], Answer], *, port: int = 0
    ) -> None:
        super().__init__(script, port=port)
        self._server.RequestHandlerClass = type("Many", (_Many,), {"stub": self})
        self.cache: set[bytes] = set()
        self.cache_lock = threading.Lock()

    @property
    def told(self) -> tuple[int, int]:
        """Prompt and output tokens of everything served."""
        return (
            sum(s.usage["prompt_tokens"] for s in self.served),
            sum(s.usage["completion_tokens"] for s in self.served),
        )


class _Many(_Handler):
    stub: ManyStub

    def _reply(self, request: Request, answer: Answer) -> None:
        kind = api(request)
        if kind == "chat" or answer.body is not None:
            super()._reply(request, answer)
            return
        if answer.delay_s and self.stub.closing.wait(answer.delay_s):
            return
        if kind == "messages" and (wrong := refusal(request)) is not None:
            body = {"type": "error", "error": {"type": "invalid_request_error", "message": wrong}}
            self._send(answer, json.dumps(body).encode(), {"Content-Type": "application/json"})
            return
        usage = counted(self.stub, request, answer)
        told = None if answer.usage is None else usage
        render = messages_reply if kind == "messages" else responses_reply
        events, whole = render(request, answer, told)
        total = {
            "prompt_tokens": usage["input_tokens"]
            + usage.get("cache_read_input_tokens", 0)
            + usage.get("cache_creation_input_tokens", 0),
            "completion_tokens": usage["output_tokens"],
        }
        self.stub.record(Served(request, total, told=answer.fault is None and told is not None))
        if request.body.get("stream"):
            sent, content = b"".join(_event(e) for e in events), "text/event-stream"
        else:
            sent, content = json.dumps(whole).encode(), "application/json"
        self._send(answer, sent, {"Content-Type": content, **answer.headers})


def _event(event: Mapping[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _tokens(value: Any) -> int:
    size = len(value) if isinstance(value, bytes) else len(json.dumps(value))
    return -(-size // 4)


def counted(stub: ManyStub, request: Request, answer: Answer) -> dict[str, Any]:
    """Usage by the stub's own rule, in the API's own shape."""
    if answer.usage is not None and answer.usage is not AUTO:
        return dict(answer.usage)
    output = _tokens(dict(answer.message))
    if api(request) == "responses":
        prompt = _tokens([request.body.get(k) for k in ("instructions", "input", "tools")])
        return {
            "input_tokens": prompt,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": prompt + output,
        }
    whole, marked = prefixes(request.body)
    with stub.cache_lock:
        read = max((_tokens(p) for p in marked if p in stub.cache), default=0)
        stub.cache.update(marked)
    last = _tokens(marked[-1]) if marked else 0
    return {
        "input_tokens": _tokens(whole) - max(last, read),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": max(last - read, 0),
        "output_tokens": output,
    }


def prefixes(body: Mapping[str, Any]) -> tuple[bytes, list[bytes]]:
    """The whole prompt as bytes, and its beginnings up to each cache breakpoint."""
    system = body.get("system") or []
    parts = [
        *(body.get("tools") or []),
        *([{"text": system}] if isinstance(system, str) else system),
    ]
    for message in body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        parts += [{"role": message["role"], **block} for block in blocks]
    whole, marked = b"", []
    for part in parts:
        plain = {k: v for k, v in part.items() if k != "cache_control"}
        whole += json.dumps(plain).encode()
        if "cache_control" in part:
            marked.append(whole)
    return whole, marked


def refusal(request: Request) -> str | None:
    """What the real Messages API would refuse."""
    body = request.body
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: field required"
    if any(m.get("role") not in {"user", "assistant", "system"} for m in body["messages"]):
        return "messages: unexpected role"
    if "anthropic-version" not in request.headers:
        return "anthropic-version: header is required"
    if len(prefixes(body)[1]) > BREAKPOINTS:
        return f"a maximum of {BREAKPOINTS} blocks with cache_control may be provided"
    thinking = body.get("thinking") or {}
    if thinking.get("budget_tokens", 0) >= body["max_tokens"]:
        return "max_tokens must be greater than thinking.budget_tokens"
    open_calls: set[str] = set()
    for message in body["messages"]:
        blocks = message["content"] if isinstance(message["content"], list) else []
        results = {b.get("tool_use_id") for b in blocks if b.get("type") == "tool_result"}
        if open_calls - results:
            return "tool_use ids were found without tool_result blocks immediately after"
        open_calls = {b["id"] for b in blocks if b.get("type") == "tool_use"}
    return None


def _calls(answer: Answer) -> list[tuple[str, str, str]]:
    return [
        (
            f"{made['id']}_{id(answer) % 9973}",
            made["function"]["name"],
            made["function"]["arguments"],
        )
        for made in answer.message.get("tool_calls", [])
    ]


def messages_reply(
    request: Request, answer: Answer, usage: Any
) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """Events and whole body of a Messages reply."""
    number = len(request.body["messages"])
    content: list[dict[str, Any]] = []
    if answer.message.get("thinking"):
        content.append(
            {"type": "thinking", "thinking": answer.message["thinking"], "signature": f"s{number}"}
        )
    if answer.message.get("content"):
        content.append({"type": "text", "text": answer.message["content"]})
    for ident, name, arguments in _calls(answer):
        content.append(
            {
                "type": "tool_use",
                "id": f"toolu_{number}_{ident}",
                "name": name,
                "input": json.loads(arguments),
            }
        )
    reason = {"tool_calls": "tool_use", "length": "max_tokens"}.get(
        answer.finish_reason or "", "end_turn"
    )
    whole = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": answer.model or request.body.get("model"),
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
        **answer.extra,
    }
    if usage is None:
        del whole["usage"]
    return _messages_events(whole, usage), whole


def _messages_events(whole: dict[str, Any], usage: Any) -> Iterator[dict[str, Any]]:
    begun = {**whole, "content": [], "stop_reason": None}
    if usage is not None:
        begun["usage"] = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": begun}
    yield {"type": "ping"}
    for index, block in enumerate(whole["content"]):
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}
        start = {**block, **empty.get(block["type"], {"input": {}})}
        yield {"type": "content_block_start", "index": index, "content_block": start}
        for delta in _deltas(block):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    last = {
        "type": "message_delta",
        "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
    }
    yield last if usage is None else {**last, "usage": {"output_tokens": usage["output_tokens"]}}
    yield {"type": "message_stop"}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if block["type"] == "tool_use":
        for piece in _pieces(json.dumps(block["input"])):
            yield {"type": "input_json_delta", "partial_json": piece}
        return
    kind = block["type"]
    for piece in _pieces(block[kind]):
        yield {"type": f"{kind}_delta", kind: piece}
    if kind == "thinking":
        yield {"type": "signature_delta", "signature": block["signature"]}


def _pieces(value: str, size: int = 11) -> list[str]:
    return [value[i : i + size] for i in range(0, len(value), size)]


def responses_reply(
    request: Request, answer: Answer, usage: Any
) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """Events and whole body of a Responses reply."""
    said = request.body.get("input")
    number = len(said) if isinstance(said, list) else 1
    output: list[dict[str, Any]] = []
    if answer.message.get("content"):
        part = {"type": "output_text", "text": answer.message["content"], "annotations": []}
        output.append(
            {
                "type": "message",
                "id": f"msg_{number}",
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
        )
    for ident, name, arguments in _calls(answer):
        output.append(
            {
                "type": "function_call",
                "id": f"fc_{number}_{ident}",
                "call_id": f"call_{number}_{ident}",
                "name": name,
                "arguments": arguments,
                "status": "completed",
            }
        )
    cut = answer.finish_reason == "length"
    whole = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 0,
        "status": "incomplete" if cut else "completed",
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "model": answer.model or request.body.get("model"),
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
        **answer.extra,
    }
    return _responses_events(whole), whole


def _responses_events(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    bare = {**whole, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": bare},
        {"type": "response.in_progress", "response": bare},
    ]
    for index, item in enumerate(whole["output"]):
        where = {"output_index": index, "item_id": item["id"]}
        empty: dict[str, Any] = {"content": []} if item["type"] == "message" else {"arguments": ""}
        started = {**item, "status": "in_progress", **empty}
        events.append(
            {"type": "response.output_item.added", "output_index": index, "item": started}
        )
        if item["type"] == "message":
            part = item["content"][0]
            inner = {**where, "content_index": 0}
            events.append(
                {"type": "response.content_part.added", **inner, "part": {**part, "text": ""}}
            )
            events += [
                {"type": "response.output_text.delta", **inner, "delta": piece}
                for piece in _pieces(part["text"])
            ]
            events.append({"type": "response.output_text.done", **inner, "text": part["text"]})
            events.append({"type": "response.content_part.done", **inner, "part": part})
        else:
            events += [
                {"type": "response.function_call_arguments.delta", **where, "delta": piece}
                for piece in _pieces(item["arguments"])
            ]
            events.append(
                {
                    "type": "response.function_call_arguments.done",
                    **where,
                    "arguments": item["arguments"],
                }
            )
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    events.append({"type": f"response.{whole['status']}", "response": whole})
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}
