"""The run as one page: `report/index.html`, complete in a single file."""

from dataclasses import dataclass

from markupsafe import Markup

from arena.report import charts
from arena.report import format as show
from arena.report.answer import answer
from arena.report.caveats import caveats, simulated_note
from arena.report.comparisons import TITLES, countries, matrix, told_apart
from arena.report.costs import KINDS, cost_lines
from arena.report.escape import plain
from arena.report.leaderboard import board_columns, controls, lines
from arena.report.outcomes import grid, health
from arena.report.points import points
from arena.report.scored import Scored
from arena.report.setup import contestant_line, price_lines, task_line
from arena.report.templates import environment, page


@dataclass(frozen=True, slots=True)
class FrontierChart:
    """The frontier drawn for wide and for narrow screens."""

    wide: Markup
    narrow: Markup
    shapes: dict[str, str]
    """Shape of each country."""
    left_out: tuple[str, ...]
    """Contestants that cannot be drawn, since a rate or a price is missing."""


def render(scored: Scored, *, live: str | None = None) -> str:
    """The page as HTML.

    Args:
        scored: the run.
        live: version of what is shown, for a page that asks its server whether there is news.
    """
    scripts = ("theme.js", "index.js", *(() if live is None else ("live.js",)))
    manifest, board, rows = scored.results.manifest, scored.board, lines(scored)
    found, spent = answer(scored), cost_lines(scored)
    used = {part.kind for line in spent for part in line.parts}
    return (
        environment()
        .get_template("index.html")
        .render(
            page=page(("base.css", "index.css"), scripts, live=live is not None),
            title=f"{plain(manifest.name)}: {found.headline}",
            home="#main",
            live=live,
            manifest=manifest,
            when=show.moment(manifest.created_at),
            simulated=simulated_note(scored),
            answer=found,
            chart=_chart(scored),
            lines=rows,
            columns=board_columns("page", board.attempts),
            attempts=board.attempts,
            controls=controls(scored),
            grid=grid(scored),
            countries=countries(scored),
            groups=told_apart(scored),
            titles=TITLES,
            matrix=matrix(scored),
            costs=spent,
            kinds=[(i, kind) for i, kind in enumerate(KINDS) if i in used],
            health=health(scored),
            prices=list(price_lines(manifest)),
            contestant_line=contestant_line,
            task_line=task_line,
            caveats=caveats(scored),
            power=board.power.line if board.power else "",
        )
    )


def _chart(scored: Scored) -> FrontierChart | None:
    drawn = points(scored)
    if not drawn:
        return None
    names = {point.name for point in drawn}
    # Our own drawing; every name in it went through the XML writer of the chart library.
    wide, narrow = (
        Markup(charts.inline_svg(charts.frontier(drawn, size)))  # noqa: S704
        for size in (charts.WIDE, charts.NARROW)
    )
    return FrontierChart(
        wide=wide,
        narrow=narrow,
        shapes=charts.shapes(drawn),
        left_out=tuple(n for r in scored.board.rows if (n := plain(r.who.name)) not in names),
    )
