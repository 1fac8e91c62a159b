"""A run as tidy tables, for notebooks and other programs: `arena.load(run).trials.to_pandas()`.

Every table offers the Arrow C stream: `polars.DataFrame(run.trials)`, `pyarrow.table(run.calls)`
and others take it as it is.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

from arena.errors import InputError
from arena.report import columns, leaderboard
from arena.report import transcript as details
from arena.report.columns import Column, ScoredTask
from arena.report.format import csv_text, plain
from arena.report.scored import Scored, score
from arena.score.load import load as load_results

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
        return _table("contestants", leaderboard.CONTESTANTS, self.scored.contestants)

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
