"""The HTTP client of one address; the only module that imports `httpx2`.

One `send` is one attempt on the wire: no retries, no redirects, bytes in and a reply out. Every
failure is a `CallFailed` with an outcome by the provider's rules.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx2
from pydantic import JsonValue

from arena import __version__
from arena.backend import dialect, wire
from arena.backend.call import Relay
from arena.backend.errors import CallFailed, Problem, classify, problem_in
from arena.backend.events import DONE, events
from arena.backend.watchdog import Watchdog
from arena.errors import InputError
from arena.records import BackendSpec, CallOutcome, Reply
from arena.records.address import is_local
from arena.serialize import from_json

REPLY_LIMIT_BYTES = 64_000_000
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
MESSAGES_VERSION = "2023-06-01"
"""Of the Messages API: the one there is."""
_HEADERS = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": f"arena/{__version__}",
}


@dataclass
class _End:
    """How a stream ended."""

    broken: str | None = "the stream ended early"
    """None when it ended in order."""
    failed: CallFailed | None = None
    """Told inside it."""


class EndpointClient:
    """Sends requests to one base URL with one key; shared by threads."""

    def __init__(self, base_url: str, key: str | None) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._deadline = threading.local()
        self._watchdog = Watchdog()
        try:
            self._http = _http(base_url, self._watch)
        except (OSError, ValueError, ImportError) as error:
            raise InputError(
                f"no connection can be made: {error}",
                where=f"the environment, for {base_url}",
                remedy="look at SSL_CERT_FILE, SSL_CERT_DIR and the proxy variables",
            ) from None

    def __repr__(self) -> str:
        return f"EndpointClient({self._base_url!r})"

    def close(self) -> None:
        """Drop all connections."""
        self._watchdog.close()
        self._http.close()

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
        deadline = self._deadline.at = time.monotonic() + timeout_s
        self._deadline.sock = None
        try:
            with self._posted(spec, body, timeout_s, relay) as response:
                status = response.status_code
                if not response.is_success:
                    raise self._refused(spec, response)
                reply = self._read(spec, response, relay)
        except _BROKEN as error:
            raise self._lost(error, deadline) from None
        finally:
            self._disarm()
        if (outcome := self._outcome(spec, reply)) is not None:
            text = f"finish_reason {reply.finish_reason!r}"
            raise CallFailed(outcome, text, http_status=status, reply=reply)
        return reply

    def _posted(
        self, spec: BackendSpec, body: bytes, timeout_s: float, relay: Relay | None
    ) -> AbstractContextManager[httpx2.Response]:
        return self._http.stream(
            "POST",
            self._base_url + dialect.of(spec.api).PATH,
            content=body,
            headers={**self._authority(spec), **(relay.headers if relay else {})},
            timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
        )

    def _authority(self, spec: BackendSpec) -> dict[str, str]:
        bearer = {"authorization": f"Bearer {self._key}"} if self._key else {}
        if spec.api != "messages":
            return bearer
        key = {"x-api-key": self._key} if self._key and not spec.quirks.messages_bearer else bearer
        return {"anthropic-version": MESSAGES_VERSION, **key}

    def _read(self, spec: BackendSpec, response: httpx2.Response, relay: Relay | None) -> Reply:
        status = response.status_code
        if "event-stream" in response.headers.get("content-type", ""):
            return self._stream(spec, response, relay)
        data = b"".join(_capped(response))
        body = self._json(data, status)
        self._check(spec, body, response)
        reply = self._parse(spec, body, status)
        if relay:
            relay.whole(data)
        return reply

    def _stream(self, spec: BackendSpec, response: httpx2.Response, relay: Relay | None) -> Reply:
        end = _End()
        tongue = dialect.of(spec.api)
        came = events(_capped(response))
        body = tongue.assemble(self._chunks(spec, response, relay, came, end))
        if end.failed is not None:
            whole, reply = end.failed.reply.usage is not None, _what_came(spec, body)
            end.failed.reply = reply if whole else _so_far(reply)
            raise end.failed
        if end.broken is None or tongue.is_whole(body):
            self._drain(came)
            reply = self._parse(spec, body, response.status_code)
            if relay and not relay.streamed:
                relay.whole(wire.encoded(body))
            return reply
        raise CallFailed(
            "timeout" if time.monotonic() >= self._deadline.at else "connection",
            end.broken,
            http_status=response.status_code,
            reply=_so_far(_what_came(spec, body)),
        )

    def _chunks(
        self,
        spec: BackendSpec,
        response: httpx2.Response,
        relay: Relay | None,
        came: Iterator[tuple[bytes, bytes]],
        end: "_End",
    ) -> Iterator[JsonValue]:
        """What a stream's events hold, each passed on first."""
        tongue = dialect.of(spec.api)
        try:
            for raw, data in came:
                chunk = None
                if data and data != DONE:
                    chunk = self._json(data, response.status_code)
                    try:
                        self._check(spec, chunk, response)
                    except CallFailed as failed:
                        failed.reply = _what_came(spec, tongue.assemble([chunk]))
                        end.failed = failed
                        yield chunk  # its usage counts
                        return
                if relay and relay.streamed:
                    relay.event(raw, chunk)
                if chunk is not None:
                    yield chunk
                if data == DONE or tongue.is_last(chunk):
                    end.broken = None
                    return
        except _BROKEN as error:
            end.broken = f"the stream broke off: {error!r}"
        except CallFailed as failed:
            end.failed = failed

    def _drain(self, rest: Iterator[object]) -> None:
        """Read to the end of a stream whose reply is whole: its connection can be used again."""
        self._arm(DRAIN_S)
        with suppress(CallFailed, *_BROKEN):
            for _ in rest:
                pass

    def _parse(self, spec: BackendSpec, body: JsonValue, status: int) -> Reply:
        try:
            return dialect.of(spec.api).parse_reply(body, spec.quirks)
        except wire.MalformedReplyError as error:
            raise CallFailed(
                "malformed_reply", str(error), http_status=status, reply=error.reply
            ) from None

    def _json(self, data: bytes, status: int) -> JsonValue:
        try:
            value: JsonValue = from_json(data, parse_constant=lambda _: None)
        except ValueError:
            shown = data[:200].decode("utf-8", "replace")
            raise self._failed("malformed_reply", f"not JSON: {shown!r}", status) from None
        return value

    def _check(self, spec: BackendSpec, body: JsonValue, response: httpx2.Response) -> None:
        """Raise the error that a body with HTTP 200 tells."""
        problem = problem_in(body, response.status_code)
        if problem is None:
            return
        outcome = classify(problem, spec.error_rules) or "malformed_reply"
        raise CallFailed(
            outcome,
            self._redacted(_shown(problem)),
            http_status=problem.http,
            retry_after_s=_retry_after_s(response.headers),
            reply=_what_came(spec, body),
            body=self._without_key(body),
        )

    def _refused(self, spec: BackendSpec, response: httpx2.Response) -> CallFailed:
        try:
            body: JsonValue = from_json(b"".join(_capped(response)))
        except (ValueError, CallFailed, *_BROKEN):
            body = None
        shown = response.reason_phrase or "no message"
        problem = problem_in(body, response.status_code) or Problem(response.status_code, (), shown)
        return CallFailed(
            classify(problem, spec.error_rules) or "malformed_reply",
            self._redacted(_shown(problem)),
            http_status=response.status_code,
            retry_after_s=_retry_after_s(response.headers),
            reply=_what_came(spec, body),
            body=b"" if body is None else self._without_key(body),
        )

    def _lost(self, cause: BaseException, deadline: float) -> CallFailed:
        late = isinstance(cause, httpx2.TimeoutException) or time.monotonic() >= deadline
        return CallFailed(
            "timeout" if late else "connection",
            self._redacted(repr(cause)),
            sent=not isinstance(cause, _UNSENT),
        )

    def _outcome(self, spec: BackendSpec, reply: Reply) -> CallOutcome | None:
        problem = Problem(finish_reason=reply.finish_reason)
        outcome = classify(problem, spec.error_rules)
        empty = not reply.tool_calls and not reply.text and reply.finish_reason is None
        return outcome or ("malformed_reply" if empty else None)

    def _failed(self, outcome: CallOutcome, text: str, status: int | None = None) -> CallFailed:
        return CallFailed(outcome, self._redacted(text), http_status=status)

    def _redacted(self, text: str) -> str:
        # Cut after the key is out: a key across the cut would leave its first part.
        whole = text.replace(self._key, "[key]") if self._key else text
        return " ".join(whole.split())[:500]

    def _without_key(self, body: JsonValue) -> bytes:
        """A body for an agent: some endpoints repeat the request's headers in an error."""
        raw = wire.encoded(body)
        return raw.replace(json.dumps(self._key)[1:-1].encode(), b"[key]") if self._key else raw

    def _watch(self, response: httpx2.Response) -> None:
        """End the connection at the deadline, however slowly its bytes still come."""
        stream = response.extensions.get("network_stream")
        sock = stream.get_extra_info("socket") if stream is not None else None
        self._deadline.sock = sock
        self._arm(max(0.0, self._deadline.at - time.monotonic()))
        assert isinstance(response.stream, httpx2.SyncByteStream)
        response.stream = _Watched(response.stream, self._disarm)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        if self._deadline.sock is not None:
            self._deadline.ticket = self._watchdog.watch(self._deadline.sock, seconds)

    def _disarm(self) -> None:
        ticket = getattr(self._deadline, "ticket", None)
        if ticket is not None:
            self._watchdog.release(ticket)
            self._deadline.ticket = None


def _http(base_url: str, watch: Callable[[httpx2.Response], None]) -> httpx2.Client:
    # Loading certificates takes 40 ms.
    verify = False if base_url.startswith("http://") else httpx2.create_ssl_context()
    return httpx2.Client(
        headers=_HEADERS,
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


def _capped(response: httpx2.Response) -> Iterator[bytes]:
    size = 0
    for block in response.iter_bytes():
        size += len(block)
        if size > REPLY_LIMIT_BYTES:
            raise CallFailed(
                "malformed_reply",
                f"the reply is larger than {REPLY_LIMIT_BYTES} bytes",
                http_status=response.status_code,
            )
        yield block


def _what_came(spec: BackendSpec, body: JsonValue) -> Reply:
    """The usage a failed reply told, where it told any."""
    try:
        return dialect.of(spec.api).parse_reply(body, spec.quirks)
    except wire.MalformedReplyError as error:
        return error.reply


def _so_far(reply: Reply) -> Reply:
    """A reply whose usage, told before the end, is a running count and not what it came to."""
    if reply.usage is None:
        return reply
    return reply.model_copy(update={"usage": reply.usage.model_copy(update={"estimated": True})})


def _shown(problem: Problem) -> str:
    codes = ", ".join(problem.codes)
    return f"{problem.message} ({codes})" if codes else problem.message


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """Seconds to wait as the provider asks: `retry-after-ms`, seconds, or an HTTP date."""
    try:
        if (ms := headers.get("retry-after-ms")) is not None:
            return max(0.0, float(ms) / 1000)
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
