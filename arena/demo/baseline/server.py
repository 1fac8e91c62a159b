"""The baseline as an ordinary OpenAI-compatible endpoint on this machine."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pydantic import JsonValue, ValidationError

from arena.backend.chat import error_body
from arena.demo.baseline import chat
from arena.errors import InputError
from arena.serialize import from_json, mapping

MAX_BODY_BYTES = 64 * 1024 * 1024
POLL_S = 0.05
"""How often the server looks whether it is to stop."""
_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code

    def body(self) -> JsonValue:
        """The error as clients of the protocol expect it."""
        told = error_body(self.status, self.message, overflow=False)
        return {"error": {**mapping(told, "error"), "code": self.code}}


class Handler(BaseHTTPRequestHandler):
    """Answers one connection, request after request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server_version = "arena-baseline"

    def do_GET(self) -> None:
        """Answer /v1/models."""
        self._guarded(self._models)

    def do_POST(self) -> None:
        """Answer /v1/chat/completions."""
        self._guarded(self._completion)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep requests out of stderr."""
        _log.debug(format, *args)

    def _guarded(self, answer: Callable[[], None]) -> None:
        try:
            answer()
        except RefusedError as refused:
            self._answer(refused.status, refused.body())
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception:  # noqa: BLE001 - the connection's last resort: answer and go on
            _log.exception("request to %s failed", self.path)
            self.close_connection = True
            self._answer(500, RefusedError(500, "internal error of the baseline service").body())

    def _models(self) -> None:
        if self.path.rstrip("/") != "/v1/models":
            raise RefusedError(404, f"no such path: GET {self.path}")
        model: dict[str, JsonValue] = {"object": "model", "created": 0, "owned_by": "arena"}
        self._answer(200, {"object": "list", "data": [{"id": i, **model} for i in chat.LISTED]})

    def _completion(self) -> None:
        raw = self._json()
        path = self.path.split("?")[0].rstrip("/")
        if path != "/v1/chat/completions":
            raise RefusedError(404, f"no such path: POST {path}")
        try:
            request = chat.ChatRequest.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(400, f"{place or 'body'}: {first['msg']}") from None
        candidates = chat.budget(request.model)
        if candidates is None:
            message = f"the model {request.model!r} does not exist: mutate-1 to mutate-99999 do"
            raise RefusedError(404, message, "model_not_found")
        whole = chat.complete(request, raw, candidates)
        if request.stream:
            options = request.stream_options
            usage = options is not None and options.include_usage
            self._stream(chat.pieces(whole, include_usage=usage))
        else:
            self._answer(200, whole)

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

    def _answer(self, status: int, body: JsonValue) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _stream(self, pieces: Iterator[JsonValue]) -> None:
        """Send the pieces at once: all of them are known, so nothing is gained by waiting."""
        events = [*(json.dumps(piece) for piece in pieces), "[DONE]"]
        data = "".join(f"data: {event}\n\n" for event in events).encode()
        self._send(200, "text/event-stream", data)

    def _send(self, status: int, kind: str, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


@contextmanager
def serve(host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in threads of this process while the context is open; yields the base URL.

    Args:
        host: address to listen on.
        port: port to listen on; 0 takes a free one.

    Raises:
        InputError: the address cannot be listened on.
    """
    try:
        server = _Server((host, port), Handler)
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
