"""The baseline as an ordinary OpenAI-compatible endpoint on this machine."""

import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

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
        self.status = status
        told = error_body(status, message, overflow=False)
        self.body: JsonValue = {"error": {**mapping(told, "error"), "code": code}}


class Handler(BaseHTTPRequestHandler):
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
        return {"object": "list", "data": [{"id": name, **model} for name in chat.LISTED]}

    def _completion(self) -> JsonValue:
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
        budget = chat.budget(request.model)
        if budget is None:
            message = f"the model {request.model!r} does not exist: mutate-1 to mutate-99999 do"
            raise RefusedError(404, message, "model_not_found")
        assert isinstance(raw, dict)
        whole = chat.complete(request, raw, budget)
        options = request.stream_options
        usage = options is not None and options.include_usage
        return list(chat.pieces(whole, include_usage=usage)) if request.stream else whole

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
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked is gone: nobody is to hear of it."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


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
