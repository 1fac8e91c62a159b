"""Which backend to take: the best buy at what a solved task is worth, of those that are wanted.

With a quality floor only those count that are shown not worse than every other by a margin; their
p-values are adjusted together (Holm, with Shaffer's limit: the best one is never worse, so not all
can fail).
"""

from collections.abc import Iterator, Mapping, Sequence
from math import inf

import numpy as np

from arena.errors import InputError
from arena.records import Assurance, Record
from arena.score.cascade import CascadeRow, cascades
from arena.score.pairs import Pair, PairCell, compare_all, pair
from arena.score.results import Results
from arena.score.tally import Scope, TaskTally, doubt, scope_of, tallies
from arena.score.trade import NOTHING, Trade, trade
from arena.stats.intervals import ALPHA, CostPerSolved, Interval
from arena.stats.paired import NotWorse, checked_margin, holm


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
    wanted_too = {c.name for c in candidates if {*c.excluded} <= {SOLVED_NOTHING, UNPRICED}}
    found = NOTHING
    if manifest.race is None:
        found = trade(
            {n: t for n, t in ranked.items() if n in wanted_too},
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
        cascades=() if manifest.race or doubts else cascades(results, ranked, seed=manifest.seed),
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
        active_s = [row.active_s for row in results.of(tally.who.name) if row.verdict is not None]
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
