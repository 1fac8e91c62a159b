"""The server of a run's gateway: HTTP on 127.0.0.1 for the agents of all its trials.

Only this module imports the web server, and only a run with an external agent imports this module.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Send

from arena.backend import apis
from arena.backend.limiter import AgentClock
from arena.backend.meter import TrialBackend
from arena.errors import HarnessError
from arena.gateway import proxy_request
from arena.gateway.bridge import BrokenStreamError, ReplyBridge, RequestBody
from arena.gateway.proxy_backend import ProxyBackend
from arena.gateway.proxy_request import BadProxyRequestError, brief
from arena.gateway.proxy_session import ProxySession
from arena.protocols import Transcript
from arena.records import Api, Limits

CALLS_AT_ONCE = 1024
"""Each waits in a thread of its own, so that none holds up another."""
_START_S = 10.0
_JSON = "application/json"
_PATHS = {f"/v1{api.PATH}": name for name, api in apis.DIALECTS.items()}
_SENT_ALONG = ("anthropic-version", "anthropic-beta")
"""Headers that say how a request is meant."""


class Gateway:
    """Serves every open session; use as a context manager."""

    def __init__(self) -> None:
        self._doors: dict[str, ProxySession] = {}
        self._tunnels: dict[int, ProxySession] = {}
        self._lock = threading.Lock()
        self._calls = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="gateway")
        # asyncio sends small pieces at once only over sockets that say that they are TCP.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            _app(self),
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

    def proxied(
        self,
        metered: TrialBackend,
        *,
        limits: Limits,
        transcript: Transcript,
        clock: AgentClock,
    ) -> ProxyBackend:
        """A trial's backend that can open a session in the agent's container."""
        return ProxyBackend(self, metered, limits=limits, transcript=transcript, clock=clock)

    @contextmanager
    def serving(self, session: ProxySession) -> Iterator[None]:
        """Let in whoever has the session's token, until the context is left."""
        with self._lock:
            self._doors[session.token] = session
        try:
            yield
        finally:
            with self._lock:
                del self._doors[session.token]
            session.close()

    @contextmanager
    def connected(self, session: ProxySession) -> Iterator[socket.socket]:
        """A connection on which only this session's token opens anything."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        with self._lock:
            self._tunnels[port] = session
        try:
            sock.connect(self.address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield sock
        finally:
            sock.close()
            with self._lock:
                self._tunnels.pop(port, None)

    def session(self, request: Request) -> ProxySession | None:
        """Whose token a request carries, if the session is open and this is the way to it."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        token = request.headers.get("x-api-key") or bearer
        port = request.client.port if request.client else 0
        with self._lock:
            session, own = self._doors.get(token), self._tunnels.get(port)
        return session if own is None or own is session else None

    async def answer(
        self, session: ProxySession, api: Api, body: RequestBody, headers: dict[str, str]
    ) -> ReplyBridge:
        """Read and make a call in a thread of its own; the bridge carries its answer."""
        bridge = ReplyBridge(asyncio.get_running_loop(), api, headers)
        self._calls.submit(session.serve, body, bridge)
        return bridge

    def __enter__(self) -> Self:
        self._thread.start()
        waiting = threading.Event()
        for _ in range(int(_START_S / 0.01)):
            if self._server.started:
                return self
            waiting.wait(0.01)
        raise HarnessError("the gateway did not start")

    def __exit__(self, *ended: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self._calls.shutdown(wait=True)


def _app(gateway: Gateway) -> Starlette:
    async def call(request: Request) -> Response:
        api = _PATHS[request.scope["path"]]
        session = gateway.session(request)
        if session is None:
            return _error(api, 401, "no such token")
        try:
            return await _call(gateway, session, api, request)
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            session.broke(error)
            return _error(api, 503, "the harness broke")

    async def models(request: Request) -> Response:
        session = gateway.session(request)
        if session is None:
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
    body = RequestBody(session.room)
    try:
        await _receive(request, body)
        headers = _sent_along(request, api, session)
        bridge = await gateway.answer(session, api, body, headers)
    except BaseException as error:
        body.release()
        if not isinstance(error, BadProxyRequestError):
            raise
        session.refuse(api, str(error))
        return _error(api, error.status, str(error))
    return await _answer(request, bridge)


def _sent_along(request: Request, api: Api, session: ProxySession) -> dict[str, str]:
    if api != session.api:
        raise BadProxyRequestError(f"{session.backend.spec.name} does not offer this API", 404)
    headers = {name: request.headers[name] for name in _SENT_ALONG if name in request.headers}
    if not all(value.isascii() for value in headers.values()):
        raise BadProxyRequestError(f"{' and '.join(_SENT_ALONG)} must be ASCII")
    return headers


async def _answer(request: Request, bridge: ReplyBridge) -> Response:
    leaving: asyncio.Future[None] = asyncio.ensure_future(_left(request))
    waited: tuple[asyncio.Future[Any], ...] = (bridge.head, leaving)
    await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    if not bridge.head.done():
        bridge.leave()
        await bridge.head  # nobody reads the answer, but the call is to end in order
    leaving.cancel()
    head = bridge.head.result()
    if head.body is not None:
        return Response(head.body, head.status, media_type=_JSON)
    return _Events(_stream(bridge), head.status, media_type="text/event-stream")


class _Events(StreamingResponse):
    """A stream; where the endpoint's broke off it does not end, and the server hangs up."""

    async def stream_response(self, send: Send) -> None:
        with contextlib.suppress(BrokenStreamError):
            await super().stream_response(send)


async def _stream(bridge: ReplyBridge) -> AsyncIterator[bytes]:
    try:
        async for piece in bridge.pieces():
            yield piece
    finally:
        bridge.leave()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _receive(request: Request, body: RequestBody) -> None:
    with contextlib.suppress(ClientDisconnect):  # whoever broke it off reads no answer
        async for block in request.stream():
            body.add(block)


def _error(api: Api, status: int, message: str) -> Response:
    return Response(proxy_request.error(api, status, message), status, media_type=_JSON)
