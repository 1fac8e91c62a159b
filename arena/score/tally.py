"""Results as arrays over tasks, one tally a contestant: what every score is computed from.

Impossible controls are left out, and tasks of different assurance are never in one tally. Attempts
without a verdict are missing, never failures: they are in no rate, and make every decision
inconclusive when they are more than 2% of what was planned or hit one contestant more than another.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import get_args

import numpy as np
from pydantic import Field

from arena.errors import InputError
from arena.records import Assurance, ContestantSpec, Record
from arena.rundir.directory import Manifest, TaskEntry
from arena.score.results import CostBasis, Results, TrialRow
from arena.stats import intervals
from arena.stats.intervals import ALPHA, BoolArray, CostPerSolved, FloatArray, Interval, Rate
from arena.stats.paired import t_interval
from arena.stats.sequential import confidence_sequence

LEVELS: tuple[Assurance, ...] = get_args(Assurance)


class Scope(Record):
    """Which of a run's tasks some numbers are about: those of one assurance level."""

    level: Assurance | None
    """None without a scored task."""
    others: dict[Assurance, int] = Field(default_factory=dict)
    """Tasks of other levels, which are not in the numbers."""


class Identity(Record):
    """Who was scored: enough to find the same contestant in another run."""

    name: str
    digest: str
    agent: str
    agent_digest: str
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class TaskTally:
    """One contestant's attempts by task; arrays have shape (tasks,), tasks sorted by id."""

    who: Identity
    tasks: tuple[str, ...]
    planned: FloatArray
    scored: FloatArray
    """Attempts with a verdict."""
    passed: FloatArray
    cost_usd: FloatArray | None
    """US dollars of the scored attempts; None when any of them is unknown or all were free."""
    basis: CostBasis | None
    """What `cost_usd` counts."""
    race_places: FloatArray | None = None
    """Of the tasks in the order of a race, whose intervals must hold at every time to hold at its
    end; None for what was no race."""

    @property
    def means(self) -> FloatArray:
        """Share of the scored attempts that passed; NaN where there is none."""
        with np.errstate(invalid="ignore"):
            shares: FloatArray = self.passed / self.scored
        return shares

    @property
    def mean_costs_usd(self) -> FloatArray | None:
        """US dollars of a scored attempt, where they are known; NaN where there is none."""
        with np.errstate(invalid="ignore"):
            return None if self.cost_usd is None else self.cost_usd / self.scored

    @property
    def complete(self) -> BoolArray:
        """Tasks without a missing attempt."""
        whole: BoolArray = (self.planned > 0) & (self.scored == self.planned)
        return whole

    @property
    def scored_total(self) -> int:
        """Attempts with a verdict."""
        return int(self.scored.sum())

    @property
    def missing(self) -> "Missing":
        """Attempts without a verdict: faults, not run, still running."""
        planned, scored = int(self.planned.sum()), self.scored_total
        return Missing(
            planned=planned,
            missing=planned - scored,
            share=(planned - scored) / planned if planned else 0.0,
            rate_bounds=intervals.rate_bounds(int(self.passed.sum()), scored, planned - scored),
        )

    @property
    def seen(self) -> "TaskTally":
        """The same over the tasks with a scored attempt."""
        return self.take(self.scored > 0)

    def rate(self) -> Rate | None:
        """Pass rate over the tasks, each with a scored attempt; None without a task."""
        found = intervals.task_rate(self.means, self.scored_total)
        if found is None or self.race_places is None:
            return found
        return found._replace(interval=self._at_any_time(self.means, 1.0))

    def cost_interval(self, most_usd: Decimal | None) -> Interval | None:
        """95% interval of the mean US dollars of an attempt, each task with a scored one; None for
        costs that are unknown or without spread, in a race also without a limit or above it.
        """
        if (each := self.mean_costs_usd) is None:
            return None
        if self.race_places is not None:
            most = float(most_usd or 0)
            return self._at_any_time(each, most) if each.max(initial=0.0) <= most else None
        found = t_interval(each)
        return found and Interval(max(0.0, found.lo), found.hi)

    def _at_any_time(self, values: FloatArray, most: float) -> Interval:
        """Confidence sequence of the mean of values from 0 to `most`, in the race's order."""
        in_order = values if self.race_places is None else values[np.argsort(self.race_places)]
        return confidence_sequence(in_order, most)

    def cost_per_solved(self) -> CostPerSolved | None:
        """Cost of a solved task; None where costs are unknown, or without a task."""
        if self.cost_usd is None:
            return None
        found = intervals.cost_per_solved(self.cost_usd, self.passed)
        if found is None or self.race_places is None:
            return found  # of a ratio there is no interval that holds at every time
        return found.model_copy(update={"ci": None, "solved_per_usd_hi": None})

    def take(self, mask: BoolArray) -> "TaskTally":
        """The same over some of the tasks."""
        return replace(
            self,
            tasks=tuple(t for t, kept in zip(self.tasks, mask, strict=True) if kept),
            planned=self.planned[mask],
            scored=self.scored[mask],
            passed=self.passed[mask],
            cost_usd=None if self.cost_usd is None else self.cost_usd[mask],
            race_places=None if self.race_places is None else self.race_places[mask],
        )


def levels(manifest: Manifest) -> dict[Assurance, int]:
    """How many scored tasks each assurance level has that any has, the strongest first."""
    counts = Counter(t.assurance for t in manifest.tasks if not t.impossible)
    return {level: counts[level] for level in LEVELS if counts[level]}


def scoring_tasks(manifest: Manifest, level: Assurance | None = None) -> list[TaskEntry]:
    """Tasks that are scored together, sorted by id."""
    wanted = scope_of(manifest, level).level
    chosen = [t for t in manifest.tasks if not t.impossible and t.assurance == wanted]
    return sorted(chosen, key=lambda t: t.id)


def scope_of(manifest: Manifest, level: Assurance | None = None) -> Scope:
    """One assurance level, by default the strongest; raises `InputError` where no task has it."""
    counts = levels(manifest)
    if level and level not in counts:
        remedy = f"choose from {', '.join(counts)}"
        raise InputError(f"no task has assurance {level}", remedy=remedy)
    used = level or next(iter(counts), None)
    return Scope(level=used, others={k: n for k, n in counts.items() if k != used})


def tallies(results: Results, level: Assurance | None = None) -> dict[str, TaskTally]:
    """Every contestant's tally, controls included, all costs on one basis."""
    tasks = tuple(t.id for t in scoring_tasks(results.manifest, level))
    wanted, who = set(tasks), results.manifest.contestants
    rows = {spec.name: results.of(spec.name, wanted) for spec in who}
    basis = common_basis([t for t in found if t.verdict is not None] for found in rows.values())
    places = None
    if (race := results.manifest.race) is not None:
        places = np.array([race.order.index(task) for task in tasks], dtype=np.float64)
    return {one.name: _tally(one, rows[one.name], tasks, basis, places) for one in who}


def by_task(
    rows: Sequence[TrialRow], tasks: Sequence[str], values: Sequence[float] | None = None
) -> FloatArray:
    """Values of trials summed by task, by default how many there are; shape (tasks,)."""
    place = {task: i for i, task in enumerate(tasks)}
    at = np.array([place[row.task_id] for row in rows], dtype=np.int64)
    return np.bincount(at, weights=values, minlength=len(tasks)).astype(np.float64)


def _tally(
    spec: ContestantSpec,
    rows: list[TrialRow],
    tasks: tuple[str, ...],
    basis: CostBasis,
    race_places: FloatArray | None,
) -> TaskTally:
    scored = [t for t in rows if t.verdict is not None]
    costs = ranking_costs(scored, basis)
    return TaskTally(
        who=Identity(
            name=spec.name,
            digest=spec.digest,
            agent=spec.agent,
            agent_digest=spec.agent_digest,
            caveats=spec.backend.caveats if spec.backend else (),
        ),
        tasks=tasks,
        planned=by_task(rows, tasks),
        scored=by_task(scored, tasks),
        passed=by_task(scored, tasks, [t.passed for t in scored]),
        cost_usd=None if costs is None else by_task(scored, tasks, costs.tolist()),
        basis=None if costs is None else basis,
        race_places=race_places,
    )


def common_basis(contestants: Iterable[Sequence[TrialRow]]) -> CostBasis:
    """The basis of all contestants: the standard-cache cost, or billed where one has no other."""
    known = [
        {basis for basis in ("standard", "billed") if _amounts(trials, basis)}
        for trials in contestants
    ]
    priced = [bases for bases in known if bases]
    short = any("standard" not in bases for bases in priced)
    return "billed" if short and all("billed" in bases for bases in priced) else "standard"


def ranking_costs(trials: Sequence[TrialRow], basis: CostBasis | None) -> FloatArray | None:
    """Cost of each trial in US dollars; None when that is unknown of any, or all 0: a free endpoint
    has no price to rank by.
    """
    amounts = None if basis is None else _amounts(trials, basis)
    costs = np.array(amounts or (), dtype=np.float64)
    return costs if costs.any() else None


def _amounts(trials: Sequence[TrialRow], basis: CostBasis) -> list[Decimal] | None:
    """What each trial cost; None when that is unknown of any."""
    amounts = [getattr(t.cost, f"{basis}_usd") for t in trials]
    return None if None in amounts else amounts


MISSING_LIMIT = 0.02


class Missing(Record):
    """Planned attempts that have no verdict."""

    planned: int
    missing: int
    share: float
    rate_bounds: Interval | None
    """Share of planned attempts that passed if all missing ones had failed, or had passed."""


def doubt(tally: TaskTally, limit: float = MISSING_LIMIT) -> str | None:
    """Why one contestant's numbers decide nothing, if they do not."""
    found = tally.missing
    if not found.planned:
        return f"{tally.who.name} has no planned trial"
    if found.share <= limit:
        return None
    return (
        f"{tally.who.name} lacks a verdict for {found.missing} of {found.planned} trials"
        f" ({found.share:.1%}; at most {limit:.0%} may be missing)"
    )


def pair_doubt(a: TaskTally, b: TaskTally, limit: float = MISSING_LIMIT) -> str | None:
    """Why a comparison of two contestants decides nothing, if it does not."""
    reason = doubt(a, limit) or doubt(b, limit)
    gone = a.missing.missing, b.missing.missing
    if reason or gone[0] == gone[1] or missing_p(a, b) >= ALPHA:
        return reason
    return f"trials are missing unevenly: {gone[0]} of {a.who.name}, {gone[1]} of {b.who.name}"


def missing_p(a: TaskTally, b: TaskTally) -> float:
    """Fisher's exact p that attempts go missing equally often for both."""
    return intervals.fisher_exact(
        (a.missing.missing, a.scored_total), (b.missing.missing, b.scored_total)
    )
