"""How often the intervals of `arena.score` hold the truth on simulated suites.

Run: `python -m tests.benchmarks.coverage [suites]` (2,000 suites a row by default: a few minutes
on one core). Each row is one world, suite size, number of attempts and method. Tasks are a fresh
sample in every suite, attempts are independent given the task, and costs depend on both.
"""

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from scipy import special

from arena.stats.intervals import FloatArray, Interval, fieller, ratio_of_ratios, task_rate
from arena.stats.paired import difference, not_worse

SIZES = (20, 50, 100)
ATTEMPTS = (1, 3)
SMALLEST_MARGIN = 0.03


class World(NamedTuple):
    """Two contestants: log-odds of a pass are `level + 2.5 * task`, B's tasks correlated with A's."""

    name: str
    level: float
    behind: float
    """How far B is behind, in log-odds."""
    alike: float
    """Correlation of what is hard for A and for B."""


WORLDS = (
    World("even", 0.5, 0.0, 0.9),
    World("behind", 0.5, 0.5, 0.7),
    World("high", 3.0, 0.5, 0.95),
    World("low", -2.0, 0.6, 0.9),
)


class Suite(NamedTuple):
    """One simulated suite: passed attempts and costs of all attempts, by task."""

    attempts: int
    passed_a: FloatArray
    passed_b: FloatArray
    cost_a: FloatArray
    cost_b: FloatArray


class Truth(NamedTuple):
    rate: float
    difference: float
    per_solved: float
    ratio: float


class Coverage(NamedTuple):
    """Share of intervals that hold the truth, of those there were, and share there were not."""

    world: str
    tasks: int
    attempts: int
    method: str
    covered: float
    not_estimable: float


def draw(world: World, tasks: int, attempts: int, rng: Generator) -> Suite:
    """Simulate one suite."""
    hard, other = rng.standard_normal((2, tasks))
    for_b = world.alike * hard + np.sqrt(1 - world.alike**2) * other
    chance_a = special.expit(world.level - 2.5 * hard)
    chance_b = special.expit(world.level - world.behind - 2.5 * for_b)
    passed_a, passed_b = rng.binomial(attempts, chance_a), rng.binomial(attempts, chance_b)
    noise = np.exp(0.3 * rng.standard_normal((2, tasks)) + 0.4 * hard)
    cost_a = noise[0] * (attempts + 0.5 * (attempts - passed_a))
    cost_b = 0.1 * noise[1] * (attempts + 0.5 * (attempts - passed_b))
    return Suite(attempts, passed_a.astype(float), passed_b.astype(float), cost_a, cost_b)


def truth(world: World) -> Truth:
    """What every suite of a world estimates: the means over two million tasks."""
    suite = draw(world, 2_000_000, 1, np.random.default_rng(1))
    a, b = suite.passed_a.mean(), suite.passed_b.mean()
    per_a, per_b = suite.cost_a.mean() / a, suite.cost_b.mean() / b
    return Truth(float(a), float(a - b), float(per_a), float(per_a / per_b))


def rate_interval(suite: Suite) -> Interval | None:
    rate = task_rate(suite.passed_a / suite.attempts, suite.attempts * len(suite.passed_a))
    return rate.interval if rate else None


def difference_interval(suite: Suite) -> Interval:
    return difference(gaps(suite), single=suite.attempts == 1).ci


def ratio_interval(suite: Suite) -> Interval | None:
    columns = np.stack((suite.cost_a, suite.passed_a, suite.cost_b, suite.passed_b), axis=1)
    return ratio_of_ratios(columns).ci


def gaps(suite: Suite) -> FloatArray:
    return (suite.passed_a - suite.passed_b) / suite.attempts


METHODS: dict[str, tuple[Callable[[Suite], Interval | None], Callable[[Truth], float]]] = {
    "pass rate": (rate_interval, lambda t: t.rate),
    "difference": (difference_interval, lambda t: t.difference),
    "cost per solved": (lambda s: fieller(s.cost_a, s.passed_a), lambda t: t.per_solved),
    "cost ratio": (ratio_interval, lambda t: t.ratio),
}


def coverage(world: World, tasks: int, attempts: int, suites: int) -> Iterator[Coverage]:
    """Coverage of every method on the same suites, and of the one-sided test at its margin."""
    known, rng = truth(world), np.random.default_rng(7)
    drawn = [draw(world, tasks, attempts, rng) for _ in range(suites)]
    for method, (interval_of, true_value) in METHODS.items():
        found = [interval_of(suite) for suite in drawn]
        there = [i for i in found if i is not None]
        held = sum(lo <= true_value(known) <= hi for lo, hi in there)
        share = held / len(there) if there else 0.0
        yield Coverage(world.name, tasks, attempts, method, share, 1 - len(there) / suites)
    yield from _boundary(world, known, drawn, tasks, attempts)


def _boundary(
    world: World, known: Truth, drawn: list[Suite], tasks: int, attempts: int
) -> Iterator[Coverage]:
    """Suites in which B is rightly not shown: it is worse by exactly the margin."""
    if known.difference < SMALLEST_MARGIN:
        return
    shown = sum(
        not_worse(-gaps(suite), known.difference, single=attempts == 1).shown for suite in drawn
    )
    name = "not worse at the margin"
    yield Coverage(world.name, tasks, attempts, name, 1 - shown / len(drawn), 0.0)


def main() -> None:
    suites = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    print(f"{suites} suites a row; nominal 95%")
    print(f"{'world':8}{'tasks':>6}{'attempts':>9}  {'method':24}{'covered':>8}{'no value':>9}")
    for world in WORLDS:
        for tasks in SIZES:
            for attempts in ATTEMPTS:
                for row in coverage(world, tasks, attempts, suites):
                    print(
                        f"{row.world:8}{row.tasks:6}{row.attempts:9}  {row.method:24}"
                        f"{row.covered:8.1%}{row.not_estimable:9.1%}"
                    )


if __name__ == "__main__":
    main()
