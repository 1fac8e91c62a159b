"""The baseline as an ordinary OpenAI-compatible endpoint on this machine."""

import base64
import hashlib
import io
import json
import logging
import re
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue, ValidationError

from arena.backend.chat import error_body, text_of
from arena.errors import InputError
from arena.serialize import from_json, mapping

RESULT = re.compile(r"^arena-mutate: (\{.*\})$", re.MULTILINE)
ISSUE = re.compile(r"<issue>\n?(.*?)\n?</issue>", re.DOTALL)
FOLDER = "/tmp/arena-mutate"  # noqa: S108 - a path inside the contestant's own container


class Result(BaseModel, frozen=True, extra="forbid"):
    """The line of JSON that a command of the search ends with."""

    say: str
    done: bool


@dataclass(frozen=True)
class Action:
    """What to do next and the sentence to say with it; submit where there is no command."""

    say: str
    command: str | None = None


def next_action(problem: str, observations: Sequence[str], budget: int) -> Action:
    """What follows on the first user message and the answers to each earlier reply."""
    if not observations:
        tagged = ISSUE.search(problem)
        return Action("Looking around.", _begin(tagged[1] if tagged else problem, budget))
    results = [_result(text) for text in observations]
    last = results[-1]
    if last is not None:
        return Action(last.say, None if last.done else _step("go-on"))
    if results[0] is None:
        return Action("The search cannot run here: it needs python3 and base64.")
    if results[-2] is None or results[-2].done:
        return Action("There is no more to try.")
    return Action("That batch was cut off.", _step("go-on"))


def _result(observation: str) -> Result | None:
    found = RESULT.findall(observation)
    try:
        return Result.model_validate_json(found[-1]) if found else None
    except ValidationError:
        return None


def _begin(report: str, budget: int) -> str:
    """The command that brings the search and the report, and lets it look around."""
    brought = {"search.zip": _search(), "report.txt": report.encode("utf-8", "replace")}
    lines = [f"mkdir -p {FOLDER}"]
    for name, data in brought.items():
        lines += [f"base64 -d <<'END' > {FOLDER}/{name}", base64.b64encode(data).decode(), "END"]
    return "\n".join([*lines, _step(f"begin {budget}")])


def _step(arguments: str) -> str:
    return f"python3 {FOLDER}/search.zip {arguments}"


@cache
def _search() -> bytes:
    """The search as a zip that Python runs; it fits one reply under the usual limits."""
    probe = files(__package__) / "probe"
    texts = {
        f"mutate_probe/{one.name}": one.read_text() for one in probe.iterdir() if one.is_file()
    }
    texts["__main__.py"] = "from mutate_probe.search import main\nmain()\n"
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for name, text in sorted(texts.items()):
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return raw.getvalue()


MODEL = re.compile(r"mutate-([1-9][0-9]{0,4})")
LISTED = ("mutate-20", "mutate-200")
BYTES_PER_TOKEN = 4


class Spoken(BaseModel, frozen=True):
    """One message of the conversation; of its content only text is read."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[JsonValue] | None = None


class StreamOptions(BaseModel, frozen=True):
    """What a stream ends with."""

    include_usage: bool = False


class ChatRequest(BaseModel, frozen=True):
    """A request for a completion; what it does not use is passed over."""

    model: str
    messages: tuple[Spoken, ...] = Field(min_length=1)
    tools: tuple[dict[str, JsonValue], ...] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)

    @property
    def tool_names(self) -> frozenset[str]:
        """Names of the functions offered."""
        return frozenset(str(mapping(tool, "function").get("name")) for tool in self.tools or ())

    @property
    def problem(self) -> str:
        """The user's first words."""
        return next((text_of(one.content) for one in self.messages if one.role == "user"), "")

    @property
    def observations(self) -> list[str]:
        """What came back after each earlier reply."""
        found: list[str] = []
        for message in self.messages:
            if message.role == "assistant":
                found.append("")
            elif found:
                found[-1] += text_of(message.content) + "\n"
        return found


def budget(model: str) -> int | None:
    """The candidates that a model's name allows, None where there is no such model."""
    found = MODEL.fullmatch(model)
    return int(found[1]) if found else None


def tokens(text: str) -> int:
    """The size of a text in tokens: its UTF-8 bytes divided by four, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def complete(request: ChatRequest, raw: Mapping[str, JsonValue], budget: int) -> dict[str, Any]:
    """The body that answers a request, whose raw messages and tools are counted as the prompt."""
    action = next_action(request.problem, request.observations, budget)
    content, call = speak(action, request.tool_names)
    prompt = json.dumps([raw.get("messages"), raw.get("tools")], ensure_ascii=False)
    spent = tokens(content + "".join(call or ()))
    finish = "tool_calls" if call else "stop"
    limit = request.max_completion_tokens or request.max_tokens
    if limit is not None and spent > limit:
        # A language model would be cut off here too; half a call is none.
        content = content.encode()[: limit * BYTES_PER_TOKEN].decode(errors="ignore")
        call, finish, spent = None, "length", limit
    digest = hashlib.sha256((prompt + request.model).encode("utf-8", "surrogatepass")).hexdigest()
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if call:
        function = {"name": call[0], "arguments": call[1]}
        message["tool_calls"] = [
            {"id": f"call_{digest[:24]}", "type": "function", "function": function}
        ]
    choice = {"index": 0, "message": message, "finish_reason": finish, "logprobs": None}
    return {
        "id": f"chatcmpl-{digest[:24]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request.model,
        "choices": [choice],
        "usage": {
            "prompt_tokens": tokens(prompt),
            "completion_tokens": spent,
            "total_tokens": tokens(prompt) + spent,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def pieces(whole: Mapping[str, Any], *, include_usage: bool) -> Iterator[dict[str, Any]]:
    """The same as the chunks of a stream."""
    head = {**whole, "object": "chat.completion.chunk"}
    usage, (choice,) = head.pop("usage"), head.pop("choices")
    delta = dict(choice.pop("message"))
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{"index": index, **one} for index, one in enumerate(calls)]
    yield {**head, "choices": [{**choice, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{**choice, "delta": {}}]}
    if include_usage:
        yield {**head, "choices": [], "usage": usage}


def speak(action: Action, tool_names: frozenset[str]) -> tuple[str, tuple[str, str] | None]:
    """Put an action into words, as a call of an offered tool or as a fenced block."""
    if not tool_names:
        return f"{action.say}\n\n```bash\n{action.command or 'submit'}\n```", None
    if action.command is not None and "bash" in tool_names:
        return action.say, ("bash", json.dumps({"command": action.command}))
    if action.command is None and "submit" in tool_names:
        return action.say, ("submit", "{}")
    if action.command is None:
        return action.say, None
    return "I can only work through a tool called bash, and none is offered.", None


# ── the service ────────────────────────────────────────────────────────────────────────────────

MAX_BODY_BYTES = 64 * 1024 * 1024
POLL_S = 0.05
"""How often the server looks whether it is to stop."""
_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        told = error_body(status, message, overflow=False)
        self.body: JsonValue = {"error": {**mapping(told, "error"), "code": code}}


class BaselineHandler(BaseHTTPRequestHandler):
    """Answers one connection, request after request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server_version = "arena-baseline"

    def do_GET(self) -> None:
        """Answer /v1/models."""
        self._answer(self._models)

    def do_POST(self) -> None:
        """Answer /v1/chat/completions."""
        self._answer(self._completion)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep requests out of stderr."""
        _log.debug(format, *args)

    def _answer(self, made: Callable[[], JsonValue | list[JsonValue]]) -> None:
        """Send what is made: a body, or the events of a stream all at once, as all are known."""
        status = 200
        try:
            body = made()
        except RefusedError as refused:
            status, body = refused.status, refused.body
        except ConnectionError:  # whoever asked is gone
            self.close_connection = True
            return
        except Exception:  # noqa: BLE001 - the connection's last resort: answer and go on
            _log.exception("request to %s failed", self.path)
            self.close_connection = True
            status, body = 500, RefusedError(500, "internal error of the baseline service").body
        kind, data = "application/json", json.dumps(body)
        if isinstance(body, list):
            kind = "text/event-stream"
            data = "".join(f"data: {json.dumps(one)}\n\n" for one in body) + "data: [DONE]\n\n"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data.encode())))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data.encode())

    def _models(self) -> JsonValue:
        if self.path.rstrip("/") != "/v1/models":
            raise RefusedError(404, f"no such path: GET {self.path}")
        model: dict[str, JsonValue] = {"object": "model", "created": 0, "owned_by": "arena"}
        return {"object": "list", "data": [{"id": name, **model} for name in LISTED]}

    def _completion(self) -> JsonValue:
        raw = self._json()
        path = self.path.split("?")[0].rstrip("/")
        if path != "/v1/chat/completions":
            raise RefusedError(404, f"no such path: POST {path}")
        try:
            request = ChatRequest.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(400, f"{place or 'body'}: {first['msg']}") from None
        if (most := budget(request.model)) is None:
            message = f"the model {request.model!r} does not exist: mutate-1 to mutate-99999 do"
            raise RefusedError(404, message, "model_not_found")
        assert isinstance(raw, dict)
        whole = complete(request, raw, most)
        options = request.stream_options
        usage = options is not None and options.include_usage
        return list(pieces(whole, include_usage=usage)) if request.stream else whole

    def _json(self) -> JsonValue:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise RefusedError(411, "a Content-Length is required")
        if int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise RefusedError(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
        try:
            value: JsonValue = from_json(self.rfile.read(int(length)))
        except ValueError:
            raise RefusedError(400, "the body is not JSON") from None
        return value


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked is gone: nobody is to hear of it."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serve(host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in threads while the context is open, port 0 at a free one; yields the base URL.

    An address that cannot be listened on is an `InputError`.
    """
    try:
        server = _Server((host, port), BaselineHandler)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"cannot listen: {error}",
            where=f"{host}:{port}",
            remedy="choose another port, or 0 for a free one",
        ) from None
    thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
