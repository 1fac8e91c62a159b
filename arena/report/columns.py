"""Columns of a run's tables, as `reports/columns.toml` has them: every form of the report is made
from them. Unknown is null, never 0, and no value is ever NaN or infinite.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from arena import resources
from arena.report import format as show
from arena.report.format import plain
from arena.report.transcript import PricedCall, TestRow
from arena.rundir.directory import TaskEntry
from arena.score.pairs import PairCell
from arena.score.results import TrialRow
from arena.serialize import read_toml
from arena.stats.intervals import Interval

Item = TypeVar("Item")
Kind = Literal["string", "int64", "float64", "bool", "timestamp", "object"]
Form = Literal["page", "money", "terminal", "markdown", "latex", "json", "table"]
EVERYWHERE: frozenset[Form] = frozenset({"page", "terminal", "markdown", "latex", "json", "table"})
KEPT = 99
"""Of a column that the narrowest terminal shows."""


class ScoredTask(NamedTuple):
    """A task, and whether it counts on the leaderboard."""

    task: TaskEntry
    scored: bool


class Cell(NamedTuple):
    """A figure with what it is sorted by; unknown sorts last."""

    text: str
    order: float | None = None
    note: str = ""
    bar: Interval | None = None
    """Drawn around `order`, both shares."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column; `reports/columns.toml` says what its fields are."""

    name: str
    meaning: str
    value: Callable[[Item], Any]
    kind: Kind = "string"
    unit: str = ""
    forms: frozenset[Form] = EVERYWHERE
    json_name: str = ""
    heading: str = ""
    short: str = ""
    tip: str = ""
    style: Literal["number", "rate", ""] = "number"
    keep: int = 0
    repeated: bool = False
    cell: Callable[[Item], Cell] | None = None
    """How the leaderboard shows it; by default the value in its unit."""

    def title(self, form: Form, attempts: int) -> str:
        """Its heading in one form of the leaderboard."""
        text = self.heading if form in {"page", "money"} else self.short or self.heading
        text = text.format(attempts=attempts)
        return text.lower() if form == "terminal" else text

    def shown(self, item: Item) -> Cell:
        """What the leaderboard shows of it."""
        return self.cell(item) if self.cell else in_its_unit(self.value(item), self.unit)


def in_its_unit(value: Any, unit: str) -> Cell:
    """A value as people read it."""
    if value is None:
        return Cell(show.DASH)
    if isinstance(value, bool):
        return Cell("yes" if value else "no", float(value))
    if not isinstance(value, int | float):
        return Cell(plain(str(value)))
    words = {
        "US dollars": show.usd,
        "seconds": show.seconds,
        "tokens": show.tokens,
        "tokens a second": show.tokens,
    }
    if unit in words:
        return Cell(words[unit](value), value)
    return Cell(show.count(value) if isinstance(value, int) else f"{value:.2f}", value)


def headed(
    columns: Iterable[Column[Item]], form: Form, attempts: int = 2
) -> tuple[Column[Item], ...]:
    """Those of the columns that one form shows to people, from left to right."""
    shown = (column for column in columns if column.heading and form in column.forms)
    return tuple(column for column in shown if attempts > 1 or not column.repeated)


def json_object(columns: Iterable[Column[Item]], item: Item) -> dict[str, Any]:
    """An item as JSON holds it."""
    return {c.json_name or c.name: c.value(item) for c in columns if "json" in c.forms}


@cache
def _tables() -> dict[str, dict[str, dict[str, Any]]]:
    return read_toml(resources.reports_dir() / "columns.toml")


def read(
    table: str,
    values: Mapping[str, Callable[[Item], Any]] | None = None,
    cells: Mapping[str, Callable[[Item], Cell]] | None = None,
) -> tuple[Column[Item], ...]:
    """The columns of one table, with what computes some values and shows some cells, by name."""
    return tuple(
        column(name, row, (values or {}).get(name), (cells or {}).get(name))
        for name, row in _tables()[table].items()
    )


def column(
    name: str,
    row: Mapping[str, Any],
    value: Callable[[Item], Any] | None = None,
    cell: Callable[[Item], Cell] | None = None,
) -> Column[Item]:
    """One column from its row of the file; `value` where it is no attribute of an item."""
    fields = {key: row[key] for key in row if key not in {"of", "unknown", "forms"}}
    return Column(
        name=name,
        value=value or _attribute(row.get("of", name), row.get("unknown")),
        forms=frozenset(row.get("forms", EVERYWHERE)),
        cell=cell,
        **fields,
    )


def _attribute(path: str, unknown: object) -> Callable[[Any], Any]:
    """Takes what is at the end of a path of attributes, of which any may be None."""
    names = path.split(".")

    def value(found: Any) -> Any:
        for name in names:
            found = None if found is None else getattr(found, name)
        if isinstance(found, Decimal):
            return float(found)
        return unknown if found is None else found

    return value


def _gap(pair: PairCell) -> Cell:
    if (gap := pair.difference) is None:
        return Cell(show.DASH)
    note = f"{show.points(gap.ci.lo)} to {show.points(gap.ci.hi)}"
    return Cell(show.points(gap.estimate), gap.estimate, note)


def _p(p: float | None) -> Cell:
    return Cell(show.p_value(p), p)


TRIALS: tuple[Column[TrialRow], ...] = read(
    "trials",
    {
        "passed": lambda t: None if t.verdict is None else t.passed,
        "reason": lambda t: t.reason or None,
        "flags": lambda t: len(t.flags),
    },
)
CALLS: tuple[Column[PricedCall], ...] = read("calls")
TESTS: tuple[Column[TestRow], ...] = read("tests")
TASKS: tuple[Column[ScoredTask], ...] = read("tasks")
PAIRS: tuple[Column[PairCell], ...] = read(
    "pairs",
    cells={
        "difference": _gap,
        "p": lambda pair: _p(pair.difference.p if pair.difference else None),
        "adjusted_p": lambda pair: _p(pair.adjusted_p),
    },
)
