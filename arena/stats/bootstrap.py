"""Paired bootstrap over tasks, one set of draws for every column, so that pairs stay pairs; and how
sure it leaves each place on the frontier of pass rate against cost.
"""

from typing import NamedTuple

import numpy as np

from arena.stats.intervals import BoolArray, FloatArray

REPLICATES = 10_000
SEED = 0
DRAWS_AT_ONCE = 1_000_000
TIE = 1e-9


def bootstrap_sums(
    values: FloatArray, *, replicates: int = REPLICATES, seed: int = SEED
) -> FloatArray:
    """Column sums over tasks drawn with replacement.

    Args:
        values: shape (tasks, columns), tasks in a canonical order.
        replicates: number of resamples; memory grows with columns, not with tasks.
        seed: the same seed and number of tasks give the same draws.

    Returns:
        Shape (replicates, columns); every column was summed over the same drawn tasks.
    """
    rng = np.random.default_rng(seed)
    tasks, columns = values.shape
    sums = np.empty((replicates, columns))
    step = max(1, DRAWS_AT_ONCE // max(1, tasks))
    for start in range(0, replicates, step):
        size = min(step, replicates - start)
        picks = rng.integers(0, tasks, size=(size, tasks))
        picks += np.arange(size)[:, None] * tasks
        counts = np.bincount(picks.ravel(), minlength=size * tasks).reshape(size, tasks)
        sums[start : start + size] = counts.astype(np.float64) @ values
    return sums


def on_frontier(rates: FloatArray, costs: FloatArray) -> BoolArray:
    """Which contestants no other dominates: at least as good on both, better on one.

    Args:
        rates: pass rates, shape (..., contestants); a NaN is never on the frontier.
        costs: costs, same shape and unit.
    """
    known = np.isfinite(rates) & np.isfinite(costs)
    rates = np.where(known, rates, -np.inf)
    costs = np.where(known, costs, np.inf)
    scale = 1 + TIE
    dominated = ~known
    for other in range(rates.shape[-1]):
        rate, cost = rates[..., other : other + 1], costs[..., other : other + 1]
        as_good = (rate >= rates - TIE) & (cost <= costs * scale)
        better = (rate > rates + TIE) | (cost * scale < costs)
        dominated |= as_good & better
    return ~dominated


class Frontier(NamedTuple):
    """Arrays of shape (contestants,)."""

    on: BoolArray
    """On the frontier of the data."""
    share: FloatArray
    """Share of joint bootstraps over tasks in which it is on the frontier."""


def frontier(
    passed: FloatArray,
    costs: FloatArray,
    attempts: FloatArray,
    *,
    replicates: int = REPLICATES,
    seed: int = SEED,
) -> Frontier:
    """Frontier of mean pass rate against mean cost per attempt, tasks as the unit.

    Args:
        passed: passed attempts, shape (tasks, contestants).
        costs: US dollars of the scored attempts, same shape.
        attempts: scored attempts, same shape; 0 where a task is missing.
        replicates: bootstrap resamples.
        seed: of the resamples.
    """
    scored = attempts > 0
    each = np.maximum(attempts, 1)
    columns = np.hstack((passed / each * scored, costs / each * scored, scored.astype(np.float64)))
    sums = bootstrap_sums(columns, replicates=replicates, seed=seed)
    return Frontier(_placed(columns.sum(axis=0)), _placed(sums).mean(axis=0))


def _placed(sums: FloatArray) -> BoolArray:
    rates, spent, tasks = np.split(sums, 3, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return on_frontier(rates / tasks, spent / tasks)
