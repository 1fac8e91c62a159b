"""A run in forms of others: predictions for graders, trajectories for viewers.

Trajectories follow github.com/harbor-framework/harbor, rfcs/0001-trajectory-format.md, version 1.7.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from arena import __version__
from arena.money.statement import statements
from arena.paths import SafePath
from arena.records import Message, TrialRecord, Usage
from arena.rundir import ledger, transcript
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
_SOURCES = {"assistant": "agent", "system": "system"}
_ARGUMENTS = "arguments"
_Spent = tuple[Usage, Decimal | None]
"""Of one attempt of a model call: tokens, and USD where known."""


def trajectories_of_run(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and trajectory of each try that a model worked on, in the order in which they ended: the
    last has its trial's id for a name, an earlier one `<id>--try-<number>`.

    Raises:
        InputError: no run there.
    """
    rundir = RunDir(path)
    manifest = rundir.read_manifest()
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
            yield name, _trajectory(transcript, event.record, manifest, costs)


def _kept(rundir: RunDir, record: TrialRecord) -> tuple[str, SafePath]:
    """A try's name, and where its files are: a later try moves them aside."""
    last = rundir.trial_dir(record.id)
    aside = last / f"try-{record.try_number}"
    return (f"{record.id}--{aside.name}", aside) if aside.is_dir() else (record.id, last)


def _trajectory(
    path: SafePath, record: TrialRecord, manifest: Manifest, costs: Mapping[str, Decimal | None]
) -> dict[str, Any]:
    """One transcript with what it does not say itself; `costs` are USD by call, None is unknown."""
    contestant = next(c for c in manifest.contestants if c.name == record.contestant)
    program = manifest.programs.get(contestant.agent)
    packages = " ".join([*program.install.npm, *program.install.pip]) if program else ""
    agent = {"name": contestant.agent, "version": packages or __version__}
    if contestant.backend:
        agent["model_name"] = contestant.backend.model
    lines = json_lines(path.lines(), broken=None)  # the last may be torn
    entries = [one for _, one in lines if isinstance(one, dict)]
    steps = _steps(entries, record.started_at, costs)
    metrics = _metrics([one for entry in entries for one in _spent(entry, costs)])
    totals = {f"total_{name}": value for name, value in metrics.items()}
    return {
        "schema_version": SCHEMA,
        "session_id": record.id,
        "agent": agent,
        "steps": steps,
        "final_metrics": {**totals, "total_steps": len(steps)},
    }


def _steps(
    entries: Iterable[dict[str, Any]], started_at: datetime, costs: Mapping[str, Decimal | None]
) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    by_call: dict[str, dict[str, Any]] = {}
    pending: list[_Spent] = []
    model: str | None = None
    for entry in entries:
        pending += _spent(entry, costs)
        model = entry.get("returned_model") or model
        message = entry.get("message")
        for said in transcript.plain(message) if isinstance(message, dict) else ():
            step = by_call.get(str(said.get("tool_call_id")))
            if said.get("role") == "tool" and step is not None:
                result = {"source_call_id": said["tool_call_id"], "content": _text(said)}
                step["observation"] = step["observation"] or {"results": []}
                step["observation"]["results"].append(result)
                continue
            at = started_at + timedelta(seconds=float(entry.get("at") or 0))
            step = {"step_id": len(steps) + 1, "timestamp": at.isoformat(), **_said(said)}
            if step["source"] == "agent":
                step |= {"metrics": _metrics(pending), "model_name": model}
                pending, model = [], None
            by_call |= {made["tool_call_id"]: step for made in step["tool_calls"]}
            steps.append(step)
    return [{k: v for k, v in step.items() if v or k == "message"} for step in steps]


def _text(said: Message) -> str:
    """What it says in words; its other parts stand elsewhere in a step, or nowhere."""
    content = said.get("content")
    if isinstance(content, list):
        content = "\n".join(str(p.get("text") or "") for p in content if isinstance(p, dict))
    return content if isinstance(content, str) else ""


def _said(said: Message) -> dict[str, Any]:
    """A step as the message tells it; what is empty in the end is left out."""
    source = _SOURCES.get(str(said.get("role")), "user")
    thoughts = said.get("reasoning_content") or said.get("reasoning")
    is_agent = source == "agent"
    return {
        "source": source,
        "message": _text(said),
        "model_name": None,
        "reasoning_content": thoughts if is_agent and isinstance(thoughts, str) else "",
        "tool_calls": list(_calls(said.get("tool_calls"))) if is_agent else [],
        "observation": None,
        "metrics": None,
    }


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
        yield usage, costs.get(str(entry.get("call_id")))


def _metrics(spent: list[_Spent]) -> dict[str, int | float]:
    if not spent:
        return {}
    metrics: dict[str, int | float] = {
        "prompt_tokens": sum(usage.prompt for usage, _ in spent),
        "completion_tokens": sum(usage.output for usage, _ in spent),
        "cached_tokens": sum(usage.cache_read for usage, _ in spent),
    }
    known = [cost_usd for _, cost_usd in spent if cost_usd is not None]
    if len(known) == len(spent):
        metrics["cost_usd"] = float(sum(known))
    return metrics
