"""What the frontier chart shows of contestants, and where their names go.

Names cover neither points nor each other. Nothing here loads the chart library.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from arena.report import format as show
from arena.report.format import plain
from arena.report.leaderboard import anchor, country
from arena.report.scored import Scored, ScoredContestant
from arena.stats.intervals import Interval

CHAR_PX = 6.8
LINE_PX = 15.0
GAP_PX = 9.0
MAX_CHARS = 26


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One contestant on the frontier chart."""

    name: str
    anchor: str
    """Id of the contestant's row on the page."""
    country: str
    """Country of the lab, or what is shown instead."""
    rate: float
    rate_ci: Interval
    cost: float
    """US dollars per attempt, above 0."""
    cost_ci: Interval | None
    on_frontier: bool
    description: str
    """All numbers in one sentence: shown on hover and read aloud."""


def points(scored: Scored) -> list[FrontierPoint]:
    """Contestants that have a pass rate and a price."""
    found = []
    for i, one in enumerate(scored.contestants[: len(scored.board.rows)]):
        row, score, cost = one.row, one.row.score, one.row.money.mean_usd
        if score.pass_rate is None or score.ci is None or not cost:
            continue
        found.append(
            FrontierPoint(
                name=plain(row.who.name),
                anchor=anchor(i),
                country=country(row.who),
                rate=score.pass_rate,
                rate_ci=score.ci,
                cost=cost,
                cost_ci=one.cost_ci,
                on_frontier=row.on_frontier,
                description=_describe(one, score.ci),
            )
        )
    return found


def _describe(one: ScoredContestant, rate_ci: Interval) -> str:
    row, score, money = one.row, one.row.score, one.row.money
    passed = f"{show.percent(score.pass_rate)} passed ({show.percent_range(rate_ci)})"
    cost = f"{show.usd(money.mean_usd)} per attempt"
    if one.cost_ci:
        cost += f" ({show.usd_range(one.cost_ci)})"
    parts = [f"{plain(row.who.name)} ({country(row.who)}): {passed}", cost]
    if money.per_solved and money.per_solved.estimate:
        parts.append(f"{show.usd(money.per_solved.estimate)} per solved task")
    if row.frontier_share is not None:
        parts.append(f"on the frontier in {show.percent(row.frontier_share)} of resamples")
    if row.inconclusive:
        parts.append("inconclusive")
    return "; ".join(parts)


class Box(NamedTuple):
    """Pixels, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, reach: float) -> "Box":
        """A square around a point."""
        return cls(x - reach, y - reach, x + reach, y + reach)

    def meets(self, other: "Box") -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A name and its offset from its point in pixels."""

    text: str
    align: Literal["left", "right"]
    dx: float
    dy: float


def place(
    names: Sequence[tuple[str, tuple[float, float]]],
    obstacles: Sequence[Box],
    width: float,
    height: float,
) -> list[Label | None]:
    """A place for each name, first come first served; None where there is none.

    Args:
        names: text and position of the point it belongs to, in pixels.
        obstacles: what no name may cover.
        width: of the plot, in pixels.
        height: of the plot, in pixels.
    """
    taken = list(obstacles)
    placed: list[Label | None] = []
    for name, (x, y) in names:
        text = name if len(name) <= MAX_CHARS else name[: MAX_CHARS - 1] + "…"
        placed.append(None)
        for label in _candidates(text):
            box = _box(label, x, y)
            inside = box.left >= 0 and box.right <= width + 12
            inside = inside and box.top >= -LINE_PX and box.bottom <= height
            if inside and not any(box.meets(other) for other in taken):
                taken.append(box)
                placed[-1] = label
                break
    return placed


def _candidates(text: str) -> Iterator[Label]:
    for dy in (-LINE_PX * 0.8, LINE_PX * 0.8, 0.0, -25.0, 25.0, -38.0, 38.0):
        yield Label(text, "left", GAP_PX, dy)
        yield Label(text, "right", -GAP_PX, dy)


def _box(label: Label, x: float, y: float) -> Box:
    length = len(label.text) * CHAR_PX
    start = x + label.dx - (length if label.align == "right" else 0.0)
    middle = y + label.dy
    return Box(start, middle - LINE_PX / 2, start + length, middle + LINE_PX / 2)
