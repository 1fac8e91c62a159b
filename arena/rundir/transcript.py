"""A trial's transcript: written as it happens, read as messages of one form whatever the API.

Entries: `message` (verbatim, as the API wrote it), `call` (one attempt of a model call),
`command` (one command in the sandbox), `note`, `stop`. Each carries `at`, seconds since the start.
"""

import io
import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Self

from pydantic import JsonValue

from arena.errors import HarnessError
from arena.paths import AnyPath, safe
from arena.records import Message
from arena.serialize import lines_writer


class TranscriptFile:
    """Writes one transcript, from any thread."""

    def __init__(self, path: AnyPath) -> None:
        self._path = safe(path)
        self._handle = io.TextIOWrapper(self._path.open("wb"), encoding="utf-8")
        self._lines = lines_writer(self._handle)
        self._started = time.monotonic()
        self._lock = threading.Lock()

    def add(self, kind: str, record: Mapping[str, object]) -> None:
        """Append one entry; a `HarnessError` where the disk is full."""
        at = round(time.monotonic() - self._started, 3)
        try:
            with self._lock:
                self._lines.write({"kind": kind, "at": at, **record})
        except OSError as error:
            raise HarnessError(f"{self._path}: cannot be written: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._handle.close()


_ITEMS = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "local_shell_call": "action",
    "apply_patch_call": "operation",
}
_CALLS = _ITEMS | {"tool_use": "input"}
"""Parts that ask for a tool, and where their arguments are."""
_RESULTS = {f"{name}_output": "output" for name in _ITEMS} | {"tool_result": "content"}
_THOUGHTS = ("thinking", "reasoning", "redacted_thinking")


def plain(message: Message) -> list[Message]:
    """One entry as chat messages, usually one: text, `reasoning_content`, `tool_calls`, results."""
    if "role" not in message and "type" in message:
        return _parted("user" if message.get("type") in _RESULTS else "assistant", [message])
    role = "system" if message.get("role") == "developer" else str(message.get("role"))
    content = message.get("content")
    if not isinstance(content, list) or message.get("tool_calls"):
        return [{**message, "role": role}]
    return _parted(role, content)


def _parted(role: str, parts: list[JsonValue]) -> list[Message]:
    found: list[Message] = [
        {"type": "text", "text": part} if isinstance(part, str) else part
        for part in parts
        if isinstance(part, dict | str)
    ]
    results = [_result(part) for part in found if part.get("type") in _RESULTS]
    apart = {*_THOUGHTS, *_CALLS, *_RESULTS}
    text = "\n".join(t for part in found if part.get("type") not in apart for t in _words(part))
    thoughts = "\n".join(t for part in found if part.get("type") in _THOUGHTS for t in _words(part))
    calls: list[JsonValue] = [_call(part) for part in found if part.get("type") in _CALLS]
    message: Message = {"role": role, "content": text}
    if thoughts:
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = calls
    said = [message] if text or thoughts or calls or not results else []
    return [*results, *said]


def _words(part: Message) -> Iterator[str]:
    """All text in a part, however deep the API puts it."""
    for name in ("text", "thinking", "content", "summary"):
        value = part.get(name)
        if isinstance(value, str):
            yield value
        elif isinstance(value, list):
            for inner in value:
                if isinstance(inner, dict):
                    yield from _words(inner)
                elif isinstance(inner, str):
                    yield inner
    if str(part.get("type")).endswith("image"):
        yield "[image]"


def _call(part: Message) -> JsonValue:
    given = part.get(_CALLS[str(part.get("type"))])
    return {
        "id": str(part.get("call_id") or part.get("id") or ""),
        "type": "function",
        "function": {
            "name": str(part.get("name") or part.get("type")),
            "arguments": given if isinstance(given, str) else json.dumps(given),
        },
    }


def _result(part: Message) -> Message:
    given = part.get(_RESULTS[str(part.get("type"))])
    if isinstance(given, list):
        given = "\n".join(t for one in given if isinstance(one, dict) for t in _words(one))
    return {
        "role": "tool",
        "tool_call_id": str(part.get("tool_use_id") or part.get("call_id") or ""),
        "content": given if isinstance(given, str) else json.dumps(given),
    }
