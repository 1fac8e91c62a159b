"""What a solved task is worth, set against what attempts cost: which option is the best buy.

The one definition of value that answers, races and simulations use is `value_per_task`: pass rate
times V, the worth of a solved task, less the cost of an attempt. As V grows the best buy walks up
the upper hull of pass rate over cost, from buying nothing (no pass, no cost) to the highest pass
rate. How sure that is comes from the Bayesian bootstrap over tasks (Rubin 1981), paired: all
options are weighed on the same draws. Made-up tasks stand in for what few tasks cannot have shown:
see `prior_rows`.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from arena.stats.intervals import LEVEL, SEED, FloatArray

IntArray = NDArray[np.int64]

DRAWS = 4_000
SURE = 0.975
"""Share of draws that must agree before an option is named without a "not sure": wrong on either
side of two like options, that errs in 5% (see `tests/benchmarks/decisions.py`)."""
GRID = 97
"""Values of a solved task at which chances are told."""
ALONE = 0.25
"""Tasks added at which one option alone passes, and at which it alone fails, for each option."""
ALIKE = 2.0
"""Tasks added on which all options do alike."""


def value_per_task(rates: FloatArray, costs_usd: FloatArray, value_usd: float) -> FloatArray:
    """Worth less cost of a task given to an option, in US dollars.

    Args:
        rates: share of attempts that pass, or 0 and 1 of single ones; any shape.
        costs_usd: US dollars of an attempt, same shape.
        value_usd: worth of a solved task in US dollars.
    """
    value: FloatArray = rates * value_usd - costs_usd
    return value


class Draws(NamedTuple):
    """Means that the data leave possible; shape (draws, options)."""

    rates: FloatArray
    costs_usd: FloatArray


def prior_rows(options: int) -> tuple[FloatArray, FloatArray]:
    """Made-up tasks: passes of shape (rows, options), and the weight of each row in tasks.

    Without them, options that did alike on all of a few tasks would count as proven alike, and one
    task more solved as certain. They leave every pair half a task in either direction (Agresti and
    Min 2005) and draw pass rates together as `ALIKE` tasks would.
    """
    one = np.eye(options)
    rows = np.vstack((one, 1 - one, np.ones((1, options)), np.zeros((1, options))))
    weights = np.full(len(rows), ALONE)
    weights[-2:] = ALIKE / 2
    return rows, weights


def task_draws(
    passes: FloatArray, costs_usd: FloatArray, *, draws: int = DRAWS, seed: int = SEED
) -> Draws:
    """Draw mean pass rates and costs.

    Args:
        passes: share of a task's attempts that passed, shape (tasks, options).
        costs_usd: mean cost of its attempts in US dollars, same shape.
        draws: how many.
        seed: the same seed, tasks and options give the same weights.
    """
    tasks, options = passes.shape
    rows, weights = prior_rows(options)
    rng = np.random.default_rng(seed)
    drawn = np.hstack(
        (
            rng.standard_exponential((draws, tasks)),
            rng.standard_gamma(weights, (draws, len(rows))),
        )
    )
    drawn /= drawn.sum(axis=1, keepdims=True)
    mean_costs = np.broadcast_to(costs_usd.mean(axis=0), rows.shape)
    return Draws(drawn @ np.vstack((passes, rows)), drawn @ np.vstack((costs_usd, mean_costs)))


def expected(passes: FloatArray, costs_usd: FloatArray) -> Draws:
    """Mean of the draws, in closed form; shape (1, options)."""
    rows, weights = prior_rows(passes.shape[1])
    total = len(passes) + weights.sum()
    rates = (passes.sum(axis=0) + weights @ rows) / total
    return Draws(rates[None], costs_usd.mean(axis=0)[None])


def best_at(means: Draws, value_usd: float) -> IntArray:
    """Place of the best buy in each draw, or -1 where nothing pays for itself."""
    values = value_per_task(means.rates, means.costs_usd, value_usd)
    return np.where(values.max(axis=1) > 0, values.argmax(axis=1), -1)


def chances(means: Draws, values_usd: FloatArray) -> FloatArray:
    """Share of draws in which each option is the best buy.

    Args:
        means: from `task_draws`.
        values_usd: worths of a solved task, shape (values,).

    Returns:
        Shape (values, options + 1); the last column is that nothing pays for itself.
    """
    options = means.rates.shape[1]
    counts = [
        np.bincount(best_at(means, v) % (options + 1), minlength=options + 1) for v in values_usd
    ]
    return np.array(counts) / len(means.rates)


def upper_hull(rates: FloatArray, costs_usd: FloatArray) -> list[tuple[int, float]]:
    """Best buys in order of V, each with the V in US dollars from which it is the best.

    Args:
        rates: pass rates, shape (options,).
        costs_usd: costs of an attempt, same shape.
    """
    found: list[tuple[int, float]] = []
    rate = cost = value = 0.0
    while True:
        gain = rates - rate
        ahead = np.flatnonzero(gain > 1e-12)
        if not len(ahead):
            return found
        at = np.maximum((costs_usd[ahead] - cost) / gain[ahead], value)
        first = min(range(len(ahead)), key=lambda i: (at[i], -gain[ahead[i]]))
        place, value = int(ahead[first]), float(at[first])
        rate, cost = float(rates[place]), float(costs_usd[place])
        if found and found[-1][1] == value:
            found.pop()
        found.append((place, value))


class SwitchInterval(NamedTuple):
    """95% interval of a switch point in US dollars; without an upper limit it may never come."""

    lo: float
    hi: float | None


def switch_interval(
    means: Draws, before: int | None, after: int, level: float = LEVEL
) -> SwitchInterval:
    """Interval of the V from which one option is worth more than another, or than nothing."""
    gain, more = means.rates[:, after], means.costs_usd[:, after]
    if before is not None:
        gain, more = gain - means.rates[:, before], more - means.costs_usd[:, before]
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.where(gain > 0, np.maximum(more, 0) / gain, np.where(more < 0, 0.0, np.inf))
    tail = (1 - level) / 2
    lo, hi = np.quantile(at, (tail, 1 - tail), method="nearest")
    return SwitchInterval(float(lo), float(hi) if np.isfinite(hi) else None)


def regret(means: Draws, place: int, value_usd: float) -> float:
    """Expected loss in US dollars a task of taking one option (-1: none) and not the best."""
    values = value_per_task(means.rates, means.costs_usd, value_usd)
    most = np.maximum(values.max(axis=1), 0.0)
    own = values[:, place] if place >= 0 else 0.0
    return float((most - own).mean())
