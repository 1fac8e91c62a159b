"""Which backend to take: the best buy at what a solved task is worth, of those that are wanted; and
cascades of two: the cheap one first, the dear one only where the patch of the cheap one fails the
tests that the repository shows to everybody, as grading recorded it.

With a quality floor only those count that are shown not worse than every other by a margin; their
p-values are adjusted together (Holm, with Shaffer's limit: the best one is never worse, so not all
can fail).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from math import inf
from typing import NamedTuple

import numpy as np

from arena.errors import InputError
from arena.records import Assurance, Record
from arena.score.pairs import Pair, PairCell, compare_all, pair
from arena.score.results import Results
from arena.score.tally import Scope, TaskTally, by_task, doubt, scope_of, tallies
from arena.score.trade import NOTHING, Matrix, Trade, trade
from arena.stats.intervals import ALPHA, LEVEL, SEED, CostPerSolved, FloatArray, Interval
from arena.stats.paired import NotWorse, checked_margin, holm
from arena.stats.value import Draws, prior_rows, task_draws, value_per_task


class Wanted(Record):
    """What a backend must be; nothing is asked by default, and unknown never satisfies."""

    max_cost_usd: float | None = None
    """Per solved task."""
    max_minutes: float | None = None
    """Active time of nine trials in ten."""
    countries: tuple[str, ...] = ()
    residencies: tuple[str, ...] = ()
    open_weights: bool = False
    self_hosted: bool = False


ANYTHING = Wanted()
SOLVED_NOTHING = "it solved nothing"
UNPRICED = "its cost is not known"


class Candidate(Record):
    """One contestant as an answer."""

    name: str
    caveats: tuple[str, ...]
    """What must stand beside its cost."""
    pass_rate: float | None
    pass_rate_ci: Interval | None
    cost_per_solved: CostPerSolved | None
    excluded: tuple[str, ...]
    """Why it cannot be recommended whatever the numbers say."""
    rival: str | None
    """With a margin: the other that it is hardest to show it not worse than."""
    against_rival: NotWorse | None
    """Of this pair alone; what it shows is in `shown`."""
    adjusted_p: float | None
    """With a margin: of "worse than some other by the margin", adjusted over all contestants."""
    shown: bool
    """With a margin: shown not worse than any other by it."""
    shown_worse_than: tuple[str, ...]
    """Contestants that are shown to pass more, by however little (Holm over all pairs)."""

    @property
    def cost_usd(self) -> float | None:
        """Per solved task."""
        return self.cost_per_solved.estimate if self.cost_per_solved else None


DRAWS = 1_000
GRID = 33


class CascadePoint(Record):
    """What a cascade comes to."""

    pass_rate: float
    pass_rate_ci: Interval
    """95%, over draws of tasks."""
    cost_usd: float
    """Per attempt, both contestants together."""
    cost_ci: Interval
    passed_on: float
    """Share of attempts that went on to the dear contestant."""
    chance: float
    """Share of draws in which it is worth more than every single contestant, at the best value."""


class CascadeRow(Record):
    """`first`, then `then` where the visible tests fail."""

    first: str
    then: str
    tasks: int
    seen: CascadePoint | None
    """None where grading recorded no visible tests."""
    unknown: str
    """Why `seen` is None; empty where it is not."""
    bound: CascadePoint
    """If the hidden verdict itself could be asked, as nobody can: no switch does better."""
    beats: bool
    """Shown to lie above the hull of the single contestants; 5%, over all cascades of the run."""


class Recommendation(Record):
    """The answer with its evidence."""

    run: str
    margin: float | None
    """The quality floor; None when none was asked for."""
    tasks: int
    scope: Scope
    simulated: bool
    decided: bool
    """Whether anything is shown: at the value asked for, else at any."""
    pick: Candidate | None
    """The best buy at the value asked for, if that is decided."""
    trade: Trade
    """Pass rate against cost: who is the best buy at which value of a solved task."""
    cascades: tuple[CascadeRow, ...]
    candidates: tuple[Candidate, ...]
    """All contestants, the lowest cost per solved task first."""
    doubts: tuple[str, ...]
    """Why nothing is decided whatever the numbers say: too many trials lack a verdict."""
    left_out: tuple[str, ...]
    """Contestants without any verdict: nothing is said of them."""


def recommend(
    results: Results,
    *,
    margin: float | None = None,
    wanted: Wanted = ANYTHING,
    level: Assurance | None = None,
    value_usd: float | None = None,
) -> Recommendation:
    """Recommend a backend; of a race, whose number of tasks was not fixed before, none.

    A quality floor is the loss of pass rate that is accepted, a `margin` within (0, 1); who is not
    `wanted` still counts as a rival of it.

    Raises:
        InputError: a margin, cost or value that is none, or no task of that level.
    """
    ranked = ranked_of(results, level)
    manifest, value_usd = results.manifest, value_of(results, value_usd)
    tasks = max((len(t.tasks) for t in ranked.values()), default=0)
    margin = None if margin is None else checked_margin(margin, tasks)
    pairs = compare_all(ranked)
    candidates = _candidates(results, ranked, pairs, margin, wanted)
    doubts = tuple(reason for t in ranked.values() if (reason := doubt(t)))
    left = {c.name for c in candidates if {*c.excluded} <= {SOLVED_NOTHING, UNPRICED}}
    wanted_too = {n: t for n, t in ranked.items() if n in left}
    found, whole = NOTHING, manifest.race is None and not doubts
    if manifest.race is None:
        found = trade(
            wanted_too,
            pairs,
            value_usd=value_usd,
            floor=None if margin is None else {c.name for c in candidates if c.shown},
            doubtful=bool(doubts) or len(ranked) < 2,
            seed=manifest.seed,
        )
    decided = found.decided and bool(found.buys)
    name = found.choice.name if found.choice and decided else None
    return Recommendation(
        run=manifest.name,
        margin=margin,
        tasks=tasks,
        scope=scope_of(manifest, level),
        simulated=manifest.simulated,
        decided=decided,
        pick=next((c for c in candidates if c.name == name), None),
        trade=found,
        cascades=cascades(results, wanted_too, seed=manifest.seed) if whole else (),
        candidates=candidates,
        doubts=doubts,
        left_out=tuple(
            c.name for c in manifest.contestants if not c.control and c.name not in ranked
        ),
    )


def ranked_of(results: Results, level: Assurance | None = None) -> dict[str, TaskTally]:
    """Contestants that have a verdict, controls left out."""
    controls = {c.name for c in results.manifest.contestants if c.control}
    found = tallies(results, level).items()
    return {n: t for n, t in found if n not in controls and t.scored_total}


def value_of(results: Results, value_usd: float | None) -> float | None:
    """Worth of a solved task in US dollars: what is asked for (`InputError` where it is no amount),
    else what the run's file says.
    """
    told = results.manifest.value_usd
    _check_amount(value_usd, "--value-usd", "US dollars, such as 5")
    return float(told) if value_usd is None and told is not None else value_usd


def _check_amount(amount: float | None, flag: str, example: str) -> None:
    if amount is not None and not 0 < amount < inf:
        raise InputError(f"{amount} is no amount", where=flag, remedy=f"give {example}")


def _candidates(
    results: Results,
    ranked: Mapping[str, TaskTally],
    cells: Sequence[PairCell],
    margin: float | None,
    wanted: Wanted,
) -> tuple[Candidate, ...]:
    _check_amount(wanted.max_cost_usd, "--max-cost", "US dollars, such as 5")
    _check_amount(wanted.max_minutes, "--max-minutes", "minutes, such as 20")
    hardest = [_hardest(name, ranked, margin) for name in ranked]
    adjusted = holm([p for _, _, p in hardest], true_at_most=len(ranked) - 1)
    found = []
    for (name, tally), (rival, test, _), p in zip(ranked.items(), hardest, adjusted, strict=True):
        rate, interval, _ = tally.seen.rate() or (None, None, None)
        cost = tally.seen.cost_per_solved()
        worse = [{cell.a, cell.b} - {name} for cell in cells if cell.shown_worse == name]
        found.append(
            Candidate(
                name=name,
                caveats=tally.who.caveats,
                pass_rate=rate,
                pass_rate_ci=interval,
                cost_per_solved=cost,
                excluded=tuple(_excluded(results, tally, cost, wanted)),
                rival=rival,
                against_rival=test,
                adjusted_p=None if margin is None else p,
                shown=rival is not None and p <= ALPHA,
                shown_worse_than=tuple(other for pair_of in worse for other in pair_of),
            )
        )
    return tuple(sorted(found, key=lambda c: (c.cost_usd is None, c.cost_usd or 0.0, c.name)))


def _hardest(
    name: str, ranked: Mapping[str, TaskTally], margin: float | None
) -> tuple[str | None, NotWorse | None, float]:
    """The rival with the largest p, the test against it, and that p; 1 when it decides nothing."""
    if margin is None:
        return None, None, 1.0
    pairs: list[Pair] = [pair(ranked[name], t) for n, t in ranked.items() if n != name]
    tests = ((lined, lined.not_worse(margin)) for lined in pairs)
    found = [(lined.b.who.name, test, lined.p_of(test)) for lined, test in tests]
    return max(found, key=lambda one: one[2], default=(None, None, 1.0))


def _excluded(
    results: Results, tally: TaskTally, cost: CostPerSolved | None, wanted: Wanted
) -> Iterator[str]:
    backend = results.manifest.contestant(tally.who.name).backend
    if cost is None:
        yield UNPRICED
    elif cost.estimate is None:
        yield SOLVED_NOTHING
    elif wanted.max_cost_usd is not None and cost.estimate > wanted.max_cost_usd:
        yield f"it costs more than ${wanted.max_cost_usd} per solved task"
    if wanted.max_minutes is not None:
        rows = results.of(tally.who.name, set(tally.tasks))
        active_s = [row.active_s for row in rows if row.verdict is not None]
        if not active_s or float(np.quantile(active_s, 0.9)) / 60 > wanted.max_minutes:
            yield f"one trial in ten takes more than {wanted.max_minutes} minutes"
    country, residency = (backend.country, backend.residency) if backend else (None, None)
    if not _among(country, wanted.countries):
        yield f"country {country or 'unknown'}"
    if not _among(residency, wanted.residencies):
        yield f"data in {residency or 'unknown'}"
    if wanted.open_weights and not (backend and backend.open_weights):
        yield "weights are not open"
    if wanted.self_hosted and not (backend and backend.self_hosted):
        yield "it is not self-hosted"
    if missing := doubt(tally):
        yield missing


def _among(code: str | None, wanted: Sequence[str]) -> bool:
    """Whether a code is one of those wanted, in whatever case; anything is when none is."""
    return not wanted or (code or "").lower() in {one.lower() for one in wanted if one}


class _Trust(NamedTuple):
    """Of one contestant, by task: share of attempts that are kept, and kept and passed."""

    kept: FloatArray
    right: FloatArray


def cascades(
    results: Results, ranked: Mapping[str, TaskTally], *, seed: int = SEED
) -> tuple[CascadeRow, ...]:
    """Every pair of a cheaper and a dearer contestant with verdicts, the most promising first."""
    matrix = Matrix(ranked)
    if len(matrix.names) < 2 or not matrix.enough:
        return ()
    judge = _Judge(matrix, seed)
    trusts = [_trust(results, matrix, name) for name in matrix.names]
    costs = matrix.costs_usd.mean(axis=0)
    found = []
    pairs = [(i, j) for i, j in permutations(range(len(costs)), 2) if costs[i] < costs[j]]
    for i, j in pairs:
        known, passed = trusts[i], matrix.passes[:, i]
        seen = None if known is None else judge.point(i, j, known)
        found.append(
            CascadeRow(
                first=matrix.names[i],
                then=matrix.names[j],
                tasks=len(matrix.ids),
                seen=seen,
                unknown="" if seen else "no outcome of visible tests was recorded for some task",
                bound=judge.point(i, j, _Trust(passed, passed)),
                beats=seen is not None and seen.chance >= 1 - ALPHA / len(pairs),
            )
        )
    return tuple(sorted(found, key=lambda row: -(row.seen or row.bound).chance))


def _trust(results: Results, matrix: Matrix, name: str) -> _Trust | None:
    """What is kept of a contestant's work by its visible tests; None where some are unknown."""
    rows = [t for t in results.of(name, set(matrix.ids)) if t.verdict is not None]
    if any(t.visible is None for t in rows):
        return None
    trusted = [t.visible == "passed" for t in rows]
    right = [kept and t.passed for kept, t in zip(trusted, rows, strict=True)]
    kept_of, right_of, made = (by_task(rows, matrix.ids, of) for of in (trusted, right, None))
    return _Trust(kept_of / made, right_of / made)


class _Judge:
    """Sets cascades against the single contestants on the same draws of tasks."""

    def __init__(self, matrix: Matrix, seed: int) -> None:
        self._matrix = matrix
        self._rows = prior_rows(len(matrix.names))
        self._weights = matrix.weights(seed, DRAWS)
        self._values = matrix.values(GRID)
        single = task_draws(matrix.passes, matrix.costs_usd, self._weights)
        worth = (value_per_task(*single, v).max(axis=1) for v in self._values)
        self._best_single = [np.maximum(most, 0.0) for most in worth]

    def point(self, first: int, then: int, trust: _Trust) -> CascadePoint:
        """One cascade; `trust` is of its first contestant."""
        on = 1 - trust.kept
        rates = trust.right + on * self._matrix.passes[:, then]
        costs = self._matrix.costs_usd[:, first] + on * self._matrix.costs_usd[:, then]
        added = trust.kept.mean() * self._rows[:, first] + on.mean() * self._rows[:, then]
        drawn = Draws(
            self._weights @ np.concatenate((rates, added)),
            self._weights @ np.concatenate((costs, np.full(len(added), costs.mean()))),
        )
        above = (
            float((value_per_task(*drawn, v) > most).mean())
            for v, most in zip(self._values, self._best_single, strict=True)
        )
        return CascadePoint(
            pass_rate=float(rates.mean()),
            pass_rate_ci=_interval(drawn.rates),
            cost_usd=float(costs.mean()),
            cost_ci=_interval(drawn.costs_usd),
            passed_on=float(on.mean()),
            chance=max(above),
        )


def _interval(drawn: FloatArray) -> Interval:
    tail = (1 - LEVEL) / 2
    lo, hi = np.quantile(drawn, (tail, 1 - tail))
    return Interval(float(lo), float(hi))
