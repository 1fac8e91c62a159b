"""The run as one page: `report/index.html`, complete in a single file."""

from collections.abc import Sequence

from markupsafe import Markup

from arena.report import charts
from arena.report import format as show
from arena.report.answer import answer
from arena.report.caveats import caveats, ending_notes, simulated_note
from arena.report.comparisons import TITLES, countries, matrix, told_apart
from arena.report.costs import KINDS, cost_lines
from arena.report.escape import plain
from arena.report.leaderboard import board_columns, controls, lines
from arena.report.outcomes import count_tables, grid, suspicions
from arena.report.points import FrontierPoint, points
from arena.report.scored import Scored
from arena.report.setup import contestant_line, price_lines, task_line
from arena.report.templates import environment, page

MAX_SUSPICIONS = 200


def render(scored: Scored, *, live: str | None = None) -> str:
    """The page as HTML.

    Args:
        scored: the run.
        live: version of what is shown, for a page that asks its server whether there is news.
    """
    scripts = ("theme.js", "index.js", *(() if live is None else ("live.js",)))
    manifest, board, rows = scored.results.manifest, scored.board, lines(scored)
    found, spent, drawn = answer(scored), cost_lines(scored), points(scored)
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
            wide=_drawn(drawn, charts.WIDE) if drawn else "",
            narrow=_drawn(drawn, charts.NARROW) if drawn else "",
            shapes=charts.shapes(drawn),
            drawn={point.anchor for point in drawn},
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
            notes=list(ending_notes(scored)),
            count_tables=count_tables(scored),
            suspicions=suspicions(scored),
            most=MAX_SUSPICIONS,
            prices=list(price_lines(manifest)),
            contestant_line=contestant_line,
            task_line=task_line,
            caveats=caveats(scored),
            power=board.power.line if board.power else "",
        )
    )


def _drawn(points: Sequence[FrontierPoint], size: charts.PlotSize) -> Markup:
    """The frontier chart for screens of one width."""
    # Our own drawing; every name in it went through the XML writer of the chart library.
    return Markup(charts.inline_svg(charts.frontier(points, size)))  # noqa: S704
