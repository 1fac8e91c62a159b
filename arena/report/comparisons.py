"""Contestants against each other: every pair, the United States and China, and groups."""

from collections.abc import Mapping
from dataclasses import dataclass

from arena.report import format as show
from arena.report.escape import one_line, plain
from arena.report.scored import Scored
from arena.score.groups import Claim, Group, Match, groups
from arena.score.pairs import PairCell
from arena.stats.interval import ALPHA, Interval

TITLES = {
    "country": "Country of the lab",
    "open_weights": "Weights",
    "provider": "Provider",
    "agent": "Agent",
}


@dataclass(frozen=True, slots=True)
class PairLine:
    """One pair in words and numbers, seen from its first."""

    a: str
    b: str
    tasks: int
    verdict: str
    difference: str = show.DASH
    """A less B in points."""
    order: float = 0.0
    ci: str = show.DASH
    p: str = show.DASH
    adjusted: str = show.DASH
    tone: str = ""
    """`good` or `bad` when shown, else empty."""

    @property
    def tip(self) -> str:
        """All of it in one sentence."""
        if self.difference == show.DASH:
            return self.verdict
        return (
            f"{self.a} less {self.b}: {self.difference} points ({self.ci}), adjusted p"
            f" {self.adjusted}; {self.verdict}"
        )


@dataclass(frozen=True, slots=True)
class Matrix:
    """All pairs, as a square and as a list."""

    names: tuple[str, ...]
    rows: tuple[tuple[PairLine | None, ...], ...]
    """Row less column; None on the diagonal."""
    pairs: tuple[PairLine, ...]
    shown: int
    """Pairs with a difference that is shown."""


def matrix(scored: Scored) -> Matrix:
    """The pairs of a board in the order of the leaderboard."""
    names = [row.who.name for row in scored.board.rows]
    place = {name: i for i, name in enumerate(names)}
    square: list[list[PairLine | None]] = [[None for _ in names] for _ in names]
    for pair in scored.board.pairs:
        square[place[pair.a]][place[pair.b]] = _pair_line(pair, 1)
        square[place[pair.b]][place[pair.a]] = _pair_line(pair, -1)
    return Matrix(
        names=tuple(map(plain, names)),
        rows=tuple(map(tuple, square)),
        pairs=tuple(line for i, row in enumerate(square) for line in row[i + 1 :] if line),
        shown=sum(pair.adjusted_p <= ALPHA for pair in scored.board.pairs),
    )


def _pair_line(pair: PairCell, sign: int) -> PairLine:
    a, b = (pair.a, pair.b) if sign > 0 else (pair.b, pair.a)
    found = pair.difference
    if found is None:
        return PairLine(plain(a), plain(b), pair.tasks, pair.inconclusive or "")
    gap = sign * found.estimate
    lo, hi = sorted((sign * found.ci.lo, sign * found.ci.hi))
    return PairLine(
        a=plain(a),
        b=plain(b),
        tasks=pair.tasks,
        verdict=_verdict(pair, gap, plain(a)),
        difference=show.points(gap),
        order=gap,
        ci=f"{show.points(lo)} to {show.points(hi)}",
        p=show.p_value(found.p),
        adjusted=show.p_value(pair.adjusted_p),
        tone="" if pair.adjusted_p > ALPHA else "good" if gap > 0 else "bad",
    )


def _verdict(pair: PairCell, gap: float, name: str) -> str:
    if pair.inconclusive:
        return f"inconclusive: {plain(pair.inconclusive)}"
    if pair.adjusted_p > ALPHA:
        return "not told apart"
    return f"{name} passes {'more' if gap > 0 else 'less'}"


@dataclass(frozen=True, slots=True)
class Countries:
    """The United States against China; without matches, `headline` says why."""

    headline: str
    matches: tuple[tuple[Match, str, str], ...]
    """With what each says of the claim, and the tone to say it in."""
    margin: str
    claimed: str


def countries(scored: Scored) -> Countries:
    """Who is shown not worse, at what share of the cost; simulated runs compare no countries."""
    found = scored.countries
    claimed = f"{show.fraction(found.claimed.lo)} to {show.fraction(found.claimed.hi)}"
    margin = show.percent(found.margin)
    if found.simulated:
        headline = (
            "Endpoints were simulated, so there is nothing to say about vendors or countries."
        )
        return Countries(headline, (), margin, claimed)
    matches = tuple((match, *_claim(match, found.claimed)) for match in found.matches)
    return Countries(plain(found.headline), matches, margin, claimed)


def _claim(match: Match, claimed: Interval) -> tuple[str, str]:
    if not match.counterpart:
        return one_line(match.reason or "no counterpart"), ""
    lo, hi = show.fraction(claimed.lo), show.fraction(claimed.hi)
    words: Mapping[Claim, tuple[str, str]] = {
        "within": (f"confirmed: between {lo} and {hi}", "good"),
        "cheaper": (f"even less than {lo}", "good"),
        "dearer": (f"refuted: more than {hi}", "bad"),
        "open": ("open: the interval crosses the edge", "warn"),
        "not_estimable": ("not estimable", ""),
    }
    return words[match.claim]


def told_apart(scored: Scored) -> tuple[Group, ...]:
    """Groups of contestants by each key that tells at least two groups apart."""
    found = groups(scored.results, scored.board.level)
    kinds = [group.key for group in found]
    return tuple(group for group in found if kinds.count(group.key) > 1)
