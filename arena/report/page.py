"""The run as one page: `report/index.html`, complete in a single file."""

from dataclasses import dataclass

from markupsafe import Markup

from arena.report import charts
from arena.report import format as show
from arena.report.answer import Answer, answer
from arena.report.caveats import caveats, simulated_note
from arena.report.costs import KINDS, CostLine, cost_lines
from arena.report.countries import Countries, countries
from arena.report.escape import plain
from arena.report.grid import CODES, FAULT, NOT_RUN, Grid, grid
from arena.report.health import Health, health
from arena.report.leaderboard import Control, Filters, Line, controls, filters, lines, points
from arena.report.matrix import Matrix, matrix
from arena.report.scored import Scored
from arena.report.setup import Setup, setup
from arena.report.templates import environment, page
from arena.report.together import GroupLine, together
from arena.report.trial import VERDICTS

GLYPHS = {
    "p": "✓", "f": "✗", "n": "∅", "i": "!", "t": "T", "r": "R", "g": "⚑", FAULT: "?", NOT_RUN: "·",
}  # fmt: skip
WORDS = {code: VERDICTS[verdict] for verdict, code in CODES.items()} | {
    FAULT: "fault",
    NOT_RUN: "not run",
}


@dataclass(frozen=True, slots=True)
class Chart:
    """The frontier drawn for wide and for narrow screens."""

    wide: Markup
    narrow: Markup
    shapes: dict[str, str]
    """Shape of each country."""
    left_out: tuple[str, ...]
    """Contestants that cannot be drawn, since a rate or a price is missing."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything the template shows."""

    name: str
    when: str
    arena_version: str
    simulated: str
    answer: Answer
    chart: Chart | None
    lines: tuple[Line, ...]
    filters: Filters
    controls: tuple[Control, ...]
    attempts: int
    grid: Grid
    countries: Countries
    groups: tuple[GroupLine, ...]
    matrix: Matrix
    costs: tuple[CostLine, ...]
    kinds: tuple[tuple[int, str], ...]
    """Kinds of cost that occur, with their position."""
    health: Health
    setup: Setup
    caveats: tuple[str, ...]
    power: str


def render(scored: Scored, *, live: str | None = None) -> str:
    """The page as HTML.

    Args:
        scored: the run.
        live: version of what is shown, for a page that asks its server whether there is news.
    """
    scripts = ("theme.js", "index.js", *(() if live is None else ("live.js",)))
    view = _view(scored)
    return (
        environment()
        .get_template("index.html")
        .render(
            page=page(("base.css", "index.css"), scripts, live=live is not None),
            title=f"{view.name}: {view.answer.headline}",
            home="#main",
            view=view,
            glyphs=GLYPHS,
            words=WORDS,
            live=live,
        )
    )


def _view(scored: Scored) -> View:
    manifest, rows, spent = scored.results.manifest, lines(scored), cost_lines(scored)
    used = {part.kind for line in spent for part in line.parts}
    return View(
        name=plain(manifest.name),
        when=show.moment(manifest.created_at),
        arena_version=manifest.arena_version,
        simulated=simulated_note(scored),
        answer=answer(scored),
        chart=_chart(scored),
        lines=rows,
        filters=filters(rows),
        controls=controls(scored),
        attempts=scored.board.attempts,
        grid=grid(scored),
        countries=countries(scored),
        groups=together(scored),
        matrix=matrix(scored),
        costs=spent,
        kinds=tuple((i, kind) for i, kind in enumerate(KINDS) if i in used),
        health=health(scored),
        setup=setup(scored),
        caveats=caveats(scored),
        power=plain(scored.board.power.line) if scored.board.power else "",
    )


def _chart(scored: Scored) -> Chart | None:
    drawn = points(scored)
    if not drawn:
        return None
    names = {point.name for point in drawn}
    # Our own drawing; every name in it went through the XML writer of the chart library.
    wide, narrow = (
        Markup(charts.inline_svg(charts.frontier(drawn, size)))  # noqa: S704
        for size in (charts.WIDE, charts.NARROW)
    )
    return Chart(
        wide=wide,
        narrow=narrow,
        shapes=charts.shapes(drawn),
        left_out=tuple(n for r in scored.board.rows if (n := plain(r.who.name)) not in names),
    )
