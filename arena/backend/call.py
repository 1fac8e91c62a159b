"""One call: its request, when it is made again, and its reply as it arrives, whole or as events."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol

from pydantic import Field, JsonValue

from arena.backend import apis, chat
from arena.backend.chat import Prompt
from arena.backend.replies import CallFailed, Problem, Redaction, brief, classify, problem_in
from arena.records import BackendSpec, CallOutcome, Record, Reply, Stop
from arena.serialize import from_json


class Relay(Protocol):
    """Takes a reply as it arrives, for somebody who waits for it outside."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Sent to the endpoint beside our own."""

    @property
    def streamed(self) -> bool:
        """Whether events are wanted one by one; else the whole body."""

    @property
    def closed(self) -> bool:
        """What the reply says is out, or nobody waits any more: no other attempt is of use."""

    def restart(self) -> None:
        """Another attempt begins; nothing of the last one was of use."""

    def event(self, raw: bytes, chunk: JsonValue) -> None:
        """One server-sent event as it came, with what it holds; None for a comment or an end."""

    def whole(self, body: bytes) -> None:
        """The body of a reply that is not streamed."""

    def finish(self, reply: Reply) -> None:
        """All of it has come, and is in order."""


@dataclass(frozen=True)
class Call:
    """One request, whole."""

    prompt: Prompt
    body: bytes
    output_limit: int
    relay: Relay | None = None


class Sender(Protocol):
    """One attempt on the wire, as `arena.backend.client.EndpointClient` makes it."""

    def send(
        self, spec: BackendSpec, body: bytes, *, timeout_s: float, relay: Relay | None = None
    ) -> Reply:
        """A whole reply, or `CallFailed`."""


class LimitReached(Exception):  # noqa: N818 - an outcome, caught by whoever asked
    """A limit of the trial keeps a call from being made."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"the trial's limit of {stop} is reached")
        self.stop: Stop = stop


RETRYABLE: frozenset[CallOutcome] = frozenset(
    {"rate_limited", "overloaded", "timeout", "connection", "malformed_reply"}
)
_FEW: frozenset[CallOutcome] = frozenset({"timeout", "malformed_reply"})
"""Outcomes that cost a whole generation each time."""


class RetryPolicy(Record):
    """Exponential backoff with full jitter inside a total wait."""

    base_s: float = Field(default=1.0, gt=0)
    cap_s: float = Field(default=60.0, gt=0)
    """Longest single wait that is not asked for by the provider."""
    budget_s: float = Field(default=600.0, ge=0)
    """All waiting between the attempts of one call together."""
    attempts: int = Field(default=12, ge=1)
    costly_attempts: int = Field(default=3, ge=1)
    """Of which each may have cost a generation."""

    def delay_s(
        self,
        outcome: CallOutcome,
        attempt: int,
        *,
        waited_s: float,
        retry_after_s: float | None = None,
    ) -> float | None:
        """Seconds to wait after a failed attempt, counted from 1, or None to give up.

        `waited_s` were waited between attempts so far, `retry_after_s` is what the provider wants.
        """
        most = self.costly_attempts if outcome in _FEW else self.attempts
        if outcome not in RETRYABLE or attempt >= most:
            return None
        delay = random.uniform(0, min(self.cap_s, self.base_s * 2 ** (attempt - 1)))
        if retry_after_s is not None:
            delay = retry_after_s + random.uniform(0, min(1.0, self.base_s))
        return delay if waited_s + delay <= self.budget_s else None


# ── streams ────────────────────────────────────────────────────────────────────────────────────

DONE = b"[DONE]"
"""Payload that ends a stream of chat completions."""


def events(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Each event as it came, and its payload, which a comment does not have.

    Some endpoints leave out the empty line between events: a line of JSON of its own ends one.
    """
    raw, behind, payload = bytearray(), bytearray(), bytearray()
    for line in _lines(blocks):
        if line.startswith(b"data:"):
            if payload and b"\n" not in payload and _is_whole(bytes(payload)):
                yield bytes(raw) + b"\n", bytes(payload)
                raw, payload = bytearray(), bytearray()
            raw += behind + line
            payload += (b"\n" if payload else b"") + line[5:].strip()
            behind = bytearray()
        elif line.strip():
            behind += line
        else:
            yield bytes(raw + behind + line), bytes(payload)
            raw, behind, payload = bytearray(), bytearray(), bytearray()
    if payload:
        yield bytes(raw) + b"\n", bytes(payload)


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines, and a last one without its end where that is an event all the same."""
    rest: list[bytes] = []
    for block in blocks:
        rest.append(block)
        if b"\n" in block or b"\r" in block:
            lines = b"".join(rest).splitlines(keepends=True)
            # The last line may go on, and its end may be half of one.
            rest = [] if lines[-1].endswith(b"\n") else [lines.pop()]
            yield from lines
    lines = b"".join(rest).splitlines(keepends=True)
    yield from lines[:-1]
    for last in lines[-1:]:
        if last.startswith(b"data:") and _is_whole(last[5:]):
            yield last + b"\n"


def _is_whole(payload: bytes) -> bool:
    """Whether a line was not cut: a cut one is no part of an event."""
    try:
        from_json(payload)
    except ValueError:
        return payload.strip() == DONE
    return True


# ── replies ────────────────────────────────────────────────────────────────────────────────────


class BrokenBodyError(Exception):
    """A body ended before it was whole, or cannot be unpacked."""


@dataclass
class _StreamEnd:
    broken: str | None = "the stream ended early"
    """None when it ended in order."""
    failed: CallFailed | None = None
    """Told inside it."""


@dataclass(frozen=True)
class ReplyReader:
    """Reads the reply to one call."""

    spec: BackendSpec
    """Whose API, quirks and error rules apply."""
    redaction: Redaction
    """Of what the endpoint repeats of the key, which is shown to nobody."""
    status: int
    headers: Mapping[str, str]
    relay: Relay | None = None
    """Given each event as it arrives."""

    def decoded(self, data: bytes) -> JsonValue:
        """What a body, or an event, holds. Raises `CallFailed` where it is no JSON."""
        try:
            odd = b"NaN" in data or b"Infinity" in data  # no JSON; reading them takes its time
            value: JsonValue = from_json(data, parse_constant=(lambda _: None) if odd else None)
        except ValueError:
            shown = f"not JSON: {data[:200].decode('utf-8', 'replace')!r}"
            raise CallFailed("malformed_reply", brief(shown), http_status=self.status) from None
        return value

    def assembled(self, blocks: Iterable[bytes], lost_by: Callable[[], CallOutcome]) -> JsonValue:
        """The body that a stream amounts to, passed on as it comes.

        What follows its last event is left in `blocks`; `lost_by` tells what it fails by where it
        ends early. Raises `CallFailed`, with what came, then and where the stream tells an error.
        """
        end = _StreamEnd()
        api = apis.DIALECTS[self.spec.api]
        body = self.redaction.value(api.assemble(self._chunks(blocks, end)))
        assert isinstance(body, dict)
        if end.failed is not None:
            told, reply = end.failed.reply.usage is not None, self._what_came(body)
            end.failed.reply = reply if told else _so_far(reply)
            raise end.failed
        if end.broken is None or api.is_whole(body):
            return body
        lost = lost_by()  # before the time that reading what came takes
        reply = _so_far(self._what_came(body))
        raise CallFailed(lost, end.broken, http_status=self.status, reply=reply)

    def parsed(self, body: JsonValue) -> Reply:
        """The reply in a whole body. Raises `CallFailed` where there is none."""
        try:
            return apis.DIALECTS[self.spec.api].parse_reply(body, self.spec.quirks)
        except chat.MalformedReplyError as error:
            shown = brief(f"{error}: {chat.encoded(body).decode('utf-8', 'replace')}")
            raise CallFailed(
                "malformed_reply", shown, http_status=self.status, reply=error.reply
            ) from None

    def check_finish(self, reply: Reply) -> None:
        """Raise the failure that a reply's own end, or its emptiness, tells."""
        outcome = classify(Problem(finish_reason=reply.finish_reason), self.spec.error_rules)
        if outcome is None and not (reply.tool_calls or reply.text or reply.finish_reason):
            outcome = "malformed_reply"
        if outcome is not None:
            text = f"finish_reason {reply.finish_reason!r}"
            raise CallFailed(outcome, text, http_status=self.status, reply=reply)

    def told_failure(self, body: JsonValue) -> CallFailed | None:
        """The error that a body with HTTP 200 tells."""
        problem = problem_in(body, self.status)
        return None if problem is None else self._failure(problem, body)

    def refusal(self, data: bytes, reason: str) -> CallFailed:
        """The failure in the body of a reply whose status says that there is one."""
        try:
            body: JsonValue = from_json(self.redaction.raw(data))
        except ValueError:
            body = None
        bare = Problem(self.status, (), self.redaction.text(reason) or "no message")
        return self._failure(problem_in(body, self.status) or bare, body)

    def _failure(self, problem: Problem, body: JsonValue) -> CallFailed:
        codes = f" ({', '.join(problem.codes)})" if problem.codes else ""
        return CallFailed(
            classify(problem, self.spec.error_rules) or "malformed_reply",
            brief(problem.message + codes),
            http_status=problem.http,
            retry_after_s=_retry_after_s(self.headers),
            reply=self._what_came(body),
            body=b"" if body is None else chat.encoded(body),
        )

    def _events(self, blocks: Iterable[bytes]) -> Iterator[tuple[bytes, JsonValue]]:
        """A stream's events as they may be shown, and what they hold."""
        for raw, data in events(blocks):
            clean = self.redaction.raw(raw)
            payload = data if clean is raw else self.redaction.raw(data)
            yield clean, self.decoded(payload) if data and data != DONE else None

    def _chunks(self, blocks: Iterable[bytes], end: _StreamEnd) -> Iterator[JsonValue]:
        """What a stream's events hold, each passed on first."""
        api, came = apis.DIALECTS[self.spec.api], self._events(blocks)
        try:
            for raw, chunk in self.redaction.across(came) if self.redaction.pattern.key else came:
                if chunk is not None and (told := self.told_failure(chunk)):
                    told.reply = self._what_came(api.assemble([chunk]))
                    end.failed = told
                    yield chunk  # its usage counts
                    return
                if self.relay and self.relay.streamed:
                    self.relay.event(raw, chunk)
                if chunk is not None:
                    yield chunk
                if api.is_last(chunk) or (chunk is None and DONE in raw):
                    end.broken = None
                    return
        except BrokenBodyError as error:
            end.broken = f"the stream broke off: {error}"
        except CallFailed as failed:
            end.failed = failed

    def _what_came(self, body: JsonValue) -> Reply:
        """The usage a failed reply told, where it told any."""
        try:
            return apis.DIALECTS[self.spec.api].parse_reply(body, self.spec.quirks)
        except chat.MalformedReplyError as error:
            return error.reply


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
        value = headers.get("retry-after", "")
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
