"""The pages of a run: `report/index.html`, complete in one file, and one for every trial begun.

They fetch nothing. The policy allows exactly the scripts and styles that we wrote, by hash, so that
text which slipped through escaping would still do nothing.
"""

import base64
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markdown_it import MarkdownIt
from markupsafe import Markup

from arena import resources
from arena.paths import SafePath
from arena.report import caveats, charts, columns, transcript
from arena.report import format as show
from arena.report import scored as views
from arena.report.columns import headed
from arena.report.format import one_line, plain
from arena.report.scored import Scored, outcome, page_name
from arena.report.transcript import TrialDetails
from arena.rundir.directory import RunDir, TaskEntry, replace_file
from arena.score.results import Results, TrialRow
from arena.task import patch

_FUNCTIONS = (
    columns.badges, columns.controls, outcome, page_name, views.count_tables, views.ending,
    views.grid,
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


def render(scored: Scored, *, live: str | None = None) -> str:
    """The page as HTML; `live` is the version of what a page shows that asks for news."""
    scripts = ("theme.js", "index.js", *(() if live is None else ("live.js",)))
    results, attempts = scored.results, scored.results.manifest.attempts
    found, drawn = caveats.answer(scored), charts.points(scored)
    return template("index.html").render(
        page=page(("base.css", "index.css"), scripts, live=live is not None),
        title=f"{plain(results.manifest.name)}: {found.headline}",
        home="#main",
        live=live,
        scored=scored,
        simulated=caveats.simulated_note(scored),
        headline=found.headline,
        lead=caveats.lead(scored, switches=False),
        race=caveats.race_report(scored),
        wide=_drawn(drawn, charts.WIDE) if drawn else "",
        narrow=_drawn(drawn, charts.NARROW) if drawn else "",
        shapes=charts.shapes(drawn),
        drawn={point.contestant.anchor for point in drawn},
        curves=charts.efforts(drawn),
        lines={line.row.who.name: line for line in scored.ranked},
        columns=headed(columns.CONTESTANTS, "page", attempts),
        money=headed(columns.CONTESTANTS, "money", attempts),
        pair_columns=headed(columns.PAIRS, "page"),
        suspicious=[trial for trial in results.trials if views.is_suspicious(trial)],
        notes=(*caveats.notes(scored), *caveats.method(scored)),
    )


def _drawn(points: Sequence[charts.PlotPoint], size: charts.PlotSize) -> Markup:
    """The chart for screens of one width."""
    # Our own drawing; every name in it went through the XML writer of the chart library.
    return Markup(charts.inline_svg(charts.plot(points, size)))  # noqa: S704


LineKind = Literal["add", "del", "same", "hunk", "note"]

MAX_LINES = 5_000
MAX_LINE_CHARS = 2_000
_HUNK = re.compile(r"@@ -(\d+)\S* \+(\d+)")


class DiffLine(NamedTuple):
    """One row; a line number is None on the side where the line does not exist."""

    kind: LineKind
    old: int | None
    new: int | None
    text: str


class DiffFile(NamedTuple):
    """All rows of one file."""

    path: str
    change: str
    """changed, added, deleted, renamed or copied"""
    lines: tuple[DiffLine, ...]


class Diff(NamedTuple):
    """A whole patch; `dropped_lines` of it are not shown."""

    files: tuple[DiffFile, ...]
    dropped_lines: int = 0


def parse_diff(text: str) -> Diff:
    """Rows of a unified diff; text that is none comes back as notes."""
    try:
        found = patch.parse(text if text.endswith("\n") else f"{text}\n")
    except patch.PatchError:
        found = []
    files = [DiffFile(plain(one.path), _change(one), tuple(_rows(one))) for one in found]
    if not files and text:
        notes = tuple(_line("note", line) for line in text.splitlines())
        files = [DiffFile("", "changed", notes)]
    left, shown = MAX_LINES, []
    for file in files:
        shown.append(file._replace(lines=file.lines[: max(0, left)]))
        left -= len(file.lines)
    return Diff(tuple(shown), max(0, -left))


def _change(file: patch.FilePatch) -> str:
    if file.old is None or file.new is None:
        return "added" if file.old is None else "deleted"
    return "copied" if file.copied else "renamed" if file.old != file.new else "changed"


def _rows(file: patch.FilePatch) -> Iterator[DiffLine]:
    old = new = 0
    for line in file.hunks.split("\n")[:-1]:
        if file.binary or line.startswith("\\"):
            yield _line("note", line.removeprefix("\\ "))
        elif hunk := _HUNK.match(line):
            old, new = int(hunk[1]), int(hunk[2])
            yield _line("hunk", line)
        elif line.startswith("+"):
            yield _line("add", line[1:], None, new)
            new += 1
        elif line.startswith("-"):
            yield _line("del", line[1:], old)
            old += 1
        else:
            yield _line("same", line[1:], old, new)
            old, new = old + 1, new + 1


def _line(kind: LineKind, text: str, old: int | None = None, new: int | None = None) -> DiffLine:
    text, more = plain(text[:MAX_LINE_CHARS]), len(text) - MAX_LINE_CHARS
    return DiffLine(kind, old, new, f"{text} … {more} more characters" if more > 0 else text)


FILES = ("transcript.jsonl", "patch.diff", "junit.xml", "verify.log")
MAX_PATCH_BYTES = 1_000_000


def _peers(rows: Sequence[TrialRow]) -> Markup:
    """The list of all trials of one task, the same on the page of each."""
    by_name: dict[str, list[TrialRow]] = {}
    for row in rows:
        by_name.setdefault(row.contestant, []).append(row)
    # Rendered by a template that escapes.
    return Markup(template("peers.html").render(peers=by_name))  # noqa: S704


def _trial_page(results: Results, task: TaskEntry, found: TrialDetails, peers: Markup) -> str:
    """The page of one trial; `peers` are those of its task, by the function of that name."""
    row, folder = found.row, RunDir(results.path).trial_dir(found.row.id)
    # A record of an earlier digest is not this trial's, as in `arena.score.load`.
    record = found.record if row.verdict or row.fault else None
    own = Markup('href="{}"').format(page_name(row.id))
    return template("trial.html").render(
        page=page(("base.css", "trial.css"), ("theme.js",)),
        title=f"{outcome(row)[0]}: {plain(row.contestant)} on {row.task_id}",
        home="../index.html",
        manifest=results.manifest,
        task=task,
        row=row,
        calls={call.begin.call_id: call for call in found.calls},
        stop=views.ENDINGS[row.stop] if row.stop else show.DASH,
        diff=parse_diff(_patch(folder / "patch.diff")),
        verified=record.verification if record else None,
        tests=list(transcript.tests_of(row, record, task.tests)) if record else [],
        conversation=transcript.read_conversation(folder / "transcript.jsonl"),
        peers=peers.replace(own, own + Markup(' aria-current="page"'), 1),
        base=f"../../trials/{quote(folder.name)}",
        files=[name for name in FILES if (folder / name).is_file()],
    )


def _patch(path: SafePath) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as handle:
        data = handle.read(MAX_PATCH_BYTES + 1)
    whole = data[:MAX_PATCH_BYTES]
    # Half a hunk is none: what is too long ends with its last whole file
    cut = whole.rfind(b"\ndiff --git ") + 1 if len(data) > MAX_PATCH_BYTES else 0
    return (whole[:cut] if cut else whole).decode("utf-8", "replace")


def build(scored: Scored) -> Path:
    """Write a run's pages, remove those of other trials, and return the path of `index.html`."""
    results, folder = scored.results, RunDir(scored.results.path).report_dir
    trials, index = folder / "trials", folder / "index.html"
    begun = {row.id for row in results.trials if row.tries}
    names = set(map(page_name, begun))
    for path in trials.iterdir() if trials.is_dir() else ():
        if path.name not in names and path.suffix == ".html" and path.is_file():
            path.unlink()
    for trial_id, text in _pages(results, begun):
        (trials / page_name(trial_id)).write(text)
    replace_file(index, render(scored))
    return Path(str(index))


def render_trial(results: Results, trial_id: str) -> str:
    """The page of one planned trial."""
    return next(_pages(results, {trial_id}))[1]


def _pages(results: Results, wanted: set[str]) -> Iterator[tuple[str, str]]:
    """Ids and pages of the wanted trials, each as soon as the ledger has told all of it."""
    tasks, by_task = {t.id: t for t in results.tasks}, defaultdict[str, list[TrialRow]](list)
    for row in results.trials:
        by_task[row.task_id].append(row)
    peers = cache(lambda task_id: _peers(by_task[task_id]))
    for found in transcript.read_details(results, wanted):
        id_ = found.row.task_id
        yield found.row.id, _trial_page(results, tasks[id_], found, peers(id_))
