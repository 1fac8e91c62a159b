"""Two contestants of one run or of two: what differs, how sure that is, and on which tasks; and the
price of the same work by contestants of two countries: never a statement about countries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from pydantic import SerializerFunctionWrapHandler, model_serializer

from arena.records import Assurance, Record
from arena.score.pairs import Contender, Pair, compare_all, pair, require_comparable
from arena.score.recommend import ranked_of
from arena.score.results import CostBasis, Results
from arena.score.tally import Identity, Missing, Scope, TaskTally, missing_p
from arena.score.trade import PairWorth, pair_worth
from arena.stats.intervals import ALPHA, SEED, Interval, Ratio
from arena.stats.paired import Difference, NotWorse, default_margin, holm, sign_flip, smallest_gap

MARGINS = (0.05, 0.10, 0.15, 0.20)


class Side(Record):
    """One of the two, over the tasks of the comparison alone."""

    run: str
    scope: Scope
    who: Identity
    pass_rate: float | None
    pass_rate_ci: Interval | None
    cost_per_attempt_usd: float | None
    cost_per_solved_usd: float | None
    cost_per_solved_ci: Interval | None
    """None with a cost per solved task: not estimable."""
    cost_basis: CostBasis | None
    missing: Missing
    """Over all planned trials."""


@dataclass(frozen=True, slots=True)
class DiscordantTask:
    """A task on which the two differ: attempts passed of attempts scored."""

    task: str
    passed_a: int
    scored_a: int
    passed_b: int
    scored_b: int


class Margin(Record):
    """Non-inferiority at one margin, both ways, with p of this pair alone."""

    a_not_worse: NotWorse
    b_not_worse: NotWorse


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number of a comparison: a row of `STATISTICS`."""

    name: str
    """Its key in JSON."""
    label: str | None
    """What the terminal calls it; None shows it in JSON alone."""
    value: Callable[[Pair], float | None]
    """None where the pair has no such number."""


def observed_gap(lined: Pair) -> float | None:
    """Gap that this many tasks see with 80% power at the observed spread."""
    if len(lined.tasks) < 2:
        return None
    spread = float(lined.differences.std(ddof=1))
    return smallest_gap(len(lined.tasks), spread=spread) if spread > 0 else None


STATISTICS: tuple[Statistic, ...] = (Statistic("smallest_gap", None, observed_gap),)


class Comparison(Record):
    """A against B. Differences are A less B, ratios A over B."""

    a: Side
    b: Side
    tasks: int
    """Tasks compared: those that both have in full."""
    dropped: tuple[str, ...]
    """Tasks of either that are not compared."""
    incomparable: tuple[str, ...]
    """Why the two are not comparable, when it was asked for all the same."""
    inconclusive: str | None
    """Why missing trials forbid a conclusion."""
    missing_p: float
    """Fisher's exact p that trials go missing equally often."""
    difference: Difference | None
    exact_p: float | None
    """Two-sided exact p of this pair alone: McNemar with one attempt a task, else sign-flip."""
    adjusted_p: float | None
    """Of the difference, Holm-adjusted over all pairs of the run, as the leaderboard decides; None
    for contestants of two runs, or with a control."""
    worth: PairWorth | None
    """At a value of a solved task, where one is known."""
    table: tuple[int, int, int, int] | None
    """Tasks passed by both, only A, only B, neither; one attempt a task only."""
    margins: tuple[Margin, ...]
    cost_per_solved_ratio: Ratio
    cost_per_attempt_ratio: Ratio
    discordant: tuple[DiscordantTask, ...]
    statistics: dict[str, float | None]
    """Of `STATISTICS` by name; in JSON they stand beside the other fields."""

    @model_serializer(mode="wrap")
    def _flat(self, inner: SerializerFunctionWrapHandler) -> dict[str, object]:
        fields: dict[str, object] = inner(self)
        fields.update(self.statistics)
        del fields["statistics"]
        return fields


def compare(
    a: Contender,
    b: Contender,
    *,
    anyway: bool = False,
    seed: int = SEED,
    family: Mapping[str, TaskTally] | None = None,
    value_usd: float | None = None,
) -> Comparison:
    """Compare A with B on the tasks that both have in full; raises `InputError` for a race, and for
    what is not comparable unless it is `anyway`.

    `family` is all ranked contestants of the run, where both are of one; the worth of a solved task
    in US dollars needs it.
    """
    reasons = require_comparable(a, b, anyway=anyway)
    lined = pair(a.tally, b.tally)
    difference = lined.difference()
    exact = difference and difference.p
    if difference and not lined.single:
        exact = sign_flip(lined.differences, seed=seed)
    names = lined.a.who.name, lined.b.who.name
    ranked = family if family and {*names} <= {*family} else {}
    cells = {frozenset((c.a, c.b)): c.adjusted_p for c in compare_all(ranked)}
    return Comparison(
        a=_side(a, lined.a),
        b=_side(b, lined.b),
        tasks=len(lined.tasks),
        dropped=lined.dropped,
        incomparable=reasons,
        inconclusive=lined.inconclusive,
        missing_p=missing_p(a.tally, b.tally),
        difference=difference,
        exact_p=exact,
        adjusted_p=cells.get(frozenset(names)),
        worth=pair_worth(ranked, *names, value_usd, seed=seed) if value_usd else None,
        table=_table(lined),
        margins=_margins(lined),
        cost_per_solved_ratio=lined.cost_per_solved_ratio(),
        cost_per_attempt_ratio=lined.cost_per_attempt_ratio(),
        discordant=_discordant(lined),
        statistics={one.name: one.value(lined) for one in STATISTICS},
    )


def _side(who: Contender, used: TaskTally) -> Side:
    rate, interval, _ = used.rate() or (None, None, None)
    solved, costs, attempts = used.cost_per_solved(), used.cost_usd, used.scored_total
    each = None if costs is None or not attempts else float(costs.sum()) / attempts
    return Side(
        run=who.conditions.run,
        scope=who.conditions.scope,
        who=used.who,
        pass_rate=rate,
        pass_rate_ci=interval,
        cost_per_attempt_usd=each,
        cost_per_solved_usd=solved and solved.estimate,
        cost_per_solved_ci=solved and solved.ci,
        cost_basis=used.basis,
        missing=who.tally.missing,
    )


def _table(lined: Pair) -> tuple[int, int, int, int] | None:
    if not lined.single or not lined.tasks:
        return None
    a, b = lined.a.passed > 0, lined.b.passed > 0
    return int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((~a & ~b).sum())


def _margins(lined: Pair) -> tuple[Margin, ...]:
    back = replace(lined, a=lined.b, b=lined.a)
    tests = ((lined.not_worse(margin), back.not_worse(margin)) for margin in MARGINS)
    return tuple(Margin(a_not_worse=a, b_not_worse=b) for a, b in tests if a and b)


def _discordant(lined: Pair) -> tuple[DiscordantTask, ...]:
    differ = lined.a.means != lined.b.means
    a, b = lined.a.take(differ), lined.b.take(differ)
    counts = np.stack((a.passed, a.scored, b.passed, b.scored), axis=1).astype(int).tolist()
    return tuple(DiscordantTask(task, *four) for task, four in zip(a.tasks, counts, strict=True))


Claim = Literal["within", "dearer", "cheaper", "open", "not_estimable"]

OURS, THEIRS = "US", "CN"
CLAIMED = Interval(1 / 100, 1 / 7)
"""The share of the cost that the claim under test names."""


class Match(Record):
    """One contestant and the cheapest counterpart shown not worse, whose cost is over its own."""

    contestant: str
    candidates: tuple[str, ...]
    """Counterparts with the same agent and a known cost, cheapest first."""
    counterpart: str | None
    reason: str | None
    """Why there is no counterpart."""
    difference: Difference | None
    """Pass rate of the counterpart less that of the contestant."""
    not_worse: NotWorse | None
    adjusted_p: float | None
    """Holm-adjusted over the candidates, among which the cheapest was chosen."""
    level: float
    """Confidence of the ratio's interval: 1 - 5%/candidates, so that the one picked keeps 95%."""
    cost_per_solved_ratio: Ratio
    claim: Claim
    """What the interval of the cost per solved task says of the claimed share."""


class CountryComparison(Record):
    """Each contestant of one country against the counterparts of another."""

    run: str
    ours: str
    theirs: str
    margin: float
    tasks: int
    simulated: bool
    claimed: Interval
    absent: tuple[str, ...]
    """Countries without a contestant that has a verdict."""
    matches: tuple[Match, ...]


def country_comparison(
    results: Results,
    *,
    claimed: Interval = CLAIMED,
    level: Assurance | None = None,
) -> CountryComparison:
    """For each contestant of `OURS`, the cheapest of `THEIRS` that is not worse, and whether its
    cost confirms or refutes the share that is `claimed`.
    """
    backends, ranked = results.manifest.backends, ranked_of(results, level)
    tasks = max((len(t.tasks) for t in ranked.values()), default=0)
    margin = default_margin(tasks)
    raced = results.manifest.race is not None  # its number of tasks was not fixed before
    here, there = (
        [t for n, t in ranked.items() if n in backends and backends[n].country == country]
        for country in (OURS, THEIRS)
    )
    return CountryComparison(
        run=results.manifest.name,
        ours=OURS,
        theirs=THEIRS,
        margin=margin,
        tasks=tasks,
        simulated=results.manifest.simulated,
        claimed=claimed,
        absent=tuple(who for who, found in ((OURS, here), (THEIRS, there)) if not found),
        matches=tuple(_match(t, there, margin, claimed) for t in here if there and not raced),
    )


def _match(tally: TaskTally, there: Sequence[TaskTally], margin: float, claimed: Interval) -> Match:
    agent = tally.who.agent, tally.who.agent_digest
    same = [t for t in there if (t.who.agent, t.who.agent_digest) == agent]
    costs = ((t.cost_per_solved(), t) for t in same)
    prices = [(c.estimate, t.who.name, t) for c, t in costs if c and c.estimate is not None]
    pairs = [pair(t, tally) for _, _, t in sorted(prices, key=lambda found: found[:2])]
    tests = [lined.not_worse(margin) for lined in pairs]
    adjusted = holm([lined.p_of(test) for lined, test in zip(pairs, tests, strict=True)])
    found = zip(pairs, tests, adjusted, strict=True)
    lined, test, p = next((one for one in found if one[2] <= ALPHA), (None, None, None))
    level = 1 - ALPHA / max(1, len(pairs))
    solved = lined.cost_per_solved_ratio(level=level) if lined else Ratio()
    return Match(
        contestant=tally.who.name,
        candidates=tuple(lined.a.who.name for lined in pairs),
        counterpart=lined.a.who.name if lined else None,
        reason=None if lined else _no_match(len(same), pairs, margin),
        difference=lined.difference() if lined else None,
        not_worse=test,
        adjusted_p=p,
        level=level,
        cost_per_solved_ratio=solved,
        claim=_claim(solved, claimed),
    )


def _no_match(same_agent: int, pairs: Sequence[Pair], margin: float) -> str:
    if not same_agent:
        return "no counterpart uses the same agent"
    if not pairs:
        return "no counterpart has a known cost per solved task"
    if all(lined.doubt for lined in pairs):
        return "nothing may be concluded, since trials are missing"
    tasks = len(pairs[0].tasks)
    return f"no counterpart is shown not worse by {margin * 100:.0f} points on {tasks} tasks"


def _claim(ratio: Ratio, claimed: Interval) -> Claim:
    if ratio.ci is None:
        return "not_estimable"
    lo, hi = ratio.ci
    if lo > claimed.hi:
        return "dearer"
    if hi < claimed.lo:
        return "cheaper"
    return "within" if claimed.lo <= lo and hi <= claimed.hi else "open"
