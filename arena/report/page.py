"""The page of a run, `report/index.html`, complete in one file; and what all pages share.

Pages hold no address they would fetch from. The policy allows exactly the scripts and styles that
we wrote, by hash, so that text which slipped through escaping would still do nothing.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markdown_it import MarkdownIt
from markupsafe import Markup

from arena import resources
from arena.records import ContestantSpec
from arena.report import charts
from arena.report import format as show
from arena.report.caveats import caveats, ending_notes, named, simulated_note
from arena.report.decisions import answer, claim, distinct_groups, matrix, verdict
from arena.report.format import one_line, plain
from arena.report.leaderboard import badges, board_columns, controls, what
from arena.report.outcomes import count_tables, grid, suspicions
from arena.report.race import race_report
from arena.report.scored import COST_KINDS, Scored, cost_lines
from arena.rundir.directory import TaskEntry
from arena.stats.intervals import ALPHA

_FILTERS = (
    one_line, show.amount, show.count, show.fraction, show.moment, show.p_value, show.percent,
    show.percent_range, show.plural, show.points, show.seconds, show.tokens, show.usd,
)  # fmt: skip
_PROSE = MarkdownIt("commonmark", {"html": False}).disable(["image", "link", "autolink"])


@dataclass(frozen=True, slots=True)
class Page:
    """Style, scripts and policy of one kind of page."""

    style: Markup
    scripts: tuple[Markup, ...]
    policy: str


def template(name: str) -> Template:
    """A template with all text made plain and escaped, and no name left undefined."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(resources.reports_dir() / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {function.__name__: function for function in _FILTERS}
    return made


@cache
def page(styles: tuple[str, ...], scripts: tuple[str, ...], *, live: bool = False) -> Page:
    """A page's own parts, by file name; `live` pages may ask their server for news."""
    style = "\n".join(_read(name).strip() for name in styles)
    texts = tuple(_read(name) for name in scripts)
    rules = [
        "default-src 'none'",
        f"style-src {_hash(style)}",
        f"script-src {' '.join(map(_hash, texts))}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    if live:
        rules.append("connect-src 'self'")
    # The files are our own; nothing of a run is ever in them.
    return Page(Markup(style), tuple(map(Markup, texts)), "; ".join(rules))  # noqa: S704


@lru_cache(maxsize=256)
def prose(text: str) -> Markup:
    """Markdown written by others as HTML: no raw HTML, links or images."""
    return Markup(_PROSE.render(plain(text)))  # noqa: S704


def _finalize(value: object) -> object:
    """What a template prints; our own markup is a subclass of `str` and stays as it is."""
    return plain(value) if type(value) is str else value


def _read(name: str) -> str:
    return (resources.reports_dir() / "templates" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def contestant_line(spec: ContestantSpec) -> str:
    """Agent, model and parameters of a contestant."""
    parts = [f"agent {spec.agent} {spec.agent_digest[:12]}"]
    if spec.backend:
        parts.append(f"{spec.backend.model} at {spec.backend.base_url}")
    parts += [f"{key} = {value}" for key, value in spec.params.items()]
    return one_line("; ".join(parts), 400)


def task_line(task: TaskEntry) -> str:
    """Kind, grading and image of a task."""
    out = f"; quarantined: {named(task)}" if task.quarantined else ""
    return (
        f"{task.language}, {task.difficulty}, graded by {task.assurance}; image {task.image}{out}"
    )


MAX_SUSPICIONS = 200


def render(scored: Scored, *, live: str | None = None) -> str:
    """The page as HTML.

    Args:
        scored: the run.
        live: version of what is shown, for a page that asks its server whether there is news.
    """
    scripts = ("theme.js", "index.js", *(() if live is None else ("live.js",)))
    manifest, board = scored.results.manifest, scored.board
    found, spent, drawn = answer(scored), cost_lines(scored), charts.points(scored)
    used = {part.kind for line in spent for part in line.parts}
    return template("index.html").render(
        page=page(("base.css", "index.css"), scripts, live=live is not None),
        title=f"{plain(manifest.name)}: {found.headline}",
        home="#main",
        live=live,
        manifest=manifest,
        when=show.moment(manifest.created_at),
        simulated=simulated_note(scored),
        answer=found,
        race=race_report(scored),
        wide=_drawn(drawn, charts.WIDE) if drawn else "",
        narrow=_drawn(drawn, charts.NARROW) if drawn else "",
        shapes=charts.shapes(drawn),
        drawn={point.contestant.anchor for point in drawn},
        lines=scored.ranked,
        badges=badges,
        what=what,
        columns=board_columns("page", board.attempts),
        attempts=board.attempts,
        controls=controls(scored),
        grid=grid(scored),
        countries=scored.countries,
        claim=claim,
        groups=distinct_groups(scored),
        matrix=matrix(scored),
        verdict=verdict,
        pairs_shown=sum(pair.adjusted_p <= ALPHA for pair in board.pairs),
        costs=spent,
        kinds=[(i, kind) for i, kind in enumerate(COST_KINDS) if i in used],
        notes=list(ending_notes(scored)),
        count_tables=count_tables(scored),
        suspicions=suspicions(scored),
        most=MAX_SUSPICIONS,
        contestant_line=contestant_line,
        task_line=task_line,
        caveats=caveats(scored),
        power=board.power.line if board.power else "",
    )


def _drawn(points: Sequence[charts.FrontierPoint], size: charts.PlotSize) -> Markup:
    """The frontier chart for screens of one width."""
    # Our own drawing; every name in it went through the XML writer of the chart library.
    return Markup(charts.inline_svg(charts.frontier(points, size)))  # noqa: S704
