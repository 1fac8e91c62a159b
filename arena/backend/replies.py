"""Bodies of replies as they arrive, bounded; and what went wrong, from what the provider said.

Providers agree on little: out-of-credit is 402 here, 429 with a business code there, and a refusal
may come with HTTP 200. So a profile's own rules are tried first, then what holds everywhere.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from pydantic import JsonValue

from arena.backend import apis, chat
from arena.backend.call import DONE, Relay, events
from arena.records import BackendSpec, CallOutcome, ErrorRule, Reply
from arena.serialize import from_json, well_formed


@dataclass(frozen=True)
class Problem:
    """What a provider said about a call that went wrong."""

    http: int | None = None
    codes: tuple[str, ...] = ()
    """Everything that may be a code: `code`, `type`, `status`."""
    message: str = ""
    finish_reason: str | None = None


_GONE: frozenset[tuple[CallOutcome, int | None]] = frozenset(
    {("bad_request", 404), ("bad_request", 410), ("auth", 403)}
)


class CallFailed(Exception):  # noqa: N818 - an outcome of one attempt, caught by the meter
    """One attempt did not give a usable reply; `reply` holds what came all the same."""

    def __init__(
        self,
        outcome: CallOutcome,
        message: str,
        *,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        reply: Reply | None = None,
        sent: bool = True,
        body: bytes = b"",
    ) -> None:
        message = well_formed(message)
        super().__init__(message)
        self.outcome = outcome
        self.message = message
        self.http_status = http_status
        self.retry_after_s = retry_after_s
        self.reply = reply or Reply()
        self.sent = sent
        self.body = body
        """What the provider sent with it, as it came."""
        self.attempts = 1

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint, the model or the right to it may be gone, or a thing asked for."""
        return (self.outcome, self.http_status) in _GONE


_TOO_LONG = (
    r"maximum context length|context[_ ]length|context (window|limit|size)|prompt is too long"
    r"|(input|prompt|token)[a-z ]* too long|range of input length|model token limit"
    r"|maximum number of tokens"
)

GENERAL = (
    ErrorRule(outcome="content_filter", finish_reason="content_filter"),
    ErrorRule(outcome="overloaded", finish_reason="error"),
    ErrorRule(outcome="quota_exhausted", code="insufficient_quota|billing_error"),
    ErrorRule(outcome="context_overflow", code="context_length_exceeded|exceed_context_size_error"),
    ErrorRule(outcome="content_filter", code="content_filter|content_policy_violation"),
    ErrorRule(outcome="auth", http=401),
    ErrorRule(outcome="quota_exhausted", http=402),
    ErrorRule(outcome="auth", http=403),
    ErrorRule(outcome="timeout", http=408),
    ErrorRule(outcome="rate_limited", http=429),
    ErrorRule(outcome="context_overflow", http=400, message=_TOO_LONG),
    ErrorRule(outcome="context_overflow", http=413),
    ErrorRule(outcome="context_overflow", http=422, message=_TOO_LONG),
    # Told inside a stream that had begun, where no status can say it.
    ErrorRule(outcome="rate_limited", http=200, code="rate_limit_exceeded|rate_limit_error"),
    ErrorRule(outcome="overloaded", http=200, code="server_error|api_error|overloaded_error"),
)


def classify(problem: Problem, rules: Iterable[ErrorRule]) -> CallOutcome | None:
    """Outcome by the provider's rules, then the general ones; None for a reply without fault."""
    for rule in (*rules, *GENERAL):
        if _holds(rule, problem):
            return rule.outcome
    if problem.http is None or problem.http < 300:
        return "malformed_reply" if problem.codes or problem.message else None
    return "overloaded" if problem.http >= 500 else "bad_request"


def problem_in(body: JsonValue, http: int) -> Problem | None:
    """The error a body tells, in any of the shapes in use; None when it tells none."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, dict):
        return None
    base = body.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (0, None):
        return Problem(http, (str(base["status_code"]),), str(base.get("status_msg") or ""))
    error = body.get("error")
    if error is None:
        error = _event_error(body)
    if isinstance(error, str):
        return Problem(http, tuple(_codes(body)), error)
    if not isinstance(error, dict):
        if http < 300 or "message" not in body:
            return None
        error = body
    inner = error.get("code")
    if http < 300 and isinstance(inner, int) and 400 <= inner < 600:
        http = inner  # a router's error inside a reply that had already begun
    message = " ".join(str(error[k]) for k in ("message", "param") if error.get(k))
    return Problem(http, tuple(_codes(error)), message)


def _event_error(body: Mapping[str, JsonValue]) -> JsonValue:
    """The error in an event of the Responses API: a failed response's, or the event itself."""
    response = body.get("response")
    if body.get("type") == "response.failed" and isinstance(response, dict):
        return response.get("error")
    return dict(body) if body.get("type") == "error" else None


def _codes(error: Mapping[str, JsonValue]) -> Iterator[str]:
    for key in ("code", "type", "status"):
        value = error.get(key)
        if isinstance(value, str | int) and value != "":
            yield str(value)


def _holds(rule: ErrorRule, problem: Problem) -> bool:
    if rule.http is not None and rule.http != problem.http:
        return False
    if rule.finish_reason is not None and rule.finish_reason != problem.finish_reason:
        return False
    if rule.code is not None and not any(re.fullmatch(rule.code, c) for c in problem.codes):
        return False
    return rule.message is None or bool(re.search(rule.message, problem.message, re.IGNORECASE))


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
        api = apis.of(self.spec.api)
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
            return apis.of(self.spec.api).parse_reply(body, self.spec.quirks)
        except chat.MalformedReplyError as error:
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
        api = apis.of(self.spec.api)
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
            return apis.of(self.spec.api).parse_reply(body, self.spec.quirks)
        except chat.MalformedReplyError as error:
            return error.reply


def redacted(text: str, key: str | None) -> str:
    """What an endpoint or a connection said, without the key and in one short line."""
    # Cut after the key is out: a key across the cut would leave its first part.
    whole = text.replace(key, "[key]") if key else text
    return " ".join(whole.split())[:_SHOWN_CHARACTERS]


def _without_key(body: JsonValue, key: str | None) -> bytes:
    """A body for an agent: some endpoints repeat the request's headers in an error."""
    raw = chat.encoded(body)
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
