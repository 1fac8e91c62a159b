"""Pass rate against cost as a trade: who is the best buy at which value of a solved task."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from arena.records import Record
from arena.score.pairs import PairCell
from arena.score.tally import TaskTally, doubt
from arena.stats import value
from arena.stats.intervals import ENOUGH_DIFFERING, SEED, FloatArray
from arena.stats.value import DRAWS, GRID, SURE, Draws, Means

DEAREST = 1000.0
"""A solved task that is worth so many attempts of the dearest is as good as without a price."""
MUCH_CHEAPER = 2.0
"""So many times the cost is much."""


class SwitchPoint(Record):
    """Value of a solved task in US dollars at which one best buy follows another."""

    usd: float
    lo: float
    """95% interval."""
    hi: float | None
    """None: it may never come."""


class ValueRange(Record):
    """Values of a solved task in US dollars."""

    from_usd: float
    to_usd: float | None
    """None: without end."""


class BestBuy(Record):
    """One contestant with the values of a solved task at which it is seen to be the best buy."""

    name: str
    starts: SwitchPoint
    """Below the first start nothing pays for itself."""
    ends: SwitchPoint | None
    """None: it stays the best buy whatever a solved task is worth."""
    sure: ValueRange | None
    """Where it is shown to be the best: 98.5% of draws agree. None: nowhere."""


class ValueCurve(Record):
    """Chance of being the best buy; one number for each of `values_usd`."""

    values_usd: tuple[float, ...]
    """Rising, evenly on a logarithm; the last is as good as without end."""
    chances: dict[str, tuple[float, ...]]
    """By contestant."""
    nobody: tuple[float, ...]
    """That nothing pays for itself."""


class ValueChoice(Record):
    """The best buy at one value of a solved task."""

    value_usd: float
    name: str | None
    """None: nothing pays for itself."""
    chance: float
    """Share of draws in which it is the best buy."""
    decided: bool
    worth_usd: float
    """Value a task less cost; 0 for nothing."""
    regret_usd: float
    """Expected loss a task against always having chosen the best."""
    chances: dict[str, float]
    """Of every contestant."""


class CheaperRival(Record):
    """Costs much less than a best buy, and is not shown to pass less."""

    name: str
    than: str
    times: float
    """Cost of the best buy over its own, per attempt."""
    pass_rate: float
    than_pass_rate: float
    adjusted_p: float
    """That the two pass alike, adjusted over all pairs of the run."""


class Trade(Record):
    """Who is the best buy; what every report says of cost and pass rate."""

    tasks: int
    """Tasks that all who are compared have an attempt at."""
    buys: tuple[BestBuy, ...]
    """In order of the value of a solved task, the cheapest first; empty when nothing is known."""
    curve: ValueCurve | None
    choice: ValueChoice | None
    """At the value that was asked for."""
    cheaper: tuple[CheaperRival, ...]
    unpriced: tuple[str, ...]
    """Of those that may be chosen, whose cost is unknown or nothing: they are in no trade."""

    @property
    def priced(self) -> tuple[str, ...]:
        """Who is in it."""
        return () if self.curve is None else tuple(self.curve.chances)

    @property
    def decided(self) -> bool:
        """Whether anything is shown: at the value asked for, else at any value."""
        if self.choice is not None:
            return self.choice.decided
        return any(buy.sure for buy in self.buys)


NOTHING = Trade(tasks=0, buys=(), curve=None, choice=None, cheaper=(), unpriced=())


class Matrix:
    """Contestants with known costs over the tasks that all of them have an attempt at."""

    def __init__(self, ranked: Mapping[str, TaskTally], *, doubtful: bool = False) -> None:
        priced = {n: t for n, t in ranked.items() if t.cost_usd is not None and not doubt(t)}
        self.names = tuple(priced)
        self.unpriced = tuple(n for n, t in ranked.items() if t.cost_usd is None)
        seen = np.all([t.scored > 0 for t in priced.values()], axis=0)
        taken = [t.take(seen) for t in priced.values()]
        costs = [t.mean_costs_usd for t in taken if t.mean_costs_usd is not None]
        self.ids = taken[0].tasks if np.any(costs) else ()
        """Tasks compared; none where all cost nothing at those that everybody has."""
        empty = np.zeros((0, 0))
        self.passes: FloatArray = np.stack([t.means for t in taken], axis=1) if taken else empty
        self.costs_usd: FloatArray = np.stack(costs, axis=1) if taken else empty
        compared = len(self.names) > 1 or not self.unpriced
        self.enough = compared and len(self.ids) >= ENOUGH_DIFFERING and not doubtful
        """Whether there is enough for anything to be shown."""

    def weights(self, seed: int, draws: int = DRAWS) -> FloatArray:
        """Of the tasks, in each draw."""
        return value.task_weights(len(self.ids), len(self.names), draws=draws, seed=seed)

    def means(self, seed: int) -> Means:
        """What is known of all contestants at once."""
        return value.means_of(self.passes, self.costs_usd, self.weights(seed))

    def values(self, count: int) -> FloatArray:
        """Values of a solved task in US dollars, evenly on a logarithm, up to one without end."""
        costs = self.costs_usd.mean(axis=0)
        values: FloatArray = np.geomspace(costs[costs > 0].min(), costs.max() * DEAREST, count)
        return values


def trade(
    ranked: Mapping[str, TaskTally],
    pairs: Sequence[PairCell] = (),
    *,
    value_usd: float | None = None,
    floor: Collection[str] | None = None,
    doubtful: bool = False,
    seed: int = SEED,
) -> Trade:
    """Set pass rate against cost, for contestants with verdicts and all their pairs.

    `floor` is who may be chosen, where a quality floor was asked for; nothing is shown of a
    `doubtful` run, whatever its numbers say.
    """
    every = Matrix(ranked)
    chosen = ranked if floor is None else {n: ranked[n] for n in ranked if n in floor}
    matrix = Matrix(chosen, doubtful=doubtful)
    if not matrix.ids:
        return NOTHING.model_copy(update={"unpriced": matrix.unpriced})
    means = matrix.means(seed)
    grid = matrix.values(GRID)
    found = value.chances(means.drawn_in, grid)
    curve = ValueCurve(
        values_usd=tuple(grid.tolist()),
        chances={name: tuple(found[:, i].tolist()) for i, name in enumerate(matrix.names)},
        nobody=tuple(found[:, -1].tolist()),
    )
    buys = _buys(matrix, means, curve)
    choice = None if value_usd is None else _choice(matrix, means, value_usd)
    named = choice.name if choice else buys[-1].name if buys else None
    return Trade(
        tasks=len(matrix.ids),
        buys=buys,
        curve=curve,
        choice=choice,
        cheaper=() if named is None else _cheaper(every, named, pairs),
        unpriced=matrix.unpriced,
    )


class PairWorth(Record):
    """Two contestants at one value of a solved task, on the draws of the whole trade."""

    value_usd: float
    gap_usd: float
    """Value less cost of a task given to A, less that of B."""
    chance: float
    """Share of draws in which A is worth more."""
    shown: bool
    """One of the two is shown to be worth more: 98.5% of draws agree."""


def pair_worth(
    ranked: Mapping[str, TaskTally], a: str, b: str, value_usd: float, *, seed: int = SEED
) -> PairWorth | None:
    """Compare two contestants as `trade` does; None where either has no known cost."""
    matrix = Matrix(ranked)
    if not {a, b} <= {*matrix.names} or not matrix.ids:
        return None
    means = matrix.means(seed)
    i, j = matrix.names.index(a), matrix.names.index(b)

    def gaps(of: Draws) -> FloatArray:
        worth = value.value_per_task(of.rates, of.costs_usd, value_usd)
        return worth[:, i] - worth[:, j]

    found = [gaps(of) for of in (means.drawn_in, means.plain)]
    agreed = max(min(float((side * gap > 0).mean()) for gap in found) for side in (1, -1))
    return PairWorth(
        value_usd=value_usd,
        gap_usd=float(gaps(means.best)[0]),
        chance=float((found[0] > 0).mean()),
        shown=matrix.enough and agreed >= SURE,
    )


def _buys(matrix: Matrix, means: Means, curve: ValueCurve) -> tuple[BestBuy, ...]:
    sure = value.chances(means.plain, np.array(curve.values_usd))
    hull = value.upper_hull(means.best.rates[0], means.best.costs_usd[0])
    starts: list[SwitchPoint] = []
    for (place, usd), before in zip(hull, (None, *(place for place, _ in hull)), strict=False):
        lo, hi = value.switch_interval(means.plain, before, place)
        hi = None if hi is None else max(hi, usd)
        starts.append(SwitchPoint(usd=usd, lo=min(lo, usd), hi=hi))
    return tuple(
        BestBuy(
            name=matrix.names[place],
            starts=start,
            ends=end,
            sure=_sure(matrix, curve, sure[:, place], matrix.names[place]),
        )
        for (place, _), start, end in zip(hull, starts, (*starts[1:], None), strict=False)
    )


def _sure(matrix: Matrix, curve: ValueCurve, plain: FloatArray, name: str) -> ValueRange | None:
    both = np.minimum(plain, curve.chances[name]) >= SURE
    values = np.array(curve.values_usd)[both].tolist()
    if not values or not matrix.enough:
        return None
    return ValueRange(from_usd=values[0], to_usd=None if both[-1] else values[-1])


def _choice(matrix: Matrix, means: Means, value_usd: float) -> ValueChoice:
    place = int(value.best_at(means.best, value_usd)[0])
    at = np.array([value_usd])
    found, plain = value.chances(means.drawn_in, at)[0], value.chances(means.plain, at)[0]
    worth = value.value_per_task(means.best.rates[0], means.best.costs_usd[0], value_usd)
    return ValueChoice(
        value_usd=value_usd,
        name=matrix.names[place] if place >= 0 else None,
        chance=float(found[place]),
        decided=matrix.enough and bool(min(found[place], plain[place]) >= SURE),
        worth_usd=float(worth[place]) if place >= 0 else 0.0,
        regret_usd=value.regret(means.drawn_in, place, value_usd),
        chances=dict(zip(matrix.names, found.tolist(), strict=False)),
    )


def _cheaper(matrix: Matrix, than: str, pairs: Sequence[PairCell]) -> tuple[CheaperRival, ...]:
    """What costs much less than a best buy and is not shown worse than it."""
    costs = dict(zip(matrix.names, matrix.costs_usd.mean(axis=0).tolist(), strict=True))
    rates = dict(zip(matrix.names, matrix.passes.mean(axis=0).tolist(), strict=True))
    others = (({cell.a: cell.b, cell.b: cell.a}.get(than), cell) for cell in pairs)
    found = [
        CheaperRival(
            name=other,
            than=than,
            times=costs[than] / costs[other],
            pass_rate=rates[other],
            than_pass_rate=rates[than],
            adjusted_p=cell.adjusted_p,
        )
        for other, cell in others
        if other in costs and costs[other] and cell.shown_worse != other
    ]
    much = (one for one in found if one.times >= MUCH_CHEAPER)
    return tuple(sorted(much, key=lambda one: -one.times))
