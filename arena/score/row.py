"""One line of the leaderboard: everything measured of one contestant on its own."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import fmean, median

import numpy as np

from arena.records import Api, ContestantSpec, Record
from arena.score.results import Cost, CostBasis, Tokens, TrialRow, total_cost, total_tokens
from arena.score.tally import Missing, TaskTally, doubt, missing_of, ranking_costs
from arena.stats.intervals import CostPerSolved, Interval, mean_pass_k, task_rate, zero_event_bound
from arena.stats.paired import RankRange


class Who(Record):
    """What a contestant is, flat."""

    name: str
    digest: str
    agent: str
    control: bool
    backend: str | None = None
    model: str | None = None
    provider: str | None = None
    lab: str | None = None
    country: str | None = None
    residency: str | None = None
    open_weights: bool | None = None
    self_hosted: bool = False
    simulated: bool = False
    api: Api | None = None
    """What its endpoint was spoken to in."""
    translated_from: Api | None = None
    """What its agent speaks, where the gateway translated that."""
    caveats: tuple[str, ...] = ()
    """What must stand beside its numbers, such as a route without prompt caching."""


class Counts(Record):
    """How the trials on the board's tasks ended."""

    trials: int
    """Planned."""
    scored: int
    passed: int
    failed: int
    """Every scored verdict but `passed`."""
    faults: int
    not_run: int
    """Neither verdict nor fault: not started yet, or stopped by a budget."""
    tries: int
    """Repeated ones after faults included."""
    verdicts: dict[str, int]
    stops: dict[str, int]
    endings: dict[str, int]
    """What ended the last tries: as `stops`, with faults and the kinds of an agent's errors."""
    flags: dict[str, int]
    """By kind."""
    mistakes: int
    """Malformed, unknown or impossible tool calls."""
    truncations: int
    other_names: tuple[str, ...]
    """Model names returned that differ from the requested one."""


class Score(Record):
    """Pass rate, tasks as the unit."""

    tasks: int
    """Tasks with a scored attempt."""
    attempts: int
    """Planned for each task: the k of pass@k and pass^k."""
    pass_rate: float | None
    """pass@1: mean over tasks of the share of scored attempts that passed."""
    ci: Interval | None
    """95%: Wilson at the effective number of attempts."""
    n_eff: float | None
    pass_at_k: float | None
    """Any of k attempts passes; over tasks with k scored attempts."""
    pass_hat_k: float | None
    """All of k attempts pass."""
    integrity: int
    """Verdicts `integrity`; they count as failed."""
    integrity_hi: float | None
    """With none seen, the one-sided 95% upper bound of their rate."""


class Money(Record):
    """What it cost. `total` is all that was spent in the run; the rest is over the scored trials
    of the board's tasks, on the cost that contestants are ranked on.
    """

    total: Cost
    waste_usd: Decimal | None
    """Billed cost of retried and faulted calls, part of the total; None when nothing is known."""
    basis: CostBasis | None
    """What the ranking cost counts; None when it is unknown, or all 0: no price to rank by."""
    cost_usd: float | None
    mean_usd: float | None
    """Per attempt, tasks as the unit."""
    median_usd: float | None
    """Per attempt."""
    per_solved: CostPerSolved | None
    billed_per_solved_usd: float | None


class Effort(Record):
    """Time, steps and tokens. Times and steps are over the scored trials of the board's tasks,
    tokens over everything spent in the run.
    """

    median_wall_s: float | None
    median_active_s: float | None
    mean_active_s: float | None
    mean_steps: float | None
    tokens: Tokens
    cached_share: float | None
    """Cached part of all prompt tokens."""


class ImpossibleControls(Record):
    """Passes on tasks that cannot be passed honestly: a signal to look at, never a score."""

    passed: int
    trials: int
    ci: Interval
    """95% interval of the share of passes, tasks as the unit."""


class Row(Record):
    """One contestant."""

    who: Who
    counts: Counts
    score: Score
    money: Money
    effort: Effort
    missing: Missing
    inconclusive: str | None
    """Why nothing may be concluded about this contestant."""
    impossible: ImpossibleControls | None
    rank: RankRange | None = None
    """Ranks that the Holm-adjusted comparisons leave open; None for controls."""
    on_frontier: bool = False
    frontier_share: float | None = None
    """Share of joint bootstraps over tasks in which it is on the frontier; None for controls,
    without a ranking cost and where nothing may be concluded."""


def row(
    spec: ContestantSpec,
    tally: TaskTally,
    trials: Sequence[TrialRow],
    impossible: frozenset[str],
    waste_usd: Decimal,
) -> Row:
    """The line of one contestant, without rank and frontier.

    Args:
        spec: the contestant.
        tally: its attempts over the board's tasks.
        trials: all its trials in the run.
        impossible: ids of the impossible controls.
        waste_usd: billed cost of its retried and faulted calls.
    """
    on_board = set(tally.tasks)
    mine = [t for t in trials if t.task_id in on_board]
    scored = [t for t in mine if t.verdict is not None]
    return Row(
        who=_who(spec),
        counts=_counts(mine),
        score=_score(tally, sum(t.verdict == "integrity" for t in scored)),
        money=_money(tally, scored, total_cost(trials), waste_usd),
        effort=_effort(scored, total_tokens(trials)),
        missing=missing_of(tally),
        inconclusive=doubt(tally),
        impossible=_impossible([t for t in trials if t.task_id in impossible]),
    )


def _who(spec: ContestantSpec) -> Who:
    who = Who(name=spec.name, digest=spec.digest, agent=spec.agent, control=spec.control)
    backend = spec.backend
    if backend is None:
        return who
    return who.model_copy(
        update={
            "backend": backend.name,
            "model": backend.model,
            "provider": None if backend.simulated else backend.provider,
            "lab": backend.lab,
            "country": backend.country,
            "caveats": backend.caveats,
            "residency": backend.residency,
            "open_weights": backend.open_weights,
            "self_hosted": backend.self_hosted,
            "simulated": backend.simulated,
            "api": backend.api,
            "translated_from": backend.translated_from,
        }
    )


def _counts(trials: Sequence[TrialRow]) -> Counts:
    scored = sum(t.verdict is not None for t in trials)
    passed = sum(t.passed for t in trials)
    faults = sum(t.verdict is None and t.fault is not None for t in trials)
    return Counts(
        trials=len(trials),
        scored=scored,
        passed=passed,
        failed=scored - passed,
        faults=faults,
        not_run=len(trials) - scored - faults,
        tries=sum(t.tries for t in trials),
        verdicts=_by_kind(t.verdict for t in trials),
        stops=_by_kind(t.stop for t in trials),
        endings=_by_kind(t.ending for t in trials),
        flags=_by_kind(kind for t in trials for kind, _ in t.flags),
        mistakes=sum(t.mistakes for t in trials),
        truncations=sum(t.truncations for t in trials),
        other_names=tuple(sorted({name for t in trials for name in t.other_names})),
    )


def _by_kind(kinds: Iterable[str | None]) -> dict[str, int]:
    counts = Counter(kind for kind in kinds if kind is not None)
    return dict(sorted(counts.items()))


def _score(tally: TaskTally, integrity: int) -> Score:
    seen = tally.seen
    tasks = len(seen.tasks)
    attempts = int(tally.planned.max()) if len(tally.planned) else 0
    rate = seen.rate()
    any_all = mean_pass_k(seen.scored, seen.passed, attempts) if attempts else None
    return Score(
        tasks=tasks,
        attempts=attempts,
        pass_rate=rate.mean if rate else None,
        ci=rate.interval if rate else None,
        n_eff=rate.n_eff if rate else None,
        pass_at_k=any_all[0] if any_all else None,
        pass_hat_k=any_all[1] if any_all else None,
        integrity=integrity,
        integrity_hi=zero_event_bound(tasks) if tasks and not integrity else None,
    )


def _money(tally: TaskTally, scored: Sequence[TrialRow], total: Cost, waste_usd: Decimal) -> Money:
    costs = ranking_costs(scored, tally.basis)
    seen = tally.seen
    billed, passed = total_cost(scored).billed_usd, int(tally.passed.sum())
    known = billed is not None and passed > 0 and total.status != "unknown"
    return Money(
        total=total,
        waste_usd=None if total.status == "unknown" else waste_usd,
        basis=tally.basis,
        cost_usd=None if costs is None else float(costs.sum()),
        mean_usd=None if seen.cost_usd is None else float((seen.cost_usd / seen.scored).mean()),
        median_usd=None if costs is None else float(np.median(costs)),
        per_solved=seen.cost_per_solved(),
        billed_per_solved_usd=float(billed) / passed if billed is not None and known else None,
    )


def _effort(scored: Sequence[TrialRow], tokens: Tokens) -> Effort:
    return Effort(
        median_wall_s=median(t.wall_s for t in scored) if scored else None,
        median_active_s=median(t.active_s for t in scored) if scored else None,
        mean_active_s=fmean(t.active_s for t in scored) if scored else None,
        mean_steps=fmean(t.steps for t in scored) if scored else None,
        tokens=tokens,
        cached_share=tokens.cached_input / tokens.input if tokens.input else None,
    )


def _impossible(trials: Sequence[TrialRow]) -> ImpossibleControls | None:
    by_task: dict[str, list[bool]] = {}
    for trial in trials:
        if trial.verdict is not None:
            by_task.setdefault(trial.task_id, []).append(trial.passed)
    if not by_task:
        return None
    attempts = sum(len(passes) for passes in by_task.values())
    rate = task_rate(np.array([fmean(passes) for passes in by_task.values()]), attempts)
    assert rate  # there is a task
    return ImpossibleControls(
        passed=sum(sum(passes) for passes in by_task.values()), trials=attempts, ci=rate.interval
    )
