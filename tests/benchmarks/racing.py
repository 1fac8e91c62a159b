"""Races beside the whole matrix, successive halving, and stopping at the first good-looking test.

    python tests/benchmarks/racing.py [--worlds 50] [--kind KIND] [--matrix FILE]

A world is a set of true pass rates and costs. `--matrix` is a JSON file of real outcomes, such as
published ones: `contestants` (names), `passed` and `cost_usd` (a row a contestant, a column a
task); contestants are then drawn from its rows, tasks come in random order, and the right answer
is that of the whole matrix.
"""

import argparse
import heapq
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from arena.records import RaceRules
from arena.score.race import Race, stated
from arena.stats.intervals import FloatArray

ALPHA = 0.05
ORDERS = 20
"""Runs of each world."""
WORKERS = 16


@dataclass(frozen=True)
class World:
    """Runs of the same truth: arrays of shape (runs, contestants, tasks)."""

    kind: str
    passed: FloatArray
    cost: FloatArray
    value_usd: float
    most_usd: float
    best: int
    """The right answer; -1 where no answer is right."""

    @property
    def gains(self) -> FloatArray:
        return self.passed * self.value_usd - self.cost


KINDS = ("two equals", "mixed", "equal", "clear winner", "cheap but weaker", "many alike")


def simulated(kind: str, draw: np.random.Generator) -> World:
    """4 to 12 contestants on 50 to 500 tasks, with costs over two orders of magnitude."""
    count, tasks = int(draw.integers(4, 13)), int(draw.choice([50, 100, 200, 300, 500]))
    rates, costs = draw.uniform(0.15, 0.85, count), 10 ** draw.uniform(-2.3, -0.3, count)
    value = float(draw.choice([0.5, 1, 5]))
    if kind in {"equal", "two equals"}:
        count = 2 if kind == "two equals" else count
        rates, costs = np.full(count, 0.5), np.full(count, 0.1)
    elif kind == "clear winner":
        rates = draw.uniform(0.2, 0.5, count)
        rates[0] = 0.8
    elif kind == "cheap but weaker":
        costs = np.geomspace(0.005, 0.5, count)
        rates = np.linspace(0.35, 0.75, count)
    elif kind == "many alike":
        rates = 0.5 + draw.normal(0, 0.02, count)
    passed, cost = stated(rates, costs, tasks, races=ORDERS, seed=int(draw.integers(1 << 30)))
    true = rates * value - costs
    best = -1 if np.ptp(true) == 0 else int(true.argmax())
    return World(kind, passed, cost.clip(max=1.0), value, 1.0, best)


def published(path: Path, worlds: int, draw: np.random.Generator) -> Iterator[World]:
    """Rows of a real matrix, 4 to 12 at a time, at several values of a solved task."""
    found = json.loads(path.read_text())
    passed, cost = np.array(found["passed"], dtype=float), np.array(found["cost_usd"])
    most = float(cost.max())
    for _ in range(worlds):
        who = draw.choice(
            len(passed), size=int(draw.integers(4, min(13, len(passed)))), replace=False
        )
        value = float(draw.choice([0.5, 2, 5, 20]))
        order = draw.permuted(np.tile(np.arange(passed.shape[1]), (ORDERS, 1)), axis=1)
        runs = [np.moveaxis(of[who][:, order], 0, 1) for of in (passed, cost)]
        best = int((passed[who] * value - cost[who]).mean(axis=1).argmax())
        yield World("published", *runs, value, most, best)


@dataclass
class Method:
    """What a way to decide came to over all worlds."""

    shares: list[float] = field(default_factory=list)
    wrong: list[bool] = field(default_factory=list)
    undecided: list[bool] = field(default_factory=list)
    walls: list[tuple[float, float]] = field(default_factory=list)
    """Of races: time and spend with 16 workers, over the whole matrix."""

    def add(self, world: World, answer: FloatArray, took: FloatArray) -> None:
        spent = (world.cost * (np.arange(world.cost.shape[2]) < took[:, :, None])).sum(axis=(1, 2))
        self.shares += list(spent / world.cost.sum(axis=(1, 2)))
        self.wrong += list((answer >= 0) & (answer != world.best))
        self.undecided += list(answer < 0)


def whole(world: World) -> tuple[FloatArray, FloatArray]:
    """The whole matrix: the best on average, where t-tests show it better than each other one."""
    best, shown = tested(world.gains)
    took = np.full(world.passed.shape[:2], world.passed.shape[2])
    return np.where(shown[:, -1], best[:, -1], -1), took


def tested(gains: FloatArray) -> tuple[FloatArray, FloatArray]:
    """After each task the best so far, and whether it passes its tests; shapes (runs, tasks)."""
    count, tasks = gains.shape[1:]
    number = np.arange(1, tasks + 1)
    sums = np.cumsum(gains, axis=2)
    products = np.cumsum(gains[:, :, None] * gains[:, None], axis=3)
    best = sums.argmax(axis=1)
    squares = np.einsum("riit->rit", products)
    picked = best[:, None]
    gaps = (np.take_along_axis(sums, picked, axis=1) - sums) / number
    crossed = np.take_along_axis(products, picked[:, :, None], axis=1)[:, 0]
    square = np.take_along_axis(squares, picked, axis=1) + squares - 2 * crossed
    variance = np.maximum(square / number - gaps**2, 1e-18) / np.maximum(number - 1, 1)
    p = stats.t.sf(gaps / np.sqrt(variance), np.maximum(number - 1, 1))
    p[np.arange(count)[:, None] == picked] = 0
    return best, (p <= ALPHA / (count - 1)).all(axis=1) & (number >= 10)


def naive(world: World) -> tuple[FloatArray, FloatArray]:
    """The same test after every task from the tenth on, until it says so first."""
    count, tasks = world.passed.shape[1:]
    best, shown = tested(world.gains)
    ever, first = shown.any(axis=1), shown.argmax(axis=1)
    answer = np.where(ever, np.take_along_axis(best, first[:, None], axis=1)[:, 0], -1)
    took = np.where(ever, first + 1, tasks)
    return answer, np.repeat(took[:, None], count, axis=1)


def halving(world: World) -> tuple[FloatArray, FloatArray]:
    """Successive halving on 60% of the tasks' worth of money: always decides."""
    runs, count, tasks = world.passed.shape
    took = np.zeros((runs, count), dtype=int)
    live = np.ones((runs, count), dtype=bool)
    rounds = max(1, int(np.ceil(np.log2(count))))
    for number in range(rounds):
        upto = min(tasks, int(0.6 * tasks * (2**number) / 2 ** (rounds - 1)) + 1)
        took[live] = upto
        means = np.where(live, world.gains[:, :, :upto].mean(axis=2), -np.inf)
        keep = max(1, -(-count // 2 ** (number + 1)))
        live = means >= np.sort(means, axis=1)[:, ::-1][:, keep - 1 : keep]
    return np.where(live, means, -np.inf).argmax(axis=1), took


def racing(world: World) -> tuple[FloatArray, FloatArray]:
    """A race."""
    runs, count, tasks = world.passed.shape
    rules = RaceRules(goal="best_value", value_usd=Decimal(str(world.value_usd)), alpha=ALPHA)
    race = Race(count, rules, world.most_usd, runs)
    for task in range(tasks):
        race.take(world.passed[:, :, task], world.cost[:, :, task])
        if race.decided.all():
            break
    return race.answer, np.where(race.left_after < 0, tasks, race.left_after)


METHODS = {"race": racing, "whole matrix": whole, "halving": halving, "naive stopping": naive}


def wall(world: World, left_after: FloatArray, seed: int) -> tuple[float, float]:
    """Run 0 at 16 workers, by task and then by cost: time and spend over the whole matrix's."""
    draw = np.random.default_rng(seed)
    _, count, tasks = world.passed.shape
    seconds = draw.lognormal(0, 0.6, (count, tasks))
    cheap = np.argsort(world.cost[0].mean(axis=1))

    def run(took: FloatArray) -> tuple[float, float]:
        queue = [(task, i) for task in range(tasks) for i in cheap]
        ended, gone = np.full((count, tasks), np.inf), np.full(count, np.inf)
        free, spent = [0.0] * WORKERS, 0.0
        frontier = 0
        for task, i in queue:
            now = heapq.heappop(free)
            while frontier < tasks:
                needed = [j for j in range(count) if took[j] > frontier]
                done = max((ended[j, frontier] for j in needed), default=0.0)
                if done > now:
                    break
                frontier += 1
                gone[took == frontier] = np.minimum(gone[took == frontier], now)
            if gone[i] <= now:
                heapq.heappush(free, now)
                continue
            ended[i, task] = now + seconds[i, task]
            spent += world.cost[0, i, task]
            heapq.heappush(free, ended[i, task])
        return float(np.where(np.isinf(ended), 0, ended).max()), spent

    time, spent = run(left_after[0])
    full_time, full_spent = run(np.full(count, tasks + 1))
    return time / full_time, spent / full_spent


def table(worlds: list[World]) -> None:
    made = {name: Method() for name in METHODS}
    decides: list[bool] = []
    for number, world in enumerate(worlds):
        for name, method in METHODS.items():
            answer, took = method(world)
            made[name].add(world, answer, took)
            if name == "whole matrix":
                decides += list(answer >= 0)
            if name == "race":
                made[name].walls.append(wall(world, took, number))
    mask = np.array(decides)
    print(f"{'':16}{'share of spend':>34}{'':4}{'all runs':>22}")
    print(
        f"{'':16}{'median':>8}{'9 of 10':>10}{'median where':>16}{'':4}{'wrong':>9}{'undecided':>13}"
    )
    for name, of in made.items():
        shares = np.array(of.shares)
        where = float(np.median(shares[mask])) if mask.any() else float("nan")
        print(
            f"{name:16}{np.median(shares):8.0%}{np.quantile(shares, 0.9):10.0%}{where:16.0%}"
            f"{'':4}{np.mean(of.wrong):9.1%}{np.mean(of.undecided):13.1%}"
        )
    missed = float(np.mean(np.array(made["race"].undecided)[mask])) if mask.any() else 0.0
    time, spent = np.array(made["race"].walls).T
    print(
        f"the whole matrix decides in {mask.mean():.0%}; of these the race leaves {missed:.0%} open;"
        f" dearest race {max(made['race'].shares):.0%}\n"
        f"at {WORKERS} workers, over the whole matrix: time median {np.median(time):.0%}, most"
        f" {time.max():.0%}; spend with what runs ahead median {np.median(spent):.0%}, most"
        f" {spent.max():.0%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=50)
    parser.add_argument("--matrix", type=Path)
    parser.add_argument("--kind", choices=KINDS, action="append")
    asked = parser.parse_args()
    draw = np.random.default_rng(0)
    if asked.matrix:
        print("== published outcomes")
        table(list(published(asked.matrix, asked.worlds, draw)))
        return
    for kind in asked.kind or KINDS:
        print(f"== {kind}")
        table([simulated(kind, draw) for _ in range(asked.worlds)])


if __name__ == "__main__":
    main()
