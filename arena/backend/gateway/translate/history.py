"""What the model said in one trial, to be sent back to it exactly as it came.

An agent repeats the model's messages in the words of its own API, which has no place for every
vendor's reasoning and signatures; without them some vendors refuse the next request. So the gateway
keeps each message and puts it back where the agent repeats it, known by the ids of its calls, or by
its text where it made none.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from arena.backend import wire
from arena.backend.gateway.asked import objects
from arena.records import Message


@dataclass(frozen=True)
class _Said:
    """A message of the model, and the ids under which the agent knows its calls."""

    message: Message
    ids: tuple[str, ...]

    def answered(self, answers: set[str]) -> Message:
        """The message, without calls that the agent left out of what it sends."""
        made = self.message.get("tool_calls")
        if not isinstance(made, list) or answers.issuperset(self.ids):
            return self.message
        kept = [call for call, name in zip(made, self.ids, strict=False) if name in answers]
        rest = {k: v for k, v in self.message.items() if k != "tool_calls"}
        return {**rest, "tool_calls": kept} if kept else rest


class History:
    """Calls may come from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._by_call: dict[str, _Said] = {}
        self._by_text: dict[str, Message] = {}

    def name_call(self) -> str:
        """An id that no other call of the trial has."""
        with self._lock:
            self._calls += 1
            return f"call_{self._calls}"

    def keep(self, message: Message, ids: Sequence[str]) -> None:
        """Remember a message whose calls the agent knows under these ids."""
        said = _Said(message, tuple(ids))
        with self._lock:
            self._by_call.update(dict.fromkeys(ids, said))
            if not ids:
                self._by_text[wire.text_of(message.get("content")).strip()] = message

    def restored(self, turns: Sequence[Message]) -> list[Message]:
        """A conversation with the model's messages as they came."""
        with self._lock:
            return list(self._restored(turns))

    def _restored(self, turns: Sequence[Message]) -> Iterator[Message]:
        answers = {str(turn.get("tool_call_id")) for turn in turns if turn.get("role") == "tool"}
        done: set[int] = set()
        for turn in turns:
            if turn.get("role") == "tool":
                yield {**turn, "tool_call_id": self._vendors(turn.get("tool_call_id"))}
                continue
            calls = turn.get("tool_calls")
            said = self._of(calls)
            if turn.get("role") != "assistant":
                yield turn
            elif said is None:
                text = wire.text_of(turn.get("content")).strip()
                yield turn if calls else self._by_text.get(text, turn)
            elif id(said) not in done:  # an agent may repeat parallel calls one by one
                done.add(id(said))
                yield said.answered(answers)

    def _of(self, calls: JsonValue) -> _Said | None:
        ids = [call.get("id") for call in objects(calls)]
        known = (self._by_call.get(name) for name in ids if isinstance(name, str))
        return next((said for said in known if said is not None), None)

    def _vendors(self, name: JsonValue) -> JsonValue:
        """The id that the vendor gave a call."""
        said = self._by_call.get(str(name))
        if said is None:
            return name
        calls = objects(said.message.get("tool_calls"))
        return calls[said.ids.index(str(name))].get("id")
