"""The leaderboard of a run: a row a contestant, every pair compared, and ranks.

Controls are apart and never ranked, impossible controls never scored, and tasks of different
assurance never share a board.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import fmean, median

import numpy as np

from arena.records import Api, Assurance, ContestantSpec, Record
from arena.score.pairs import PairCell, RankRange, compare_all, ranks_of
from arena.score.results import CallTimes, Cost, CostBasis, Results, Tokens, TrialRow, total_cost
from arena.score.tally import (
    Identity,
    Missing,
    TaskTally,
    doubt,
    identity,
    levels,
    scoring_tasks,
    tallies,
)
from arena.stats.intervals import CostPerSolved, Interval, mean_pass_k
from arena.stats.paired import SuitePower, suite_power


class Who(Identity):
    """What a contestant is, flat."""

    control: bool
    backend: str | None = None
    model: str | None = None
    provider: str | None = None
    lab: str | None = None
    country: str | None = None
    open_weights: bool | None = None
    simulated: bool = False
    api: Api | None = None
    """What its endpoint was spoken to in."""
    translated_from: Api | None = None
    """What its agent speaks, where the gateway translated that."""


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
    """95%: Wilson at the effective number of attempts; of a race a confidence sequence."""
    pass_at_k: float | None
    """Any of k attempts passes; over tasks with k scored attempts."""
    pass_hat_k: float | None
    """All of k attempts pass."""
    integrity: int
    """Verdicts `integrity`; they count as failed."""


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
    per_solved: CostPerSolved | None
    billed_per_solved_usd: float | None


class Effort(Record):
    """Time, steps and tokens. Times and steps are over the scored trials of the board's tasks,
    tokens over everything spent in the run.
    """

    median_wall_s: float | None
    median_active_s: float | None
    p90_active_s: float | None
    """Nine trials of ten took at most as long."""
    first_byte_s: float | None
    """Mean over the calls that ended well, of the whole run as the next."""
    tokens_per_s: float | None
    mean_steps: float | None
    tokens: Tokens
    cached_share: float | None
    """Cached part of all prompt tokens."""


class ImpossibleControls(Record):
    """Passes on tasks that cannot be passed honestly: a signal to look at, never a score."""

    passed: int
    trials: int
    """With a verdict."""


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


class Leaderboard(Record):
    """The leaderboard over tasks of one assurance level."""

    run: str
    level: Assurance | None
    """None without a scored task."""
    other_levels: tuple[Assurance, ...]
    """Levels of tasks that are not on this board."""
    tasks: tuple[str, ...]
    attempts: int
    simulated: bool
    """Some endpoint was not its provider's own."""
    rows: tuple[Row, ...]
    """Best pass rate first, then cheapest, then by name; inconclusive ones last."""
    controls: tuple[Row, ...]
    pairs: tuple[PairCell, ...]
    power: SuitePower | None
    """None without a task, and of a race, whose number of tasks was not fixed."""


def leaderboard(results: Results, level: Assurance | None = None) -> Leaderboard:
    """Score a run on the tasks of one assurance level, by default the strongest there is.

    Raises:
        InputError: no task has that level.
    """
    manifest = results.manifest
    tasks = scoring_tasks(manifest, level)
    counted = tallies(results, level)
    ranked = {c.name: counted[c.name] for c in manifest.contestants if not c.control}
    cells = compare_all(ranked)
    ranks = ranks_of(list(ranked), cells)
    rows = [
        _row(results, spec, counted[spec.name], ranks.get(spec.name))
        for spec in manifest.contestants
    ]
    used = tasks[0].assurance if tasks else None
    return Leaderboard(
        run=manifest.name,
        level=used,
        other_levels=tuple(found for found in levels(manifest) if found != used),
        tasks=tuple(t.id for t in tasks),
        attempts=manifest.attempts,
        simulated=manifest.simulated,
        rows=tuple(sorted((r for r in rows if not r.who.control), key=_order)),
        controls=tuple(r for r in rows if r.who.control),
        pairs=cells,
        power=suite_power(len(tasks)) if tasks and manifest.race is None else None,
    )


def _order(line: Row) -> tuple[bool, float, float, str]:
    rate, cost = line.score.pass_rate, line.money.mean_usd
    return (
        line.inconclusive is not None,
        1.0 if rate is None else -rate,
        np.inf if cost is None else cost,
        line.who.name,
    )


def _row(results: Results, spec: ContestantSpec, tally: TaskTally, rank: RankRange | None) -> Row:
    """The row of one contestant, from all its trials in the run."""
    trials, mine = results.of(spec.name), results.of(spec.name, set(tally.tasks))
    scored = [t for t in mine if t.verdict is not None]
    waste_usd = results.waste_usd.get(spec.name, Decimal(0))
    impossible = {t.id for t in results.tasks if t.impossible}
    return Row(
        who=_who(spec),
        counts=_counts(mine),
        score=_score(tally, sum(t.verdict == "integrity" for t in scored)),
        money=_money(tally, scored, total_cost(trials), waste_usd),
        effort=_effort(scored, trials),
        missing=tally.missing,
        inconclusive=doubt(tally),
        impossible=_impossible(results.of(spec.name, impossible)),
        rank=rank,
    )


def _who(spec: ContestantSpec) -> Who:
    known, backend = dict(identity(spec)), spec.backend
    if backend is not None:
        flat = Who.model_fields.keys() & type(backend).model_fields.keys() - known.keys()
        known |= {key: getattr(backend, key) for key in flat}
        known |= {"backend": backend.name, **({"provider": None} if backend.simulated else {})}
    return Who.model_validate({**known, "control": spec.control})


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
    attempts = int(tally.planned.max(initial=0))
    pass_rate, ci, _ = seen.rate() or (None, None, None)
    any_all = mean_pass_k(seen.scored, seen.passed, attempts) if attempts else None
    pass_at_k, pass_hat_k = any_all or (None, None)
    return Score(
        tasks=len(seen.tasks),
        attempts=attempts,
        pass_rate=pass_rate,
        ci=ci,
        pass_at_k=pass_at_k,
        pass_hat_k=pass_hat_k,
        integrity=integrity,
    )


def _money(tally: TaskTally, scored: Sequence[TrialRow], total: Cost, waste_usd: Decimal) -> Money:
    seen, unknown = tally.seen, total.status == "unknown"
    billed, passed = total_cost(scored).billed_usd, int(tally.passed.sum())
    return Money(
        total=total,
        waste_usd=None if unknown else waste_usd,
        basis=tally.basis,
        cost_usd=None if seen.cost_usd is None else float(seen.cost_usd.sum()),
        mean_usd=None if seen.mean_costs_usd is None else float(seen.mean_costs_usd.mean()),
        per_solved=seen.cost_per_solved(),
        billed_per_solved_usd=None
        if billed is None or unknown or not passed
        else float(billed) / passed,
    )


def _effort(scored: Sequence[TrialRow], trials: Sequence[TrialRow]) -> Effort:
    active_s = [t.active_s for t in scored]
    tokens = sum((t.tokens for t in trials), Tokens())
    times = sum((t.times for t in trials), CallTimes())
    return Effort(
        median_wall_s=median(t.wall_s for t in scored) if scored else None,
        median_active_s=median(active_s) if scored else None,
        p90_active_s=float(np.quantile(active_s, 0.9)) if scored else None,
        first_byte_s=times.first_byte_s,
        tokens_per_s=times.tokens_per_s,
        mean_steps=fmean(t.steps for t in scored) if scored else None,
        tokens=tokens,
        cached_share=tokens.cached_input / tokens.input if tokens.input else None,
    )


def _impossible(trials: Sequence[TrialRow]) -> ImpossibleControls | None:
    scored = [trial for trial in trials if trial.verdict is not None]
    if not scored:
        return None
    return ImpossibleControls(passed=sum(t.passed for t in scored), trials=len(scored))
