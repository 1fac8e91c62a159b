"""The client of one address: the `openai` package, with our bytes and our headers alone.

One `send` is one attempt on the wire: no retries, no redirects, bytes in and a reply out. Every
failure is a `CallFailed` with an outcome by the provider's rules. No other module imports `openai`
or `httpx2`.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

import httpx2
import openai

from arena import __version__
from arena.backend import apis, chat
from arena.backend.call import BrokenBodyError, Relay, ReplyReader
from arena.backend.replies import CallFailed, KeyPattern, Redaction, brief
from arena.errors import HarnessError, InputError
from arena.records import Api, BackendSpec, CallOutcome, Reply
from arena.records.base import is_local

REPLY_LIMIT_BYTES = 64_000_000
"""Of one reply, unpacked."""
HEADERS_LIMIT_BYTES = 96_000
"""Of all that comes before a reply's body; a first read may bring 64 KB of the body along."""
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
_STREAMS = (b"data:", b"event:", b"id:", b"retry:", b":")
"""How server-sent events begin, and JSON never does: what a reply is called tells too little."""
_BLANKS = b"\xef\xbb\xbf \t\r\n"
"""What may stand before either, a byte order mark too."""


class EndpointClient:
    """Sends requests to one base URL with one key; shared by threads."""

    def __init__(self, base_url: str, key: str | None) -> None:
        self._base_url = base_url.rstrip("/")
        self._heads: dict[tuple[Api, bool], tuple[httpx2.URL, httpx2.Headers]] = {}
        self._key = key
        self._pattern = KeyPattern(key)
        self._attempt = _Attempt()
        try:
            self._connections = _Connections(base_url, self._attempt)
        except (OSError, ValueError, ImportError) as error:
            raise InputError(
                f"no connection can be made: {error}",
                where=f"the environment, for {base_url}",
                remedy="look at SSL_CERT_FILE, SSL_CERT_DIR and the proxy variables",
            ) from None
        # It wants a key, which it has no use for: the request is made here.
        self._sdk = _Sdk(
            base_url=self._base_url, api_key="none", max_retries=0, http_client=self._connections
        )
        self._sdk.attempt = self._attempt
        self.close = self._sdk.close
        logging.getLogger("openai").setLevel(logging.NOTSET)  # whatever OPENAI_LOG says

    def send(
        self, spec: BackendSpec, body: bytes, *, timeout_s: float, relay: Relay | None = None
    ) -> Reply:
        """One attempt with a whole request; anything but a reply without fault is `CallFailed`.

        `timeout_s` is for everything up to the last byte. The relay is given the reply as it
        arrives, from the first event that is no error.
        """
        redaction = Redaction(self._pattern)
        self._attempt.begin(self._request(spec, body, timeout_s, relay), timeout_s)
        try:
            reply = self._answer(spec, redaction, relay)
        except CallFailed as failed:
            failed.reply = failed.reply.model_copy(update={"redacted": redaction.changed})
            raise
        first = self._attempt.first_byte_s
        return reply.model_copy(update={"redacted": redaction.changed, "first_byte_s": first})

    def _answer(self, spec: BackendSpec, redaction: Redaction, relay: Relay | None) -> Reply:
        try:
            with closing(
                self._sdk.post("", cast_to=httpx2.Response, stream=True, stream_cls=None)
            ) as response:
                reader = ReplyReader(spec, redaction, response.status_code, response.headers, relay)
                reply = self._read(reader, response)
        except openai.APIStatusError as error:
            refused = error.response
            reader = ReplyReader(spec, redaction, error.status_code, refused.headers)
            raise reader.refusal(self._attempt.refusal, refused.reason_phrase) from None
        except openai.APIConnectionError as error:
            raise self._lost(error, redaction) from None
        except BrokenBodyError as error:
            raise CallFailed(self._lost_by(), brief(redaction.text(str(error)))) from None
        reader.check_finish(reply)
        return reply

    def _request(
        self, spec: BackendSpec, body: bytes, timeout_s: float, relay: Relay | None
    ) -> httpx2.Request:
        url, headers = self._head(spec.api, bearer=spec.quirks.messages_bearer)
        steps = dict.fromkeys(("read", "write", "pool"), timeout_s)
        limits = {"timeout": {**steps, "connect": min(CONNECT_TIMEOUT_S, timeout_s)}}
        stream = httpx2.ByteStream(body)
        request = httpx2.Request("POST", url, headers=headers, stream=stream, extensions=limits)
        request.headers["content-length"] = str(len(body))
        if relay:
            request.headers.update(relay.headers)
        return request

    def _head(self, api: Api, *, bearer: bool) -> tuple[httpx2.URL, httpx2.Headers]:
        """Address and headers of every call over an API, made once: a third of a request's making.

        The key is in the header that the API or, as a `bearer` token, the profile names.
        """
        if (known := self._heads.get((api, bearer))) is None:
            form = apis.DIALECTS[api].REQUEST
            url = httpx2.URL(self._base_url + form.path)
            headers = httpx2.Headers({"host": url.netloc.decode(), **self._connections.headers})
            headers.update(form.headers)
            if self._key and (bearer or form.key_header == "authorization"):
                headers["authorization"] = f"Bearer {self._key}"
            elif self._key:
                headers[form.key_header] = self._key
            known = self._heads[api, bearer] = url, headers
        return known

    def _read(self, reader: ReplyReader, response: httpx2.Response) -> Reply:
        relay, blocks = reader.relay, _capped(response)
        head = _head_of(blocks)
        self._attempt.first_byte_s = time.monotonic() - self._attempt.begun
        start = head.lstrip(_BLANKS)
        told = "event-stream" in response.headers.get("content-type", "")
        if start.startswith(_STREAMS) or (told and not start.startswith((b"{", b"["))):
            body = reader.assembled(chain([start], blocks), self._lost_by)
            self._drain(blocks)
            reply = reader.parsed(body)
            if relay and not relay.streamed:
                relay.whole(chat.encoded(body))
            return reply
        data = reader.redaction.raw(head + b"".join(blocks))
        body = reader.decoded(data)
        if failed := reader.told_failure(body):
            raise failed
        reply = reader.parsed(body)
        if relay:
            relay.whole(data)
        return reply

    def _drain(self, rest: Iterator[bytes]) -> None:
        """Read to the end of a stream whose reply is whole: its connection can be used again."""
        self._attempt.deadline = time.monotonic() + DRAIN_S
        with suppress(CallFailed, BrokenBodyError):
            for _ in rest:
                pass

    def _lost(self, error: openai.APIConnectionError, redaction: Redaction) -> CallFailed:
        cause = error.__cause__ or error
        if isinstance(cause, HarnessError):
            raise cause
        by = "timeout" if isinstance(error, openai.APITimeoutError) else self._lost_by()
        told = brief(redaction.text(repr(cause)))
        return CallFailed(by, told, sent=not isinstance(cause, _UNSENT))

    def _lost_by(self) -> CallOutcome:
        """Why a connection is gone: we end it when the call's time is up."""
        return "timeout" if time.monotonic() >= self._attempt.deadline else "connection"


class _Attempt(threading.local):
    """What a thread is sending, and what it waits for."""

    request: httpx2.Request
    begun = deadline = 0.0
    """By the monotonic clock."""
    first_byte_s: float | None = None
    """How long the first of the body took."""
    head_bytes: int | None = None
    """Read so far of what comes before the body; None once that is there."""
    refusal = b""
    """Body of a reply whose status is an error."""

    def begin(self, request: httpx2.Request, timeout_s: float) -> None:
        self.request = request
        self.begun = time.monotonic()
        self.deadline = self.begun + timeout_s
        self.head_bytes, self.refusal, self.first_byte_s = 0, b"", None

    def left_s(self, most_s: float | None) -> float:
        """Seconds that a step may still take."""
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise httpx2.ReadTimeout("the call's time is up")
        return left_s if most_s is None else min(left_s, most_s)

    def took(self, size: int) -> None:
        if self.head_bytes is None:
            return
        self.head_bytes += size
        if self.head_bytes > HEADERS_LIMIT_BYTES:
            raise _endless()


class _Connections(httpx2.Client):
    """What the package sends with."""

    def __init__(self, base_url: str, attempt: _Attempt) -> None:
        # Loading certificates takes 40 ms.
        verify = False if base_url.startswith("http://") else httpx2.create_ssl_context()
        super().__init__(
            headers=_HEADERS,
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=512),
            verify=verify,
            follow_redirects=False,
            trust_env=not is_local(base_url),  # a proxy for the world is none for this machine
            event_hooks={"response": [self._arrived]},
        )
        self._attempt = attempt
        for transport in (self._transport, *self._mounts.values()):
            if isinstance(transport, httpx2.HTTPTransport):  # it has no parameter for it
                pool: Any = transport._pool  # noqa: SLF001
                pool._network_backend = _Network(pool._network_backend, attempt)  # noqa: SLF001

    def send(self, request: httpx2.Request, **how: Any) -> httpx2.Response:
        """Send what was made for the attempt; a package that makes another is not one we know."""
        if request is not self._attempt.request:
            told = f"openai {openai.__version__} is not one that Arena knows"
            raise HarnessError(f"{told}; install openai>=3.57,<4 as requirements/ pins it")
        return super().send(request, **how)

    def _arrived(self, response: httpx2.Response) -> None:
        """A reply begins. A refusal is read here: the package has no limit for what it reads."""
        self._attempt.head_bytes = None
        if response.is_success:
            return
        packed = httpx2.Response(
            response.status_code, headers=response.headers, stream=response.stream
        )
        with closing(packed), suppress(CallFailed, BrokenBodyError):
            self._attempt.refusal = b"".join(_capped(packed))
        for name in ("content-encoding", "content-type"):  # it would unpack and decode nothing
            response.headers.pop(name, None)
        response.stream = httpx2.ByteStream(b"")


class _Sdk(openai.OpenAI):
    """Sends the request that was made for the attempt: making another took half of its time."""

    attempt: _Attempt

    def _build_request(self, *_: Any, **__: Any) -> httpx2.Request:
        return self.attempt.request


@dataclass
class _Network:
    """Opens connections on which each step ends with the attempt's time, however slow its bytes."""

    inner: Any
    attempt: _Attempt

    def connect_tcp(self, *args: Any, **named: Any) -> "_Timed":
        return _Timed(self.inner.connect_tcp(*args, **named), self.attempt)


class _Timed:
    def __init__(self, inner: Any, attempt: _Attempt) -> None:
        self._inner = inner
        self._attempt = attempt
        self.close = inner.close
        self.get_extra_info = inner.get_extra_info

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = self._inner.read(max_bytes, self._attempt.left_s(timeout))
        self._attempt.took(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._attempt.left_s(timeout))

    def start_tls(self, *args: Any, **named: Any) -> "_Timed":
        return _Timed(self._inner.start_tls(*args, **named), self._attempt)


def _head_of(blocks: Iterator[bytes]) -> bytes:
    """The beginning of a body, long enough to tell what it is."""
    head = b""
    for block in blocks:
        head += block
        if len(head.lstrip(_BLANKS)) >= max(map(len, _STREAMS)):
            break
    return head


def _capped(response: httpx2.Response) -> Iterator[bytes]:
    size = 0
    try:
        for block in response.iter_bytes():
            size += len(block)
            if size > REPLY_LIMIT_BYTES:
                what = f"the reply is larger than {REPLY_LIMIT_BYTES} bytes"
                raise CallFailed("malformed_reply", what, http_status=response.status_code)
            yield block
    except _BROKEN as error:
        if "too long" in str(error):  # its trailers
            raise _endless() from None
        raise BrokenBodyError(repr(error)) from None


def _endless() -> CallFailed:
    told = f"its headers have over {HEADERS_LIMIT_BYTES} bytes"
    return CallFailed("malformed_reply", told, final=True)
