"""The leaderboard: every column of a contestant, in all forms of the report, and the controls.

A new column is one row of `CONTESTANTS`: page, terminal, Markdown, LaTeX, JSON, CSV, Parquet and
data frames are made from it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from arena.registry import is_given_gold
from arena.report import format as show
from arena.report.columns import (
    BOARD,
    DATA,
    EVERYWHERE,
    JSON,
    KEPT,
    LISTS,
    MONEY,
    TABLE,
    TEXT,
    Cell,
    Column,
    limits,
    usd_float,
)
from arena.report.format import plain
from arena.report.scored import Scored, ScoredContestant
from arena.score.leaderboard import Row

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
    return Cell(show.usd(total.billed_usd), usd_float(total.billed_usd))


def _prompts(one: ScoredContestant) -> Cell:
    found = one.row.tokens
    cached = f"{show.percent(found.cached_input / found.input)} cached" if found.input else ""
    return Cell(show.tokens(found.input), found.input, cached)


def _ranking(one: ScoredContestant) -> dict[str, Any]:
    """Cost as contestants are ranked on it, with a 95% Fieller interval where there is one."""
    solved = one.row.per_solved
    return {
        "basis": one.row.basis,
        "mean_cost_usd": one.row.mean_usd,
        "cost_per_solved_usd": solved.estimate if solved else None,
        "cost_per_solved_ci": solved.ci if solved else None,
    }


CONTESTANTS: tuple[Column[ScoredContestant], ...] = (
    Column("rank", "object", "", "Ranks that the comparisons leave open",
           lambda c: c.row.rank, JSON | TEXT, heading="Rank", cell=_rank, style="", keep=KEPT),
    Column(NAME, "string", "", "Name", lambda c: c.row.who.name, EVERYWHERE | MONEY,
           json_name="name", heading="Contestant", style="", keep=KEPT),
    Column("control", "bool", "", "Oracle or nop: never ranked", lambda c: c.row.who.control),
    Column("pass_rate", "float64", "", "Mean over tasks of the share passed",
           lambda c: c.row.pass_rate, heading="Pass rate", cell=_rate, style="rate",
           keep=KEPT, tip="Mean over tasks; below it the 95% interval"),
    Column("pass_rate_ci", "object", "",
           "95% Wilson interval on task means at the effective n; of a race a confidence sequence",
           lambda c: c.row.ci, JSON | TEXT,
           heading="95%", cell=lambda c: Cell(_rate(c).note), keep=6),
    *limits("pass_rate", "",
            "95%, Wilson on task means at the effective n; of a race a confidence sequence",
            lambda c: c.row.ci, TABLE),
    Column("passed", "int64", "count", "Passed", lambda c: c.row.counts.passed, DATA | LISTS,
           heading="Passed", cell=_passed, keep=4),
    Column("pass_hat_k", "float64", "", "Share of tasks passed in every attempt",
           lambda c: c.row.pass_hat_k, DATA | LISTS, heading="All {attempts}",
           repeated=True, keep=0, cell=lambda c: _share(c.row.pass_hat_k)),
    Column("pass_at_k", "float64", "", "Share of tasks passed in any of k attempts",
           lambda c: c.row.pass_at_k, DATA),
    Column("cost_per_attempt_usd", "float64", "US dollars", "Ranking cost, mean over tasks",
           lambda c: c.row.mean_usd, heading="$ per attempt", short="$/attempt",
           cell=_per_attempt, keep=5, tip="Mean over tasks; below it the 95% interval"),
    *limits("cost_per_attempt_usd", "US dollars", "95%, of the mean over tasks",
            lambda c: c.row.mean_ci),
    Column("cost_per_solved_usd", "float64", "US dollars", "Ranking cost per solved task",
           lambda c: c.row.per_solved.estimate if c.row.per_solved else None,
           TABLE | BOARD, heading="$ per solved task", short="$/solved", cell=_per_solved, keep=7,
           tip="What its failures cost is in it; below it the 95% interval"),
    *limits("cost_per_solved_usd", "US dollars", "95%, Fieller",
            lambda c: c.row.per_solved.ci if c.row.per_solved else None),
    Column("median_active_s", "float64", "seconds",
           "Half of the trials took the agent at most so long, without waiting for rate limits",
           lambda c: c.row.median_active_s, heading="Median time", short="Time", keep=3),
    Column("p90_active_s", "float64", "seconds", "Nine of ten trials took at most so long",
           lambda c: c.row.p90_active_s, heading="90% within", keep=2),
    Column("first_byte_s", "float64", "seconds",
           "From a call to the first byte of its reply, on average; all of the wait where an"
           " endpoint does not stream",
           lambda c: c.row.times.first_byte_s, heading="First byte", keep=1),
    Column("tokens_per_s", "float64", "tokens a second",
           "Output tokens for each second of waiting for replies",
           lambda c: c.row.times.tokens_per_s, heading="Tokens/s", keep=1),
    Column("effort", "string", "", "How hard its model was told to think",
           lambda c: c.row.who.effort),
    Column("agent", "string", "", "The scaffold", lambda c: c.row.who.agent),
    Column("backend", "string", "", "Catalogue name of the backend", lambda c: c.backend("name")),
    Column("model", "string", "", "Model asked for", lambda c: c.backend("model"), TABLE),
    Column("provider", "string", "", "Who serves it",
           lambda c: None if c.backend("simulated") else c.backend("provider")),
    Column("lab", "string", "", "Who trained it", lambda c: c.backend("lab")),
    Column("country", "string", "", "Country of the lab, ISO code", lambda c: c.backend("country")),
    Column("open_weights", "bool", "", "Whether its weights are published",
           lambda c: c.backend("open_weights")),
    Column("simulated", "bool", "", "The endpoint is not the provider's own",
           lambda c: bool(c.backend("simulated"))),
    Column("api", "string", "", "What its endpoint was spoken to in", lambda c: c.backend("api")),
    Column("translated_from", "string", "", "What its agent speaks, where that was translated",
           lambda c: c.backend("translated_from")),
    Column("caveats", "object", "", "What must stand beside its numbers",
           lambda c: c.backend("caveats") or (), JSON),
    Column("digest", "string", "", "Identity of the contestant", lambda c: c.row.who.digest),
    Column("tasks", "int64", "count", "Tasks with a scored attempt",
           lambda c: c.row.tasks, TABLE),
    Column("trials", "int64", "count", "Planned", lambda c: c.row.counts.trials),
    Column("scored", "int64", "count", "With a verdict", lambda c: c.row.counts.scored),
    Column("failed", "int64", "count", "Every scored verdict but passed",
           lambda c: c.row.counts.failed, JSON),
    Column("faults", "int64", "count", "Ended by a fault", lambda c: c.row.counts.faults),
    Column("not_run", "int64", "count", "Neither verdict nor fault",
           lambda c: c.row.counts.not_run, JSON),
    Column("missing", "int64", "count", "Trials without a verdict; they are in no rate",
           lambda c: c.row.missing.missing),
    Column("pass_rate_bounds", "object", "",
           "Share of planned trials passed if all missing ones had failed, or had passed",
           lambda c: c.row.missing.rate_bounds, JSON),
    *limits("pass_rate_bounds", "", "share passed if all missing trials had failed, or had passed",
            lambda c: c.row.missing.rate_bounds, TABLE),
    Column("inconclusive", "string", "", "Why nothing may be concluded; null where it may",
           lambda c: c.row.inconclusive),
    Column("rank_best", "int64", "", "Best rank the comparisons leave open",
           lambda c: c.row.rank.best if c.row.rank else None, TABLE),
    Column("rank_worst", "int64", "", "Worst rank the comparisons leave open",
           lambda c: c.row.rank.worst if c.row.rank else None, TABLE),
    Column("cost_usd", "float64", "US dollars", "Billed in the whole run; null when partial",
           lambda c: usd_float(c.row.total.billed_usd), DATA | LISTS | MONEY,
           heading="Billed", cell=_billed, keep=0),
    Column("cost_known_usd", "float64", "US dollars", "The known part: a lower bound",
           lambda c: usd_float(c.row.total.known_usd)),
    Column("cost_standard_usd", "float64", "US dollars",
           "With exactly what a trial repeated as cached: no luck with caches",
           lambda c: usd_float(c.row.total.standard_usd), JSON | MONEY,
           heading="At a standard cache"),
    Column("cost_no_cache_usd", "float64", "US dollars", "With every prompt token at full price",
           lambda c: usd_float(c.row.total.no_cache_usd), JSON | MONEY,
           heading="Without caches"),
    Column("cost_wasted_usd", "float64", "US dollars", "Billed for calls and tries that failed",
           lambda c: usd_float(c.row.waste_usd), JSON | MONEY, heading="Lost to retries"),
    Column("cost_status", "string", "", "known, estimated, partial or unknown",
           lambda c: c.row.total.status),
    Column("unsettled_calls", "int64", "count", "Calls that no usage tells the whole cost of",
           lambda c: c.row.total.unsettled_calls),
    Column("unsettled_at_most_usd", "float64", "US dollars",
           "Most that these calls came to; null where none or unknown",
           lambda c: usd_float(c.row.total.unsettled_bound_usd)),
    Column("mean_concurrency", "float64", "count",
           "Calls in flight on average while a machine paid by the hour was busy",
           lambda c: usd_float(c.scored.results.mean_concurrency.get(c.row.who.name)), JSON),
    Column("billed_per_solved_usd", "float64", "US dollars",
           "Billed cost of the scored trials over passed ones; null at zero solved",
           lambda c: c.row.billed_per_solved_usd, JSON, "cost_per_solved_usd"),
    Column("ranking", "object", "", "Cost as contestants are ranked on it", _ranking, JSON),
    Column("cost_basis", "string", "", "What the two ranking costs count",
           lambda c: c.row.basis, TABLE),
    Column("tokens", "object", "tokens", "Input with its cached parts, output with reasoning",
           lambda c: c.row.tokens, JSON),
    Column("input_tokens", "int64", "tokens", "Whole prompts",
           lambda c: c.row.tokens.input, TABLE | MONEY, heading="Input", cell=_prompts),
    Column("output_tokens", "int64", "tokens", "Generated",
           lambda c: c.row.tokens.output, TABLE | MONEY, heading="Output"),
    Column("median_wall_s", "float64", "seconds", "Median from start to end of a trial",
           lambda c: c.row.median_wall_s, JSON),
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
    Column("best_buy_from_usd", "float64", "US dollars",
           "Worth of a solved task from which it is the best buy; null where it never is",
           lambda c: c.buy and c.buy.starts.usd),
    Column("best_buy_to_usd", "float64", "US dollars",
           "Worth of a solved task up to which it is; null without end, too",
           lambda c: c.buy and c.buy.ends and c.buy.ends.usd),
)  # fmt: skip


def texts(columns: Sequence[Column[ScoredContestant]], one: ScoredContestant) -> list[str]:
    """A contestant's figures under these columns."""
    return [column.shown(one).text for column in columns]


class Control(NamedTuple):
    """One control: what it must do, and whether it did."""

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
