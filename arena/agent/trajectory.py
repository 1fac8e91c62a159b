"""A trial's transcript in the Agent Trajectory Interchange Format, which other viewers open.

Specification: github.com/harbor-framework/harbor, rfcs/0001-trajectory-format.md, version 1.7.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from arena import __version__, conversation
from arena.errors import InputError
from arena.records import Message, Record, Usage

SCHEMA = "ATIF-v1.7"
_ARGUMENTS = "arguments"


class Head(Record):
    """What a transcript does not say itself."""

    trial_id: str
    agent: str
    version: str = __version__
    model: str | None
    started_at: datetime
    cost_usd: float | None = None
    """Of the trial; None when it is not known."""


@dataclass
class _Step:
    source: str
    message: str
    at_s: float
    reasoning: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)
    model: str | None = None


def of(path: Path, head: Head) -> dict[str, Any]:
    """The trajectory of one transcript, as JSON.

    Raises:
        InputError: there is no transcript.
    """
    steps = _steps(_entries(path))
    written = [_written(step, number, head) for number, step in enumerate(steps, 1)]
    usages = [usage for step in steps for usage in step.usages]
    totals: dict[str, Any] = {"total_steps": len(steps)}
    if usages:
        totals |= {f"total_{name}": value for name, value in _metrics(usages).items()}
    if head.cost_usd is not None:
        totals["total_cost_usd"] = head.cost_usd
    agent = {"name": head.agent, "version": head.version}
    return {
        "schema_version": SCHEMA,
        "session_id": head.trial_id,
        "agent": agent if head.model is None else {**agent, "model_name": head.model},
        "steps": written,
        "final_metrics": totals,
    }


def _entries(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8") as handle:
            for line in handle:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # a torn last line
                if isinstance(entry, dict):
                    yield entry
    except FileNotFoundError:
        raise InputError("no transcript there", where=str(path)) from None


def _steps(entries: Iterator[dict[str, Any]]) -> list[_Step]:
    steps: list[_Step] = []
    by_call: dict[str, _Step] = {}
    pending: list[dict[str, Any]] = []
    for entry in entries:
        at_s = float(entry.get("at") or 0)
        if entry.get("kind") == "call":
            pending.append(entry)
        message = entry.get("message")
        if not isinstance(message, dict):
            continue
        for said in conversation.plain(message):
            step = by_call.get(str(said.get("tool_call_id")))
            if said.get("role") == "tool" and step is not None:
                step.results.append(
                    {"source_call_id": said["tool_call_id"], "content": _text(said)}
                )
                continue
            step = _step(said, at_s)
            if step.source == "agent":
                step.usages, step.model = _spent(pending)
                pending = []
            by_call |= {made["tool_call_id"]: step for made in step.calls}
            steps.append(step)
    return steps


def _step(said: Message, at_s: float) -> _Step:
    sources = {"assistant": "agent", "system": "system"}
    source = sources.get(str(said.get("role")), "user")
    step = _Step(source, _text(said), at_s)
    if source == "agent":
        thoughts = said.get("reasoning_content") or said.get("reasoning")
        step.reasoning = thoughts if isinstance(thoughts, str) else ""
        step.calls = list(_calls(said.get("tool_calls")))
    return step


def _text(said: Mapping[str, JsonValue]) -> str:
    content = said.get("content")
    if isinstance(content, list):
        content = "\n".join(str(p.get("text") or "") for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


def _calls(made: JsonValue) -> Iterator[dict[str, Any]]:
    for number, call in enumerate(made if isinstance(made, list) else ()):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict):
            continue
        text = str(function.get(_ARGUMENTS) or "{}")
        try:
            arguments = json.loads(text)
        except ValueError:
            arguments = text
        yield {
            "tool_call_id": str(call.get("id") or f"call_{number}"),
            "function_name": str(function.get("name") or ""),
            _ARGUMENTS: arguments if isinstance(arguments, dict) else {"text": text},
        }


def _spent(calls: list[dict[str, Any]]) -> tuple[list[Usage], str | None]:
    usages = [Usage.model_validate(call["usage"]) for call in calls if call.get("usage")]
    models = [str(call["returned_model"]) for call in calls if call.get("returned_model")]
    return usages, models[-1] if models else None


def _metrics(usages: list[Usage]) -> dict[str, int]:
    return {
        "prompt_tokens": sum(usage.prompt for usage in usages),
        "completion_tokens": sum(usage.output for usage in usages),
        "cached_tokens": sum(usage.cache_read for usage in usages),
    }


def _written(step: _Step, number: int, head: Head) -> dict[str, Any]:
    written: dict[str, Any] = {
        "step_id": number,
        "timestamp": (head.started_at + timedelta(seconds=step.at_s)).isoformat(),
        "source": step.source,
        "message": step.message,
    }
    if step.model:
        written["model_name"] = step.model
    if step.reasoning:
        written["reasoning_content"] = step.reasoning
    if step.calls:
        written["tool_calls"] = step.calls
    if step.results:
        written["observation"] = {"results": step.results}
    if step.usages:
        written["metrics"] = _metrics(step.usages)
    return written
