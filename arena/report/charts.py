"""Charts by Altair, rendered to SVG when the report is made.

A browser that runs Vega needs 900 KB of library on every page. Rendered beforehand, a chart is
30 KB, prints, is there without scripts, and follows the page's colours through CSS variables; the
page's own script adds the numbers on hover and focus. Every mark that is one contestant is a link
to its row of the leaderboard, which is what makes it reachable by keyboard.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from arena.report.points import Box, FrontierPoint, place

INK, MUTED, LINE, PAPER, ACCENT = "#1a1d21", "#5c6670", "#dfe2e5", "#fdfdfc", "#0b6b60"
_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", PAPER: "paper", ACCENT: "accent"}
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
POINT_AREA = 130
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down")
COST_TITLE = "US$ per attempt, log scale"
_LINK = r'<a href="\1" aria-label=\2><path aria-hidden="true"'
_KEEP_EXACT = 24
"""Contestants up to which every point is named; beyond, only those on the frontier."""


@dataclass(frozen=True, slots=True)
class PlotSize:
    """Plot area in pixels, without axes."""

    width: int
    height: int


WIDE, NARROW = PlotSize(960, 400), PlotSize(318, 330)


def shapes(points: Sequence[FrontierPoint]) -> dict[str, str]:
    """Shape of each country, by name order so that a chart does not depend on the ranking."""
    countries = sorted({p.country for p in points})
    return {c: SHAPES[i % len(SHAPES)] for i, c in enumerate(countries)}


def frontier(points: Sequence[FrontierPoint], size: PlotSize = WIDE) -> alt.LayerChart:
    """Pass rate against cost per attempt (log) with 95% intervals and the frontier line."""
    domain = _cost_domain(points)
    x = alt.X(
        "cost:Q",
        title=COST_TITLE,
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(
            values=_ticks(domain, size.width),
            format="$~f",
            grid=False,
        ),
    )
    y = alt.Y(
        "rate:Q",
        title=None,
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", values=[0, 0.2, 0.4, 0.6, 0.8, 1], domain=False, ticks=False),
    )
    layers = [
        *_steps(points, domain, x, y),
        *_intervals(points, domain, x, y),
        _marks(points, x, y),
        *_names(points, domain, size, x, y),
    ]
    return alt.LayerChart(layer=layers, width=size.width, height=size.height)


def _data(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _steps(
    points: Sequence[FrontierPoint], domain: tuple[float, float], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """What is attainable at each price, as a line and a faint area below it."""
    best = sorted((p for p in points if p.on_frontier), key=lambda p: p.cost)
    if not best:
        return []
    rows = [{"cost": p.cost, "rate": p.rate} for p in best]
    rows.append({"cost": domain[1], "rate": best[-1].rate})
    chart = alt.Chart(_data(rows)).encode(x, y)
    return [
        chart.mark_area(interpolate="step-after", color=ACCENT, opacity=0.06, aria=False),
        chart.mark_line(
            interpolate="step-after",
            color=ACCENT,
            strokeWidth=1.5,
            strokeDash=[5, 4],
            opacity=0.8,
            aria=False,
        ),
    ]


def _intervals(
    points: Sequence[FrontierPoint], domain: tuple[float, float], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    rows = []
    for p in points:
        lo, hi = p.cost_ci or (p.cost, p.cost)
        ends = {"cost_lo": max(lo, domain[0]), "cost_hi": min(hi, domain[1])}
        rates = {"rate_lo": p.rate_ci.lo, "rate_hi": p.rate_ci.hi}
        rows.append({"cost": p.cost, "rate": p.rate, "frontier": p.on_frontier, **ends, **rates})
    rules = alt.Chart(_data(rows)).mark_rule(strokeWidth=1.5, opacity=0.45, aria=False)
    rules = rules.encode(color=_colour())
    across = rules.encode(x=alt.X("cost_lo:Q", title=COST_TITLE), x2="cost_hi:Q", y=y)
    along = rules.encode(x=x, y=alt.Y("rate_lo:Q", title=None), y2="rate_hi:Q")
    return [across, along]


def _marks(points: Sequence[FrontierPoint], x: alt.X, y: alt.Y) -> alt.Chart:
    by_country = shapes(points)
    rows = [
        {
            "cost": p.cost,
            "rate": p.rate,
            "frontier": p.on_frontier,
            "country": p.country,
            "description": p.description,
            "anchor": f"#{p.anchor}",
        }
        for p in points
    ]
    shape = alt.Scale(domain=list(by_country), range=list(by_country.values()))
    chart = alt.Chart(_data(rows)).mark_point(
        filled=True, size=POINT_AREA, opacity=1, stroke=PAPER, strokeWidth=1.5
    )
    encoded: alt.Chart = chart.encode(
        x,
        y,
        color=_colour(),
        shape=alt.Shape("country:N", scale=shape, legend=None),
        href="anchor:N",
        description="description:N",
    )
    return encoded


def _colour() -> alt.Color:
    scale = alt.Scale(domain=[True, False], range=[ACCENT, MUTED])
    return alt.Color("frontier:N", scale=scale, legend=None)


def _names(
    points: Sequence[FrontierPoint], domain: tuple[float, float], size: PlotSize, x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """Names beside their points, each with a halo of the paper's colour."""
    first = sorted(points, key=lambda p: not p.on_frontier)
    named = [p for p in first if len(points) <= _KEEP_EXACT or p.on_frontier]
    width = math.log(domain[1] / domain[0])

    def at(p: FrontierPoint) -> tuple[float, float]:
        along = math.log(p.cost / domain[0]) / width
        return along * size.width, (1 - p.rate) * size.height

    obstacles = [Box.around(*at(p), 8) for p in points]
    halo: dict[str, Any] = {
        "stroke": PAPER,
        "strokeWidth": 4,
        "strokeJoin": "round",
        "color": PAPER,
    }
    layers = []
    for p, label in zip(
        named,
        place([(p.name, at(p)) for p in named], obstacles, size.width, size.height),
        strict=True,
    ):
        if label is None:
            continue
        row = _data([{"cost": p.cost, "rate": p.rate, "name": label.text}])
        text = alt.Chart(row).encode(x, y, text="name:N")
        style: dict[str, Any] = {
            "align": label.align, "dx": label.dx, "dy": label.dy, "fontSize": 12,
            "baseline": "middle", "aria": False, "limit": 400,
            "fontWeight": 600 if p.on_frontier else 400,
        }  # fmt: skip
        layers.append(text.mark_text(**style, **halo))
        layers.append(text.mark_text(**style, color=INK if p.on_frontier else MUTED))
    return layers


def _cost_domain(points: Sequence[FrontierPoint]) -> tuple[float, float]:
    lows = [p.cost_ci.lo if p.cost_ci and p.cost_ci.lo > p.cost / 5 else p.cost for p in points]
    highs = [p.cost_ci.hi if p.cost_ci and p.cost_ci.hi < p.cost * 5 else p.cost for p in points]
    low, high = min(lows, default=0.1), max(highs, default=1.0)
    room = max(1.35, (high / low) ** 0.07)
    return low / room, high * room


def _ticks(domain: tuple[float, float], width: int) -> list[float]:
    first, last = (math.floor(math.log10(end)) for end in domain)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [s * 10.0**power for power in range(first, last + 1) for s in steps]
        found = [float(f"{t:.1g}") for t in found if domain[0] <= t <= domain[1]]
        if len(found) <= width / 75:
            break
    return found


def _configured(chart: alt.LayerChart, background: str = "transparent") -> alt.LayerChart:
    configured: alt.LayerChart = (
        chart.configure(background=background, font=FONT, padding=6)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            titleFontWeight="normal",
            titleFontSize=12,
            titlePadding=10,
            labelFontSize=12,
            labelPadding=6,
            gridColor=LINE,
            domainColor=LINE,
            tickColor=LINE,
        )
    )
    return configured


def svg(chart: alt.LayerChart) -> str:
    """The chart as a standalone SVG file on white, without links."""
    return re.sub(r"</?a\b[^>]*>", "", _svg(_configured(chart, "white")))


def png(chart: alt.LayerChart, scale: float = 2.0) -> bytes:
    """The chart as PNG on white, `scale` pixels for each of its own."""
    image: bytes = vl_convert.vegalite_to_png(_configured(chart, "white").to_json(), scale=scale)
    return image


def inline_svg(chart: alt.LayerChart) -> str:
    """The chart for the page: colours are the page's variables, marks are plain links."""
    text = _svg(_configured(chart))
    for literal, name in _VARIABLES.items():
        text = text.replace(f'"{literal}"', f'"var(--{name})"')
    text = text.replace("xlink:href", "href")
    text = re.sub(
        r' (?:xmlns:xlink|role|aria-roledescription|version|target|title)="[^"]*"', "", text
    )
    # The renderer resolves links against a data server; only the fragment is ours.
    text = re.sub(r'<a href="[^"#]*(#[^"]*)"><path aria-label=("[^"]*")', _LINK, text)
    return re.sub(r'<svg([^>]*?) width="\d+" height="\d+"', r"<svg\1", text, count=1)


def _svg(chart: alt.LayerChart) -> str:
    text: str = vl_convert.vegalite_to_svg(chart.to_json())
    return text
