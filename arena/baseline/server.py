"""The baseline as an ordinary OpenAI-compatible endpoint on this machine."""

import json
import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from pydantic import JsonValue, ValidationError

from arena.baseline import chat
from arena.errors import InputError
from arena.serialize import from_json

MAX_BODY_BYTES = 64 * 1024 * 1024
MAX_PORT = 65535
_log = logging.getLogger(__name__)


class RefusedError(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code

    def body(self) -> JsonValue:
        """The error as clients of the protocol expect it."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        error: JsonValue = {
            "message": self.message, "type": kind, "param": None, "code": self.code,
        }  # fmt: skip
        return {"error": error}


class Handler(BaseHTTPRequestHandler):
    """Answers one connection, request after request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server_version = "arena-baseline"

    def do_GET(self) -> None:
        """Answer /v1/models and /v1/models/NAME."""
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
            self._send(refused.status, refused.body())
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception:  # noqa: BLE001 - the connection's last resort: answer and go on
            _log.exception("request to %s failed", self.path)
            self.close_connection = True
            self._send(500, RefusedError(500, "internal error of the baseline service").body())

    def _models(self) -> None:
        path = self.path.split("?")[0].rstrip("/")
        if path == "/v1/models":
            self._send(200, {"object": "list", "data": [_model(name) for name in chat.LISTED]})
            return
        name = path.removeprefix("/v1/models/")
        if name == path:
            raise RefusedError(404, f"no such path: GET {path}")
        if chat.budget(name) is None:
            raise _unknown_model(name)
        self._send(200, _model(name))

    def _completion(self) -> None:
        raw = self._json()
        path = self.path.split("?")[0].rstrip("/")
        if path != "/v1/chat/completions":
            raise RefusedError(404, f"no such path: POST {path}")
        try:
            request = chat.Request.model_validate(raw)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise RefusedError(400, f"{place or 'body'}: {first['msg']}") from None
        candidates = chat.budget(request.model)
        if candidates is None:
            raise _unknown_model(request.model)
        completion = chat.complete(request, raw, candidates)
        if request.stream:
            options = request.stream_options
            self._stream(completion, include_usage=bool(options and options.include_usage))
        else:
            self._send(200, completion.whole())

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

    def _send(self, status: int, body: JsonValue) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, completion: chat.Completion, *, include_usage: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in completion.pieces(include_usage=include_usage):
            self._event(json.dumps(piece))
        self._event("[DONE]")
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _event(self, data: str) -> None:
        event = f"data: {data}\n\n".encode()
        self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
        self.wfile.flush()


def _model(name: str) -> JsonValue:
    return {"id": name, "object": "model", "created": 0, "owned_by": "arena"}


def _unknown_model(name: str) -> RefusedError:
    message = f"the model {name!r} does not exist; the name says how many candidates are tried"
    return RefusedError(404, f"{message}: mutate-1 to mutate-99999", "model_not_found")


class BaselineServer:
    """A running service; close it, or leave its context, to stop it."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def base_url(self) -> str:
        """Where a client of the protocol finds it."""
        host, port = self._server.server_address[:2]
        name = host.decode() if isinstance(host, bytes) else host
        return f"http://{f'[{name}]' if ':' in name else name}:{port}/v1"

    def wait(self) -> None:
        """Block until it is closed; an interrupt passes through."""
        self._thread.join()

    def close(self) -> None:
        """Take no more connections and free the port; closing twice does no harm."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def serve(host: str = "127.0.0.1", port: int = 0) -> BaselineServer:
    """Start the service in threads of this process.

    Args:
        host: address to listen on.
        port: port to listen on; 0 takes a free one, told by `base_url`.

    Raises:
        InputError: the address cannot be listened on.
    """
    if not 0 <= port <= MAX_PORT:
        raise InputError(f"{port} is no port", where="port", remedy=f"use 0 to {MAX_PORT}")
    try:
        return BaselineServer(_Server((host, port), Handler))
    except OSError as error:
        raise InputError(
            f"cannot listen: {error.strerror or error}",
            where=f"{host}:{port}",
            remedy="choose another port, or 0 for a free one",
        ) from None
