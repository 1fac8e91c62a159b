"""Every pair of contestants: the difference of their pass rates and how sure it is."""

from dataclasses import dataclass

from arena.report import format as show
from arena.report.escape import plain
from arena.report.scored import Scored
from arena.score.pairs import PairCell
from arena.stats.interval import ALPHA


@dataclass(frozen=True, slots=True)
class Cell:
    """Row less column in points; empty on the diagonal."""

    text: str
    tone: str
    """`good` or `bad` when shown, else empty."""
    tip: str


@dataclass(frozen=True, slots=True)
class PairLine:
    """One pair in words and numbers."""

    a: str
    b: str
    tasks: int
    difference: str
    order: float
    ci: str
    p: str
    adjusted: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Matrix:
    """All pairs, as a square and as a list."""

    names: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    pairs: tuple[PairLine, ...]
    shown: int
    """Pairs with a difference that is shown."""


def matrix(scored: Scored) -> Matrix:
    """The pairs of a board in the order of the leaderboard."""
    names = [row.who.name for row in scored.board.rows]
    place = {name: i for i, name in enumerate(names)}
    square = [[Cell("", "", "") for _ in names] for _ in names]
    lines = []
    for pair in sorted(scored.board.pairs, key=lambda c: sorted((place[c.a], place[c.b]))):
        first = pair.a if place[pair.a] < place[pair.b] else pair.b
        square[place[pair.a]][place[pair.b]] = _cell(pair, 1)
        square[place[pair.b]][place[pair.a]] = _cell(pair, -1)
        lines.append(_line(pair, 1 if first == pair.a else -1))
    return Matrix(
        names=tuple(map(plain, names)),
        rows=tuple(map(tuple, square)),
        pairs=tuple(lines),
        shown=sum(pair.adjusted_p <= ALPHA for pair in scored.board.pairs),
    )


def _cell(pair: PairCell, sign: int) -> Cell:
    if pair.difference is None:
        return Cell(show.DASH, "", pair.inconclusive or "")
    line = _line(pair, sign)
    gap = sign * pair.difference.estimate
    tone = ("good" if gap > 0 else "bad") if pair.adjusted_p <= ALPHA else ""
    tip = (
        f"{line.a} less {line.b}: {line.difference} points ({line.ci}), adjusted p {line.adjusted}"
    )
    return Cell(line.difference, tone, f"{tip}; {line.verdict}")


def _line(pair: PairCell, sign: int) -> PairLine:
    a, b = (pair.a, pair.b) if sign > 0 else (pair.b, pair.a)
    found = pair.difference
    if found is None:
        return PairLine(
            plain(a), plain(b), pair.tasks, show.DASH, 0.0, show.DASH, show.DASH, show.DASH,
            pair.inconclusive or "",
        )  # fmt: skip
    ends = sorted((sign * found.ci.lo, sign * found.ci.hi))
    return PairLine(
        a=plain(a),
        b=plain(b),
        tasks=pair.tasks,
        difference=show.points(sign * found.estimate),
        order=sign * found.estimate,
        ci=f"{show.points(ends[0])} to {show.points(ends[1])}",
        p=show.p_value(found.p),
        adjusted=show.p_value(pair.adjusted_p),
        verdict=_verdict(pair, sign * found.estimate, plain(a)),
    )


def _verdict(pair: PairCell, gap: float, name: str) -> str:
    if pair.inconclusive:
        return f"inconclusive: {plain(pair.inconclusive)}"
    if pair.adjusted_p > ALPHA:
        return "not told apart"
    return f"{name} passes {'more' if gap > 0 else 'less'}"
