"""A run as data for others: tidy tables for notebooks, predictions for graders, trajectories for
viewers.

`arena.load(run).trials.to_pandas()`: every table offers the Arrow C stream, so that
`polars.DataFrame(run.trials)`, `pyarrow.table(run.calls)` and others take it as it is. Trajectories
follow github.com/harbor-framework/harbor, rfcs/0001-trajectory-format.md, version 1.7.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import JsonValue

from arena import __version__
from arena.errors import InputError
from arena.money.statement import statements
from arena.paths import SafePath
from arena.records import Message, TrialRecord, Usage
from arena.report import columns
from arena.report import transcript as details
from arena.report.columns import Column, ScoredTask
from arena.report.format import csv_text, plain
from arena.report.scored import Scored, score
from arena.rundir import ledger, transcript
from arena.rundir.directory import Manifest, RunDir
from arena.score.load import load as load_results
from arena.score.load import recorded
from arena.score.results import Results
from arena.serialize import from_json, json_lines, shaped
from arena.task.formats.predictions import Prediction, instance_id

Item = TypeVar("Item")
TableName = Literal["trials", "calls", "tests", "contestants", "tasks", "pairs"]


@dataclass(frozen=True)
class Table:
    """Rows under described columns."""

    name: TableName
    columns: tuple[Column[Any], ...]
    rows: tuple[tuple[Any, ...], ...]

    def describe(self) -> list[dict[str, str]]:
        """Name, type, unit and meaning of every column."""
        return [
            {"column": c.name, "type": c.kind, "unit": c.unit, "meaning": c.meaning}
            for c in self.columns
        ]

    def to_arrow(self) -> Any:
        """A pyarrow table; unit and meaning are in each field's metadata.

        Raises:
            InputError: pyarrow is not installed.
        """
        try:
            import pyarrow as pa
        except ImportError:
            remedy = "pip install 'arena-bakeoff[tables]'"
            raise InputError("this needs the package pyarrow", remedy=remedy) from None
        kinds = {"timestamp": pa.timestamp("us", tz="UTC")}
        fields = [
            pa.field(
                c.name,
                kinds.get(c.kind) or getattr(pa, c.kind if c.kind != "bool" else "bool_")(),
                metadata={"unit": c.unit, "meaning": c.meaning},
            )
            for c in self.columns
        ]
        values = list(zip(*self.rows, strict=True)) or [()] * len(fields)
        arrays = [pa.array(v, type=f.type) for v, f in zip(values, fields, strict=True)]
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def to_pandas(self) -> Any:
        return self.to_arrow().to_pandas()

    def to_csv(self) -> str:
        """Comma-separated text with a header; no cell is taken for a formula."""
        out, heads = io.StringIO(), tuple(column.name for column in self.columns)
        rows = (map(_csv_cell, row) for row in (heads, *self.rows))
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue()

    def to_parquet(self) -> bytes:
        """A Parquet file."""
        table, out = self.to_arrow(), io.BytesIO()
        import pyarrow.parquet as pq

        pq.write_table(table, out)
        return out.getvalue()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The table as an Arrow C stream, for any library that reads Arrow."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self.rows)


class Run:
    """The tables of one run; each is made when it is first asked for."""

    def __init__(self, scored: Scored) -> None:
        self.scored = scored

    @cached_property
    def trials(self) -> Table:
        """One row a planned trial, after its last try."""
        return _table("trials", columns.TRIALS, self.scored.results.trials)

    @cached_property
    def contestants(self) -> Table:
        """One row a contestant, best first, controls last."""
        return _table("contestants", columns.CONTESTANTS, self.scored.contestants)

    @cached_property
    def tasks(self) -> Table:
        """One row a task."""
        scored = set(self.scored.board.tasks)
        tasks = (ScoredTask(task, task.id in scored) for task in self.scored.results.tasks)
        return _table("tasks", columns.TASKS, tasks)

    @cached_property
    def pairs(self) -> Table:
        """One row a pair of ranked contestants."""
        return _table("pairs", columns.PAIRS, self.scored.board.pairs)

    @cached_property
    def calls(self) -> Table:
        """One row an attempt of a model call."""
        return _table("calls", columns.CALLS, (call for one in self._details for call in one.calls))

    @cached_property
    def tests(self) -> Table:
        """One row a hidden test of a trial that was graded by its tests."""
        plans = {task.id: task.tests for task in self.scored.results.tasks}
        rows: list[details.TestRow] = []
        for one in self._details:
            if one.record is not None:
                rows += details.tests_of(one.row, one.record, plans[one.row.task_id])
        return _table("tests", columns.TESTS, rows)

    def table(self, name: TableName) -> Table:
        """A table by name."""
        found: Table = getattr(self, name)
        return found

    @cached_property
    def _details(self) -> list[details.TrialDetails]:
        """Of every trial, in the order of the results."""
        results = self.scored.results
        place = {trial.id: i for i, trial in enumerate(results.trials)}
        return sorted(details.read_details(results, place), key=lambda one: place[one.row.id])


def load(run: Path | str) -> Run:
    """Read a run directory into tidy tables.

    Raises:
        InputError: there is no run, or its manifest or ledger is broken.
    """
    return Run(score(load_results(Path(run))))


def _table(name: TableName, found: Sequence[Column[Item]], items: Iterable[Item]) -> Table:
    kept = tuple(column for column in found if "table" in column.forms)
    rows = (tuple(column.value(item) for column in kept) for item in items)
    told = (tuple(plain(v) if isinstance(v, str) else v for v in row) for row in rows)
    return Table(name, kept, tuple(told))


def _csv_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return csv_text(value) if isinstance(value, str) else value


def predictions_of_run(results: Results) -> Iterator[Prediction]:
    """One prediction for each trial with a verdict; later attempts carry their number in the name,
    such as `gpt-5.2`, or `gpt-5.attempt-2` where another contestant is called that.

    Controls are left out. A trial that changed nothing gives an empty patch.
    """
    rundir = RunDir(results.path)
    tasks = {entry.id: entry for entry in results.tasks}
    names = {c.name for c in results.manifest.contestants}
    controls = {c.name for c in results.manifest.contestants if c.control}
    for row in results.trials:
        if row.verdict is None or row.contestant in controls:
            continue
        name = row.contestant
        if row.attempt > 1:
            numbered = f"{name}.{row.attempt}"
            name = f"{name}.attempt-{row.attempt}" if numbered in names else numbered
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
LONGEST_S = 1e8
"""Three years: no trial takes longer, whatever a transcript says."""
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
            told = entry.get("at")
            after_s = told if isinstance(told, int | float) and 0 <= told < LONGEST_S else 0
            at = started_at + timedelta(seconds=after_s)
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
        usage = shaped(entry["usage"], Usage, where=f"usage of call {entry.get('call_id')}")
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
