"""Columns of a run's tables, and the tables of trials, calls, tests, tasks and pairs.

A column is one row here or, for contestants, in `arena.report.leaderboard`: every form of the
report is made from it. Unknown is null, never 0. Money is billed US dollars unless a name says
otherwise. No value is ever NaN or infinite.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from arena.report import format as show
from arena.report.format import plain
from arena.report.transcript import PricedCall, TestRow
from arena.rundir.directory import TaskEntry
from arena.score.pairs import PairCell
from arena.score.results import TrialRow
from arena.stats.intervals import Interval

Item = TypeVar("Item")
Kind = Literal["string", "int64", "float64", "bool", "timestamp", "object"]
"""`object` is for what only JSON can hold: a list, an interval, counts by name."""
Form = Literal["page", "money", "terminal", "markdown", "latex", "json", "table"]
"""Where a column appears: `page` and `money` are tables of the page, `table` stands for CSV,
Parquet and data frames."""

JSON: frozenset[Form] = frozenset({"json"})
TABLE: frozenset[Form] = frozenset({"table"})
PAGE: frozenset[Form] = frozenset({"page"})
MONEY: frozenset[Form] = frozenset({"money"})
TEXT: frozenset[Form] = frozenset({"terminal", "markdown", "latex"})
LISTS: frozenset[Form] = TEXT - {"latex"}
"""Text that no width of a paper's column holds."""
BOARD: frozenset[Form] = TEXT | PAGE
"""The leaderboard for people."""
DATA: frozenset[Form] = JSON | TABLE
EVERYWHERE: frozenset[Form] = BOARD | DATA
KEPT = 99


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
    """One column; `unit` is empty for names, kinds and shares."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    value: Callable[[Item], Any]
    forms: frozenset[Form] = EVERYWHERE
    json_name: str = ""
    """Its name in JSON, where that is another."""
    heading: str = ""
    """On the leaderboard; empty: it is not there. `{attempts}` becomes how many there are."""
    short: str = ""
    """The heading where there is less room than on the page."""
    tip: str = ""
    """What the page shows on hover, where that says more than the meaning."""
    cell: Callable[[Item], Cell] | None = None
    """How the leaderboard shows it; by default the value in its unit."""
    style: Literal["number", "rate", ""] = "number"
    """Class of its cells on the page; without one they stand on the left."""
    keep: int = 0
    """A narrow terminal does first without the lowest, and never without `KEPT`."""
    repeated: bool = False
    """It is on the leaderboard only where there are several attempts."""

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


def limits(
    name: str,
    unit: str,
    meaning: str,
    interval: Callable[[Item], Interval | None],
    forms: frozenset[Form] = DATA,
) -> tuple[Column[Item], Column[Item]]:
    """The two columns of an interval."""

    def end(which: int) -> Callable[[Item], float | None]:
        return lambda item: None if (found := interval(item)) is None else found[which]

    return (
        Column(f"{name}_lo", "float64", unit, f"Lower limit: {meaning}", end(0), forms),
        Column(f"{name}_hi", "float64", unit, f"Upper limit: {meaning}", end(1), forms),
    )


def json_object(columns: Iterable[Column[Item]], item: Item) -> dict[str, Any]:
    """An item as JSON holds it."""
    return {c.json_name or c.name: c.value(item) for c in columns if "json" in c.forms}


def usd_float(amount: Decimal | None) -> float | None:
    """An amount as programs read it."""
    return None if amount is None else float(amount)


TRIALS: tuple[Column[TrialRow], ...] = (
    Column("trial_id", "string", "", "Id of the trial; its folder under trials/", lambda t: t.id,
           json_name="id"),
    Column("task_id", "string", "", "Task as pack/name", lambda t: t.task_id,
           json_name="task"),
    Column("contestant", "string", "", "Name of the contestant", lambda t: t.contestant),
    Column("control", "bool", "", "Of an oracle or nop, which is never ranked",
           lambda t: t.control),
    Column("attempt", "int64", "", "Attempt at the pairing, from 1", lambda t: t.attempt),
    Column("verdict", "string", "", "How the patch was judged; null without", lambda t: t.verdict),
    Column("passed", "bool", "", "Verdict is passed; null without a verdict",
           lambda t: None if t.verdict is None else t.passed, TABLE),
    Column("stop", "string", "", "How the agent stopped", lambda t: t.stop),
    Column("fault", "string", "", "Kind of the fault that ended the last try",
           lambda t: t.fault.kind if t.fault else None),
    Column("fault_message", "string", "", "What broke, in words",
           lambda t: t.fault.message if t.fault else None, JSON),
    Column("reason", "string", "", "Why it did not pass", lambda t: t.reason or None, TABLE),
    Column("tries", "int64", "count", "Tries, repeated ones after faults included",
           lambda t: t.tries),
    Column("steps", "int64", "count", "Completed model calls of the last try", lambda t: t.steps),
    Column("calls", "int64", "count", "Model calls of all tries, failed ones included",
           lambda t: t.calls),
    Column("mistakes", "int64", "count", "Malformed or impossible tool calls",
           lambda t: t.mistakes, TABLE),
    Column("truncations", "int64", "count", "Replies cut by the output limit",
           lambda t: t.truncations, TABLE),
    Column("flags", "int64", "count", "Things a person should look at",
           lambda t: len(t.flags), TABLE),
    Column("tokens", "object", "tokens", "Input with its cached parts, output with reasoning",
           lambda t: t.tokens, JSON),
    Column("input_tokens", "int64", "tokens", "Whole prompts", lambda t: t.tokens.input, TABLE),
    Column("cached_input_tokens", "int64", "tokens", "Part of input_tokens read from a cache",
           lambda t: t.tokens.cached_input, TABLE),
    Column("cache_write_tokens", "int64", "tokens", "Part of input_tokens written to a cache",
           lambda t: t.tokens.cache_write, TABLE),
    Column("output_tokens", "int64", "tokens", "Generated", lambda t: t.tokens.output, TABLE),
    Column("reasoning_tokens", "int64", "tokens", "Part of output_tokens that was reasoning",
           lambda t: t.tokens.reasoning, TABLE),
    Column("cost_usd", "float64", "US dollars", "Billed; null when not all of it is known",
           lambda t: usd_float(t.cost.billed_usd)),
    Column("cost_no_cache_usd", "float64", "US dollars", "With every prompt token at full price",
           lambda t: usd_float(t.cost.no_cache_usd), TABLE),
    Column("cost_standard_usd", "float64", "US dollars", "With repeated tokens alone as cached",
           lambda t: usd_float(t.cost.standard_usd), TABLE),
    Column("cost_known_usd", "float64", "US dollars", "The known part: a lower bound",
           lambda t: usd_float(t.cost.known_usd)),
    Column("cost_status", "string", "", "known, estimated, partial or unknown",
           lambda t: t.cost.status),
    Column("unsettled_calls", "int64", "count", "Calls that no usage tells the whole cost of",
           lambda t: t.cost.unsettled_calls),
    Column("unsettled_at_most_usd", "float64", "US dollars",
           "Most that these calls came to; null where none or unknown",
           lambda t: usd_float(t.cost.unsettled_bound_usd)),
    Column("wall_s", "float64", "seconds", "Start to end of the last try", lambda t: t.wall_s),
    Column("active_s", "float64", "seconds", "The agent's clock: without waiting for slots",
           lambda t: t.active_s),
    Column("patch_bytes", "int64", "bytes", "Size of the patch", lambda t: t.patch_bytes, TABLE),
)  # fmt: skip

CALLS: tuple[Column[PricedCall], ...] = (
    Column("call_id", "string", "", "Id of the call", lambda c: c.begin.call_id),
    Column("trial_id", "string", "", "Trial it belongs to", lambda c: c.begin.trial_id),
    Column("contestant", "string", "", "Name of the contestant", lambda c: c.begin.contestant),
    Column("try_number", "int64", "", "Try of the trial, from 1", lambda c: c.begin.try_number),
    Column("step", "int64", "", "Step of the trial, from 1", lambda c: c.begin.step),
    Column("attempt", "int64", "", "Attempt for this step, from 1", lambda c: c.begin.attempt),
    Column("requested_model", "string", "", "Model asked for", lambda c: c.begin.model),
    Column("returned_model", "string", "", "Model the reply names",
           lambda c: c.end and c.end.returned_model),
    Column("outcome", "string", "", "ok or what failed; null when never settled",
           lambda c: c.end and c.end.outcome),
    Column("started_at", "timestamp", "UTC", "When it was sent", lambda c: c.begin.started_at),
    Column("wall_s", "float64", "seconds", "Sending to the end of the reply",
           lambda c: c.end and c.end.wall_s),
    Column("first_byte_s", "float64", "seconds", "Sending to the first byte of the reply's body",
           lambda c: c.end and c.end.first_byte_s),
    Column("waited_s", "float64", "seconds", "Before sending: slot, rate limit, retry",
           lambda c: c.end and c.end.waited_s),
    Column("input_tokens", "int64", "tokens", "Whole prompt", lambda c: c.usage and c.usage.prompt),
    Column("cached_input_tokens", "int64", "tokens", "Part of input_tokens read from a cache",
           lambda c: c.usage and c.usage.cache_read),
    Column("cache_write_tokens", "int64", "tokens", "Part of input_tokens written to a cache",
           lambda c: c.usage and c.usage.cache_write),
    Column("output_tokens", "int64", "tokens", "Generated", lambda c: c.usage and c.usage.output),
    Column("reasoning_tokens", "int64", "tokens", "Part of output_tokens that was reasoning",
           lambda c: c.usage and c.usage.reasoning),
    Column("usage_estimated", "bool", "", "Counted here, since the reply told no usage",
           lambda c: bool(c.usage and c.usage.estimated)),
    Column("cost_usd", "float64", "US dollars", "Billed",
           lambda c: usd_float(c.cost.billed_usd if c.cost else None)),
    Column("cost_no_cache_usd", "float64", "US dollars", "With every prompt token at full price",
           lambda c: usd_float(c.cost.no_cache_usd if c.cost else None)),
    Column("cost_standard_usd", "float64", "US dollars", "With repeated tokens alone as cached",
           lambda c: usd_float(c.cost.standard_usd if c.cost else None)),
    Column("cost_status", "string", "", "known, estimated, partial or unknown",
           lambda c: c.cost.status if c.cost else "unknown"),
    Column("cost_told_usd", "float64", "US dollars", "As the endpoint told it, whoever bills",
           lambda c: usd_float(c.end.reported_usd if c.end else None)),
)  # fmt: skip

TESTS: tuple[Column[TestRow], ...] = (
    Column("trial_id", "string", "", "Trial it belongs to", lambda t: t.trial.id),
    Column("contestant", "string", "", "Name of the contestant", lambda t: t.trial.contestant),
    Column("control", "bool", "", "Of an oracle or nop, which is never ranked",
           lambda t: t.trial.control),
    Column("test_id", "string", "", "Id of the hidden test", lambda t: t.test_id),
    Column("duty", "string", "", "fail_to_pass, pass_to_pass, must_fail or other",
           lambda t: t.duty),
    Column("outcome", "string", "", "passed, failed, error, skipped or missing",
           lambda t: t.outcome),
)  # fmt: skip

TASKS: tuple[Column[ScoredTask], ...] = (
    Column("task_id", "string", "", "Task as pack/name", lambda t: t.task.id),
    Column("title", "string", "", "One line", lambda t: t.task.title),
    Column("language", "string", "", "Language of the repository", lambda t: t.task.language),
    Column("difficulty", "string", "", "easy, medium, hard or unknown",
           lambda t: t.task.difficulty),
    Column("repository", "string", "", "Project it comes from", lambda t: t.task.repository),
    Column("assurance", "string", "", "How it is graded", lambda t: t.task.assurance),
    Column("provenance", "string", "", "Tier of its statement, A to D; empty where unsaid",
           lambda t: t.task.provenance),
    Column("scored", "bool", "", "Whether it counts on the leaderboard", lambda t: t.scored),
    Column("digest", "string", "", "Over everything that can change a result",
           lambda t: t.task.digest),
)  # fmt: skip


def _gap(pair: PairCell) -> Cell:
    if (gap := pair.difference) is None:
        return Cell(show.DASH)
    note = f"{show.points(gap.ci.lo)} to {show.points(gap.ci.hi)}"
    return Cell(show.points(gap.estimate), gap.estimate, note)


def _p(p: float | None) -> Cell:
    return Cell(show.p_value(p), p)


PAIRS: tuple[Column[PairCell], ...] = (
    Column("a", "string", "", "One contestant", lambda p: p.a, heading="A", style=""),
    Column("b", "string", "", "The other", lambda p: p.b, heading="B", style=""),
    Column("tasks", "int64", "count", "Tasks that both have in full", lambda p: p.tasks,
           heading="Tasks"),
    Column("difference", "float64", "", "Pass rate of A less that of B",
           lambda p: p.difference and p.difference.estimate, heading="A less B, points", cell=_gap),
    *limits("difference", "", "95% interval of the difference",
            lambda p: p.difference and p.difference.ci),
    Column("p", "float64", "", "That both pass alike, of this pair alone",
           lambda p: p.difference and p.difference.p,
           heading="p, this pair alone",
           cell=lambda p: _p(p.difference.p if p.difference else None)),
    Column("adjusted_p", "float64", "", "The same adjusted over all pairs of the run (Holm)",
           lambda p: p.adjusted_p, heading="p, adjusted over all pairs",
           cell=lambda p: _p(p.adjusted_p)),
    Column("shown_worse", "string", "", "Who is shown to pass less: adjusted p at most 0.05",
           lambda p: p.shown_worse, heading="Shown to pass less", style=""),
    Column("inconclusive", "string", "", "Why nothing may be concluded; null where it may",
           lambda p: p.inconclusive),
)  # fmt: skip
