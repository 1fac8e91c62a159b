"""Columns of a run's tables, as `reports/columns.toml` has them: every form of the report is made
from them, and the leaderboard with its badges and controls. Unknown is null, never 0, and no value
is ever NaN or infinite.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from arena import resources
from arena.registry import is_given_gold
from arena.report import format as show
from arena.report.format import plain
from arena.report.scored import Scored, ScoredContestant
from arena.report.transcript import PricedCall, TestRow
from arena.rundir.directory import TaskEntry
from arena.score.leaderboard import Row
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


# ── the leaderboard ─────────────────────────────────────────────────────────────────────────────

NAME = "contestant"
"""The column that heads a row."""


def _rank(one: ScoredContestant) -> Cell:
    rank = one.row.rank
    if rank is None:
        return Cell(show.DASH)
    text = str(rank.best) if rank.best == rank.worst else f"{rank.best}{show.DASH}{rank.worst}"
    return Cell(text, rank.best + rank.worst / 1000)


def _rate(one: ScoredContestant) -> Cell:
    rate, ci = one.row.pass_rate, one.row.ci
    cell = _share(rate)
    return cell if ci is None else cell._replace(note=show.percent_range(ci), bar=ci)


def _passed(one: ScoredContestant) -> Cell:
    counts = one.row.counts
    return Cell(f"{counts.passed}/{counts.scored}", counts.passed)


def _share(share: float | None) -> Cell:
    """A share that only a trial without a verdict leaves open."""
    return Cell(show.DASH) if share is None else Cell(show.percent(share), share)


def _per_attempt(one: ScoredContestant) -> Cell:
    cost, ci = one.row.mean_usd, one.row.mean_ci
    if cost is None:
        return Cell(_no_cost(one.row))
    return Cell(show.usd(cost), cost, show.usd_range(ci) if ci else "")


def _per_solved(one: ScoredContestant) -> Cell:
    found = one.row.per_solved
    if found is None or not found.estimate:
        return Cell(_no_cost(one.row), found.estimate if found else None)
    return Cell(show.usd(found.estimate), found.estimate, show.usd_range(found.ci))


def _no_cost(row: Row) -> str:
    """Why there is no ranking cost."""
    if not row.counts.scored:
        return show.DASH
    if row.basis is not None:
        return "nothing solved"
    if row.total.status == "partial":
        return f"≥ {show.usd(row.total.known_usd)} in all"
    if row.total.billed_usd == 0:
        return "nothing billed"
    return "no price" if row.total.status != "unknown" else show.UNKNOWN


def _billed(one: ScoredContestant) -> Cell:
    total = one.row.total
    if total.billed_usd is None and total.known_usd:
        return Cell(f"≥ {show.usd(total.known_usd)}")
    billed = total.billed_usd
    return Cell(show.usd(billed), None if billed is None else float(billed))


def _prompts(one: ScoredContestant) -> Cell:
    found = one.row.tokens
    cached = f"{show.percent(found.cached_input / found.input)} cached" if found.input else ""
    return Cell(show.tokens(found.input), found.input, cached)


def _concurrency(one: ScoredContestant) -> float | None:
    found = one.scored.results.mean_concurrency.get(one.row.who.name)
    return None if found is None else float(found)


def _ranking(one: ScoredContestant) -> dict[str, Any]:
    """Cost as contestants are ranked on it, with a 95% Fieller interval where there is one."""
    solved = one.row.per_solved
    return {
        "basis": one.row.basis,
        "mean_cost_usd": one.row.mean_usd,
        "cost_per_solved_usd": solved.estimate if solved else None,
        "cost_per_solved_ci": solved.ci if solved else None,
    }


CONTESTANTS: tuple[Column[ScoredContestant], ...] = read(
    "contestants",
    {
        "provider": lambda c: None if c.backend("simulated") else c.backend("provider"),
        "mean_concurrency": _concurrency,
        "ranking": _ranking,
    },
    {
        "rank": _rank,
        "pass_rate": _rate,
        "pass_rate_ci": lambda c: Cell(_rate(c).note),
        "passed": _passed,
        "pass_hat_k": lambda c: _share(c.row.pass_hat_k),
        "cost_per_attempt_usd": _per_attempt,
        "cost_per_solved_usd": _per_solved,
        "cost_usd": _billed,
        "input_tokens": _prompts,
    },
)


def texts(columns: Sequence[Column[ScoredContestant]], one: ScoredContestant) -> list[str]:
    """A contestant's figures under these columns."""
    return [column.shown(one).text for column in columns]


class Control(NamedTuple):
    """What a control must do, and whether it did."""

    name: str
    expected: str
    found: str
    good: bool


def badges(row: Row) -> list[tuple[str, str]]:
    """What stands beside a name: tone and text of each mark."""
    broken, backend = row.counts.verdicts.get("integrity", 0), row.who.backend
    marks = (
        (backend and backend.simulated, "warn", "simulated"),
        (backend and backend.translated_from, "warn", "translated"),
        (row.inconclusive, "warn", "inconclusive"),
        (broken, "bad", show.plural(broken, "breach", "breaches") + " of integrity"),
        (row.counts.other_names, "warn", "other model answered"),
        (backend and backend.caveats, "warn", "with a caveat"),
    )
    return [(tone, text) for held, tone, text in marks if held]


def marks(row: Row) -> str:
    """The badges in one line with what the page lists apart; empty without any."""
    flags = sum(row.counts.flags.values())
    found = [text for _, text in badges(row)] + [f"{show.count(flags)} to look at"] * bool(flags)
    return ", ".join(found)


def controls(scored: Scored) -> tuple[Control, ...]:
    """Oracle must pass everything, nop nothing; neither is a contestant."""
    found = []
    for row in scored.board.controls:
        passes, counts = is_given_gold(row.who.agent), row.counts
        good = counts.passed == (counts.scored if passes else 0) and counts.scored > 0
        expected = "must pass every trial" if passes else "must pass none"
        passed = f"{show.count(counts.passed)} of {show.count(counts.scored)}"
        found.append(Control(plain(row.who.name), expected, passed, good))
    return tuple(found)
