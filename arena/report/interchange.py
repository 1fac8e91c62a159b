"""A run in other programs' forms: predictions for graders, trajectories for viewers.

Specification: github.com/harbor-framework/harbor, rfcs/0001-trajectory-format.md, version 1.7.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import JsonValue

from arena import __version__
from arena.errors import InputError
from arena.money.statement import statements
from arena.paths import AnyPath, SafePath, safe
from arena.records import Message, Record, TrialRecord, Usage
from arena.rundir import ledger
from arena.rundir import transcript as conversation
from arena.rundir.directory import Manifest, RunDir
from arena.score.load import recorded
from arena.score.results import Results
from arena.serialize import from_json, json_lines
from arena.task.formats.predictions import Prediction, instance_id


def predictions_of_run(results: Results) -> Iterator[Prediction]:
    """One prediction for each trial with a verdict; later attempts carry their number in the name.

    Controls are left out. A trial that changed nothing gives an empty patch.
    """
    rundir = RunDir(results.path)
    tasks = {entry.id: entry for entry in results.tasks}
    controls = {c.name for c in results.manifest.contestants if c.control}
    for row in results.trials:
        if row.verdict is None or row.contestant in controls:
            continue
        name = row.contestant if row.attempt == 1 else f"{row.contestant}.{row.attempt}"
        yield Prediction(
            instance_id=instance_id(tasks[row.task_id]),
            model=name,
            patch=_read(rundir.trial_dir(row.id) / "patch.diff"),
        )


def _read(path: SafePath) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""


SCHEMA = "ATIF-v1.7"
_ARGUMENTS = "arguments"


class TrajectoryHead(Record):
    """What a transcript does not say itself."""

    trial_id: str
    agent: str
    version: str = __version__
    model: str | None
    started_at: datetime


class _Spent(NamedTuple):
    """One attempt of a model call that told its usage."""

    usage: Usage
    cost_usd: Decimal | None


@dataclass
class _Step:
    source: str
    message: str
    at_s: float
    reasoning: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    spent: list[_Spent] = field(default_factory=list)
    model: str | None = None


def of(path: AnyPath, head: TrajectoryHead, costs: Mapping[str, Decimal | None]) -> dict[str, Any]:
    """The trajectory of one transcript, as JSON.

    Args:
        path: the transcript.
        head: what it does not say itself.
        costs: USD of each call by its id; None is unknown.

    Raises:
        InputError: there is no transcript.
    """
    entries = list(_entries(path))
    steps = _steps(entries, costs)
    written = [_written(step, number, head) for number, step in enumerate(steps, 1)]
    spent = [one for entry in entries for one in _spent(entry, costs)]
    totals = {f"total_{name}": value for name, value in _metrics(spent).items()}
    totals["total_steps"] = len(steps)
    agent = {"name": head.agent, "version": head.version}
    return {
        "schema_version": SCHEMA,
        "session_id": head.trial_id,
        "agent": agent if head.model is None else {**agent, "model_name": head.model},
        "steps": written,
        "final_metrics": totals,
    }


def _entries(path: AnyPath) -> Iterator[dict[str, Any]]:
    try:
        for _, entry in json_lines(safe(path).lines(), broken=None):  # the last may be torn
            if isinstance(entry, dict):
                yield entry
    except FileNotFoundError:
        raise InputError("no transcript there", where=str(path)) from None


def _steps(entries: Iterable[dict[str, Any]], costs: Mapping[str, Decimal | None]) -> list[_Step]:
    steps: list[_Step] = []
    by_call: dict[str, _Step] = {}
    pending: list[_Spent] = []
    model: str | None = None
    for entry in entries:
        at_s = float(entry.get("at") or 0)
        pending += _spent(entry, costs)
        model = entry.get("returned_model") or model
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
                step.spent, step.model = pending, model
                pending, model = [], None
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
            arguments = from_json(text)
        except ValueError:
            arguments = text
        yield {
            "tool_call_id": str(call.get("id") or f"call_{number}"),
            "function_name": str(function.get("name") or ""),
            _ARGUMENTS: arguments if isinstance(arguments, dict) else {"text": text},
        }


def _spent(entry: Mapping[str, Any], costs: Mapping[str, Decimal | None]) -> Iterator[_Spent]:
    if entry.get("kind") == "call" and entry.get("usage"):
        usage = Usage.model_validate(entry["usage"])
        yield _Spent(usage, costs.get(str(entry.get("call_id"))))


def _metrics(spent: list[_Spent]) -> dict[str, int | float]:
    if not spent:
        return {}
    metrics: dict[str, int | float] = {
        "prompt_tokens": sum(one.usage.prompt for one in spent),
        "completion_tokens": sum(one.usage.output for one in spent),
        "cached_tokens": sum(one.usage.cache_read for one in spent),
    }
    known = [one.cost_usd for one in spent if one.cost_usd is not None]
    if len(known) == len(spent):
        metrics["cost_usd"] = float(sum(known))
    return metrics


def _written(step: _Step, number: int, head: TrajectoryHead) -> dict[str, Any]:
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
    if step.spent:
        written["metrics"] = _metrics(step.spent)
    return written


def trajectories_of_run(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and trajectory of each try that a model worked on, in the order in which they ended.

    The last try has its trial's id for a name, an earlier one `<id>--try-<number>`.

    Raises:
        InputError: no run there.
    """
    rundir = RunDir(path)
    manifest = rundir.read_manifest()
    return _of_tries(rundir, manifest)


def _of_tries(rundir: RunDir, manifest: Manifest) -> Iterator[tuple[str, dict[str, Any]]]:
    backends = {c.name: c.backend for c in manifest.contestants if c.backend}
    costs = {
        one.call_id: one.cost.billed_usd if one.cost else None
        for one in statements(recorded(rundir.path), backends, fx=manifest.fx)
    }
    for event in ledger.read(rundir.ledger_path):
        if not isinstance(event, ledger.TrialEnd) or event.record.contestant not in backends:
            continue
        name, folder = _kept(rundir, event.record)
        transcript = folder / "transcript.jsonl"
        if transcript.is_file():
            yield name, of(transcript, _head(event.record, manifest), costs)


def _kept(rundir: RunDir, record: TrialRecord) -> tuple[str, SafePath]:
    """A try's name, and where its files are: a later try moves them aside."""
    last = rundir.trial_dir(record.id)
    aside = last / f"try-{record.try_number}"
    return (f"{record.id}--{aside.name}", aside) if aside.is_dir() else (record.id, last)


def _head(record: TrialRecord, manifest: Manifest) -> TrajectoryHead:
    contestant = next(c for c in manifest.contestants if c.name == record.contestant)
    program = manifest.programs.get(contestant.agent)
    packages = " ".join([*program.install.npm, *program.install.pip]) if program else ""
    return TrajectoryHead(
        trial_id=record.id,
        agent=contestant.agent,
        version=packages or __version__,
        model=contestant.backend.model if contestant.backend else None,
        started_at=record.started_at,
    )
