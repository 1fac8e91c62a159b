"""The leaderboard of a run: a row a contestant, every pair compared, and ranks; controls apart."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import fmean, median

import numpy as np

from arena.records import Assurance, ContestantSpec, Record
from arena.score.pairs import PairCell, RankRange, compare_all, ranks_of
from arena.score.results import (
    CallTimes,
    Cost,
    CostBasis,
    Results,
    TokenTotals,
    TrialRow,
    total_cost,
)
from arena.score.tally import Missing, Scope, TaskTally, doubt, scope_of, scoring_tasks, tallies
from arena.stats.intervals import CostPerSolved, Interval, mean_pass_k
from arena.stats.paired import SuitePower, suite_power


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


class ImpossibleControls(Record):
    """Passes on tasks that cannot be passed honestly: a signal to look at, never a score."""

    passed: int
    trials: int
    """With a verdict."""


class Row(Record):
    """One contestant: rates and costs of its scored trials on the board's tasks, tasks as the unit;
    tokens, calls and the total of the whole run.
    """

    who: ContestantSpec
    counts: Counts
    tasks: int
    """With a scored attempt."""
    pass_rate: float | None
    """pass@1: mean over tasks of the share of scored attempts that passed."""
    ci: Interval | None
    """95%: Wilson at the effective number of attempts; of a race a confidence sequence."""
    pass_at_k: float | None
    """Any of as many attempts as are planned passes; over tasks with so many scored ones."""
    pass_hat_k: float | None
    """All of them pass."""
    total: Cost
    """All that was spent in the run."""
    waste_usd: Decimal | None
    """Billed for calls and tries that failed or were cut short, part of the total; None where
    nothing is known, and for any at a machine paid by the hour."""
    basis: CostBasis | None
    """What the ranking cost counts; None when it is unknown, or all 0: no price to rank by."""
    mean_usd: float | None
    """Ranking cost per attempt."""
    mean_ci: Interval | None
    """95%; None without a ranking cost, or without spread between tasks."""
    per_solved: CostPerSolved | None
    billed_per_solved_usd: float | None
    median_wall_s: float | None
    median_active_s: float | None
    p90_active_s: float | None
    """Nine trials of ten took at most as long."""
    mean_steps: float | None
    tokens: TokenTotals
    times: CallTimes
    missing: Missing
    inconclusive: str | None
    """Why nothing may be concluded about this contestant."""
    impossible: ImpossibleControls | None
    rank: RankRange | None
    """Ranks that the Holm-adjusted comparisons leave open; None for controls."""


class Leaderboard(Record):
    """The leaderboard over tasks of one assurance level."""

    scope: Scope
    tasks: tuple[str, ...]
    rows: tuple[Row, ...]
    """Best pass rate first, then cheapest, then by name; inconclusive ones last."""
    controls: tuple[Row, ...]
    pairs: tuple[PairCell, ...]
    power: SuitePower | None
    """None without a task, and of a race, whose number of tasks was not fixed."""


def leaderboard(results: Results, level: Assurance | None = None) -> Leaderboard:
    """Score a run on tasks of one level, by default the strongest; raises `InputError` for none."""
    manifest = results.manifest
    tasks = scoring_tasks(manifest, level)
    counted = tallies(results, level)
    ranked = {c.name: counted[c.name] for c in manifest.contestants if not c.control}
    cells = compare_all(ranked)
    ranks = {} if manifest.race else ranks_of(list(ranked), cells)
    rows = [
        _row(results, spec, counted[spec.name], ranks.get(spec.name))
        for spec in manifest.contestants
    ]
    return Leaderboard(
        scope=scope_of(manifest, level),
        tasks=tuple(t.id for t in tasks),
        rows=tuple(sorted((r for r in rows if not r.who.control), key=_order)),
        controls=tuple(r for r in rows if r.who.control),
        pairs=cells,
        power=suite_power(len(tasks)) if tasks and manifest.race is None else None,
    )


def _order(line: Row) -> tuple[bool, float, float, str]:
    rate = 1.0 if line.pass_rate is None else -line.pass_rate
    cost = np.inf if line.mean_usd is None else line.mean_usd
    return line.inconclusive is not None, rate, cost, line.who.name


def _row(results: Results, spec: ContestantSpec, tally: TaskTally, rank: RankRange | None) -> Row:
    """The row of one contestant, from all its trials in the run."""
    trials, mine = results.of(spec.name), results.of(spec.name, set(tally.tasks))
    scored = [t for t in mine if t.verdict is not None]
    seen, attempts, total = tally.seen, int(tally.planned.max(initial=0)), total_cost(trials)
    pass_rate, ci, _ = seen.rate() or (None, None, None)
    any_all = mean_pass_k(seen.scored, seen.passed, attempts) if attempts else None
    pass_at_k, pass_hat_k = any_all or (None, None)
    each_usd, unknown = seen.mean_costs_usd, total.status == "unknown"
    billed, passed = total_cost(scored).billed_usd, sum(t.passed for t in scored)
    active_s = [t.active_s for t in scored]
    return Row(
        who=spec,
        counts=_counts(mine),
        tasks=len(seen.tasks),
        pass_rate=pass_rate,
        ci=ci,
        pass_at_k=pass_at_k,
        pass_hat_k=pass_hat_k,
        total=total,
        waste_usd=None if unknown else _waste(spec, trials),
        basis=tally.basis,
        mean_usd=None if each_usd is None else float(each_usd.mean()),
        mean_ci=seen.cost_interval(results.manifest.limits.usd),
        per_solved=seen.cost_per_solved(),
        billed_per_solved_usd=None
        if billed is None or unknown or not passed
        else float(billed) / passed,
        median_wall_s=median(t.wall_s for t in scored) if scored else None,
        median_active_s=median(active_s) if scored else None,
        p90_active_s=float(np.quantile(active_s, 0.9)) if scored else None,
        mean_steps=fmean(t.steps for t in scored) if scored else None,
        tokens=sum((t.tokens for t in trials), TokenTotals()),
        times=sum((t.times for t in trials), CallTimes()),
        missing=tally.missing,
        inconclusive=doubt(tally),
        impossible=_impossible(results, spec.name),
        rank=rank,
    )


def _waste(spec: ContestantSpec, trials: Sequence[TrialRow]) -> Decimal | None:
    """What was lost; what share of a machine's hours that was, nobody knows."""
    lost = any(t.failed_call or t.tries > 1 or t.fault is not None for t in trials)
    if lost and spec.backend is not None and spec.backend.hourly_usd is not None:
        return None
    return sum((t.wasted_usd for t in trials), Decimal(0))


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


def _impossible(results: Results, name: str) -> ImpossibleControls | None:
    tasks = {t.id for t in results.tasks if t.impossible}
    scored = [trial for trial in results.of(name, tasks) if trial.verdict is not None]
    passed = sum(trial.passed for trial in scored)
    return ImpossibleControls(passed=passed, trials=len(scored)) if scored else None
