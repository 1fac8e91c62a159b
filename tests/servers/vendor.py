"""A stand-in for any vendor: holds requests to that vendor's rules, answers in its shapes.

    with Vendor("deepseek", turns=[bash("ls"), say("done")]) as vendor:
        spec = vendor.spec()

Every turn thinks, so that reasoning has to come back. What was generated is kept in `truth`, which
is what a vendor would bill, whether or not it ever arrived.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Self

from arena.backend import catalog
from arena.backend.resolve import resolve
from arena.config import BackendTable
from arena.records import BackendSpec
from tests.servers.openai_stub import Answer, Request, Stub, calls, text
from tests.servers.sheets import MODELS, SHEETS, Sheet

KEY = "sk-stand-in"
SHIPPED = catalog.load()
TODAY = date(2026, 11, 22)
Faults = Callable[[int], Answer | str | None]
"""Request number (from 0) to a fault: an answer, the name of one of the sheet's errors, or None."""


@dataclass(frozen=True)
class Turn:
    """What the model does in one turn."""

    message: Mapping[str, Any]
    finish: str


def bash(*commands: str) -> Turn:
    """Call the tool `bash`, once for each command."""
    made = calls(*(("bash", {"command": command}) for command in commands))
    return Turn(made.message, "tool_calls")


def tool(name: str, **arguments: Any) -> Turn:
    """Call any one tool."""
    return Turn(calls((name, arguments)).message, "tool_calls")


def say(words: str) -> Turn:
    """End with text."""
    return Turn(text(words).message, "stop")


@dataclass(frozen=True)
class Generated:
    """One generation a vendor bills."""

    request: Request
    prompt: int
    cached: int
    output: int
    told: bool
    """Its usage went out in a whole reply."""


class Vendor:
    """A loopback server that behaves as one provider; use as a context manager."""

    def __init__(
        self,
        provider: str,
        turns: Sequence[Turn] | Callable[[Request], Turn],
        *,
        faults: Faults = lambda number: None,
        sheet: Sheet | None = None,
        delay_s: float = 0.0,
        key: str = KEY,
    ) -> None:
        self.provider = provider
        self.key = key
        self.sheet = sheet or SHEETS[provider]
        self.truth: list[Generated] = []
        self.refusals: list[str] = []
        self._turns = turns
        self._faults = faults
        self._delay_s = delay_s
        self._lock = threading.Lock()
        self._number = 0
        self._busy = 0
        self._seen: set[tuple[str, ...]] = set()
        self.stub = Stub(self._answer)

    @property
    def base_url(self) -> str:
        return f"{self.stub.url}{self.sheet.path}"

    def __enter__(self) -> Self:
        self.stub.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stub.close()

    def spec(self, **table: Any) -> BackendSpec:
        """The provider's own profile, pointed at this server."""
        settings = {
            "provider": self.provider,
            "model": MODELS[self.provider],
            "base_url": self.base_url,
            "api_key_env": "STAND_IN_KEY",
            **table,
        }
        return resolve(BackendTable(**settings), SHIPPED, today=TODAY, environ={})

    # ── one request ────────────────────────────────────────────────────────────────────────────

    def _answer(self, request: Request) -> Answer:
        with self._lock:
            number, self._number = self._number, self._number + 1
            self._busy += 1
            crowded = self.sheet.concurrency is not None and self._busy > self.sheet.concurrency
        try:
            if self._delay_s:
                self.stub.closing.wait(self._delay_s)
            return self._reply(request, number, crowded=crowded)
        finally:
            with self._lock:
                self._busy -= 1

    def _reply(self, request: Request, number: int, *, crowded: bool) -> Answer:
        if (said_no := self._broken_rule(request)) is not None:
            status, code, message = said_no
            with self._lock:
                self.refusals.append(message)
            return self._no(status, code, message)
        if crowded:
            return self.named_error(self.sheet.concurrency_error)
        wanted = self._faults(number)
        if isinstance(wanted, str):
            return self.named_error(wanted)
        return self._generate(request, wanted)

    def named_error(self, name: str) -> Answer:
        """One of the sheet's ways to say no."""
        return self._no(*self.sheet.errors[name])

    def _no(self, status: int, code: str, message: str) -> Answer:
        sent, body = self.sheet.shape(status, code, message)
        return Answer(status=sent, body=body)

    def _generate(self, request: Request, fault: Answer | None) -> Answer:
        if fault is not None and fault.body is not None:
            return fault
        message, finish, visible, reasoning = self._message(request)
        prompt, cached = self._prompt(request)
        usage = self.sheet.usage(prompt, cached, visible, reasoning)
        extra = {"provider": self._upstream(request)} if self.sheet.router else {}
        answer = Answer(message=message, finish_reason=finish, usage=usage, extra=extra)
        if fault is not None:
            answer = replace(
                answer,
                fault=fault.fault,
                usage=None if fault.usage is None else usage,
                choices=fault.choices,
                delay_s=fault.delay_s,
                drip_s=fault.drip_s,
            )
        told = answer.fault is None and answer.usage is not None
        with self._lock:
            self.truth.append(Generated(request, prompt, cached, visible + reasoning, told))
        return answer

    def _message(self, request: Request) -> tuple[dict[str, Any], str, int, int]:
        """Message, finish reason, and tokens of visible output and of reasoning."""
        turn = self._turns(request) if callable(self._turns) else self._turns[request.turn]
        message = json.loads(json.dumps(turn.message))
        finish = turn.finish
        made = message.get("tool_calls", [])
        if self.sheet.parallel_needs and not request.body.get(self.sheet.parallel_needs):
            del made[1:]
        for call in made:
            call["id"] = f"call_{request.turn}_{call['id'][5:]}"
        visible = -(-len(json.dumps(message)) // 4)
        limit = self._limit(request)
        if visible > limit:
            words = str(message.get("content") or "")[: 4 * limit]
            message, finish, visible = {"role": "assistant", "content": words}, "length", limit
        reasoning = self._think(message, request) if self.sheet.reasoning else 0
        if self.sheet.empty_finish and made:
            finish = ""
        return message, finish, visible, reasoning

    def _limit(self, request: Request) -> int:
        given = [request.body[name] for name in self.sheet.limits if name in request.body]
        return int(given[0]) if given else self.sheet.default_limit

    def _think(self, message: dict[str, Any], request: Request) -> int:
        thought = f"thinking about turn {request.turn} · 想一想"
        if self.sheet.reasoning == "details":
            if self.provider == "minimax" and not request.body.get("reasoning_split"):
                message["content"] = f"<think>{thought}</think>{message.get('content') or ''}"
            else:
                detail = {"type": "reasoning.text", "index": 0, "text": thought, "format": "v1"}
                message["reasoning_details"] = [detail]
        elif self.sheet.reasoning == "signature":
            for number, call in enumerate(message.get("tool_calls", [])):
                signature = f"sig{request.turn}{number}+/=="
                call["extra_content"] = {"google": {"thought_signature": signature}}
        else:
            message[str(self.sheet.reasoning)] = thought
        return -(-len(thought) // 4)

    def _prompt(self, request: Request) -> tuple[int, int]:
        """Prompt tokens, and how many of them lie in a prefix that was sent before."""
        parts = tuple(json.dumps(m, sort_keys=True) for m in request.messages)
        sizes = [-(-len(p) // 4) for p in parts]
        tools = -(-len(json.dumps(request.body.get("tools"))) // 4)
        with self._lock:
            known = next((n for n in range(len(parts), 0, -1) if parts[:n] in self._seen), 0)
            self._seen.update(parts[:n] for n in range(1, len(parts) + 1))
        cached = sum(sizes[:known]) // 16 * 16 if self.sheet.caches else 0
        return sum(sizes) + tools, cached

    def _upstream(self, request: Request) -> str:
        """A router serves from wherever it likes, unless it is told not to."""
        pin = request.body.get("provider") or {}
        if pin.get("allow_fallbacks") is False and pin.get("order"):
            return str(pin["order"][0])
        return f"somebody-{self._number % 3}"

    # ── rules ──────────────────────────────────────────────────────────────────────────────────

    def _broken_rule(self, request: Request) -> tuple[int, str, str] | None:
        sheet, body = self.sheet, request.body
        if request.path != f"{sheet.path}/chat/completions":
            return 404, "not_found", f"no such path {request.path}"
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return sheet.errors.get("auth", (401, "invalid_api_key", "wrong key"))
        if not re.fullmatch(sheet.model_pattern, str(body.get("model"))):
            return 404, "InvalidEndpointOrModel.NotFound", f"no model {body.get('model')}"
        for name in sorted(sheet.refused & set(body)):
            return 400, "unsupported_parameter", f"{name} is not supported"
        if "temperature" in body and not sheet.temperature(body["temperature"]):
            return 400, "unsupported_value", "invalid temperature"
        return self._broken_tools(body) or self._broken_stream(body) or self._broken_replay(request)

    def _broken_tools(self, body: Mapping[str, Any]) -> tuple[int, str, str] | None:
        sheet = self.sheet
        choice = body.get("tool_choice")
        asked = "named" if isinstance(choice, dict) else choice
        if sheet.tool_choice is not None and asked is not None and asked not in sheet.tool_choice:
            return 400, "invalid_request_error", f"tool_choice {asked} is not supported"
        if sheet.strict_refused and any("strict" in t["function"] for t in body.get("tools", [])):
            return 400, "invalid_request_error", "strict is not supported"
        effort, model = body.get("reasoning_effort"), str(body.get("model"))
        if effort == "none" and re.fullmatch(sheet.effort_cannot_be_none or "", model):
            return 400, "unsupported_value", "reasoning_effort none is not supported"
        wordy = re.fullmatch(sheet.tools_need_no_effort or "", model)
        if wordy and effort != "none" and body.get("tools"):
            return 400, "invalid_request_error", "Function tools are not supported"
        if sheet.tool_call_id_limit is not None:
            ids = [str(m["tool_call_id"]) for m in body["messages"] if "tool_call_id" in m]
            if any(len(i) > sheet.tool_call_id_limit for i in ids):
                return 400, "string_above_max_length", "tool_call_id is too long"
        return None

    def _broken_stream(self, body: Mapping[str, Any]) -> tuple[int, str, str] | None:
        thinking = self.provider == "alibaba" and body.get("enable_thinking")
        if (self.sheet.stream_required or thinking) and not body.get("stream"):
            words = "parameter.enable_thinking must be set to false for non-streaming calls"
            return 400, "InvalidParameter", words
        return None

    def _broken_replay(self, request: Request) -> tuple[int, str, str] | None:
        sheet = self.sheet
        for message in request.messages:
            if message.get("role") != "assistant":
                continue
            calls, said = message.get("tool_calls"), str(message.get("content") or "").strip()
            wrong = [
                sheet.replay_error if sheet.replay and not self._carries_reasoning(message) else "",
                sheet.empty_turn_error if not said and not calls else "",
                sheet.empty_calls_error if calls == [] else "",
                *(f"{n}: extra inputs are not permitted" for n in sheet.refused_back & {*message}),
            ]
            if told := next(filter(None, wrong), None):
                return 400, "invalid_request_error", told
        return None

    def _carries_reasoning(self, message: Mapping[str, Any]) -> bool:
        kind, made = self.sheet.reasoning, message.get("tool_calls") or []
        if not made:
            return True
        if kind == "details":
            details = message.get("reasoning_details") or [{}]
            thought = str(details[0].get("text") or message.get("content") or "")
        elif kind == "signature":
            found = [c.get("extra_content", {}).get("google", {}) for c in made]
            return all(str(g.get("thought_signature")).startswith("sig") for g in found)
        else:
            thought = str(message.get(str(kind)) or "")
        return "想一想" in thought
