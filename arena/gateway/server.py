"""The server of a run's gateway: HTTP on 127.0.0.1 for the agents of all its trials.

Only this module imports the web server, and only a run with an external agent imports this module.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from arena.backend import apis
from arena.backend.meter import TrialBackend
from arena.errors import HarnessError
from arena.gateway import proxy_request
from arena.gateway.bridge import BrokenStreamError, RequestBody
from arena.gateway.proxy_request import BadProxyRequestError, brief
from arena.gateway.proxy_session import ProxySession
from arena.gateway.tunnel import FORWARDER, Tunnel
from arena.protocols import Sandbox
from arena.records import Api
from arena.records.container import IDLE_USER, LAYER_PYTHON

CALLS_AT_ONCE = 1024
"""Each waits in a thread of its own, so that none holds up another."""
HEAD_LIMIT_BYTES = 32_000
"""Of a request besides its body: its line, headers, trailers, and what frames its chunks."""
FRAMING_SHARE = 8
"""For so many bytes of a body, one more for the framing of its chunks."""
FRAMED_BYTES = 4_000_000
"""Of a body that count for that: one that nobody takes has no end, and trailers are held."""
HEADERS_LIMIT = 128
PIPELINED_LIMIT = 8
"""Requests that wait for an answer before theirs, on one connection."""
_READ_BYTES = 1 << 14
_JSON = "application/json"
_PATHS = {f"/v1{api.REQUEST.path}": name for name, api in apis.DIALECTS.items()}
_SENT_ALONG = ("anthropic-version", "anthropic-beta")
"""Headers that say how a request is meant."""


class Gateway:
    """Serves every open session; use as a context manager.

    Threads of trials come and go while the loop looks: each step on a table is one of its own.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, ProxySession] = {}
        self._tunnels: dict[int, ProxySession] = {}
        self.calls = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="gateway")
        """Where calls are read and made."""
        # asyncio sends small pieces at once only over sockets that say that they are TCP.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            _app(self),
            http=BoundedConnection,
            log_config=None,
            log_level="critical",  # what breaks here is told by the trial that it ends
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            proxy_headers=False,  # an agent may not say that it came another way
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="gateway", daemon=True
        )

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; nothing is served there without a trial's token."""
        host, port = self._socket.getsockname()
        return str(host), int(port)

    @contextmanager
    def serving(self, session: ProxySession) -> Iterator[None]:
        """Let in whoever has the session's token, until the context is left."""
        self._sessions[session.token] = session
        try:
            yield
        finally:
            del self._sessions[session.token]
            session.close()

    @contextmanager
    def connected(self, session: ProxySession) -> Iterator[socket.socket]:
        """A connection on which only this session's token opens anything."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        self._tunnels[port] = session
        try:
            sock.connect(self.address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield sock
        finally:
            sock.close()
            self._tunnels.pop(port, None)

    def session(self, request: Request) -> ProxySession | None:
        """Whose token a request carries, if the session is open and this is the way to it."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        token = request.headers.get("x-api-key") or bearer
        port = request.client.port if request.client else 0
        session, own = self._sessions.get(token), self._tunnels.get(port)
        return session if own is None or own is session else None

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise HarnessError("the gateway did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *ended: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self.calls.shutdown(wait=True)


class BoundedConnection(HttpToolsProtocol):
    """One connection, which ends when it makes the parser hold more than a request needs.

    Bodies are counted where they are put together, where a refusal can be told in words.
    """

    _framing = _body = 0
    """Bytes of the request that is read, by what they are."""

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _READ_BYTES):
            piece = data[start : start + _READ_BYTES]
            self._framing += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if not self._fits():
                self.transport.abort()
                return

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._framing = self._body = 0

    def on_body(self, body: bytes) -> None:
        self._framing -= len(body)
        self._body += len(body)
        super().on_body(body)

    def _fits(self) -> bool:
        if self._framing > HEAD_LIMIT_BYTES + min(self._body, FRAMED_BYTES) // FRAMING_SHARE:
            return False
        return len(self.pipeline) <= PIPELINED_LIMIT and len(self.headers or ()) <= HEADERS_LIMIT


class ProxyBackend:
    """`arena.protocols.SandboxBackend` for one trial: opens a session in the agent's container."""

    def __init__(self, gateway: Gateway, metered: TrialBackend) -> None:
        self._gateway = gateway
        self._metered = metered
        self.model = metered.spec.model
        self.context_window = metered.spec.context_window
        self.complete = metered.complete

    @contextmanager
    def open(self, sandbox: Sandbox) -> Iterator[ProxySession]:
        """Open a session in a sandbox that has an agent's layer.

        Raises:
            EngineError: the forwarder did not start.
        """
        with self._metered.clock.waiting():  # a translation's library takes seconds to import
            session = ProxySession(self._metered)
        forwarder = [LAYER_PYTHON, "-I", "-S", "-B", "-c", FORWARDER]
        with (
            self._gateway.serving(session),
            sandbox.pipe(forwarder, user=IDLE_USER) as pipe,
            Tunnel(pipe, lambda: self._gateway.connected(session), session.broke) as tunnel,
        ):
            session.origin = f"http://127.0.0.1:{tunnel.port}"
            yield session


def _app(gateway: Gateway) -> Starlette:
    async def call(request: Request) -> Response:
        api = _PATHS[request.scope["path"]]
        if (session := gateway.session(request)) is None:
            return _error(api, 401, "no such token")
        try:
            return await _call(gateway, session, api, request)
        except BadProxyRequestError as error:
            session.refuse(api, str(error))
            return _error(api, error.status, str(error))
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            session.broke(error)
            return _error(api, 503, "the harness broke")

    async def models(request: Request) -> Response:
        if (session := gateway.session(request)) is None:
            return _error("chat", 401, "no such token")
        return Response(proxy_request.models(session.backend.spec.model), media_type=_JSON)

    async def nothing(request: Request) -> Response:
        path = request.scope["path"]
        if (session := gateway.session(request)) is not None:
            session.strayed(request.method, path)
        api: Api = "messages" if path.startswith("/v1/messages") else "chat"
        return _error(api, 404, f"nothing is served at {request.method} {brief(path)}")

    routes = [Route(path, call, methods=["POST"]) for path in _PATHS]
    routes.append(Route("/v1/models", models))
    every = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
    return Starlette(routes=[*routes, Route("/{rest:path}", nothing, methods=every)])


async def _call(gateway: Gateway, session: ProxySession, api: Api, request: Request) -> Response:
    body = RequestBody(session.budget)
    try:
        with contextlib.suppress(ClientDisconnect):  # whoever broke it off reads no answer
            async for block in request.stream():
                body.add(block)
        bridge = session.bridge(_sent_along(request, api, session))
        gateway.calls.submit(session.serve, body, bridge)
    except BaseException:
        body.release()
        raise
    leaving: asyncio.Future[None] = asyncio.ensure_future(_left(request))
    waited: tuple[asyncio.Future[Any], ...] = (bridge.head, leaving)
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    bridge.left = not bridge.head.done()
    # Also where nobody reads the answer: the call is to end in order.
    status, told = await bridge.head
    leaving.cancel()
    if told is not None:
        return Response(told, status, media_type=_JSON)
    return _Events(bridge.pieces(), status, media_type="text/event-stream")


def _sent_along(request: Request, api: Api, session: ProxySession) -> dict[str, str]:
    if api != session.api:
        raise BadProxyRequestError(f"{session.backend.spec.name} does not offer this API", 404)
    headers = {name: request.headers[name] for name in _SENT_ALONG if name in request.headers}
    if not all(value.isascii() for value in headers.values()):
        raise BadProxyRequestError(f"{' and '.join(_SENT_ALONG)} must be ASCII")
    return headers


class _Events(StreamingResponse):
    """A stream; where the endpoint's broke off it does not end, and the server hangs up."""

    async def stream_response(self, send: Send) -> None:
        with contextlib.suppress(BrokenStreamError):
            await super().stream_response(send)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _error(api: Api, status: int, message: str) -> Response:
    return Response(proxy_request.error_body(api, status, message), status, media_type=_JSON)
