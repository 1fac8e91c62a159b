"""The leaderboard: every column of a contestant, in all forms of the report, and the controls.

A new column is one row of `CONTESTANTS`: page, terminal, Markdown, LaTeX, JSON, CSV, Parquet and
data frames are made from it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from arena.registry import is_given_gold
from arena.report import format as show
from arena.report.columns import BOARD, JSON, KEPT, TABLE, TEXT, Bar, Cell, Column, Form, usd_float
from arena.report.format import plain
from arena.report.scored import Scored, ScoredContestant
from arena.score.leaderboard import Counts, Row, Who

NAME = "contestant"
"""The column that heads a row."""


def _rank(one: ScoredContestant) -> Cell:
    rank = one.row.rank
    if rank is None:
        return Cell(show.DASH)
    text = str(rank.best) if rank.best == rank.worst else f"{rank.best}{show.DASH}{rank.worst}"
    return Cell(text, rank.best + rank.worst / 1000)


def _rate(one: ScoredContestant) -> Cell:
    rate, ci = one.row.score.pass_rate, one.row.score.ci
    cell = _share(rate)
    if ci is None or rate is None:
        return cell
    bar = Bar(round(ci.lo * 100, 2), round((ci.hi - ci.lo) * 100, 2), round(rate * 100, 2))
    return Cell(cell.text, cell.order, show.percent_range(ci), bar)


def _passed(one: ScoredContestant) -> Cell:
    counts = one.row.counts
    return Cell(f"{counts.passed}/{counts.scored}", counts.passed)


def _share(share: float | None) -> Cell:
    """A share that only a trial without a verdict leaves open."""
    return Cell(show.DASH) if share is None else Cell(show.percent(share), share)


def _per_attempt(one: ScoredContestant) -> Cell:
    cost, ci = one.row.money.mean_usd, one.cost_ci
    if cost is None:
        return Cell(_no_cost(one.row))
    return Cell(show.usd(cost), cost, show.usd_range(ci) if ci else "")


def _per_solved(one: ScoredContestant) -> Cell:
    found = one.row.money.per_solved
    if found is None or not found.estimate:
        return Cell(_no_cost(one.row), found.estimate if found else None)
    return Cell(show.usd(found.estimate), found.estimate, show.usd_range(found.ci))


def _no_cost(row: Row) -> str:
    """Why there is no ranking cost."""
    if not row.counts.scored:
        return show.DASH
    if row.money.basis is not None:
        return "nothing solved"
    if row.money.total.status == "partial":
        return f"≥ {show.usd(row.money.total.known_usd)} in all"
    if row.money.total.billed_usd == 0:
        return "nothing billed"
    return "no price" if row.money.total.status != "unknown" else show.UNKNOWN


def _ranking(one: ScoredContestant) -> dict[str, Any]:
    """Cost as contestants are ranked on it, with a 95% Fieller interval where there is one."""
    money, solved = one.row.money, one.row.money.per_solved
    return {
        "basis": money.basis,
        "mean_cost_usd": money.mean_usd,
        "cost_per_solved_usd": solved.estimate if solved else None,
        "cost_per_solved_ci": solved.ci if solved else None,
    }


CONTESTANTS: tuple[Column[ScoredContestant], ...] = (
    Column(NAME, "string", "", "Name", lambda c: c.row.who.name, json_name="name",
           heading="Contestant", place=2, style="", keep=KEPT),
    Column("control", "bool", "", "Oracle or nop: never ranked", lambda c: c.row.who.control),
    Column("agent", "string", "", "The scaffold", lambda c: c.row.who.agent),
    Column("backend", "string", "", "Catalogue name of the backend", lambda c: c.row.who.backend),
    Column("model", "string", "", "Model asked for", lambda c: c.row.who.model, TABLE),
    Column("provider", "string", "", "Who serves it", lambda c: c.row.who.provider),
    Column("lab", "string", "", "Who trained it", lambda c: c.row.who.lab),
    Column("country", "string", "", "Country of the lab, ISO code", lambda c: c.row.who.country),
    Column("open_weights", "bool", "", "Whether its weights are published",
           lambda c: c.row.who.open_weights),
    Column("simulated", "bool", "", "The endpoint is not the provider's own",
           lambda c: c.row.who.simulated),
    Column("api", "string", "", "What its endpoint was spoken to in", lambda c: c.row.who.api),
    Column("translated_from", "string", "", "What its agent speaks, where that was translated",
           lambda c: c.row.who.translated_from),
    Column("caveats", "object", "", "What must stand beside its numbers",
           lambda c: c.row.who.caveats, JSON),
    Column("digest", "string", "", "Identity of the contestant", lambda c: c.row.who.digest),
    Column("tasks", "int64", "count", "Tasks with a scored attempt",
           lambda c: c.row.score.tasks, TABLE),
    Column("trials", "int64", "count", "Planned", lambda c: c.row.counts.trials),
    Column("scored", "int64", "count", "With a verdict", lambda c: c.row.counts.scored),
    Column("passed", "int64", "count", "Passed", lambda c: c.row.counts.passed,
           heading="Passed", place=5, cell=_passed, keep=4,
           tip="Trials passed of trials with a verdict"),
    Column("failed", "int64", "count", "Every scored verdict but passed",
           lambda c: c.row.counts.failed, JSON),
    Column("faults", "int64", "count", "Ended by a fault", lambda c: c.row.counts.faults),
    Column("not_run", "int64", "count", "Neither verdict nor fault",
           lambda c: c.row.counts.not_run, JSON),
    Column("pass_rate", "float64", "", "Mean over tasks of the share passed",
           lambda c: c.row.score.pass_rate,
           heading="Pass rate", place=3, cell=_rate, style="rate", keep=KEPT,
           tip="Mean over tasks, with its 95% interval"),
    Column("pass_rate_ci", "object", "", "95% Wilson interval on task means at the effective n",
           lambda c: c.row.score.ci, JSON | TEXT,
           heading="95%", place=4, cell=lambda c: Cell(_rate(c).note), keep=6),
    Column("pass_rate_lo", "float64", "", "Lower 95% limit, Wilson at the effective n",
           lambda c: c.row.score.ci.lo if c.row.score.ci else None, TABLE),
    Column("pass_rate_hi", "float64", "", "Upper 95% limit",
           lambda c: c.row.score.ci.hi if c.row.score.ci else None, TABLE),
    Column("missing", "int64", "count", "Trials without a verdict; they are in no rate",
           lambda c: c.row.missing.missing, JSON),
    Column("pass_rate_bounds", "object", "",
           "Share of planned trials passed if all missing ones had failed, or had passed",
           lambda c: c.row.missing.rate_bounds, JSON),
    Column("pass_at_k", "float64", "", "Share of tasks passed in any of k attempts",
           lambda c: c.row.score.pass_at_k, JSON),
    Column("pass_hat_k", "float64", "", "Share of tasks passed in every attempt",
           lambda c: c.row.score.pass_hat_k, JSON | BOARD,
           heading="All {attempts}", place=6, repeated=True, keep=2,
           cell=lambda c: _share(c.row.score.pass_hat_k)),
    Column("inconclusive", "string", "", "Why nothing may be concluded; null where it may",
           lambda c: c.row.inconclusive),
    Column("rank", "object", "", "Ranks that the comparisons leave open",
           lambda c: c.row.rank, JSON | BOARD,
           heading="Rank", place=1, cell=_rank, style="", keep=KEPT),
    Column("rank_best", "int64", "", "Best rank the comparisons leave open",
           lambda c: c.row.rank.best if c.row.rank else None, TABLE),
    Column("rank_worst", "int64", "", "Worst rank the comparisons leave open",
           lambda c: c.row.rank.worst if c.row.rank else None, TABLE),
    Column("cost_usd", "float64", "US dollars", "Billed in the whole run; null when partial",
           lambda c: usd_float(c.row.money.total.billed_usd)),
    Column("cost_known_usd", "float64", "US dollars", "The known part: a lower bound",
           lambda c: usd_float(c.row.money.total.known_usd)),
    Column("cost_no_cache_usd", "float64", "US dollars", "With every prompt token at full price",
           lambda c: usd_float(c.row.money.total.no_cache_usd), JSON),
    Column("cost_standard_usd", "float64", "US dollars", "With repeated tokens alone as cached",
           lambda c: usd_float(c.row.money.total.standard_usd), JSON),
    Column("cost_status", "string", "", "known, estimated, partial or unknown",
           lambda c: c.row.money.total.status),
    Column("unsettled_calls", "int64", "count", "Calls that no usage tells the whole cost of",
           lambda c: c.row.money.total.unsettled_calls),
    Column("unsettled_at_most_usd", "float64", "US dollars",
           "Most that these calls came to; null where none or unknown",
           lambda c: usd_float(c.row.money.total.unsettled_bound_usd)),
    Column("mean_concurrency", "float64", "count",
           "Calls in flight on average while a machine paid by the hour was busy",
           lambda c: usd_float(c.mean_concurrency), JSON),
    Column("billed_per_solved_usd", "float64", "US dollars",
           "Billed cost of the scored trials over passed ones; null at zero solved",
           lambda c: c.row.money.billed_per_solved_usd, JSON, "cost_per_solved_usd"),
    Column("ranking", "object", "", "Cost as contestants are ranked on it", _ranking, JSON),
    Column("cost_basis", "string", "", "What the two ranking costs count",
           lambda c: c.row.money.basis, TABLE),
    Column("cost_per_attempt_usd", "float64", "US dollars", "Ranking cost, mean over tasks",
           lambda c: c.row.money.mean_usd, TABLE | BOARD,
           heading="$ per attempt", short="$/attempt", place=7, cell=_per_attempt, keep=5,
           tip="Mean over tasks, and its 95% interval"),
    Column("cost_per_solved_usd", "float64", "US dollars", "Ranking cost per solved task",
           lambda c: c.row.money.per_solved.estimate if c.row.money.per_solved else None,
           TABLE | BOARD,
           heading="$ per solved", short="$/solved", place=8, cell=_per_solved, keep=7,
           tip="Failed attempts are paid for too; 95% Fieller interval"),
    Column("tokens", "object", "tokens", "Input with its cached parts, output with reasoning",
           lambda c: c.row.effort.tokens, JSON),
    Column("median_wall_s", "float64", "seconds", "Median from start to end of a trial",
           lambda c: c.row.effort.median_wall_s, JSON),
    Column("median_active_s", "float64", "seconds", "Median of the agent's clock",
           lambda c: c.row.effort.median_active_s,
           heading="Time", place=9, keep=3,
           tip="Median of the agent's clock, without waiting for rate limits"),
    Column("mistakes", "int64", "count", "Malformed or impossible tool calls",
           lambda c: c.row.counts.mistakes, JSON),
    Column("truncations", "int64", "count", "Replies cut by the output limit",
           lambda c: c.row.counts.truncations, JSON),
    Column("flags", "object", "count", "Things a person should look at, by kind",
           lambda c: c.row.counts.flags, JSON),
    Column("verdicts", "object", "count", "Trials by verdict",
           lambda c: c.row.counts.verdicts, JSON),
    Column("stops", "object", "count", "Trials by how the agent stopped",
           lambda c: c.row.counts.stops, JSON),
    Column("endings", "object", "count", "Trials by what ended them, faults included",
           lambda c: c.row.counts.endings, JSON),
    Column("on_frontier", "bool", "", "Nobody passes more for less", lambda c: c.row.on_frontier),
    Column("frontier_share", "float64", "", "Share of resamples on the frontier",
           lambda c: c.row.frontier_share,
           heading="Frontier", place=10, keep=1, cell=lambda c: _share(c.row.frontier_share),
           tip="Share of resamples of the tasks in which it is on the frontier"),
)  # fmt: skip


def board_columns(form: Form, attempts: int) -> tuple[Column[ScoredContestant], ...]:
    """Columns of the leaderboard from left to right.

    Args:
        form: where it is shown.
        attempts: planned for each pairing of task and contestant.
    """
    found = (
        column
        for column in CONTESTANTS
        if column.heading and form in column.forms and (attempts > 1 or not column.repeated)
    )
    return tuple(sorted(found, key=lambda column: column.place))


def texts(columns: Sequence[Column[ScoredContestant]], one: ScoredContestant) -> list[str]:
    """A contestant's figures under these columns."""
    return [column.shown(one).text for column in columns]


class Control(NamedTuple):
    """One control: what it must do, and whether it did."""

    name: str
    expected: str
    found: str
    good: bool


def what(who: Who) -> str:
    """Agent, model, lab and country on one line."""
    parts = [who.agent, who.model or "", who.lab or "", who.country or ""]
    if who.open_weights:
        parts.append("open weights")
    if who.api:
        parts.append(f"over {who.api}")
    return " · ".join(plain(part) for part in parts if part)


def badges(row: Row) -> list[tuple[str, str]]:
    """What stands beside a name: tone and text of each mark."""
    counts, found = row.counts, []
    if row.who.simulated:
        found.append(("warn", "simulated"))
    if row.who.translated_from:
        found.append(("warn", "translated"))
    if row.inconclusive:
        found.append(("warn", "inconclusive"))
    if row.score.integrity:
        found.append(("bad", f"{row.score.integrity} integrity"))
    if counts.faults:
        found.append(("warn", show.plural(counts.faults, "fault")))
    if flags := sum(counts.flags.values()):
        found.append(("", show.plural(flags, "flag")))
    if counts.other_names:
        found.append(("warn", "other model answered"))
    if row.who.caveats:
        found.append(("warn", "with a caveat"))
    return found


def marks(row: Row) -> str:
    """The badges in one line, empty without any."""
    return ", ".join(text for _, text in badges(row))


def controls(scored: Scored) -> tuple[Control, ...]:
    """Oracle must pass everything, nop nothing; neither is a contestant."""
    return tuple(_control(row.who, row.counts) for row in scored.board.controls)


def _control(who: Who, counts: Counts) -> Control:
    passes = is_given_gold(who.agent)
    return Control(
        name=plain(who.name),
        expected="must pass every trial" if passes else "must pass none",
        found=f"{show.count(counts.passed)} of {show.count(counts.scored)}",
        good=counts.passed == (counts.scored if passes else 0) and counts.scored > 0,
    )
