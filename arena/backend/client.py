"""The client of one address: the `openai` package, with our bytes and our headers alone.

One `send` is one attempt on the wire: no retries, no redirects, bytes in and a reply out. Every
failure is a `CallFailed` with an outcome by the provider's rules. No other module imports `openai`
or `httpx2`.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress

import httpx2
import openai

from arena import __version__
from arena.backend import apis, chat
from arena.backend.call import Relay
from arena.backend.deadlines import Watchdog
from arena.backend.replies import BrokenBodyError, CallFailed, ReplyReader, redacted
from arena.errors import InputError
from arena.records import BackendSpec, CallOutcome, Reply
from arena.records.base import is_local
from arena.serialize import from_json

REPLY_LIMIT_BYTES = 64_000_000
"""Of one reply, unpacked."""
CONNECT_TIMEOUT_S = 10.0
DRAIN_S = 0.2
"""How long a whole stream may take to end after its reply did."""
_BROKEN = (httpx2.RequestError, httpx2.StreamError)
"""What a connection, or a body that cannot be unpacked, raises."""
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_HEADERS = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": f"arena/{__version__}",
}
_NO_TELEMETRY = {
    "x-stainless-retry-count": openai.Omit(),
    "x-stainless-read-timeout": openai.Omit(),
}
"""The package adds these to each request, whatever its client's headers are."""

Headers = dict[str, str | openai.Omit]


class EndpointClient:
    """Sends requests to one base URL with one key; shared by threads."""

    def __init__(self, base_url: str, key: str | None) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._deadline = _Deadline()
        self._watchdog = Watchdog()
        try:
            connections = _connections(base_url, self._watch)
        except (OSError, ValueError, ImportError) as error:
            raise InputError(
                f"no connection can be made: {error}",
                where=f"the environment, for {base_url}",
                remedy="look at SSL_CERT_FILE, SSL_CERT_DIR and the proxy variables",
            ) from None
        # Without a key it must be given one all the same; `_authority` keeps it from being sent.
        self._sdk = _OurHeaders(
            base_url=self._base_url, api_key=key or "none", max_retries=0, http_client=connections
        )
        logging.getLogger("openai").setLevel(logging.NOTSET)  # whatever OPENAI_LOG says

    def __repr__(self) -> str:
        return f"EndpointClient({self._base_url!r})"

    def close(self) -> None:
        """Drop all connections."""
        self._watchdog.close()
        self._sdk.close()

    def send(
        self, spec: BackendSpec, body: bytes, *, timeout_s: float, relay: Relay | None = None
    ) -> Reply:
        """One attempt.

        Args:
            spec: whose API, quirks and error rules apply.
            body: the whole request.
            timeout_s: for everything up to the last byte, once the reply's headers are there;
                before, for each step.
            relay: given the reply as it arrives, from the first event that is no error.

        Raises:
            CallFailed: anything but a whole reply without fault.
        """
        self._deadline.at = time.monotonic() + timeout_s
        self._deadline.sock = None
        try:
            with closing(self._posted(spec, body, timeout_s, relay)) as response:
                status, headers = response.status_code, response.headers
                reader = ReplyReader(spec, self._key, status, headers, relay)
                reply = self._read(reader, response)
        except openai.APIStatusError as error:
            refused = error.response
            reader = ReplyReader(spec, self._key, error.status_code, refused.headers)
            raise reader.refusal(refused.content, refused.reason_phrase) from None
        except openai.APIConnectionError as error:
            raise self._lost(error) from None
        except BrokenBodyError as error:
            raise CallFailed(self._lost_by(), redacted(str(error), self._key)) from None
        finally:
            self._disarm()
        reader.check_finish(reply)
        return reply

    def _posted(
        self, spec: BackendSpec, body: bytes, timeout_s: float, relay: Relay | None
    ) -> httpx2.Response:
        response: httpx2.Response = self._sdk.post(
            self._base_url + apis.of(spec.api).PATH,
            cast_to=httpx2.Response,
            content=body,
            options={
                "headers": {
                    **_NO_TELEMETRY,
                    **self._authority(spec),
                    **(relay.headers if relay else {}),
                },
                "timeout": httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
            },
            stream=True,
        )
        return response

    def _authority(self, spec: BackendSpec) -> Headers:
        """The API's headers, and the key where no bearer token, which the package sends, has it."""
        api = apis.of(spec.api)
        as_bearer = spec.quirks.messages_bearer or api.KEY_HEADER == "authorization"
        headers: Headers = dict(api.HEADERS)
        if not self._key or not as_bearer:
            headers["authorization"] = openai.Omit()
        if self._key and not as_bearer:
            headers[api.KEY_HEADER] = self._key
        return headers

    def _read(self, reader: ReplyReader, response: httpx2.Response) -> Reply:
        relay, blocks = reader.relay, _capped(response)
        if "event-stream" in response.headers.get("content-type", ""):
            body = reader.assembled(blocks, self._lost_by)
            self._drain(blocks)
            reply = reader.parsed(body)
            if relay and not relay.streamed:
                relay.whole(chat.encoded(body))
            return reply
        data = b"".join(blocks)
        body = reader.decoded(data)
        reader.check(body)
        reply = reader.parsed(body)
        if relay:
            relay.whole(data)
        return reply

    def _drain(self, rest: Iterator[bytes]) -> None:
        """Read to the end of a stream whose reply is whole: its connection can be used again."""
        self._arm(DRAIN_S)
        with suppress(CallFailed, BrokenBodyError):
            for _ in rest:
                pass

    def _lost(self, error: openai.APIConnectionError) -> CallFailed:
        cause = error.__cause__ or error
        timed_out = isinstance(error, openai.APITimeoutError)
        return CallFailed(
            "timeout" if timed_out else self._lost_by(),
            redacted(repr(cause), self._key),
            sent=not isinstance(cause, _UNSENT),
        )

    def _lost_by(self) -> CallOutcome:
        """Why a connection is gone: we end it when the call's time is up."""
        return "timeout" if time.monotonic() >= self._deadline.at else "connection"

    def _watch(self, response: httpx2.Response) -> None:
        """End the connection at the deadline, however slowly its bytes still come."""
        stream = response.extensions.get("network_stream")
        sock = stream.get_extra_info("socket") if stream is not None else None
        self._deadline.sock = sock
        self._arm(max(0.0, self._deadline.at - time.monotonic()))
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _Watched(response.stream, self._disarm)
        if not response.is_success:
            _hold(response)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        if self._deadline.sock is not None:
            self._deadline.ticket = self._watchdog.watch(self._deadline.sock, seconds)

    def _disarm(self) -> None:
        if self._deadline.ticket is not None:
            self._watchdog.release(self._deadline.ticket)
            self._deadline.ticket = None


class _Deadline(threading.local):
    """Of the call that a thread makes."""

    at = 0.0
    """By the monotonic clock."""
    sock: socket.socket | None = None
    """Of its connection."""
    ticket: int | None = None
    """Of the watchdog, while it watches."""


class _OurHeaders(openai.OpenAI):
    """Its own headers tell of organisation, project, platform, and what the environment asks."""

    @property
    def default_headers(self) -> Headers:
        return dict(_HEADERS)


def _connections(base_url: str, watch: Callable[[httpx2.Response], None]) -> httpx2.Client:
    # Loading certificates takes 40 ms.
    verify = False if base_url.startswith("http://") else httpx2.create_ssl_context()
    return httpx2.Client(
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=512),
        verify=verify,
        follow_redirects=False,
        trust_env=not is_local(base_url),  # a proxy for the world is none for this machine
        event_hooks={"response": [watch]},
    )


class _Watched(httpx2.SyncByteStream):
    """A body that is watched no more once its connection may be another call's."""

    def __init__(self, body: httpx2.SyncByteStream, release: Callable[[], None]) -> None:
        self._body = body
        self._release = release

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body

    def close(self) -> None:
        self._release()
        self._body.close()


def _hold(response: httpx2.Response) -> None:
    """Read a refusal before the package does, which has no limit and takes any nesting as JSON."""
    packed = httpx2.Response(response.status_code, headers=response.headers, stream=response.stream)
    data = b""
    with closing(packed), suppress(ValueError, CallFailed, BrokenBodyError):
        whole = b"".join(_capped(packed))
        from_json(whole)
        data = whole
    for name in ("content-encoding", "content-type"):  # it would be unpacked and decoded again
        response.headers.pop(name, None)
    response.stream = httpx2.ByteStream(data)


def _capped(response: httpx2.Response) -> Iterator[bytes]:
    size = 0
    try:
        for block in response.iter_bytes():
            size += len(block)
            if size > REPLY_LIMIT_BYTES:
                raise CallFailed(
                    "malformed_reply",
                    f"the reply is larger than {REPLY_LIMIT_BYTES} bytes",
                    http_status=response.status_code,
                )
            yield block
    except _BROKEN as error:
        raise BrokenBodyError(repr(error)) from None
