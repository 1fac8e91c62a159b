"""How often an answer is right: `python -m tests.benchmarks.decisions [bake-offs] [world…]`.

Bake-offs (10,000 by default) of worlds whose truth is known, at 8, 24, 100 and 300 tasks with one
attempt each. Two answers are looked at: the one at a value of a solved task, and the one without,
which says over what range each contestant is sure to be the best buy. Each is undecided, right, or
wrong: it names, as shown, who is not the best buy there. Regret is what whoever follows the answer
loses a task, decided or not, as the mean over readers to whom a solved task is worth `READERS`.
Beside it stands the rule that this one replaced (version 0.1: the cheapest backend shown not worse
than any other by a margin, else the cheapest that none was shown to beat).
"""

import sys
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from arena.stats.paired import Discordance, holm, mcnemar_exact, tango_z
from arena.stats.value import SURE, best_at, chances, means_of, task_weights, value_per_task

Array = NDArray[np.float64]
SIZES = (8, 24, 100, 300)
READERS = (0.25, 0.5, 1.0, 2.0, 5.0)
"""US dollars that a solved task is worth."""
VALUES = np.array([0.03, 0.06, 0.12, *READERS, 10.0, 30.0, 100.0, 400.0])
DRAWS = 1_000
ALIKE = 0.5
"""Correlation of what makes two contestants pass the same task."""


class World(NamedTuple):
    """True pass rates, and mean costs of an attempt in US dollars."""

    rates: Array
    costs: Array


def world(rates: Sequence[float], costs: Sequence[float]) -> World:
    return World(np.array(rates), np.array(costs))


WORLDS = {
    "equal": world([0.5] * 5, [0.02, 0.05, 0.1, 0.2, 0.34]),
    "one clear winner": world([0.7, 0.4, 0.4, 0.35, 0.3], [0.1, 0.02, 0.05, 0.2, 0.34]),
    "cheap but weaker": world([0.45, 0.6], [0.02, 0.34]),
    "many alike": world(
        [0.50, 0.46, 0.52, 0.48, 0.54, 0.50, 0.47, 0.53, 0.49, 0.51],
        [0.01, 0.02, 0.03, 0.04, 0.06, 0.09, 0.13, 0.20, 0.30, 0.40],
    ),
    "hardly any solved": world([0.03, 0.06, 0.02, 0.08], [0.02, 0.05, 0.1, 0.3]),
    "nearly all solved": world([0.95, 0.98, 0.97, 0.99], [0.02, 0.05, 0.1, 0.3]),
    "two twins": world([0.5, 0.5], [0.1, 0.1]),
    "ladder": world([0.25, 0.42, 0.55, 0.66], [0.01, 0.06, 0.25, 1.10]),
    "dear for nothing": world(
        [0.62, 0.58, 0.60, 0.35, 0.20, 0.55], [0.15, 0.04, 0.80, 0.02, 0.30, 0.10]
    ),
}
"""The last two were written down after the rule was finished, and nothing was set by them."""


def bake_off(rng: np.random.Generator, true: World, tasks: int) -> tuple[Array, Array]:
    """Passes and costs of one attempt a task; harder tasks cost more."""
    shape = tasks, len(true.rates)
    hard = rng.standard_normal((tasks, 1))
    luck = rng.standard_normal(shape)
    latent = np.sqrt(ALIKE) * hard + np.sqrt(1 - ALIKE) * luck
    passes = (latent < special.ndtri(true.rates)).astype(float)
    spread = rng.lognormal(-0.125, 0.5, shape) * np.exp(0.2 * hard - 0.02)
    return passes, true.costs * spread


def old_rule(passes: Array, costs: Array) -> tuple[int | None, bool]:
    """Whom the replaced rule named, and whether as decided."""
    tasks, count = passes.shape
    margin = 0.10 if tasks >= 100 else 0.20
    only = np.einsum("ti,tj->ij", passes, 1 - passes)
    raw = [
        max(
            float(special.ndtr(-tango_z(Discordance(only[i, j], only[j, i], tasks), -margin)))
            for j in range(count)
            if j != i
        )
        for i in range(count)
    ]
    shown = np.array(holm(raw, true_at_most=count - 1)) <= 0.05
    pairs = list(combinations(range(count), 2))
    tests = holm([mcnemar_exact(int(only[i, j]), int(only[j, i])) for i, j in pairs])
    worse = {
        i if only[i, j] < only[j, i] else j
        for (i, j), p in zip(pairs, tests, strict=True)
        if p <= 0.05 and only[i, j] != only[j, i]
    }
    solved = passes.sum(axis=0)
    ranked = sorted(
        np.flatnonzero(solved).tolist(), key=lambda i: float(costs[:, i].sum() / solved[i])
    )
    if picked := [i for i in ranked if shown[i]]:
        return picked[0], True
    return next((i for i in ranked if i not in worse), None), False


class Cell:
    """Counts over the bake-offs of one world at one size; arrays over `VALUES`."""

    def __init__(self, true: World, tasks: int) -> None:
        self.true, self.tasks, self.made = true, tasks, 0
        worth = np.array([value_per_task(true.rates, true.costs, v) for v in VALUES])
        self.worth = np.hstack((worth, np.zeros((len(VALUES), 1))))
        """Of every contestant and, last, of nothing."""
        self.best = np.argmax(self.worth, axis=1)
        self.twins = len(set(zip(*true, strict=True))) < len(true.rates)
        """Nobody is the best of those that are alike in everything."""
        count = len(true.rates)
        self.weights = task_weights(tasks, count, draws=DRAWS)
        self.decided, self.wrong, self.regret = (np.zeros(len(VALUES)) for _ in range(3))
        self.old_wrong, self.old_regret = np.zeros(len(VALUES)), np.zeros(len(VALUES))
        self.ranges = self.ranges_wrong = self.old_decided = self.old_dearest = 0

    def add(self, passes: Array, costs: Array) -> None:
        """Count one bake-off."""
        self.made += 1
        rows = np.arange(len(VALUES))
        means = means_of(passes, costs, self.weights)
        agreed = np.minimum(chances(means.drawn_in, VALUES), chances(means.plain, VALUES))
        named = np.array([int(best_at(means.best, v)[0]) for v in VALUES])
        sure = agreed >= SURE
        false = sure & (np.arange(sure.shape[1]) != self.best[:, None])
        false[:, :-1] |= sure[:, :-1] & self.twins
        self.ranges += bool(sure[:, :-1].any())
        self.ranges_wrong += bool(false[:, :-1].any())
        self.decided += sure[rows, named]
        self.wrong += false[rows, named]
        most = self.worth.max(axis=1)
        self.regret += most - self.worth[rows, named]
        old, decided = old_rule(passes, costs)
        self.old_regret += most - self.worth[:, -1 if old is None else old]
        self.old_decided += decided
        self.old_dearest += decided and old == int(self.true.costs.argmax())
        self.old_wrong += decided & ((self.best != old) | self.twins)

    def line(self, name: str) -> str:
        """A row of the table in docs/decisions.md."""
        at = np.isin(VALUES, READERS)

        def share(count: float) -> str:
            return f"{100 * count / self.made:.1f}%"

        def split(decided: float, wrong: float) -> str:
            return f"{share(decided - wrong)} / {share(wrong)} / {share(self.made - decided)}"

        cells = (
            name,
            str(self.tasks),
            split(self.ranges, self.ranges_wrong),
            split(self.decided[at].mean(), self.wrong[at].mean()),
            share(self.wrong.max()),
            split(self.old_decided, self.old_wrong[at].mean()),
            share(self.old_dearest),
            f"{100 * self.regret[at].mean() / self.made:.2f}",
            f"{100 * self.old_regret[at].mean() / self.made:.2f}",
        )
        return f"| {' | '.join(cells)} |"


def measure(true: World, tasks: int, bake_offs: int, *, seed: int = 1) -> Cell:
    """Count bake-offs of one world at one size."""
    rng, cell = np.random.default_rng((seed, tasks)), Cell(true, tasks)
    for _ in range(bake_offs):
        cell.add(*bake_off(rng, true, tasks))
    return cell


def main() -> None:
    bake_offs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    names = sys.argv[2:] or list(WORLDS)
    for name in names:
        for tasks in SIZES:
            print(measure(WORLDS[name], tasks, bake_offs).line(name), flush=True)


if __name__ == "__main__":
    main()
