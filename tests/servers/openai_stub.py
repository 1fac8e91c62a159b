"""A scripted OpenAI-compatible server on 127.0.0.1, for tests and benchmarks.

    with Stub([call("bash", command="ls"), text("done")]) as stub:
        client = openai.OpenAI(base_url=stub.base_url, api_key="k")

The script is a list (one answer a request, in the order of arrival), a callable that gets the
`Request`, or `by_turn([...])` for many conversations at once. `stub.requests` holds everything that
came in, `stub.served` what was generated (and would be billed), also when it never arrived.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

AUTO: dict[str, Any] = {"auto": True}
"""Usage counted from the text: one token per four bytes, rounded up."""

HALFWAY_S = 60.0

Fault = Literal[
    "hang",  # headers never come, until the stub closes or the client goes
    "close",  # the connection ends without a byte
    "cut",  # half of the body, then the connection ends
    "drip",  # the body arrives one byte at a time, `drip_s` apart
    "pace",  # the events of a stream arrive one at a time, `drip_s` apart
    "garbage",  # HTTP 200 with a body that is not JSON
    "linger",  # the whole body, and then no end
]


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    raw: bytes
    body: dict[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return list(self.body.get("messages", []))

    @property
    def turn(self) -> int:
        """Assistant messages already in the history: 0 for a new conversation."""
        return sum(m.get("role") == "assistant" for m in self.messages)


@dataclass(frozen=True)
class Answer:
    """What to send back. Everything has a default that a client accepts."""

    message: Mapping[str, Any] = field(default_factory=dict)
    finish_reason: str | None = "stop"
    usage: Mapping[str, Any] | None = field(default_factory=lambda: AUTO)
    """As sent; None sends none."""
    model: str | None = None
    """Returned model; the requested one when None."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """More top-level fields of the reply."""
    choices: Sequence[Mapping[str, Any]] | None = None
    """Instead of the one choice made of `message`."""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    """Whole body instead of a reply: JSON, or bytes as they are."""
    fault: Fault | None = None
    events: int | None = None
    """Of a stream that is cut: how many arrive before; half of the body where it is not said."""
    halfway: threading.Event | None = None
    """Half of the body is sent, the other half when this is set; never set, it never comes."""
    delay_s: float = 0.0
    drip_s: float = 0.05
    billed: bool | None = None
    """Whether it counts as served; by default every HTTP 200 that is not `body` does."""


def text(content: str, **how: Any) -> Answer:
    """A reply without tool calls."""
    return Answer(message={"role": "assistant", "content": content}, **how)


def call(name: str, /, **arguments: Any) -> Answer:
    """A reply with one tool call."""
    return calls((name, arguments))


def calls(*wanted: tuple[str, Any], content: str | None = None, **how: Any) -> Answer:
    """A reply with tool calls; arguments given as a string go out as they are."""
    made = [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {
                "name": name,
                "arguments": given if isinstance(given, str) else json.dumps(given),
            },
        }
        for number, (name, given) in enumerate(wanted)
    ]
    message = {"role": "assistant", "content": content, "tool_calls": made}
    return Answer(message=message, finish_reason="tool_calls", **how)


def error(status: int, body: Any = None, **headers: str) -> Answer:
    """An HTTP error; header names take `_` for `-`."""
    shown = {"error": {"message": f"scripted {status}", "code": None}} if body is None else body
    return Answer(
        status=status,
        body=shown,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def fault(kind: Fault, **how: Any) -> Answer:
    """A reply that was generated but does not arrive whole."""
    return replace(text("never seen whole " * 20), fault=kind, **how)


def by_turn(answers: Sequence[Answer]) -> Callable[[Request], Answer]:
    """The n-th answer to the n-th turn of any conversation; the last one repeats."""
    return lambda request: answers[min(request.turn, len(answers) - 1)]


@dataclass(frozen=True)
class Served:
    """One generation, which a vendor would bill."""

    request: Request
    usage: dict[str, int]
    """Prompt and completion tokens, also where none were sent."""
    told: bool
    """The whole reply went out with its usage in it."""


class Stub:
    """The server; use as a context manager, or `start()` and `close()`."""

    def __init__(
        self, script: Sequence[Answer] | Callable[[Request], Answer], *, port: int = 0
    ) -> None:
        self.requests: list[Request] = []
        self.served: list[Served] = []
        self.peak_in_flight = 0
        self.connections = 0
        self._script = script
        self._next = 0
        self._in_flight = 0
        self._lock = threading.Lock()
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"stub": self})
        self._server = _Server(("127.0.0.1", port), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.005,), daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def start(self) -> Self:
        self._thread.start()
        return self

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, request: Request) -> Answer:
        """The script's answer; a list that has run out answers HTTP 500."""
        with self._lock:
            self.requests.append(request)
            number, self._next = self._next, self._next + 1
        if callable(self._script):
            return self._script(request)
        if number < len(self._script):
            return self._script[number]
        return error(500, {"error": {"message": "the script has no more answers"}})

    def connected(self) -> None:
        with self._lock:
            self.connections += 1

    def record(self, served: Served) -> None:
        with self._lock:
            self.served.append(served)

    def enter(self) -> None:
        with self._lock:
            self._in_flight += 1
            self.peak_in_flight = max(self.peak_in_flight, self._in_flight)

    def leave(self) -> None:
        with self._lock:
            self._in_flight -= 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    stub: Stub

    def setup(self) -> None:
        super().setup()
        self.stub.connected()

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        body = json.dumps({"object": "list", "data": []}).encode()
        self._write(200, {"Content-Type": "application/json"}, body)

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size)
        if len(raw) < size:  # the client died while it sent
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, raw, json.loads(raw or b"{}"))
        self.stub.enter()
        try:
            self._reply(request, self.stub.answer(request))
        finally:
            self.stub.leave()

    def _reply(self, request: Request, answer: Answer) -> None:
        if answer.delay_s and self.stub.closing.wait(answer.delay_s):
            return
        if answer.body is not None:
            usage: dict[str, int] = {}
            body, kind = _bytes(answer.body), "application/json"
        else:
            usage, body, kind = render(request, answer)
        billed = (
            answer.body is None and answer.status == 200 if answer.billed is None else answer.billed
        )
        if billed:
            told = answer.fault is None and answer.usage is not None
            self.stub.record(Served(request, usage or count(request, answer), told))
        self._send(answer, body, {"Content-Type": kind, **answer.headers})

    def _send(self, answer: Answer, body: bytes, headers: Mapping[str, str]) -> None:
        if answer.fault == "hang":
            self._wait_for_end()
        if answer.fault in {"hang", "close"}:
            self.close_connection = True
        elif answer.fault == "cut":
            half = body[: len(body) // 2]
            if answer.events is not None:
                parts = body.split(b"\n\n")[: answer.events]
                half = b"".join(part + b"\n\n" for part in parts)
            self._write(answer.status, headers, half, length=len(body))
            self.close_connection = True
        elif answer.fault == "linger":
            self._write(answer.status, headers, body, length=len(body) + 1)
            self._wait_for_end()
            self.close_connection = True
        elif answer.fault == "drip":
            self._drip(answer, headers, (body[i : i + 1] for i in range(len(body))), len(body))
        elif answer.fault == "pace":
            events = (event + b"\n\n" for event in body.split(b"\n\n") if event)
            self._drip(answer, headers, events, len(body))
        elif answer.halfway is not None:
            self._in_halves(answer.halfway, headers, body)
        elif answer.fault == "garbage":
            self._write(200, headers, b"<html>busy</html>")
        else:
            self._write(answer.status, headers, body)

    def _drip(
        self, answer: Answer, headers: Mapping[str, str], pieces: Iterable[bytes], size: int
    ) -> None:
        self._write(answer.status, headers, b"", length=size)
        due = time.monotonic()
        for piece in pieces:
            self.wfile.write(piece)
            due += answer.drip_s  # on a schedule: who reads slowly does not slow the writing
            if self.stub.closing.wait(max(0.0, due - time.monotonic())):
                return

    def _in_halves(self, onward: threading.Event, headers: Mapping[str, str], body: bytes) -> None:
        half = len(body) // 2
        self._write(200, headers, body[:half], length=len(body))
        if onward.wait(HALFWAY_S):
            self.wfile.write(body[half:])
        self.close_connection = True

    def _wait_for_end(self) -> None:
        self.connection.settimeout(0.05)
        while not self.stub.closing.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def _write(
        self, status: int, headers: Mapping[str, str], body: bytes, *, length: int | None = None
    ) -> None:
        lines = [f"HTTP/1.1 {status} scripted", f"Content-Length: {length or len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)


def count(request: Request, answer: Answer) -> dict[str, int]:
    """Usage by the stub's own rule."""
    asked = len(json.dumps([request.body.get("messages"), request.body.get("tools")]))
    given = len(json.dumps(dict(answer.message)))
    prompt, completion = -(-asked // 4), -(-given // 4)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def render(request: Request, answer: Answer) -> tuple[dict[str, int], bytes, str]:
    """Usage, body and content type of a reply, streamed when the request asks for it."""
    usage: Any = count(request, answer) if answer.usage is AUTO else answer.usage
    choice = {"index": 0, "message": dict(answer.message), "finish_reason": answer.finish_reason}
    head = {
        "id": f"chatcmpl-{time.monotonic_ns()}",
        "created": int(time.time()),
        "model": answer.model or request.body.get("model"),
        **answer.extra,
    }
    if request.body.get("stream"):
        wants = (request.body.get("stream_options") or {}).get("include_usage")
        body = b"".join(sse(head, choice, usage if wants else None))
        return dict(usage or {}), body, "text/event-stream"
    choices = [choice] if answer.choices is None else list(answer.choices)
    reply = {**head, "object": "chat.completion", "choices": choices}
    if usage is not None:
        reply["usage"] = usage
    return dict(usage or {}), json.dumps(reply).encode(), "application/json"


def sse(head: dict[str, Any], choice: dict[str, Any], usage: Any) -> Iterator[bytes]:
    """The same reply in pieces: text, tool-call arguments and everything else, then usage."""
    head = {**head, "object": "chat.completion.chunk"}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return _event({**head, "choices": choices})

    message = dict(choice["message"])
    yield chunk({"role": message.pop("role", "assistant"), "content": ""})
    tool_calls = message.pop("tool_calls", None) or []
    if "tool_calls" in choice["message"] and not tool_calls:
        yield chunk({"tool_calls": choice["message"]["tool_calls"]})
    for name, value in sorted(message.items(), key=lambda item: item[0] == "content"):
        if isinstance(value, str):
            for piece in _pieces(value):
                yield chunk({name: piece})
        elif value is not None:
            yield chunk({name: value})
    for index, made in enumerate(tool_calls):
        function = made["function"]
        yield chunk(
            {"tool_calls": [{**made, "index": index, "function": {**function, "arguments": ""}}]}
        )
        for piece in _pieces(function["arguments"]):
            yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield chunk({}, choice["finish_reason"])
    if usage is not None:
        yield _event({**head, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _event(payload: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def _pieces(value: str, size: int = 7) -> Iterator[str]:
    for start in range(0, len(value), size):
        yield value[start : start + size]


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()
