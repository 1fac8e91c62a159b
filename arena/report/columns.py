"""Columns of the tidy tables: name, type, unit and meaning, and where a value comes from.

Unknown is null, never 0. Money is billed US dollars unless a name says otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from arena.report.details import CallRow, TestRow
from arena.rundir import TaskEntry
from arena.score.results import TrialRow
from arena.score.row import Row

Item = TypeVar("Item")
Kind = Literal["string", "int64", "float64", "bool", "timestamp"]


class TaskLine(NamedTuple):
    """A task, and whether it counts on the leaderboard."""

    task: TaskEntry
    scored: bool


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column; `unit` is empty for names, kinds and shares."""

    name: str
    kind: Kind
    unit: str
    meaning: str
    value: Callable[[Item], Any]


def _usd(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


TRIALS: tuple[Column[TrialRow], ...] = (
    Column("trial_id", "string", "", "Id of the trial; its folder under trials/", lambda t: t.id),
    Column("task_id", "string", "", "Task as pack/name", lambda t: t.task_id),
    Column("contestant", "string", "", "Name of the contestant", lambda t: t.contestant),
    Column("attempt", "int64", "", "Attempt at the pairing, from 1", lambda t: t.attempt),
    Column("verdict", "string", "", "How the patch was judged; null without", lambda t: t.verdict),
    Column("passed", "bool", "", "Verdict is passed; null without a verdict",
           lambda t: None if t.verdict is None else t.passed),
    Column("stop", "string", "", "How the agent stopped", lambda t: t.stop),
    Column("fault", "string", "", "Kind of the fault that ended the last try",
           lambda t: t.fault.kind if t.fault else None),
    Column("reason", "string", "", "Why it did not pass", lambda t: t.reason or None),
    Column("tries", "int64", "count", "Tries, repeated ones after faults included",
           lambda t: t.tries),
    Column("steps", "int64", "count", "Completed model calls of the last try", lambda t: t.steps),
    Column("calls", "int64", "count", "Model calls of all tries, failed ones included",
           lambda t: t.calls),
    Column("mistakes", "int64", "count", "Malformed or impossible tool calls",
           lambda t: t.mistakes),
    Column("truncations", "int64", "count", "Replies cut by the output limit",
           lambda t: t.truncations),
    Column("flags", "int64", "count", "Things a person should look at", lambda t: len(t.flags)),
    Column("input_tokens", "int64", "tokens", "Whole prompts", lambda t: t.tokens.input),
    Column("cached_input_tokens", "int64", "tokens", "Part of input_tokens read from a cache",
           lambda t: t.tokens.cached_input),
    Column("cache_write_tokens", "int64", "tokens", "Part of input_tokens written to a cache",
           lambda t: t.tokens.cache_write),
    Column("output_tokens", "int64", "tokens", "Generated", lambda t: t.tokens.output),
    Column("reasoning_tokens", "int64", "tokens", "Part of output_tokens that was reasoning",
           lambda t: t.tokens.reasoning),
    Column("cost_usd", "float64", "US dollars", "Billed; null when not all of it is known",
           lambda t: _usd(t.cost.billed_usd)),
    Column("cost_no_cache_usd", "float64", "US dollars", "With every prompt token at full price",
           lambda t: _usd(t.cost.no_cache_usd)),
    Column("cost_standard_usd", "float64", "US dollars", "With repeated tokens alone as cached",
           lambda t: _usd(t.cost.standard_usd)),
    Column("cost_known_usd", "float64", "US dollars", "The known part: a lower bound",
           lambda t: _usd(t.cost.known_usd)),
    Column("cost_status", "string", "", "known, estimated, partial or unknown",
           lambda t: t.cost.status),
    Column("wall_s", "float64", "seconds", "Start to end of the last try", lambda t: t.wall_s),
    Column("active_s", "float64", "seconds", "The agent's clock: without waiting for slots",
           lambda t: t.active_s),
    Column("patch_bytes", "int64", "bytes", "Size of the patch", lambda t: t.patch_bytes),
)  # fmt: skip

CALLS: tuple[Column[CallRow], ...] = (
    Column("call_id", "string", "", "Id of the call", lambda c: c.call_id),
    Column("trial_id", "string", "", "Trial it belongs to", lambda c: c.trial_id),
    Column("contestant", "string", "", "Name of the contestant", lambda c: c.contestant),
    Column("try_number", "int64", "", "Try of the trial, from 1", lambda c: c.try_number),
    Column("step", "int64", "", "Step of the trial, from 1", lambda c: c.step),
    Column("attempt", "int64", "", "Attempt for this step, from 1", lambda c: c.attempt),
    Column("requested_model", "string", "", "Model asked for", lambda c: c.model),
    Column("returned_model", "string", "", "Model the reply names", lambda c: c.returned_model),
    Column("outcome", "string", "", "ok or what failed; null when never settled",
           lambda c: c.outcome),
    Column("started_at", "timestamp", "UTC", "When it was sent", lambda c: c.started_at),
    Column("wall_s", "float64", "seconds", "Sending to the end of the reply", lambda c: c.wall_s),
    Column("waited_s", "float64", "seconds", "Before sending: slot, rate limit, retry",
           lambda c: c.waited_s),
    Column("input_tokens", "int64", "tokens", "Whole prompt", lambda c: c.input_tokens),
    Column("cached_input_tokens", "int64", "tokens", "Part of input_tokens read from a cache",
           lambda c: c.cached_input_tokens),
    Column("cache_write_tokens", "int64", "tokens", "Part of input_tokens written to a cache",
           lambda c: c.cache_write_tokens),
    Column("output_tokens", "int64", "tokens", "Generated", lambda c: c.output_tokens),
    Column("reasoning_tokens", "int64", "tokens", "Part of output_tokens that was reasoning",
           lambda c: c.reasoning_tokens),
    Column("usage_estimated", "bool", "", "Counted here, since the reply told no usage",
           lambda c: c.usage_estimated),
    Column("cost_usd", "float64", "US dollars", "Billed", lambda c: _usd(c.cost_usd)),
    Column("cost_no_cache_usd", "float64", "US dollars", "With every prompt token at full price",
           lambda c: _usd(c.cost_no_cache_usd)),
    Column("cost_standard_usd", "float64", "US dollars", "With repeated tokens alone as cached",
           lambda c: _usd(c.cost_standard_usd)),
    Column("cost_status", "string", "", "known, estimated, partial or unknown",
           lambda c: c.cost_status),
)  # fmt: skip

TESTS: tuple[Column[TestRow], ...] = (
    Column("trial_id", "string", "", "Trial it belongs to", lambda t: t.trial_id),
    Column("test_id", "string", "", "Id of the hidden test", lambda t: t.test_id),
    Column(
        "duty", "string", "", "fail_to_pass, pass_to_pass, must_fail or other", lambda t: t.duty
    ),
    Column(
        "outcome", "string", "", "passed, failed, error, skipped or missing", lambda t: t.outcome
    ),
)

TASKS: tuple[Column[TaskLine], ...] = (
    Column("task_id", "string", "", "Task as pack/name", lambda t: t.task.id),
    Column("title", "string", "", "One line", lambda t: t.task.title),
    Column("language", "string", "", "Language of the repository", lambda t: t.task.language),
    Column("difficulty", "string", "", "easy, medium, hard or unknown",
           lambda t: t.task.difficulty),
    Column("repository", "string", "", "Project it comes from", lambda t: t.task.repository),
    Column("assurance", "string", "", "How it is graded", lambda t: t.task.assurance),
    Column("scored", "bool", "", "Whether it counts on the leaderboard", lambda t: t.scored),
    Column("digest", "string", "", "Over everything that can change a result",
           lambda t: t.task.digest),
)  # fmt: skip

CONTESTANTS: tuple[Column[Row], ...] = (
    Column("contestant", "string", "", "Name", lambda r: r.who.name),
    Column("control", "bool", "", "A control: never ranked", lambda r: r.who.control),
    Column("agent", "string", "", "The scaffold", lambda r: r.who.agent),
    Column("backend", "string", "", "Catalogue name of the backend", lambda r: r.who.backend),
    Column("model", "string", "", "Model asked for", lambda r: r.who.model),
    Column("provider", "string", "", "Who serves it", lambda r: r.who.provider),
    Column("lab", "string", "", "Who trained it", lambda r: r.who.lab),
    Column("country", "string", "", "Country of the lab, ISO code", lambda r: r.who.country),
    Column("open_weights", "bool", "", "Whether its weights are published",
           lambda r: r.who.open_weights),
    Column("simulated", "bool", "", "The endpoint is not the provider's own",
           lambda r: r.who.simulated),
    Column("api", "string", "", "What its endpoint was spoken to in", lambda r: r.who.api),
    Column("translated_from", "string", "", "What its agent speaks, where that was translated",
           lambda r: r.who.translated_from),
    Column("digest", "string", "", "Identity of the contestant", lambda r: r.who.digest),
    Column("tasks", "int64", "count", "Tasks with a scored attempt", lambda r: r.score.tasks),
    Column("trials", "int64", "count", "Planned", lambda r: r.counts.trials),
    Column("scored", "int64", "count", "With a verdict", lambda r: r.counts.scored),
    Column("passed", "int64", "count", "Passed", lambda r: r.counts.passed),
    Column("faults", "int64", "count", "Ended by a fault", lambda r: r.counts.faults),
    Column("pass_rate", "float64", "", "Mean over tasks of the share passed",
           lambda r: r.score.pass_rate),
    Column("pass_rate_lo", "float64", "", "Lower 95% limit, Wilson at the effective n",
           lambda r: r.score.ci.lo if r.score.ci else None),
    Column("pass_rate_hi", "float64", "", "Upper 95% limit",
           lambda r: r.score.ci.hi if r.score.ci else None),
    Column("inconclusive", "string", "", "Why nothing may be concluded; null where it may",
           lambda r: r.inconclusive),
    Column("rank_best", "int64", "", "Best rank the comparisons leave open",
           lambda r: r.rank.best if r.rank else None),
    Column("rank_worst", "int64", "", "Worst rank the comparisons leave open",
           lambda r: r.rank.worst if r.rank else None),
    Column("cost_usd", "float64", "US dollars", "Billed in the whole run; null when partial",
           lambda r: _usd(r.money.total.billed_usd)),
    Column("cost_known_usd", "float64", "US dollars", "The known part: a lower bound",
           lambda r: _usd(r.money.total.known_usd)),
    Column("cost_status", "string", "", "known, estimated, partial or unknown",
           lambda r: r.money.total.status),
    Column("cost_basis", "string", "", "What the two ranking costs count", lambda r: r.money.basis),
    Column("cost_per_attempt_usd", "float64", "US dollars", "Ranking cost, mean over tasks",
           lambda r: r.money.mean_usd),
    Column("cost_per_solved_usd", "float64", "US dollars", "Ranking cost per solved task",
           lambda r: r.money.per_solved.estimate if r.money.per_solved else None),
    Column("median_active_s", "float64", "seconds", "Median of the agent's clock",
           lambda r: r.effort.median_active_s),
    Column("on_frontier", "bool", "", "Nobody passes more for less", lambda r: r.on_frontier),
    Column("frontier_share", "float64", "", "Share of resamples on the frontier",
           lambda r: r.frontier_share),
)  # fmt: skip
