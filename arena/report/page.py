"""The run as one page: `report/index.html`, complete in a single file.

Pages hold no address they would fetch from. The policy allows exactly the scripts and styles that
we wrote, by hash, so that text which slipped through escaping would still do nothing.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from arena import resources
from arena.records import BackendSpec, ContestantSpec, PriceRow
from arena.report import charts
from arena.report import format as show
from arena.report.caveats import caveats, ending_notes, named, simulated_note
from arena.report.decisions import TITLES, countries, matrix, told_apart
from arena.report.format import Fact, one_line, plain
from arena.report.leaderboard import board_columns, controls, lines
from arena.report.outcomes import count_tables, grid, suspicions
from arena.report.points import FrontierPoint, points
from arena.report.scored import KINDS, Scored, cost_lines
from arena.rundir.directory import Manifest, TaskEntry
from arena.score.leaderboard import Row
from arena.score.recommend import Candidate, Recommendation

_FILTERS = (
    one_line, show.count, show.fraction, show.moment, show.percent, show.percent_range, show.plural,
    show.points, show.seconds, show.tokens, show.usd,
)  # fmt: skip
_PROSE = MarkdownIt("commonmark", {"html": False}).disable(["image", "link", "autolink"])


@dataclass(frozen=True, slots=True)
class Page:
    """Style, scripts and policy of one kind of page."""

    style: Markup
    scripts: tuple[Markup, ...]
    policy: str


@cache
def environment() -> Environment:
    """Templates with all text made plain and escaped, and no name left undefined."""
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


@dataclass(frozen=True, slots=True)
class Answer:
    """The recommendation in words."""

    decided: bool
    headline: str
    lead: str
    guess: str
    """The cheapest that nothing was shown to beat, where nothing is decided."""
    would_change: tuple[str, ...]
    figures: tuple[Fact, ...]
    progress: str
    """What is still to come, while a run is going on."""


def answer(scored: Scored) -> Answer:
    """The answer of a run."""
    found = scored.recommendation
    headline, lead = _decided(found) if found.pick else _undecided(found)
    return Answer(
        decided=found.decided,
        headline=headline,
        lead=lead,
        guess="" if found.decided else _guess(found.cheapest_not_shown_worse),
        would_change=tuple(map(plain, found.would_change)),
        figures=tuple(_figures(scored)),
        progress=_progress(scored),
    )


def _decided(found: Recommendation) -> tuple[str, str]:
    pick = found.pick
    assert pick
    name = plain(pick.name)
    interval = f" ({show.percent_range(pick.pass_rate_ci)})" if pick.pass_rate_ci else ""
    lead = (
        "It is the cheapest backend shown not worse than any other by"
        f" {show.points(found.margin).lstrip('+')} points or more. It passes"
        f" {show.percent(pick.pass_rate)} of the tasks{interval} at {show.usd(pick.cost_usd)} per"
        f" solved task.{plain(found.unknown)}"
    )
    return f"In this simulation, {name}" if found.simulated else f"Choose {name}", lead


def _undecided(found: Recommendation) -> tuple[str, str]:
    head, _, rest = plain(found.headline).partition(": ")
    names = tuple(plain(candidate.name) for candidate in found.candidates)
    lead = rest if rest.startswith(names) else rest[:1].upper() + rest[1:]
    return head.rstrip("."), lead


def _guess(candidate: Candidate | None) -> str:
    if candidate is None or candidate.pass_rate is None:
        return ""
    return (
        f"{plain(candidate.name)} is the cheapest that nothing was shown to beat:"
        f" {show.percent(candidate.pass_rate)} passed at {show.usd(candidate.cost_usd)} per solved"
        " task. That is a guess worth testing, not an answer."
    )


def best(sure: Iterable[Row]) -> Row | None:
    """The highest pass rate among contestants that are best first."""
    return next((row for row in sure if row.score.pass_rate is not None), None)


def cheapest(sure: Iterable[Row]) -> tuple[str, float] | None:
    """The lowest cost per solved task in US dollars, with whose it is."""
    priced = [
        (row.money.per_solved.estimate, row.who.name)
        for row in sure
        if row.money.per_solved and row.money.per_solved.estimate is not None
    ]
    cost, name = min(priced, default=(0.0, ""))
    return (name, cost) if priced else None


def _figures(scored: Scored) -> Iterator[Fact]:
    board = scored.board
    if first := best(scored.sure):
        tied = sum(r.rank is not None and r.rank.best == 1 for r in board.rows if r is not first)
        note = plain(first.who.name)
        if tied:
            note += f", not told apart from {show.plural(tied, 'other')}"
        yield Fact("Highest pass rate", show.percent(first.score.pass_rate), note)
    if found := cheapest(scored.sure):
        name, cost = found
        yield Fact("Lowest cost per solved task", show.usd(cost), plain(name))
    attempts = show.plural(board.attempts, "attempt")
    tasks = show.plural(len(board.tasks), "task")
    size = show.plural(len(board.rows), "contestant")
    yield Fact("Measured on", tasks, f"{attempts} each by {size}")
    if board.power:
        gap = f"{board.power.smallest_gap * 100:.0f} points"
        note = "between two pass rates, at 80% power"
        yield Fact("Smallest gap it can show", gap, note)


def _progress(scored: Scored) -> str:
    trials = scored.results.trials
    missing = sum(t.verdict is None for t in trials)
    if not missing:
        return ""
    faults = sum(t.verdict is None and t.fault is not None for t in trials)
    parts = [f"{show.count(missing - faults)} not run"] if missing > faults else []
    parts += [f"{show.plural(faults, 'fault')}"] if faults else []
    done = f"{show.count(len(trials) - missing)} of {show.plural(len(trials), 'trial')}"
    return f"{done} have a verdict ({', '.join(parts)})."


def price_lines(manifest: Manifest) -> Iterator[tuple[str, str, str, str]]:
    """Contestant, price, when it held, and its source."""
    for spec in manifest.contestants:
        if spec.backend:
            yield from _prices(spec.name, spec.backend)


def _prices(name: str, spec: BackendSpec) -> Iterator[tuple[str, str, str, str]]:
    if spec.hourly_usd is not None:
        price = f"${spec.hourly_usd} an hour while a call is in flight"
        yield (name, price, "the whole run", "configuration")
    for row in spec.prices:
        yield (name, _price(row), _valid(row), _source(row))
    if spec.hourly_usd is None and not spec.prices:
        yield (name, show.UNKNOWN, show.DASH, show.DASH)


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


def _price(row: PriceRow) -> str:
    lines = []
    for tier in row.tiers:
        parts = [f"input {_amount(tier.input)}"]
        if tier.cached_input is not None:
            parts.append(f"cached {_amount(tier.cached_input)}")
        if tier.cache_write is not None:
            parts.append(f"cache write {_amount(tier.cache_write)}")
        parts.append(f"output {_amount(tier.output)}")
        start = f"from {show.tokens(tier.input_from)} input: " if tier.input_from else ""
        lines.append(start + ", ".join(parts))
    peak = "; other prices at peak hours" if row.peak_tiers else ""
    return f"{'; '.join(lines)} {row.currency} per million tokens{peak}"


def _amount(price: Decimal) -> str:
    return f"{price.normalize():f}"


def _valid(row: PriceRow) -> str:
    start = f"from {row.valid_from}" if row.valid_from else ""
    end = f"until {row.valid_to}" if row.valid_to else ""
    return " ".join(part for part in (start, end) if part) or "no dates"


def _source(row: PriceRow) -> str:
    checked = f", checked {row.checked_on}" if row.checked_on else ""
    return one_line(f"{row.source or 'no source'} ({row.evidence}{checked})", 300)


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
