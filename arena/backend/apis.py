"""The APIs that endpoints speak: which an agent uses, efforts, what endpoints do not take back.

An effort is data: one vocabulary, each provider's own words. What an endpoint would refuse, drop or
silently round to another level is refused before the run.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Protocol, get_args

from pydantic import JsonValue

from arena.backend import chat, messages, responses
from arena.backend.chat import Prompt, RequestForm
from arena.backend.replies import CallFailed
from arena.errors import InputError
from arena.records import Api, BackendSpec, EffortLevel, EffortRule, Message, Quirks, Reply
from arena.records.backend import Mend


class Dialect(Protocol):
    """How one API is written and read; each is a module."""

    REQUEST: RequestForm

    def error_body(self, status: int, message: str, /, *, overflow: bool) -> dict[str, JsonValue]:
        """An error as the gateway tells it; `overflow` where the context is too long."""

    def request_body(self, spec: BackendSpec, prompt: Prompt, output_limit: int, /) -> bytes:
        """The whole request of the built-in agent."""

    def parse_reply(self, body: JsonValue, quirks: Quirks, /) -> Reply:
        """A reply from a whole body; raises `chat.MalformedReplyError`."""

    def assemble(self, chunks: Iterable[JsonValue], /) -> dict[str, JsonValue]:
        """The body that a stream's events amount to."""

    def is_last(self, chunk: JsonValue, /) -> bool:
        """Whether an event ends the stream."""

    def is_whole(self, body: dict[str, JsonValue], /) -> bool:
        """Whether an assembled body says how it ended."""


DIALECTS: dict[Api, Dialect] = {"chat": chat, "messages": messages, "responses": responses}
"""A new one is a module, and a row here."""


TRANSLATORS: dict[Api, str] = {"messages": "any-llm-sdk", "responses": "openai-agents"}
"""What must be installed for the gateway to translate an agent's API to chat completions."""


def over(spec: BackendSpec, api: Api) -> BackendSpec:
    """The backend as it is reached over one of its APIs."""
    of_routes = {text for texts in spec.route_caveats.values() for text in texts}
    caveats = [text for text in spec.caveats if text not in of_routes]
    body = {k: v for k, v in spec.quirks.extra_body.items() if k not in spec.chat_body}
    body = {**spec.chat_body, **body} if api == "chat" else body
    changed = {
        "api": api,
        "base_url": spec.endpoints.get(api, spec.base_url),
        "caveats": (*caveats, *spec.route_caveats.get(api, ())),
        "quirks": spec.quirks.model_copy(update={"extra_body": body}),
    }
    return spec.model_copy(update=changed)


def routed(spec: BackendSpec, speaks: Sequence[Api], *, agent: str) -> BackendSpec:
    """The backend at the first API of the named agent's, the best first, else translated to chat.

    Raises:
        InputError: the backend offers none of them, and no translation is possible.
    """
    offered = {spec.api, *spec.endpoints}
    if not spec.chat_tools:
        offered.discard("chat")
    for api in speaks:
        if api in offered:
            return over(spec, api)
    api = speaks[0]
    between = f"{agent} speaks {api}, {spec.name} offers {', '.join(sorted(offered)) or 'nothing'}"
    if "chat" not in offered:
        why = "chat completions take no tools there" if not spec.chat_tools else "no chat there"
        raise InputError(
            f"{between}: {why}, so nothing can be translated",
            remedy="choose another agent or backend, or give the address under `endpoints`",
        )
    try:
        metadata.version(TRANSLATORS[api])
    except metadata.PackageNotFoundError:
        raise InputError(
            f"{between}: translating needs {TRANSLATORS[api]}",
            remedy="pip install 'arena-bakeoff[translate]'",
        ) from None
    chat = over(spec, "chat")
    caveat = f"Its agent speaks {api}; the gateway translated that to chat completions and back."
    return chat.model_copy(update={"translated_from": api, "caveats": (*chat.caveats, caveat)})


LEVELS: tuple[EffortLevel, ...] = get_args(EffortLevel)
STANDARD: dict[Api, EffortRule] = {
    "chat": EffortRule(levels=LEVELS, body={"reasoning_effort": "{effort}"}),
    "responses": EffortRule(levels=LEVELS, body={"reasoning": {"effort": "{effort}"}}),
    "messages": EffortRule(
        levels=LEVELS,
        body={"thinking": {"type": "adaptive"}, "output_config": {"effort": "{effort}"}},
        none={"thinking": {"type": "disabled"}},
    ),
}
"""As OpenAI and Anthropic write it: what is sent to an endpoint that no profile describes."""
UNPROVEN = "Nobody knows whether this endpoint heeds an effort: compare the output tokens."


def with_effort(spec: BackendSpec, effort: EffortLevel) -> BackendSpec:
    """The backend, at the API that is used, with an effort in every call of whichever agent.

    Raises:
        InputError: the endpoint would not heed it, or `extra_body` says otherwise.
    """
    rules = STANDARD if spec.provider is None else spec.effort
    rule = rules.get(spec.api, EffortRule())
    if effort not in rule.levels:
        what = f"effort {effort!r} would be refused, dropped or rounded by {spec.name}"
        taken = ", ".join(rule.levels) or f"no effort over its {spec.api} API, as far as is known"
        raise InputError(what, remedy=f"it takes {taken}")
    body = rule.none if effort == "none" and rule.none else rule.body
    asked = filled(body, {"effort": rule.values.get(effort, effort)})
    assert isinstance(asked, dict)
    given = spec.quirks.extra_body
    if twice := sorted(asked.keys() & given.keys() - spec.chat_body.keys()):
        raise InputError(f"extra_body sets {twice[0]!r}, and so does efforts", remedy="remove one")
    quirks = spec.quirks.model_copy(update={"extra_body": {**given, **asked}})
    unproven = spec.self_hosted or spec.provider is None
    caveats = (*spec.caveats, UNPROVEN) if unproven else spec.caveats
    return spec.model_copy(update={"quirks": quirks, "caveats": caveats})


def filled(value: JsonValue, given: Mapping[str, JsonValue]) -> JsonValue:
    """Part of a body with its placeholders filled; what is not given is left out."""
    if isinstance(value, dict):
        found = {key: filled(inner, given) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner not in ([], None)}
    if isinstance(value, list):
        return [inner for inner in (filled(v, given) for v in value) if inner is not None]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return given[value[1:-1]]
    return value


EMPTY_TURN = "(an empty reply)"
"""Stands in the history for a turn that says nothing, at endpoints that refuse it."""
_REASONING = frozenset({"reasoning", "reasoning_content", "reasoning_details"})


def _mended(message: Message, mend: Mend) -> Message:
    """A message as an endpoint takes it back that has this rule."""
    if message.get("role") != "assistant":
        return message
    if mend == "reasoning":
        return {k: v for k, v in message.items() if k not in _REASONING}
    if message.get("tool_calls"):
        return message
    if mend == "empty_calls":
        return {k: v for k, v in message.items() if k != "tool_calls"}
    says = chat.text_of(message.get("content")).strip()
    return message if says else {**message, "content": EMPTY_TURN}


_LEARNED: tuple[tuple[Mend, ...], ...] = (("empty_turns", "empty_calls"), ("reasoning",))
"""Reasoning is left out last: many endpoints want to have it back."""
_UNTAKEN = frozenset({400, 422})
"""How a history is refused that is not as the endpoint wants it."""


class HistoryMender:
    """A history as its endpoint takes it back: by its profile's rules, and by learned ones."""

    def __init__(self, spec: BackendSpec) -> None:
        self._chat = spec.api == "chat"
        self._mends = spec.quirks.mends if self._chat else ()
        self._noted: set[tuple[int, Mend]] = set()

    def applied(self, messages: Sequence[Message]) -> tuple[list[Message], list[str]]:
        """The history, and what is mended that was not before, in words."""
        history, notes = [], []
        for number, message in enumerate(messages):
            mended = message
            for mend in self._mends:
                before, mended = mended, _mended(mended, mend)
                if mended != before and (number, mend) not in self._noted:
                    self._noted.add((number, mend))
                    notes.append(
                        f"the endpoint does not take message {number} back: mended, {mend}"
                    )
            history.append(mended)
        return history, notes

    def learns(self, failed: CallFailed, messages: Sequence[Message]) -> bool:
        """Whether a refusal may be for what the endpoint sent itself: mend that from now on."""
        refused = failed.outcome == "bad_request" and failed.http_status in _UNTAKEN
        history, _ = self.applied(messages) if refused and self._chat else ([], [])
        for several in _LEARNED:
            new = [m for m in several if any(_mended(one, m) != one for one in history)]
            if new:
                self._mends = (*self._mends, *new)
                return True
        return False
