"""What went wrong with a call, from what the provider said.

Providers agree on little: out-of-credit is 402 here, 429 with a business code there, and a refusal
may come with HTTP 200. So a profile's own rules are tried first, then what holds everywhere.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from arena.records import CallOutcome, ErrorRule, Reply
from arena.serialize import well_formed


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
