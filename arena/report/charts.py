"""Charts by Altair, rendered to SVG when the report is made; `reports/README.md` says why.

They follow the page's colours through CSS variables. Every mark that is one contestant is a link to
its row of the leaderboard, which is what makes it reachable by keyboard.
"""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Literal, NamedTuple, get_args

import altair as alt
import numpy as np
import vl_convert

from arena.records import EffortLevel
from arena.report import format as show
from arena.report.scored import Scored, ScoredContestant
from arena.stats.intervals import Interval

INK, MUTED, LINE, PAPER, ACCENT = "#1a1d21", "#5c6670", "#dfe2e5", "#fdfdfc", "#0b6b60"
_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", PAPER: "paper", ACCENT: "accent"}
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
POINT_AREA = 130
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down")
COST_TITLE = "US$ per attempt, log scale"
LEVELS: tuple[EffortLevel, ...] = get_args(EffortLevel)
_STEPS = 48
"""Pieces of a bent line."""
_LINK = r'<a href="\1" aria-label=\2><path aria-hidden="true"'
_ALL_NAMED = 24
"""Contestants up to which every point is named; beyond, only the best buys."""
_HALO: dict[str, Any] = {
    "stroke": PAPER, "strokeWidth": 4, "strokeJoin": "round", "color": PAPER,
}  # fmt: skip


class PlotSize(NamedTuple):
    """Plot area in pixels, without axes."""

    width: int
    height: int


WIDE, NARROW = PlotSize(960, 400), PlotSize(318, 330)


class PlotPoint(NamedTuple):
    """A contestant that has a pass rate and a price."""

    contestant: ScoredContestant
    rate: float
    rate_ci: Interval
    cost: float
    """US dollars per attempt, above 0."""

    @property
    def description(self) -> str:
        """All numbers in one sentence: shown on hover and read aloud."""
        one, solved = self.contestant, self.contestant.row.per_solved
        passed = f"{show.percent(self.rate)} passed ({show.percent_range(self.rate_ci)})"
        sure = f" ({show.usd_range(one.row.mean_ci)})" if one.row.mean_ci else ""
        parts = (
            f"{one.name} ({one.country}): {passed}",
            f"{show.usd(self.cost)} per attempt{sure}",
            f"{show.usd(solved.estimate)} per solved task" if solved and solved.estimate else "",
            "inconclusive" if one.row.inconclusive else "",
        )
        return "; ".join(filter(None, parts))


def points(scored: Scored) -> list[PlotPoint]:
    """Contestants that have a pass rate and a price."""
    return [
        PlotPoint(one, one.row.pass_rate, one.row.ci, one.row.mean_usd)
        for one in scored.ranked
        if one.row.pass_rate is not None and one.row.ci and one.row.mean_usd
    ]


def shapes(points: Sequence[PlotPoint]) -> dict[str, str]:
    """Shape of each country, by name order so that a chart does not depend on the ranking."""
    countries = sorted({p.contestant.country for p in points})
    return {c: SHAPES[i % len(SHAPES)] for i, c in enumerate(countries)}


def plot(points: Sequence[PlotPoint], size: PlotSize = WIDE) -> alt.LayerChart:
    """Pass rate against cost per attempt (log) with 95% intervals, the line of the best buys, and
    a line for each model that was told to think more or less.
    """
    domain = _cost_domain(points)
    x = alt.X(
        "cost:Q",
        title=COST_TITLE,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(values=_ticks(domain, size.width), format="$~f", grid=False),
    )
    y = alt.Y(
        "rate:Q",
        title=None,
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1], domain=False, ticks=False),
    )
    layers = [
        *_hull(points, domain, x, y),
        *_curves(points, x, y),
        *_marks(points, domain, x, y),
        *_names(points, domain, size, x, y),
    ]
    return alt.LayerChart(layer=layers, width=size.width, height=size.height)


def _chart(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))


def _hull(
    points: Sequence[PlotPoint], domain: tuple[float, float], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """What money can buy at most, as a line and a faint area below it; straight against cost, it is
    bent on a logarithm.
    """
    best = sorted((p.cost, p.rate) for p in points if p.contestant.buy)
    if not best:
        return []
    corners, heights = zip((0.0, 0.0), *best, strict=True)
    costs = np.union1d(np.geomspace(*domain, _STEPS), corners[1:])
    rates = np.interp(costs, corners, heights)
    rows = [{"cost": cost, "rate": rate} for cost, rate in np.column_stack((costs, rates)).tolist()]
    chart = _chart(rows).encode(x, y.stack(None))
    style: dict[str, Any] = {"color": ACCENT, "aria": False}
    return [
        chart.mark_area(opacity=0.06, **style),
        chart.mark_line(strokeWidth=1.5, strokeDash=[5, 4], opacity=0.8, **style),
    ]


def efforts(points: Sequence[PlotPoint]) -> list[list[PlotPoint]]:
    """Contestants that differ in effort alone, two or more of one model, the least effort first."""
    families: dict[str, list[PlotPoint]] = {}
    told = [p for p in points if p.contestant.row.who.effort]
    for p in sorted(told, key=lambda p: LEVELS.index(p.contestant.row.who.effort or LEVELS[0])):
        families.setdefault(p.contestant.row.who.family, []).append(p)
    return [family for family in families.values() if len(family) > 1]


def _curves(points: Sequence[PlotPoint], x: alt.X, y: alt.Y) -> Iterator[alt.Chart]:
    """A line through the efforts of each model."""
    for family in efforts(points):
        rows = [{"cost": p.cost, "rate": p.rate, "order": i} for i, p in enumerate(family)]
        line = _chart(rows).encode(x, y, order="order:O")
        yield line.mark_line(color=MUTED, strokeWidth=2, opacity=0.7, aria=False)


def _marks(
    points: Sequence[PlotPoint], domain: tuple[float, float], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """Intervals in both directions, and over them the points."""
    rows = []
    for p in points:
        lo, hi = p.contestant.row.mean_ci or (p.cost, p.cost)
        rows.append(
            {
                "cost": p.cost,
                "rate": p.rate,
                "best": p.contestant.buy is not None,
                "cost_lo": max(lo, domain[0]),
                "cost_hi": min(hi, domain[1]),
                "rate_lo": p.rate_ci.lo,
                "rate_hi": p.rate_ci.hi,
                "country": p.contestant.country,
                "description": p.description,
                "anchor": f"#{p.contestant.anchor}",
            }
        )
    by_country = shapes(points)
    shape = alt.Scale(domain=list(by_country), range=list(by_country.values()))
    colour = alt.Scale(domain=[True, False], range=[ACCENT, MUTED])
    chart = _chart(rows).encode(color=alt.Color("best:N", scale=colour, legend=None))
    rules = chart.mark_rule(strokeWidth=1.5, opacity=0.45, aria=False)
    style: dict[str, Any] = {"filled": True, "size": POINT_AREA, "opacity": 1}
    return [
        rules.encode(x=alt.X("cost_lo:Q", title=COST_TITLE), x2="cost_hi:Q", y=y),
        rules.encode(x=x, y=alt.Y("rate_lo:Q", title=None), y2="rate_hi:Q"),
        chart.mark_point(stroke=PAPER, strokeWidth=1.5, **style).encode(
            x,
            y,
            shape=alt.Shape("country:N", scale=shape, legend=None),
            href="anchor:N",
            description="description:N",
        ),
    ]


def _names(
    points: Sequence[PlotPoint], domain: tuple[float, float], size: PlotSize, x: alt.X, y: alt.Y
) -> Iterator[alt.Chart]:
    """Names beside their points, each with a halo of the paper's colour."""
    first = sorted(points, key=lambda p: not p.contestant.buy)
    named = [p for p in first if len(points) <= _ALL_NAMED or p.contestant.buy]
    width = math.log(domain[1] / domain[0])

    def at(p: PlotPoint) -> tuple[float, float]:
        along = math.log(p.cost / domain[0]) / width
        return along * size.width, (1 - p.rate) * size.height

    obstacles = [(x - 8, y - 8, x + 8, y + 8) for x, y in map(at, points)]
    labels = place([(p.contestant.name, at(p)) for p in named], obstacles, size)
    for p, label in zip(named, labels, strict=True):
        if label is None:
            continue
        row = {"cost": p.cost, "rate": p.rate, "name": label.text}
        text = _chart([row]).encode(x, y, text="name:N")
        style: dict[str, Any] = {
            "align": label.align, "dx": label.dx, "dy": label.dy, "fontSize": 12,
            "baseline": "middle", "aria": False, "limit": 400,
            "fontWeight": 600 if p.contestant.buy else 400,
        }  # fmt: skip
        yield text.mark_text(**style, **_HALO)
        yield text.mark_text(**style, color=INK if p.contestant.buy else MUTED)


def _cost_domain(points: Sequence[PlotPoint]) -> tuple[float, float]:
    """What the axis shows; an interval that reaches further than five times is cut."""
    ends = [(p.cost, p.contestant.row.mean_ci or Interval(p.cost, p.cost)) for p in points]
    lows = [ci.lo if ci.lo > cost / 5 else cost for cost, ci in ends]
    highs = [ci.hi if ci.hi < cost * 5 else cost for cost, ci in ends]
    low, high = min(lows, default=0.1), max(highs, default=1.0)
    margin = max(1.35, (high / low) ** 0.07)
    return low / margin, high * margin


def _ticks(domain: tuple[float, float], width: int) -> list[float]:
    first, last = (math.floor(math.log10(end)) for end in domain)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [s * 10.0**power for power in range(first, last + 1) for s in steps]
        found = [float(f"{t:.1g}") for t in found if domain[0] <= t <= domain[1]]
        if len(found) <= width / 75:
            break
    return found


def _configured(chart: alt.LayerChart, background: str) -> str:
    """The whole drawing as Vega-Lite."""
    axis: dict[str, Any] = {"titleFontWeight": "normal", "titlePadding": 10, "labelPadding": 6}
    axis |= dict.fromkeys(("titleFontSize", "labelFontSize"), 12)
    axis |= dict.fromkeys(("labelColor", "titleColor"), MUTED)
    axis |= dict.fromkeys(("gridColor", "domainColor", "tickColor"), LINE)
    whole = chart.configure(background=background, font=FONT, padding=6)
    text: str = whole.configure_view(stroke=None).configure_axis(**axis).to_json()
    return text


def svg(chart: alt.LayerChart) -> str:
    """The chart as a standalone SVG file on white, without links."""
    text = vl_convert.vegalite_to_svg(_configured(chart, "white"))
    return re.sub(r"</?a\b[^>]*>", "", text)


def png(chart: alt.LayerChart, scale: float = 2.0) -> bytes:
    """The chart as PNG on white, `scale` pixels for each of its own."""
    image: bytes = vl_convert.vegalite_to_png(_configured(chart, "white"), scale=scale)
    return image


def inline_svg(chart: alt.LayerChart) -> str:
    """The chart for the page: colours are the page's variables, marks are plain links."""
    text: str = vl_convert.vegalite_to_svg(_configured(chart, "transparent"))
    for literal, name in _VARIABLES.items():
        text = text.replace(f'"{literal}"', f'"var(--{name})"')
    text = text.replace("xlink:href", "href")
    text = re.sub(
        r' (?:xmlns:xlink|role|aria-roledescription|version|target|title)="[^"]*"', "", text
    )
    # The renderer resolves links against a data server; only the fragment is ours.
    text = re.sub(r'<a href="[^"#]*(#[^"]*)"><path aria-label=("[^"]*")', _LINK, text)
    return re.sub(r'<svg([^>]*?) width="\d+" height="\d+"', r"<svg\1", text, count=1)


CHAR_PX, LINE_PX, GAP_PX = 6.8, 15.0, 9.0
MAX_CHARS = 26
_HEIGHTS = (-LINE_PX * 0.8, LINE_PX * 0.8, 0.0, -25.0, 25.0, -38.0, 38.0)
"""Of a name above or below its point, the best first."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels, y downwards."""


class Label(NamedTuple):
    """A name and its offset from its point in pixels."""

    text: str
    align: Literal["left", "right"]
    dx: float
    dy: float


def place(
    names: Sequence[tuple[str, tuple[float, float]]], obstacles: Sequence[Box], size: PlotSize
) -> list[Label | None]:
    """A place for each name beside its point, which is in pixels, first come first served; None
    where there is none that covers no obstacle and no other name.
    """
    taken = list(obstacles)
    placed: list[Label | None] = []
    for name, (x, y) in names:
        text = name if len(name) <= MAX_CHARS else name[: MAX_CHARS - 1] + "…"
        length = len(text) * CHAR_PX
        found: Label | None = None
        for dy, dx in product(_HEIGHTS, (GAP_PX, -GAP_PX)):
            left, middle = x + dx - (length if dx < 0 else 0.0), y + dy
            box = left, middle - LINE_PX / 2, left + length, middle + LINE_PX / 2
            if _is_free(box, taken, size):
                taken.append(box)
                found = Label(text, "right" if dx < 0 else "left", dx, dy)
                break
        placed.append(found)
    return placed


def _is_free(box: Box, taken: Sequence[Box], size: PlotSize) -> bool:
    left, top, right, bottom = box
    inside = left >= 0 and right <= size.width + 12 and top >= -LINE_PX and bottom <= size.height
    return inside and all(
        left >= other[2] or other[0] >= right or top >= other[3] or other[1] >= bottom
        for other in taken
    )
