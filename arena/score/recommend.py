"""Which backend to take: the cheapest that is shown not worse than any other.

A contestant qualifies when it is shown not worse than every other contestant by the margin; the
p-values of all contestants are adjusted together (Holm, with Shaffer's limit: the best one is
never worse, so not all can fail), because the cheapest is chosen among those that qualify.
"Cheapest" is by cost per solved task on the ranking cost: failed attempts are paid for too.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import takewhile
from math import inf

from arena.errors import InputError
from arena.records import Assurance, ContestantSpec, Record
from arena.score.cascade import CascadeRow, cascades
from arena.score.pairs import Pair, compare_all, pair
from arena.score.results import Results
from arena.score.tally import Scope, TaskTally, doubt, scope_of, tallies
from arena.score.trade import Trade, trade
from arena.stats.intervals import ALPHA, CostPerSolved, Interval
from arena.stats.paired import NotWorse, holm
from arena.stats.power import DISCORDANT, checked_margin, tasks_for_margin


class Wanted(Record):
    """What a backend must be; nothing is asked by default, and unknown never satisfies."""

    max_cost_usd: float | None = None
    """Per solved task."""
    countries: tuple[str, ...] = ()
    residencies: tuple[str, ...] = ()
    open_weights: bool = False
    self_hosted: bool = False


ANYTHING = Wanted()


class Candidate(Record):
    """One contestant as an answer."""

    name: str
    caveats: tuple[str, ...]
    """What must stand beside its cost."""
    pass_rate: float | None
    pass_rate_ci: Interval | None
    cost_per_solved: CostPerSolved | None
    excluded: tuple[str, ...]
    """Why it cannot be recommended whatever the tests say."""
    rival: str | None
    """The other contestant that it is hardest to show it not worse than."""
    against_rival: NotWorse | None
    adjusted_p: float
    """Of "worse than some other by the margin", adjusted over all contestants."""
    shown: bool
    """Shown not worse than any other by the margin."""
    shown_worse_than: tuple[str, ...]
    """Contestants that are shown to pass more, by however little (Holm over all pairs)."""
    tasks_needed: int | None
    """Tasks that would probably show it; None when shown, or when it is observed to be worse by
    more than the margin."""

    @property
    def cost_usd(self) -> float | None:
        """Per solved task."""
        return self.cost_per_solved.estimate if self.cost_per_solved else None


class Recommendation(Record):
    """The answer with its evidence."""

    run: str
    margin: float
    tasks: int
    scope: Scope
    simulated: bool
    decided: bool
    headline: str
    """The answer in a sentence."""
    pick: Candidate | None
    """The cheapest shown not worse than any other."""
    cheapest_not_shown_worse: Candidate | None
    """The cheapest that nothing was shown to beat: a guess worth testing, not an answer."""
    tasks_needed: int | None
    """When not decided, tasks that would probably decide."""
    candidates: tuple[Candidate, ...]
    """All contestants, cheapest first."""
    would_change: tuple[str, ...]
    """What could change the answer."""
    left_out: tuple[str, ...]
    """Contestants without any verdict: nothing is said of them."""
    trade: Trade
    """Pass rate against cost: who is the best buy at which value of a solved task."""
    cascades: tuple[CascadeRow, ...]

    @property
    def unknown(self) -> str:
        """What must stand behind an answer that does not speak of all, with a blank before it."""
        return _unknown(self.left_out)


def recommend(
    results: Results,
    *,
    margin: float | None = None,
    wanted: Wanted = ANYTHING,
    level: Assurance | None = None,
    value_usd: float | None = None,
) -> Recommendation:
    """Recommend a backend.

    Args:
        results: the run.
        margin: largest loss of pass rate that is accepted, within (0, 1); by default 10 points
            from 100 tasks, else 20.
        wanted: what the backend must be. The others still count as rivals.
        level: assurance of the tasks; by default the strongest there is.
        value_usd: worth of a solved task in US dollars; without one, all values are told.
    """
    specs = {c.name: c for c in results.manifest.contestants if not c.control}
    counted = {n: t for n, t in tallies(results, level).items() if n in specs}
    ranked = {n: t for n, t in counted.items() if t.scored_total}
    tasks = max((len(t.tasks) for t in ranked.values()), default=0)
    if wanted.max_cost_usd is not None and not 0 < wanted.max_cost_usd < inf:
        raise InputError(
            f"{wanted.max_cost_usd} is no cost", where="--max-cost", remedy="give US dollars"
        )
    chosen = checked_margin(margin, tasks)
    candidates = _candidates(ranked, specs, chosen, wanted)
    doubts = tuple(reason for t in ranked.values() if (reason := doubt(t)))
    left_out = tuple(n for n in counted if n not in ranked)
    pick = next((c for c in candidates if c.shown and not c.excluded), None)
    guess = next((c for c in candidates if not c.shown_worse_than and not c.excluded), None)
    needed = None if pick else _tasks_needed(candidates, guess, tasks, chosen)
    return Recommendation(
        run=results.manifest.name,
        margin=chosen,
        tasks=tasks,
        scope=scope_of(results.manifest, level),
        simulated=results.manifest.simulated,
        decided=pick is not None,
        headline=_headline(pick, candidates, tasks, chosen, needed, doubts) + _unknown(left_out),
        pick=pick,
        cheapest_not_shown_worse=guess,
        tasks_needed=needed,
        candidates=candidates,
        would_change=(
            *_would_change(candidates, pick, tasks),
            *(f"{d}; resume the run." for d in doubts),
        ),
        left_out=left_out,
        trade=trade(
            ranked,
            compare_all(ranked),
            value_usd=value_usd,
            allowed=[c.name for c in candidates if not c.excluded],
            seed=results.manifest.seed,
        ),
        cascades=cascades(results, ranked, seed=results.manifest.seed),
    )


def _candidates(
    ranked: Mapping[str, TaskTally],
    specs: Mapping[str, ContestantSpec],
    margin: float,
    wanted: Wanted,
) -> tuple[Candidate, ...]:
    pairs = {n: [pair(t, o) for m, o in ranked.items() if m != n] for n, t in ranked.items()}
    hardest = {n: _hardest(lined, margin) for n, lined in pairs.items()}
    raw = [p for _, _, p in hardest.values()]
    adjusted = dict(zip(ranked, holm(raw, true_at_most=len(ranked) - 1), strict=True))
    worse = [(c.shown_worse, c.a, c.b) for c in compare_all(ranked)]
    found = []
    for name, tally in ranked.items():
        rival, test, _ = hardest[name]
        rate, interval, _ = tally.seen.rate() or (None, None, None)
        cost = tally.seen.cost_per_solved()
        shown = rival is not None and adjusted[name] <= ALPHA
        found.append(
            Candidate(
                name=name,
                caveats=tally.who.caveats,
                pass_rate=rate,
                pass_rate_ci=interval,
                cost_per_solved=cost,
                excluded=_excluded(specs[name], tally, cost, wanted),
                rival=rival,
                against_rival=test,
                adjusted_p=adjusted[name],
                shown=shown,
                shown_worse_than=tuple(b if a == name else a for w, a, b in worse if w == name),
                tasks_needed=None if shown else _needed(pairs[name], margin),
            )
        )
    return tuple(sorted(found, key=_order))


def _order(candidate: Candidate) -> tuple[bool, float, str]:
    cost = candidate.cost_usd
    return cost is None, cost or 0.0, candidate.name


def _hardest(pairs: Sequence[Pair], margin: float) -> tuple[str | None, NotWorse | None, float]:
    """The rival with the largest p, the test against it, and that p; 1 when it decides nothing."""
    tests = ((lined, lined.not_worse(margin)) for lined in pairs)
    found = [(lined.b.who.name, test, lined.p_of(test)) for lined, test in tests]
    return max(found, key=lambda one: one[2], default=(None, None, 1.0))


def _excluded(
    spec: ContestantSpec, tally: TaskTally, cost: CostPerSolved | None, wanted: Wanted
) -> tuple[str, ...]:
    backend = spec.backend
    country = backend.country if backend else None
    residency = backend.residency if backend else None
    price = cost.estimate if cost else None
    limit = wanted.max_cost_usd
    checks = (
        (cost is None, "its cost is unknown or has no price"),
        (cost is not None and price is None, "it solved nothing"),
        (
            limit is not None and price is not None and price > limit,
            f"it costs more than ${limit} per solved task",
        ),
        (not _among(country, wanted.countries), f"country {country or 'unknown'}"),
        (not _among(residency, wanted.residencies), f"data in {residency or 'unknown'}"),
        (wanted.open_weights and not (backend and backend.open_weights), "weights are not open"),
        (wanted.self_hosted and not (backend and backend.self_hosted), "it is not self-hosted"),
    )
    missing = doubt(tally)
    reasons = [reason for fails, reason in checks if fails]
    return (*reasons, *([missing] if missing else ()))


def _among(code: str | None, wanted: Sequence[str]) -> bool:
    """Whether a code is one of those wanted, in whatever case; anything is when none is."""
    return not wanted or (code or "").lower() in {one.lower() for one in wanted if one}


def _needed(pairs: Sequence[Pair], margin: float) -> int | None:
    """Tasks that would show a contestant not worse than each of the others, at what was seen."""
    most = 0
    for seen in (lined.differences for lined in pairs if lined.tasks):
        spread = float(seen.std(ddof=1)) if len(seen) > 1 else 0.0
        tasks = tasks_for_margin(
            margin,
            spread=spread or DISCORDANT**0.5,
            difference=min(0.0, float(seen.mean())),
            alpha=ALPHA / len(pairs),
        )
        if tasks is None:
            return None
        most = max(most, tasks, len(seen) + 1)
    return most or None


def _tasks_needed(
    candidates: Sequence[Candidate], guess: Candidate | None, tasks: int, margin: float
) -> int | None:
    if len(candidates) < 2:
        return None
    if guess and guess.tasks_needed:
        return guess.tasks_needed
    known = [c.tasks_needed for c in candidates if c.tasks_needed and not c.excluded]
    planned = tasks_for_margin(margin, alpha=ALPHA / (len(candidates) - 1))
    return min(known, default=max(planned or 0, tasks + 1))


def _headline(
    pick: Candidate | None,
    candidates: Sequence[Candidate],
    tasks: int,
    margin: float,
    needed: int | None,
    doubts: Sequence[str],
) -> str:
    if pick and pick.pass_rate is not None and pick.cost_usd is not None:
        return (
            f"{pick.name} is the cheapest backend shown not worse than any other by"
            f" {margin * 100:.0f} points or more: it passes {pick.pass_rate:.0%} of {_tasks(tasks)}"
            f" at ${_plain(pick.cost_usd)} per solved task."
        )
    if len(candidates) < 2:
        return "Not decided: a recommendation needs verdicts of at least two contestants."
    if doubts:
        return f"Not decided: {'; '.join(doubts)}. Resume the run first."
    eligible = [c for c in candidates if not c.excluded]
    if not eligible:
        why = "; ".join(f"{c.name}: {', '.join(c.excluded)}" for c in candidates)
        return f"Not decided: no contestant can be recommended ({why})."
    return (
        f"Not decided: on {_tasks(tasks)} no backend is shown not worse than every other by"
        f" {margin * 100:.0f} points or more; about {needed} tasks would be needed."
    )


def _would_change(
    candidates: Sequence[Candidate], pick: Candidate | None, tasks: int
) -> tuple[str, ...]:
    lines = []
    for one in takewhile(lambda c: c != pick, candidates):
        if one.shown or one.shown_worse_than or one.excluded or one.rival is None:
            continue
        said = "it is observed to be worse by the margin or more, which is not shown."
        if one.tasks_needed is not None:
            more = _tasks(max(1, one.tasks_needed - tasks), "more task")
            said = f"about {more} would probably show whether it is good enough."
        lines.append(f"{one.name}{' would be cheaper;' if pick else ':'} {said}")
    return tuple(lines)


def _unknown(left_out: Sequence[str]) -> str:
    return "".join(f" Nothing is known of {name}: it has no verdict." for name in left_out)


def _tasks(number: int, noun: str = "task") -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _plain(usd: float) -> str:
    """Three telling digits, never in powers of ten."""
    text = format(Decimal(f"{usd:.2e}"), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
