"""A reply out of the bytes that an endpoint sends: whole, as a stream of events, or a refusal."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from pydantic import JsonValue

from arena.backend import dialect, wire
from arena.backend.call import Relay
from arena.backend.errors import CallFailed, Problem, classify, problem_in
from arena.backend.events import DONE, events
from arena.records import BackendSpec, CallOutcome, Reply
from arena.serialize import from_json

_SHOWN_CHARACTERS = 500
"""Of what an endpoint says, in an error."""


class BrokenBodyError(Exception):
    """A body ended before it was whole, or cannot be unpacked."""


@dataclass
class _StreamEnd:
    """How a stream ended."""

    broken: str | None = "the stream ended early"
    """None when it ended in order."""
    failed: CallFailed | None = None
    """Told inside it."""


@dataclass(frozen=True)
class ReplyReader:
    """Reads the reply to one call."""

    spec: BackendSpec
    """Whose API, quirks and error rules apply."""
    key: str | None
    """Shown to nobody, even where the endpoint repeats it."""
    status: int
    headers: Mapping[str, str]
    relay: Relay | None = None
    """Given each event as it arrives."""

    def decoded(self, data: bytes) -> JsonValue:
        """What a body, or an event, holds.

        Raises:
            CallFailed: no JSON.
        """
        try:
            value: JsonValue = from_json(data, parse_constant=lambda _: None)
        except ValueError:
            shown = redacted(f"not JSON: {data[:200].decode('utf-8', 'replace')!r}", self.key)
            raise CallFailed("malformed_reply", shown, http_status=self.status) from None
        return value

    def assembled(self, blocks: Iterable[bytes], lost_by: Callable[[], CallOutcome]) -> JsonValue:
        """The body that a stream amounts to, passed on as it comes.

        Args:
            blocks: of the stream; what follows its last event is left in them.
            lost_by: what a stream that ends early failed by, just now.

        Raises:
            CallFailed: with what came of it, where the stream tells an error or ends early.
        """
        end = _StreamEnd()
        api = dialect.of(self.spec.api)
        body = api.assemble(self._chunks(blocks, end))
        if end.failed is not None:
            told, reply = end.failed.reply.usage is not None, self._what_came(body)
            end.failed.reply = reply if told else _so_far(reply)
            raise end.failed
        if end.broken is None or api.is_whole(body):
            return body
        raise CallFailed(
            lost_by(),
            end.broken,
            http_status=self.status,
            reply=_so_far(self._what_came(body)),
        )

    def parsed(self, body: JsonValue) -> Reply:
        """The reply in a whole body.

        Raises:
            CallFailed: there is none.
        """
        try:
            return dialect.of(self.spec.api).parse_reply(body, self.spec.quirks)
        except wire.MalformedReplyError as error:
            raise CallFailed(
                "malformed_reply", str(error), http_status=self.status, reply=error.reply
            ) from None

    def check_finish(self, reply: Reply) -> None:
        """Raise the failure that a reply's own end, or its emptiness, tells."""
        outcome = classify(Problem(finish_reason=reply.finish_reason), self.spec.error_rules)
        if outcome is None and not (reply.tool_calls or reply.text or reply.finish_reason):
            outcome = "malformed_reply"
        if outcome is not None:
            text = f"finish_reason {reply.finish_reason!r}"
            raise CallFailed(outcome, text, http_status=self.status, reply=reply)

    def check(self, body: JsonValue) -> None:
        """Raise the error that a body with HTTP 200 tells."""
        problem = problem_in(body, self.status)
        if problem is not None:
            raise self._failure(problem, body)

    def refusal(self, data: bytes, reason: str) -> CallFailed:
        """The failure in the body of a reply whose status says that there is one."""
        try:
            body: JsonValue = from_json(data)
        except ValueError:
            body = None
        bare = Problem(self.status, (), reason or "no message")
        return self._failure(problem_in(body, self.status) or bare, body)

    def _failure(self, problem: Problem, body: JsonValue) -> CallFailed:
        codes = f" ({', '.join(problem.codes)})" if problem.codes else ""
        return CallFailed(
            classify(problem, self.spec.error_rules) or "malformed_reply",
            redacted(problem.message + codes, self.key),
            http_status=problem.http,
            retry_after_s=_retry_after_s(self.headers),
            reply=self._what_came(body),
            body=b"" if body is None else _without_key(body, self.key),
        )

    def _chunks(self, blocks: Iterable[bytes], end: _StreamEnd) -> Iterator[JsonValue]:
        """What a stream's events hold, each passed on first."""
        api = dialect.of(self.spec.api)
        try:
            for raw, data in events(blocks):
                chunk = None
                if data and data != DONE:
                    chunk = self.decoded(data)
                    try:
                        self.check(chunk)
                    except CallFailed as failed:
                        failed.reply = self._what_came(api.assemble([chunk]))
                        end.failed = failed
                        yield chunk  # its usage counts
                        return
                if self.relay and self.relay.streamed:
                    self.relay.event(raw, chunk)
                if chunk is not None:
                    yield chunk
                if data == DONE or api.is_last(chunk):
                    end.broken = None
                    return
        except BrokenBodyError as error:
            end.broken = f"the stream broke off: {error}"
        except CallFailed as failed:
            end.failed = failed

    def _what_came(self, body: JsonValue) -> Reply:
        """The usage a failed reply told, where it told any."""
        try:
            return dialect.of(self.spec.api).parse_reply(body, self.spec.quirks)
        except wire.MalformedReplyError as error:
            return error.reply


def redacted(text: str, key: str | None) -> str:
    """What an endpoint or a connection said, without the key and in one short line."""
    # Cut after the key is out: a key across the cut would leave its first part.
    whole = text.replace(key, "[key]") if key else text
    return " ".join(whole.split())[:_SHOWN_CHARACTERS]


def _without_key(body: JsonValue, key: str | None) -> bytes:
    """A body for an agent: some endpoints repeat the request's headers in an error."""
    raw = wire.encoded(body)
    return raw.replace(json.dumps(key)[1:-1].encode(), b"[key]") if key else raw


def _so_far(reply: Reply) -> Reply:
    """A reply whose usage, told before the end, is a running count and not what it came to."""
    if reply.usage is None:
        return reply
    return reply.model_copy(update={"usage": reply.usage.model_copy(update={"estimated": True})})


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
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
