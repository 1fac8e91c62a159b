"""A race: who may still be the answer, from outcomes in the order of the tasks and nothing else.

Every contestant is bet against: its e-process grows while it does worse than the best of the others
so far, and once it is shown that it cannot be the answer, it leaves for good. `docs/racing.md` says
why no correction for their number is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import log

import numpy as np

from arena.errors import InputError
from arena.records import ContestantSpec, Limits, RaceRules, Record
from arena.rundir.directory import Manifest
from arena.score.results import Results, TrialRow
from arena.score.tally import scoring_tasks
from arena.stats.intervals import BoolArray, FloatArray, normal_quantile
from arena.stats.sequential import BETS, log_growth, log_wealth

ANSWERS = 2
"""Chances of a wrong answer that share alpha. Best value: naming either of two that are equal.
Cheapest not worse: sending the best away, and accepting one that is too weak."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What contestants did at tasks; arrays have shape (contestants, tasks), NaN is unknown."""

    contestants: tuple[str, ...]
    tasks: tuple[str, ...]
    passed: FloatArray
    """Share of the attempts that passed."""
    cost_usd: FloatArray
    """Mean cost of an attempt."""
    wall_s: FloatArray
    """Mean time of an attempt."""
    pending: BoolArray
    """Whether an attempt has not ended."""


class Race:
    """Races of so many contestants, side by side in as many orders of the tasks; a cost above
    `most_usd`, what an attempt can cost at most, counts as this.
    """

    def __init__(
        self, contestants: int, rules: RaceRules, most_usd: float, orders: int = 1
    ) -> None:
        shape = (orders, contestants)
        self.rules = rules
        self.most_usd = most_usd
        self._most_gain = float(rules.value_usd or 0) + most_usd
        self.tasks = 0
        """Tasks taken so far."""
        self.live: BoolArray = np.ones(shape, dtype=bool)
        """Who may still be the answer, shape (orders, contestants)."""
        self.answer = np.full(orders, -1)
        """The contestant that is the answer, shape (orders,); -1 while that is open."""
        self.left_after = np.full(shape, -1)
        """Tasks after which a contestant left, or its race was decided; -1 before."""
        self.evidence: FloatArray = np.zeros(shape)
        """Log wealth of the bets that a contestant is not the answer."""
        self._wealth = np.zeros((*shape, len(BETS)))
        self._not_worse = np.zeros((*shape, contestants, len(BETS)))
        self._shown: BoolArray = np.zeros((*shape, contestants), dtype=bool)
        """Whether one is shown not worse than another."""
        self._sums = np.zeros((3, *shape))
        """Of gains, of costs, and of tasks with an outcome."""
        both = (log(max(1, contestants - 1)), log(ANSWERS / rules.alpha))
        self.enough = both[1]
        """Evidence at which a contestant leaves."""
        self._accepts = sum(both)

    @property
    def decided(self) -> BoolArray:
        """Whether a race has its answer, shape (orders,)."""
        found: BoolArray = self.answer >= 0
        return found

    def take(self, passed: FloatArray, cost_usd: FloatArray) -> None:
        """Take the next task, shapes (orders, contestants); what is unknown is no bet."""
        costs = np.minimum(cost_usd, self.most_usd)
        gains = passed.copy()
        if self.rules.value_usd is not None:
            gains = (passed * float(self.rules.value_usd) - costs) / self._most_gain
        racing, margin = self.live & ~self.decided[:, None], self.rules.margin or 0.0
        if self.tasks:
            rival = np.take_along_axis(gains, self._rivals(), axis=1)
            growth = log_growth((rival - gains - margin) / (1 + margin))
            self._wealth += np.where(racing[..., None], growth, 0.0)
            self.evidence = log_wealth(self._wealth)
        if self.rules.margin is not None:  # each is bet on as not worse than each other
            gaps = passed[:, :, None] - passed[:, None, :]
            self._not_worse += log_growth((gaps + margin) / (1 - margin))
            self._shown |= log_wealth(self._not_worse) >= self._accepts
        known = racing & ~np.isnan(gains)
        self._sums += np.where(known, np.stack((gains, costs, np.ones_like(gains))), 0.0)
        self.tasks += 1
        self._send_away(racing & (self.evidence >= self.enough))
        self._decide()

    def _means(self, of: int, otherwise: float) -> FloatArray:
        """Of gains or costs; `otherwise` for who has left and where nothing is known."""
        with np.errstate(invalid="ignore"):
            means: FloatArray = np.nan_to_num(self._sums[of] / self._sums[2], nan=otherwise)
        return np.where(self.live, means, otherwise)

    def _rivals(self) -> np.ndarray:
        """For each contestant the best other one that is live, by what came before this task."""
        means = self._means(0, -np.inf)
        order = np.argsort(-means, axis=1, kind="stable")
        place = np.arange(means.shape[1])
        second = order[:, 1:2] if means.shape[1] > 1 else order[:, :1]
        rivals: np.ndarray = np.where(place == order[:, :1], second, order[:, :1])
        return rivals

    def _send_away(self, out: BoolArray) -> None:
        """Let contestants leave, but for the best where all would."""
        means = self._means(0, -np.inf)
        stays = (self.live & ~out).sum(axis=1)[:, None] > 0
        best = np.arange(out.shape[1]) == means.argmax(axis=1)[:, None]
        out = out & (stays | ~best)
        self.live &= ~out
        self.left_after[out] = self.tasks

    def _decide(self) -> None:
        """Name the answer where there is one now."""
        if self.rules.margin is None:
            first, enough = self.live.argmax(axis=1), self.live.sum(axis=1) == 1
        else:
            first = self._means(1, np.inf).argmin(axis=1)
            mine = np.take_along_axis(self._shown, first[:, None, None], axis=1)[:, 0]
            same = np.arange(self.live.shape[1]) == first[:, None]
            enough = (mine | same | ~self.live).all(axis=1)
        newly = enough & ~self.decided
        self.answer[newly] = first[newly]
        self.left_after[newly[:, None] & self.live] = self.tasks


def cost_bound(limits: Limits, costs: FloatArray) -> float:
    """What an attempt can cost at most: its limit, or the most that one did cost without one."""
    if limits.usd is not None:
        return float(limits.usd)
    return float(np.nanmax(costs, initial=0.0))


def attempt_usd(billed: Decimal | None, active_s: float, who: ContestantSpec) -> float:
    """What an attempt counts as, in US dollars; infinite where unknown. A machine paid by the hour
    counts whole for the agent's own time: the share of others is known only when all is over.
    """
    if who.backend is not None and who.backend.hourly_usd is not None:
        return float(who.backend.hourly_usd) * active_s / 3600
    return float("inf") if billed is None else float(billed)


def racers(contestants: Sequence[ContestantSpec]) -> tuple[ContestantSpec, ...]:
    """Who races: all but the controls."""
    return tuple(one for one in contestants if not one.control)


def outcomes(results: Results, order: Sequence[str] = ()) -> Outcomes:
    """The outcomes of a run's racers at the tasks that are scored, in the order given."""
    scored = [task.id for task in scoring_tasks(results.manifest)]
    tasks = tuple(t for t in order if t in set(scored)) if order else tuple(scored)
    who = racers(results.manifest.contestants)
    shape = len(who), len(tasks)
    passed, cost, wall_s = (np.full(shape, np.nan) for _ in range(3))
    pending = np.ones(shape, dtype=bool)
    for i, one in enumerate(who):
        rows: dict[str, list[TrialRow]] = {}
        for row in results.of(one.name):
            rows.setdefault(row.task_id, []).append(row)
        for j, task in enumerate(tasks):
            made = rows.get(task, [])
            ended = sum(row.verdict is not None or row.fault is not None for row in made)
            pending[i, j] = ended < results.manifest.attempts
            if made and all(row.verdict is not None for row in made):
                usd = [attempt_usd(r.cost.billed_usd, r.active_s, one) for r in made]
                passed[i, j] = np.mean([row.passed for row in made])
                cost[i, j] = np.mean(usd)
                wall_s[i, j] = np.mean([row.wall_s for row in made])
    return Outcomes(tuple(one.name for one in who), tasks, passed, cost, wall_s, pending)


def held(results: Results) -> tuple[Race, FloatArray, FloatArray]:
    """The race that a run was so far; the evidence after each task, as a share of what makes a
    contestant leave, shape (tasks, contestants); US dollars spent by then, shape (tasks,).
    """
    plan, limits = results.manifest.race, results.manifest.limits
    assert plan is not None
    found = outcomes(results, plan.order)
    race = Race(len(found.contestants), plan.rules, cost_bound(limits, found.cost_usd))
    evidence, spent = [], [0.0]
    stopped = np.array([name in results.stopped for name in found.contestants])
    for task in range(len(found.tasks)):
        racing = race.live[0]
        if race.decided[0] or (racing & found.pending[:, task] & ~stopped).any():
            break
        costs = found.cost_usd[:, task]
        race.take(found.passed[None, :, task], costs[None])
        evidence.append(race.evidence[0] / race.enough)
        paid = costs[racing & np.isfinite(costs)].sum() * results.manifest.attempts
        spent.append(spent[-1] + float(paid))
    shape = (len(evidence), len(found.contestants))
    return race, np.array(evidence).reshape(shape), np.array(spent[1:])


class RaceForecast(Record):
    """What many races of the same contestants came to."""

    races: int
    answers: dict[str, float]
    """Share of the races that gave each answer."""
    undecided: float
    expected: str
    """The answer that is right: of the whole matrix, or of the rates that were stated."""
    wrong: float
    """Share of the races with another answer."""
    full_usd: float | None
    """What the whole matrix costs, on average; None, as all that is spent, where some cost is
    unknown."""
    median_usd: float | None
    high_usd: float | None
    """One race in ten is dearer."""
    median_share: float | None
    """Of the cost of the whole matrix."""
    median_time_share: float
    """Of its time where all workers are busy; of its trials where their times are not known."""
    full_hours: float | None
    """What the whole matrix takes; None where the times of trials are not known."""
    median_hours: float | None
    attempts: dict[str, float]
    """Tasks that each contestant takes on average."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The forecast in words."""
        named = ", ".join(f"{name} {share:.1%}" for name, share in self.answers.items() if share)
        tasks = ", ".join(f"{name} {count:.0f}" for name, count in self.attempts.items())
        said = (
            f"{self.races} races: {1 - self.undecided:.1%} decide ({named or 'none'});"
            f" the right answer is {self.expected}, another is given by {self.wrong:.1%}"
        )
        spend = "spend: unknown, as the cost of some trial is"
        if self.full_usd is not None:
            spend = (
                f"spend: median ${self.median_usd:.4g} of ${self.full_usd:.4g} for the whole matrix"
                f" ({self.median_share:.0%}); one race in ten takes more than ${self.high_usd:.4g}"
            )
        share = f"{self.median_time_share:.0%}"
        time = f"{share} of the whole matrix's trials"
        if self.full_hours is not None:
            hours = f"{self.median_hours:.3g} of {self.full_hours:.3g} hours"
            time = f"{hours} for the whole matrix ({share})"
        return said, spend, f"time: median {time}; tasks on average: {tasks}"


def forecast(
    names: Sequence[str],
    passed: FloatArray,
    cost_usd: FloatArray,
    rules: RaceRules,
    most_usd: float,
    expected: int | None = None,
    *,
    attempts: int = 1,
    task_s: FloatArray | None = None,
) -> RaceForecast:
    """Hold races on outcomes and costs of an attempt, at most `most_usd`, in the order of each:
    shape (races, contestants, tasks), NaN and infinity are unknown.

    The right answer is by default that of the first race's whole matrix. `task_s` is the seconds
    that a task adds to the run, at its concurrency, shape (contestants,).
    """
    races, count, tasks = passed.shape
    race = Race(count, rules, most_usd, races)
    for task in range(tasks):
        race.take(passed[:, :, task], cost_usd[:, :, task])
        if race.decided.all():
            break
    if expected is None:
        expected = best_of(passed[0], np.minimum(cost_usd[0], most_usd), rules)
    took = np.where(race.left_after < 0, tasks, race.left_after)
    known = np.isfinite(cost_usd).all()
    paid = np.nan_to_num(cost_usd, posinf=0.0) * attempts
    spent = (paid * (np.arange(tasks) < took[:, :, None])).sum(axis=(1, 2))
    full = paid.sum(axis=(1, 2))
    shares = spent / np.where(full > 0, full, 1.0)
    each_s = np.ones(count) if task_s is None else task_s
    time_s, full_s = took @ each_s, float(each_s.sum()) * tasks
    given = [float((race.answer == i).mean()) for i in range(count)]
    return RaceForecast(
        races=races,
        answers=dict(zip(names, given, strict=True)),
        undecided=float((~race.decided).mean()),
        expected=names[expected],
        wrong=float((race.decided & (race.answer != expected)).mean()),
        full_usd=float(full.mean()) if known else None,
        median_usd=float(np.median(spent)) if known else None,
        high_usd=float(np.quantile(spent, 0.9)) if known else None,
        median_share=float(np.median(shares)) if known else None,
        median_time_share=float(np.median(time_s)) / full_s if full_s else 1.0,
        full_hours=None if task_s is None else full_s / 3600,
        median_hours=None if task_s is None else float(np.median(time_s)) / 3600,
        attempts=dict(zip(names, took.mean(axis=0).tolist(), strict=True)),
    )


def best_of(passed: FloatArray, cost_usd: FloatArray, rules: RaceRules) -> int:
    """The answer of a whole matrix by its means alone, shapes (contestants, tasks)."""
    rates, costs = np.nanmean(passed, axis=1), np.nanmean(cost_usd, axis=1)
    if rules.value_usd is not None:
        return int(np.argmax(rates * float(rules.value_usd) - costs))
    good = rates > rates.max() - float(rules.margin or 0)
    return int(np.argmin(np.where(good, costs, np.inf)))


def replay(found: Outcomes, rules: RaceRules, manifest: Manifest, *, races: int) -> RaceForecast:
    """Race on a matrix in random orders of its tasks; raises `InputError` where it has a gap."""
    if np.isnan(found.passed).any() or found.passed.shape[0] < 2 or not found.passed.shape[1]:
        raise InputError(
            "a replay needs two contestants and the outcome of every trial",
            remedy="finish the run first",
        )
    if rules.value_usd is not None and not np.isfinite(found.cost_usd).all():
        raise InputError("the cost of some trial is unknown", remedy="give --margin")
    tasks = np.tile(np.arange(found.passed.shape[1]), (races, 1))
    order = np.random.default_rng(manifest.seed).permuted(tasks, axis=1)
    passed, cost = (np.moveaxis(of[:, order], 0, 1) for of in (found.passed, found.cost_usd))
    return forecast(
        found.contestants,
        passed,
        cost,
        rules,
        cost_bound(manifest.limits, found.cost_usd),
        attempts=manifest.attempts,
        task_s=found.wall_s.mean(axis=1) * manifest.attempts / manifest.concurrency,
    )


SHARED, COST_SPREAD = 0.5, 0.8
"""Of stated rates: share of the variance of a task's outcome that all contestants have in common,
and the standard deviation of the log of costs."""


def stated(
    rates: Sequence[float], costs: Sequence[float], tasks: int, *, races: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Outcomes and costs drawn from rates, each of shape (races, contestants, tasks)."""
    draw, shape = np.random.default_rng(seed), (races, len(rates), tasks)
    hard = draw.normal(size=(races, 1, tasks)) * SHARED**0.5
    luck = draw.normal(size=shape) * (1 - SHARED) ** 0.5
    limits = np.array([normal_quantile(rate) for rate in rates])
    passed = (hard + luck < limits[:, None]).astype(np.float64)
    spread = draw.lognormal(-(COST_SPREAD**2) / 2, COST_SPREAD, size=shape)
    return passed, np.array(costs)[:, None] * spread
