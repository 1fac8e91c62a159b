"""The price of the same work from one country's contestants and from another's.

Statements here are about these contestants on these tasks, never about countries.
"""

from collections.abc import Sequence
from typing import Literal

from arena.records import Assurance, Record
from arena.score.pairs import Pair, pair
from arena.score.recommend import ranked_of
from arena.score.results import Results
from arena.score.tally import TaskTally
from arena.stats.intervals import ALPHA, Interval, Ratio
from arena.stats.paired import Difference, NotWorse, holm
from arena.stats.power import checked_margin

Claim = Literal["within", "dearer", "cheaper", "open", "not_estimable"]

CLAIMED = Interval(1 / 100, 1 / 7)
"""The share of the cost that the claim under test names."""


class Match(Record):
    """One contestant and the cheapest counterpart shown not worse. Ratios are counterpart over
    contestant: 0.1 is a tenth of the cost.
    """

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
    """Confidence of the ratios' intervals: one of so many candidates was picked by the data, so
    each is held to 1 - 5%/candidates, and the picked one keeps 95%."""
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
    ours: str = "US",
    theirs: str = "CN",
    margin: float | None = None,
    claimed: Interval = CLAIMED,
    level: Assurance | None = None,
) -> CountryComparison:
    """For each contestant of `ours`, the cheapest of `theirs` that is not worse, and its price.

    Args:
        results: the run.
        ours: ISO code of a country, as the next.
        theirs: of the counterparts.
        margin: of non-inferiority, within (0, 1); by default 10 points from 100 tasks, else 20.
        claimed: the share of the cost to confirm or to refute.
        level: assurance of the tasks; by default the strongest there is.
    """
    specs = {spec.name: spec for spec in results.manifest.contestants}
    ranked = ranked_of(results, level)
    tasks = max((len(t.tasks) for t in ranked.values()), default=0)
    chosen = checked_margin(margin, tasks)

    here, there = (
        [t for n, t in ranked.items() if (b := specs[n].backend) and b.country == country]
        for country in (ours, theirs)
    )
    return CountryComparison(
        run=results.manifest.name,
        ours=ours,
        theirs=theirs,
        margin=chosen,
        tasks=tasks,
        simulated=results.manifest.simulated,
        claimed=claimed,
        absent=tuple(who for who, found in ((ours, here), (theirs, there)) if not found),
        matches=tuple(_match(t, there, chosen, claimed) for t in here if there),
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
    doubts = {p.doubt for p in pairs}
    if None not in doubts:
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
