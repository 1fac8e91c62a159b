"""What a solved task is worth, set against what attempts cost: which option is the best buy.

The one definition of value that answers, races and simulations use is `value_per_task`: pass rate
times V, the worth of a solved task, less the cost of an attempt. As V grows the best buy walks up
the upper hull of pass rate over cost, from buying nothing (no pass, no cost) to the highest pass
rate. How sure that is comes from the Bayesian bootstrap over tasks (Rubin 1981), paired: all
options are weighed on the same draws. Made-up tasks stand in for what few tasks cannot have shown
(`prior_rows`); luck is taken off what is expected of the best of several (`drawn_in`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from arena.stats.intervals import LEVEL, SEED, FloatArray

IntArray = NDArray[np.int64]

DRAWS = 4_000
SURE = 0.985
"""Share of draws that must agree before an option is shown: of two that are alike either may be, at
either end of the values, in 5% together (see `tests/benchmarks/decisions.py`)."""
GRID = 97
"""Values of a solved task at which chances are told."""
ALONE = 0.25
"""Tasks added at which one option alone passes, and at which it alone fails, for each option."""
TINY = 1e-12
LUCK = 0.2
"""Chance that any of several options that are alike looks further from their mean by luck."""


def value_per_task(rates: FloatArray, costs_usd: FloatArray, value_usd: float) -> FloatArray:
    """Worth less cost of a task given to an option, in US dollars; any shape."""
    value: FloatArray = rates * value_usd - costs_usd
    return value


class Draws(NamedTuple):
    """Means that the data leave possible; shape (draws, options)."""

    rates: FloatArray
    costs_usd: FloatArray


def prior_rows(options: int) -> FloatArray:
    """Passes of made-up tasks, each as much as `ALONE` tasks; shape (2 * options, options).

    They leave every pair half a task in either direction, as Agresti and Min (2005) add to a paired
    table: else options alike on a few tasks would count as proven alike.
    """
    one: FloatArray = np.eye(options)
    return np.concatenate((one, 1 - one))


def task_weights(tasks: int, options: int, *, draws: int = DRAWS, seed: int = SEED) -> FloatArray:
    """Seeded weights of sum 1 in each draw, shape (draws, tasks + made-up tasks)."""
    rng = np.random.default_rng(seed)
    own = rng.standard_exponential((draws, tasks))
    weights: FloatArray = np.hstack((own, rng.standard_gamma(ALONE, (draws, 2 * options))))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def task_draws(passes: FloatArray, costs_usd: FloatArray, weights: FloatArray) -> Draws:
    """Draw mean pass rates and costs from the share of each task's attempts that passed and their
    mean cost in US dollars, shape (tasks, options), with `task_weights` for as many.
    """
    rows = prior_rows(passes.shape[1])
    mean_costs = np.broadcast_to(costs_usd.mean(axis=0), rows.shape)
    return Draws(weights @ np.vstack((passes, rows)), weights @ np.vstack((costs_usd, mean_costs)))


def drawn_in(passes: FloatArray) -> FloatArray:
    """Pass rates with luck taken off, shape (options,), from the shares of each task's attempts
    that passed, shape (tasks, options): the best of several always looks better than it is.

    Each rate is drawn in towards their mean, by the more the less its distance stands out of its
    own error: all the way within `LUCK`, hardly at all at three times that. Who passed nothing is
    not credited with what others passed.
    """
    tasks, options = passes.shape
    rows = np.vstack((passes, prior_rows(options)))
    weights = np.concatenate((np.ones(tasks), np.full(2 * options, ALONE)))
    total = weights.sum()
    rates = weights @ rows / total
    if tasks < 2 or options < 2:
        return np.where(passes.any(axis=0), rates, 0.0)
    gaps, around = rates - rates.mean(), rows - rates
    around -= around.mean(axis=1, keepdims=True)
    variance = weights @ around**2 / total / (total - 1)
    luck = float(special.stdtrit(tasks - 1, 1 - LUCK / (options - 1))) ** 2 * variance
    kept = np.maximum(0.0, 1 - (luck / np.maximum(gaps**2, TINY)) ** 2)
    return np.where(passes.any(axis=0), rates.mean() + gaps * kept, 0.0)


class Means(NamedTuple):
    """What is known of all options at once."""

    plain: Draws
    """Draws of the data as they are: what is shown must hold in these too."""
    drawn_in: Draws
    """The same around the rates with luck taken off."""
    best: Draws
    """The means of these; shape (1, options)."""


def means_of(passes: FloatArray, costs_usd: FloatArray, weights: FloatArray) -> Means:
    """Draws and their means; arguments as of `task_draws`."""
    plain, rates = task_draws(passes, costs_usd, weights), drawn_in(passes)
    shifted = np.clip(plain.rates + (rates - plain.rates.mean(axis=0)), 0.0, 1.0)
    costs = costs_usd.mean(axis=0)
    return Means(plain, Draws(shifted, plain.costs_usd), Draws(rates[None], costs[None]))


def best_at(means: Draws, value_usd: float) -> IntArray:
    """Place of the best buy in each draw, or -1 where nothing pays for itself."""
    values = value_per_task(means.rates, means.costs_usd, value_usd)
    return np.where(values.max(axis=1) > 0, values.argmax(axis=1), -1)


def chances(means: Draws, values_usd: FloatArray) -> FloatArray:
    """Share of draws in which each option is the best buy at each worth of a solved task, shape
    (values, options + 1); the last column is that nothing pays for itself.
    """
    rates, costs = means.rates.T.copy(), means.costs_usd.T.copy()
    found = np.zeros((len(values_usd), len(rates) + 1))
    for row, value_usd in zip(found, values_usd, strict=True):
        values = value_per_task(rates, costs, value_usd)
        most = values.max(axis=0)
        row[:-1] = ((values >= most) & (most > 0)).mean(axis=1)
        row[-1] = (most <= 0).mean()
    return found


def upper_hull(rates: FloatArray, costs_usd: FloatArray) -> list[tuple[int, float]]:
    """Best buys in order of V, and the V in US dollars that each begins at; shapes (options,)."""
    found: list[tuple[int, float]] = []
    rate = cost = value = 0.0
    while True:
        gain = rates - rate
        ahead = np.flatnonzero(gain > TINY)
        if not len(ahead):
            return found
        at = np.maximum((costs_usd[ahead] - cost) / gain[ahead], value)
        first = min(range(len(ahead)), key=lambda i: (at[i], -gain[ahead[i]]))
        place, value = int(ahead[first]), float(at[first])
        rate, cost = float(rates[place]), float(costs_usd[place])
        if found and found[-1][1] == value:
            found.pop()
        found.append((place, value))


def switch_interval(means: Draws, before: int | None, after: int) -> tuple[float, float | None]:
    """95% interval of the V in US dollars from which one option is worth more than another, or than
    nothing; without an upper limit it may never come.
    """
    gain, more = means.rates[:, after], means.costs_usd[:, after]
    if before is not None:
        gain, more = gain - means.rates[:, before], more - means.costs_usd[:, before]
    with np.errstate(divide="ignore", invalid="ignore"):
        at = np.where(gain > 0, np.maximum(more, 0) / gain, np.where(more < 0, 0.0, np.inf))
    tail = (1 - LEVEL) / 2
    lo, hi = np.quantile(at, (tail, 1 - tail), method="nearest")
    return float(lo), float(hi) if np.isfinite(hi) else None


def regret(means: Draws, place: int, value_usd: float) -> float:
    """Expected loss in US dollars a task of taking one option (-1: none) and not the best."""
    values = value_per_task(means.rates, means.costs_usd, value_usd)
    most = np.maximum(values.max(axis=1), 0.0)
    own = values[:, place] if place >= 0 else 0.0
    return float((most - own).mean())
