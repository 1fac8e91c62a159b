"""The report on a terminal, for papers, pull requests and other programs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any, Literal
from xml.etree import ElementTree as ET

from pydantic_core import to_json
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from arena.errors import InputError
from arena.report import columns
from arena.report import format as show
from arena.report.caveats import answer, lead, missing, notes, race_report, simulated_note
from arena.report.columns import (
    KEPT,
    NAME,
    Column,
    Control,
    Form,
    controls,
    headed,
    json_object,
    marks,
    texts,
)
from arena.report.decisions import count_cases
from arena.report.format import latex, markdown, one_line, plain
from arena.report.interchange import Run, TableName, predictions_of_run
from arena.report.scored import ENDINGS, Scored, ScoredContestant, endings
from arena.score.results import TrialRow
from arena.task.formats.predictions import write_predictions


def render(scored: Scored) -> Group:
    """Everything a terminal shows of a run; nothing in it is taken for markup."""
    return Group(*_parts(scored))


@dataclass(frozen=True)
class LeaderboardTable:
    """The rows of a board, with as many columns as the terminal is wide."""

    rows: tuple[ScoredContestant, ...]
    attempts: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        heads = list(headed(columns.CONTESTANTS, "terminal", self.attempts))
        table = self._table(heads)
        wide = options.update(width=1000)
        while Measurement.get(console, wide, table).maximum > options.max_width:
            least = min(heads, key=lambda column: column.keep)
            if least.keep == KEPT:
                break
            heads.remove(least)
            table = self._table(heads)
        yield table

    def _table(self, heads: Sequence[Column[ScoredContestant]]) -> Table:
        table = _plain_table()
        for column in heads:
            title = column.title("terminal", self.attempts)
            if column.name == NAME:
                table.add_column(title, overflow="fold", min_width=8)
            else:
                table.add_column(title, justify="right" if column.style else "left", no_wrap=True)
        place = [column.name for column in heads].index(NAME)
        for one in self.rows:
            style = "bold" if one.buy else ""
            table.add_row(*map(Text, texts(heads, one)), style=style)
            if marked := marks(one.row):
                table.add_row(*[""] * place, Text(marked, style="yellow"))
        return table


def _plain_table() -> Table:
    return Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))


def _below(scored: Scored) -> list[str]:
    """What stands under a leaderboard in text, the controls aside."""
    power = scored.board.power
    return [*notes(scored), *([power.line] if power else ())]


def _parts(scored: Scored) -> Iterator[RenderableType]:
    if note := simulated_note(scored):
        yield Text(f"{note}\n", style="yellow")
    yield Text(answer(scored).headline + ".", style="bold")
    yield from map(Text, lead(scored, switches=True))
    yield from (Text(), LeaderboardTable(scored.ranked, scored.results.manifest.attempts), Text())
    ended = endings(scored)
    if ended and set(ended) != {ENDINGS["submitted"]}:
        yield from (_endings(scored, ended), Text())
    for control in controls(scored):
        style = "green" if control.good else "bold red"
        yield Text.assemble((control.name, style), f" {control.expected}: passed {control.found}")
    yield Text()
    yield from (Text(f"- {note}", style="dim") for note in _below(scored))


def _endings(scored: Scored, ended: Mapping[str, Sequence[int]]) -> Table:
    """How the trials of each contestant ended, which any terminal is wide enough for."""
    table = _plain_table()
    table.add_column("Contestant", overflow="fold", min_width=8)
    table.add_column("How trials ended", overflow="fold")
    for i, row in enumerate(scored.rows):
        how = ", ".join(f"{counts[i]} {words}" for words, counts in ended.items() if counts[i])
        table.add_row(Text(plain(row.who.name)), how)
    return table


ExportFormat = Literal[
    "json", "csv", "parquet", "markdown", "latex", "junit", "predictions", "png", "svg"
]
SCHEMA = 2
"""Of the JSON document; a field that goes or changes its meaning counts it up."""
NOTE_LIMIT = 10_000
"""Characters of a sentence: it may name every contestant."""


def export(scored: Scored, format_: ExportFormat, *, table: TableName = "trials") -> bytes:
    """A run in one export format, text as UTF-8: `json` holds all of it, `csv` and `parquet`
    the `table`, `markdown` and `latex` the leaderboard, `junit` a case for every trial,
    `predictions` their patches, `png` and `svg` the chart of pass rate against cost.

    Raises:
        InputError: there is nothing to draw, or pyarrow is missing.
    """
    match format_:
        case "csv":
            return Run(scored).table(table).to_csv().encode()
        case "parquet":
            return Run(scored).table(table).to_parquet()
        case "json":
            return "".join(json_chunks(scored)).encode()
        case "markdown":
            return markdown_report(scored).encode()
        case "latex":
            return latex_table(scored).encode()
        case "junit":
            return junit(scored)
        case "predictions":
            return write_predictions(predictions_of_run(scored.results)).encode()
        case "png" | "svg":
            return _chart(scored, format_)


def markdown_report(scored: Scored) -> str:
    """Answer, leaderboard, controls and notes as GitHub-flavoured Markdown."""
    text = [f"> {_sentence(note)}"] if (note := simulated_note(scored)) else []
    text.append(f"## {_sentence(answer(scored).headline)}")
    text += map(_sentence, lead(scored, switches=True))
    heads, head = _headings(scored, "markdown")
    rule = ["---:" if column.style else "---" for column in heads]
    rows = [[*texts(heads, one), marks(one.row)] for one in scored.ranked]
    if any(row[-1] for row in rows):
        head, rule = [*head, "Marks"], [*rule, "---"]
    cells = [list(map(markdown, row[: len(head)])) for row in rows]
    text.append("\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *cells)))
    said = (*map(_control, controls(scored)), *_below(scored))
    text.append("\n".join(f"- {_sentence(note)}" for note in said))
    return "\n\n".join(text) + "\n"


def latex_table(scored: Scored) -> str:
    """The leaderboard with its notes as a LaTeX table for the package booktabs."""
    heads, head = _headings(scored, "latex")
    sides = "".join("r" if column.style else "l" for column in heads)
    said = [
        *filter(None, (simulated_note(scored), missing(scored))),
        *(f"{one_line(r.who.name)}: {found}." for r in scored.board.rows if (found := marks(r))),
        *map(_control, controls(scored)),
        *_below(scored),
    ]
    body = "\n".join(f"  {' & '.join(map(latex, texts(heads, one)))} \\\\" for one in scored.ranked)
    below = "".join(f"  {latex(note, NOTE_LIMIT)}\\par\n" for note in said)
    label = re.sub(r"[^A-Za-z0-9]+", "-", one_line(scored.results.manifest.name)).strip("-")
    return (
        "% \\usepackage{booktabs}\n\\begin{table}\n\\centering\\small\n"
        f"\\caption{{{latex(_caption(scored), NOTE_LIMIT)}}}\n\\label{{tab:arena-{label}}}\n"
        "\\setlength{\\tabcolsep}{3.5pt}\n"
        f"\\begin{{tabular}}{{@{{}}{sides}@{{}}}}\n  \\toprule\n"
        f"  {' & '.join(map(latex, head))} \\\\\n  \\midrule\n{body}\n  \\bottomrule\n"
        "\\end{tabular}\n\n\\smallskip\n"
        f"\\begin{{minipage}}{{\\linewidth}}\\footnotesize\n{below}\\end{{minipage}}\n\\end{{table}}\n"
    )


def _headings(scored: Scored, form: Form) -> tuple[tuple[Column[ScoredContestant], ...], list[str]]:
    """The leaderboard's columns in one form of text, and what stands above them."""
    attempts = scored.results.manifest.attempts
    heads = headed(columns.CONTESTANTS, form, attempts)
    return heads, [column.title(form, attempts) for column in heads]


def _caption(scored: Scored) -> str:
    """What the table shows, for a reader who has nothing else of the run."""
    board, manifest = scored.board, scored.results.manifest
    made = manifest.attempts
    attempts = f", {show.plural(made, 'attempt')} each" if made > 1 else ""
    kind = " Wilson intervals; a rank is a range where the tasks do not tell contestants apart"
    if manifest.race:
        kind = " confidence sequences, which hold whenever the race ended"
    return (
        f"Pass rate, cost in US dollars and time of {show.plural(len(board.rows), 'contestant')} on"
        f" {show.plural(len(board.tasks), 'repository-fix task')}{attempts} (run"
        f" {one_line(manifest.name)}, {manifest.created_at:%Y-%m-%d}, Arena"
        f" {one_line(manifest.arena_version)}). Pass rates are means over tasks with 95%{kind}."
    )


def json_chunks(scored: Scored) -> Iterator[str]:
    """A run as JSON text in pieces, a trial each: a run may have a hundred thousand.

    Unknown is null, rates are shares, times in seconds, money in US dollars, billed unless a name
    says otherwise. No value is ever NaN or infinite.
    """
    whole = to_json(_document(scored), indent=2).decode()
    yield whole.removesuffix("\n}") + ',\n  "trials": ['
    before = "\n"
    for trial in scored.results.trials:
        one = to_json(json_object(columns.TRIALS, trial), indent=2).decode()
        yield before + indent(one, " " * 4)
        before = ",\n"
    yield "\n  ]\n}\n" if scored.results.trials else "]\n}\n"


def _document(scored: Scored) -> dict[str, Any]:
    """All but the trials."""
    results, board = scored.results, scored.board
    manifest = results.manifest
    return {
        "schema": SCHEMA,
        "run": manifest.name,
        "run_id": manifest.run_id,
        "arena_version": manifest.arena_version,
        "simulated": manifest.simulated,
        "tasks": len(board.tasks),
        "assurance": board.scope.level,
        "other_assurance": [*board.scope.others],
        "quarantined": {t.id: t.quarantined for t in results.tasks if t.quarantined},
        "attempts": manifest.attempts,
        # The difference of pass rates that this many tasks see with 80% power.
        "smallest_gap": board.power.smallest_gap if board.power else None,
        "stopped": results.stopped,
        "answer": answer(scored).headline,
        "race": race_report(scored),
        "trade": scored.recommendation.trade,
        "cascades": scored.recommendation.cascades,
        "contestants": [json_object(columns.CONTESTANTS, one) for one in scored.contestants],
        "pairs": [json_object(columns.PAIRS, pair) for pair in board.pairs],
        "countries": scored.countries,
    }


def junit(scored: Scored) -> bytes:
    """A suite for every contestant and a case for every trial."""
    root = ET.Element("testsuites", name=one_line(scored.results.manifest.name))
    for row in scored.rows:
        trials = scored.results.of(row.who.name)
        took = f"{sum(t.wall_s for t in trials):.3f}"
        suite = ET.SubElement(root, "testsuite", name=one_line(row.who.name), time=took)
        if row.who.control:
            kept = ET.SubElement(suite, "properties")
            ET.SubElement(kept, "property", name="control", value="true")
        suite.extend(map(_case, trials))
        count_cases(suite)
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(trial: TrialRow) -> ET.Element:
    whose = f"{one_line(trial.contestant)}.{one_line(trial.task_id)}"
    name, took = f"attempt {trial.attempt}", f"{trial.wall_s:.3f}"
    case = ET.Element("testcase", classname=whose, name=name, time=took)
    if trial.verdict is not None:
        if not trial.passed:
            reason = one_line(trial.reason, 1000)
            ET.SubElement(case, "failure", type=trial.verdict, message=reason)
    elif trial.fault is not None:
        message = one_line(trial.fault.message, 1000)
        ET.SubElement(case, "error", type=trial.fault.kind, message=message)
    else:
        ET.SubElement(case, "skipped", message="not run")
    return case


def _control(control: Control) -> str:
    mark = "as it must be" if control.good else "NOT as it must be"
    name = one_line(control.name)
    return f"Control {name}: {control.expected}, passed {control.found}, {mark}."


def _sentence(text: str) -> str:
    return markdown(text, NOTE_LIMIT)


def _chart(scored: Scored, kind: Literal["png", "svg"]) -> bytes:
    from arena.report import charts  # a library of 100 MB that no other export needs

    found = charts.points(scored)
    if not found:
        what = "there is nothing to draw: no contestant has both a verdict and a known price"
        where = plain(scored.results.manifest.name)
        raise InputError(what, where=where, remedy="give a backend a price or hourly_usd")
    chart = charts.plot(found)
    return charts.png(chart) if kind == "png" else charts.svg(chart).encode()
