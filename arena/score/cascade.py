"""Cascades: a cheap contestant first, a dear one only where the cheap one's patch is not trusted:
where it fails the tests that the repository shows to everybody, as grading recorded it.
"""

from collections.abc import Mapping
from itertools import permutations
from typing import NamedTuple

import numpy as np

from arena.records import Record
from arena.score.results import Results
from arena.score.tally import TaskTally, by_task
from arena.score.trade import Matrix
from arena.stats.intervals import ALPHA, LEVEL, SEED, FloatArray, Interval
from arena.stats.value import Draws, prior_rows, task_draws, value_per_task

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
