"""What endpoints say: what went wrong, from their own words; and their replies without our key.

Providers agree on little: out-of-credit is 402 here, 429 with a business code there, and a refusal
may come with HTTP 200. So a profile's own rules are tried first, then what holds everywhere.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import JsonValue

from arena.backend.chat import REPEATED, encoded
from arena.records import CallOutcome, ErrorRule, Reply
from arena.serialize import from_json, mapping, mappings, well_formed


class Problem(NamedTuple):
    """What a provider said about a call that went wrong."""

    http: int | None = None
    codes: tuple[str, ...] = ()
    """Everything that may be a code: `code`, `type`, `status`."""
    message: str = ""
    finish_reason: str | None = None


@dataclass(eq=False, repr=False)
class CallFailed(Exception):  # noqa: N818 - an outcome of one attempt, caught by the meter
    """One attempt did not give a usable reply; `reply` holds what came all the same."""

    outcome: CallOutcome
    message: str
    http_status: int | None = None
    retry_after_s: float | None = None
    reply: Reply = field(default_factory=Reply)
    sent: bool = True
    body: bytes = b""
    """What the provider sent with it, as it came."""
    final: bool = False
    """Another attempt would be of no use, whatever the outcome."""
    attempts: int = 1

    def __post_init__(self) -> None:
        self.message = well_formed(self.message)

    def __str__(self) -> str:
        return self.message

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint, the model or the right to it may be gone, or a thing asked for."""
        gone = {("bad_request", 404), ("bad_request", 410), ("auth", 403)}
        return (self.outcome, self.http_status) in gone


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
        if rule.finish_reason == problem.finish_reason and _holds(rule, problem):
            return rule.outcome
    if problem.http is None or problem.http < 300:
        return "malformed_reply" if problem.codes or problem.message else None
    return "overloaded" if problem.http >= 500 else "bad_request"


_PARTS = frozenset({"choices", "content", "output", "delta", "usage"})
"""What a reply, or an event of one, has one of."""
_WORDS = ("message", "msg", "error_msg", "error_message", "errormessage", "detail", "reason")
_CODES = ("code", "type", "status", "status_code", "error_code", "errorcode", "err_code")
_GOOD = frozenset({"0", "200", "ok", "success", "none", "null"})


def problem_in(body: JsonValue, http: int) -> Problem | None:
    """The error a body tells, in any of the shapes in use; None when it tells none."""
    body = next(iter(body), None) if isinstance(body, list) else body
    if not isinstance(body, dict):
        return None
    base = mapping(body, "base_resp")
    if base.get("status_code") not in (0, None):
        return Problem(http, (str(base["status_code"]),), str(base.get("status_msg") or ""))
    error = _told_error(body) or _event_error(body)
    if isinstance(error, str):
        return Problem(http, tuple(_codes(body)), error)
    if not isinstance(error, dict):
        if http < 300 and not _PARTS.isdisjoint(body):
            return None
        error = next((one for one in _outer(body) if _is_failure(one, http)), None)
    if error is None:
        return None
    codes = tuple(_codes(error))
    if http < 300:  # told in place of a reply, or inside one that had already begun
        http = next((int(c) for c in codes if re.fullmatch("[45][0-9]{2}", c)), http)
    told = next((str(error[name]) for name in _WORDS if error.get(name)), "")
    param = error.get("param")
    return Problem(http, codes, f"{told} {param}" if param else told)


def _told_error(body: Mapping[str, JsonValue]) -> JsonValue:
    """What stands under `error`, unless that says nothing: some send an empty one with replies."""
    error = body.get("error") or body.get("errors")
    error = next(iter(error), None) if isinstance(error, list) else error
    if error is True:
        return dict(body)
    return None if isinstance(error, dict) and not any(error.values()) else error


def _outer(body: dict[str, JsonValue]) -> Iterator[dict[str, JsonValue]]:
    """A body, and what it holds where it is no more than an envelope; some write names large."""
    body = {name.lower(): value for name, value in body.items()}
    yield body
    if "type" not in body and _PARTS.isdisjoint(body):
        for inner in body.values():
            if isinstance(inner, dict):
                yield from _outer(inner)


def _is_failure(body: Mapping[str, JsonValue], http: int) -> bool:
    """Whether an object without an `error` is one: it has words, and a code that is not good."""
    if not any(isinstance(body.get(name), str) and body[name] for name in _WORDS):
        return False
    if http >= 300 or body.get("success") is False:
        return True
    state = body.get("status")
    codes = (body.get(name) for name in _CODES if name not in ("type", "status"))
    bad = any(str(c).lower() not in _GOOD for c in codes if isinstance(c, str | int) and c != "")
    return bad or (type(state) is int and state >= 400) or state in ("error", "fail", "failed")


def _event_error(body: Mapping[str, JsonValue]) -> JsonValue:
    """The error in an event of the Responses API: a failed response's, or the event itself."""
    if body.get("type") == "response.failed":
        return mapping(body, "response").get("error")
    return dict(body) if body.get("type") == "error" else None


def _codes(error: Mapping[str, JsonValue]) -> Iterator[str]:
    for key in _CODES:
        value = error.get(key)
        if isinstance(value, str | int) and value != "":
            yield str(value)


def _holds(rule: ErrorRule, problem: Problem) -> bool:
    if rule.http is not None and rule.http != problem.http:
        return False
    if rule.code is not None and not any(re.fullmatch(rule.code, c) for c in problem.codes):
        return False
    return rule.message is None or bool(re.search(rule.message, problem.message, re.IGNORECASE))


def brief(said: str) -> str:
    """What an endpoint or a connection said, in one line of at most 500 characters."""
    return " ".join(said.split())[:500]


# ── the key ────────────────────────────────────────────────────────────────────────────────────

MARK = "[key]"
SHORTEST = 8
"""Characters of a key. What is shorter, or a number, is no secret: local servers take any word."""
HELD_EVENTS = 64
"""Events that wait at most for one that goes on with the key."""
_WIDEST = 8
"""Characters that one of a key may take inside JSON inside JSON."""
_UNIT = re.compile(r"(?is)(?:\\+u005c|\\(?!\\*u00))*(?:\\+u00(?!5c)([0-9a-f]{2})|([^\\]))")
"""One character, however it is escaped, with the backslashes before it."""
_CUT_SHORT = re.compile(r"(?i)(?:\\+u005c)*(?:\\+(?:u(?:0(?:0[0-9a-f]?)?)?)?)?\Z")

StreamEvent = tuple[bytes, JsonValue]
"""As it came, and what it holds; None for a comment or an end."""
Place = tuple[str, ...]
Text = tuple[Place, dict[str, JsonValue], str]
"""Where a text stands in an event, what holds it, and under which name."""


class KeyPattern:
    """How a key looks in what is sent; without a key, nothing looks like it."""

    def __init__(self, key: str | None) -> None:
        self.key = key if key and len(key) >= SHORTEST and not key.isdigit() else ""
        self._plain, self._bare = self.key.encode(), self.key.replace("\\", "")
        self.written = re.compile("".join(map(_written, self.key)))
        self._all = re.compile(self.written.pattern.encode())
        # Without an escape that could stand for a part of it, it can only stand there as it is.
        self._escape = b"\\" if set(self.key) & set('"\\/') else b"\\u00"

    def replaced(self, data: bytes) -> bytes:
        """The same without the key, however JSON escapes it, and JSON inside JSON."""
        if not (self._plain in data or self._escape in data):
            return data
        return self._all.sub(MARK.encode(), data)

    def begun(self, text: str) -> tuple[int, int]:
        """How many characters at a text's end may be its beginning, and of how many of its own."""
        text = text[-_WIDEST * len(self.key) :]
        cut = _CUT_SHORT.search(text) if "\\" in text else None
        end = cut.start() if cut else len(text)
        units = list(_UNIT.finditer(text, 0, end))
        said = "".join(chr(int(one[1], 16)) if one[1] else one[2] for one in units)
        most = min(len(said), len(self._bare))
        own = next((n for n in range(most, 0, -1) if self._bare.startswith(said[-n:])), 0)
        return len(text) - (units[-own].start() if own else end), own


def _written(character: str) -> str:
    plain = re.escape(character)
    if character in '"\\/':
        plain = rf"\\*{plain}"
    return rf"(?:{plain}|\\+u00(?i:{ord(character):02x}))"


@dataclass
class _Held:
    raw: bytes
    chunk: JsonValue
    changed: bool = False

    def released(self) -> StreamEvent:
        if self.changed:
            lines = self.raw.splitlines(keepends=True)
            head = b"".join(ln for ln in lines if ln.strip() and not ln.startswith(b"data:"))
            self.raw = head + b"data: " + encoded(self.chunk) + b"\n\n"
        return self.raw, self.chunk


class _Piece(NamedTuple):
    event: _Held
    holder: dict[str, JsonValue]
    name: str

    @property
    def text(self) -> str:
        return str(self.holder[self.name])


@dataclass
class Redaction:
    """Takes the key out of the reply to one call: some endpoints repeat the request's headers.

    Everything else stays as it came, to the byte. A key whose pieces come in several events of a
    stream is found as well: an event that may hold the beginning of it waits for those that follow.
    """

    pattern: KeyPattern
    changed: bool = False
    """Whether there was anything to take out."""
    _open: dict[Place, list[_Piece]] = field(default_factory=dict)
    """By its place in an event, the text so far that may be the beginning of the key."""

    def raw(self, data: bytes) -> bytes:
        """Bytes of a body or an event."""
        if not self.pattern.key:
            return data
        if b"\0" in data:  # JSON, but not in UTF-8
            data = data.decode(json.detect_encoding(data), "replace").encode()
        clean = self.pattern.replaced(data)
        self.changed |= clean != data
        return clean

    def text(self, said: str) -> str:
        """Words of a reply, or about one."""
        return self.raw(said.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def value(self, body: JsonValue) -> JsonValue:
        """A body that was put together from pieces."""
        if not self.pattern.key or (clean := self.raw(raw := encoded(body))) is raw:
            return body
        found: JsonValue = from_json(clean)
        return found

    def across(self, events: Iterator[StreamEvent]) -> Iterator[StreamEvent]:
        """Events without what several of them hold of the key together."""
        held: list[_Held] = []
        waited = 0
        try:
            for raw, chunk in events:
                event = _Held(raw, chunk)
                waited += 1
                for place, holder, name in _growing(chunk):
                    waited = 0 if place in self._open else waited
                    self._look(place, _Piece(event, holder, name))
                held.append(event)
                if not self._open or waited > HELD_EVENTS:
                    self._open.clear()
                    yield from (one.released() for one in held)
                    held.clear()
        except Exception:
            yield from self._left(held)
            raise
        yield from self._left(held)

    def _look(self, place: Place, piece: _Piece) -> None:
        pieces = [*self._open.pop(place, ()), piece]
        text = "".join(one.text for one in pieces)
        while len(pieces) > 1 and (found := self.pattern.written.search(text)):
            self._cut(pieces, *found.span())
            text = "".join(one.text for one in pieces)
        if begun := self.pattern.begun(text)[0]:
            while sum(len(one.text) for one in pieces[1:]) >= begun:
                del pieces[0]
            self._open[place] = pieces

    def _left(self, held: list[_Held]) -> Iterator[StreamEvent]:
        """What still waits when nothing follows; the most of a key is as good as the key."""
        for pieces in self._open.values():
            text = "".join(one.text for one in pieces)
            begun, own = self.pattern.begun(text)
            if own * 2 >= len(self.pattern.key):
                self._cut(pieces, len(text) - begun, len(text))
        yield from (one.released() for one in held)

    def _cut(self, pieces: list[_Piece], start: int, end: int) -> None:
        """Take out a part of the text that pieces hold together."""
        at, mark = 0, MARK
        for piece in pieces:
            text = piece.text
            first, last = max(0, start - at), min(len(text), end - at)
            at += len(text)
            if first < last:
                piece.holder[piece.name] = text[:first] + mark + text[last:]
                piece.event.changed = self.changed = True
                mark = ""


def _growing(chunk: JsonValue) -> Iterator[Text]:
    """Texts of an event that later ones may continue."""
    if not isinstance(chunk, dict):
        return
    if isinstance(chunk.get("delta"), str):
        yield (str(chunk.get("output_index")),), chunk, "delta"
    choices = chunk.get("choices")
    for one in mappings(choices) if isinstance(choices, list) else (chunk,):
        inner = one.get("delta") or one.get("content_block")
        if isinstance(inner, dict):
            yield from _texts(inner, (str(one.get("index")),))


def _texts(value: dict[str, JsonValue], place: Place) -> Iterator[Text]:
    for name, inner in value.items():
        if isinstance(inner, str):
            if inner and name not in REPEATED:
                yield (*place, name), value, name
        elif isinstance(inner, dict):
            yield from _texts(inner, (*place, name))
        elif isinstance(inner, list):
            for number, one in enumerate(inner):
                if isinstance(one, dict):
                    yield from _texts(one, (*place, name, str(one.get("index", number))))
