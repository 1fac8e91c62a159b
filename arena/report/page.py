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
from arena.report import caveats, charts, leaderboard
from arena.report import format as show
from arena.report.columns import PAIRS, headed
from arena.report.decisions import answer, claim
from arena.report.format import one_line, plain
from arena.report.leaderboard import badges, controls, what
from arena.report.outcomes import count_tables, ending, grid, is_suspicious, outcome, page_name
from arena.report.race import race_report
from arena.report.scored import Scored

_FUNCTIONS = (
    badges, claim, controls, count_tables, ending, grid, outcome, page_name, what,
)  # fmt: skip
_FILTERS = (
    one_line, show.amount, show.count, show.fraction, show.moment, show.percent,
    show.percent_range, show.plural, show.seconds, show.tokens, show.usd, show.usd_range,
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
    made.filters |= {function.__name__: function for function in (*_FILTERS, prose)}
    made.globals |= {function.__name__: function for function in _FUNCTIONS}
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


MAX_SUSPICIOUS = 200
"""Trials that the page lists as worth a look."""


def render(scored: Scored, *, live: str | None = None) -> str:
    """The page as HTML.

    Args:
        scored: the run.
        live: version of what is shown, for a page that asks its server whether there is news.
    """
    scripts = ("theme.js", "index.js", *(() if live is None else ("live.js",)))
    results, attempts = scored.results, scored.board.attempts
    found, drawn = answer(scored), charts.points(scored)
    return template("index.html").render(
        page=page(("base.css", "index.css"), scripts, live=live is not None),
        title=f"{plain(results.manifest.name)}: {found.headline}",
        home="#main",
        live=live,
        scored=scored,
        simulated=caveats.simulated_note(scored),
        headline=found.headline,
        lead=caveats.lead(scored, switches=False),
        race=race_report(scored),
        wide=_drawn(drawn, charts.WIDE) if drawn else "",
        narrow=_drawn(drawn, charts.NARROW) if drawn else "",
        shapes=charts.shapes(drawn),
        drawn={point.contestant.anchor for point in drawn},
        curves=charts.efforts(drawn),
        lines={line.row.who.name: line for line in scored.ranked},
        columns=headed(leaderboard.CONTESTANTS, "page", attempts),
        money=headed(leaderboard.CONTESTANTS, "money", attempts),
        pair_columns=headed(PAIRS, "page"),
        suspicious=[trial for trial in results.trials if is_suspicious(trial)],
        most=MAX_SUSPICIOUS,
        notes=(*caveats.notes(scored), *caveats.method(scored)),
    )


def _drawn(points: Sequence[charts.PlotPoint], size: charts.PlotSize) -> Markup:
    """The chart for screens of one width."""
    # Our own drawing; every name in it went through the XML writer of the chart library.
    return Markup(charts.inline_svg(charts.plot(points, size)))  # noqa: S704
