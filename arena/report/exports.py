"""Reports for papers, pull requests and other programs."""

from collections.abc import Callable, Mapping
from typing import Literal, get_args
from xml.etree import ElementTree as ET

from arena.errors import InputError
from arena.report import charts
from arena.report.answer import answer
from arena.report.caveats import simulated_note
from arena.report.escape import latex, markdown, one_line, plain
from arena.report.leaderboard import Control, Line, controls, lines, points
from arena.report.notes import notes
from arena.report.point import Point
from arena.report.scored import Scored
from arena.report.tables import Run, TableName
from arena.score.results import TrialRow

ExportFormat = Literal["csv", "parquet", "markdown", "latex", "junit", "png", "svg"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
BINARY: frozenset[ExportFormat] = frozenset({"parquet", "png"})
NOTE_LIMIT = 10_000
"""Characters of a sentence: it may name every contestant."""


def export(scored: Scored, format_: ExportFormat, *, table: TableName = "trials") -> bytes:
    """A run in one of the export formats; text is UTF-8.

    Args:
        scored: the run.
        format_: `csv` and `parquet` hold a table, `markdown` and `latex` the leaderboard, `junit`
            a test case for every trial, `png` and `svg` the frontier chart.
        table: which table `csv` and `parquet` hold.

    Raises:
        InputError: there is nothing to draw, or pyarrow is missing.
    """
    if format_ == "csv":
        return Run(scored).table(table).to_csv().encode()
    if format_ == "parquet":
        return Run(scored).table(table).to_parquet()
    return _WRITERS[format_](scored)


def markdown_report(scored: Scored) -> str:
    """Answer, leaderboard, controls and notes as GitHub-flavoured Markdown."""
    found, attempts = answer(scored), scored.board.attempts
    text = [f"## {_sentence(found.headline)}"]
    text += [_sentence(line) for line in (found.lead, found.guess, found.progress) if line]
    if note := simulated_note(scored):
        text.insert(0, f"> {_sentence(note)}")
    head, board = _heads(attempts), lines(scored)
    rule = ["---", "---", *["---:"] * (len(head) - 2)]
    rows = [[markdown(cell) for cell in _cells(line, attempts)] for line in board]
    if any(line.badges for line in board):
        head, rule = [*head, "Marks"], [*rule, "---"]
        rows = [[*cells, markdown(_marks(line))] for cells, line in zip(rows, board, strict=True)]
    text.append("\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)))
    text += [_sentence(_control(control)) for control in controls(scored)]
    if said := notes(scored):
        text.append("\n".join(f"- {_sentence(note)}" for note in said))
    if scored.board.power:
        text.append(_sentence(scored.board.power.line))
    return "\n\n".join(text) + "\n"


def latex_table(scored: Scored) -> str:
    """The leaderboard with its notes as a LaTeX table for the package booktabs."""
    attempts, board = scored.board.attempts, lines(scored)
    head = _heads(attempts)
    rows = [_cells(line, attempts) for line in board]
    title = f"{one_line(scored.results.manifest.name)}: {answer(scored).headline}."
    caption = latex(simulated_note(scored) or title, NOTE_LIMIT)
    said = [
        *(f"{one_line(line.name)}: {_marks(line)}." for line in board if line.badges),
        *map(_control, controls(scored)),
        *notes(scored),
    ]
    body = "\n".join(f"  {' & '.join(map(latex, cells))} \\\\" for cells in rows)
    below = "".join(f"  {latex(note, NOTE_LIMIT)}\\par\n" for note in said)
    return (
        f"\\begin{{table}}\n\\centering\n\\caption{{{caption}}}\n"
        f"\\begin{{tabular}}{{ll{'r' * (len(head) - 2)}}}\n  \\toprule\n"
        f"  {' & '.join(map(latex, head))} \\\\\n  \\midrule\n{body}\n  \\bottomrule\n"
        "\\end{tabular}\n\n\\smallskip\n"
        f"\\begin{{minipage}}{{\\linewidth}}\\footnotesize\n{below}\\end{{minipage}}\n\\end{{table}}\n"
    )


def junit(scored: Scored) -> bytes:
    """A suite for every contestant and a case for every trial."""
    root = ET.Element("testsuites", name=one_line(scored.results.manifest.name))
    for row in scored.rows:
        trials = scored.results.of(row.who.name)
        suite = ET.SubElement(
            root,
            "testsuite",
            name=one_line(row.who.name),
            tests=str(len(trials)),
            failures=str(sum(t.verdict not in {None, "passed"} for t in trials)),
            errors=str(sum(t.verdict is None and t.fault is not None for t in trials)),
            skipped=str(sum(t.verdict is None and t.fault is None for t in trials)),
            time=f"{sum(t.wall_s for t in trials):.3f}",
        )
        for trial in trials:
            suite.append(_case(trial))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _case(trial: TrialRow) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=f"{one_line(trial.contestant)}.{one_line(trial.task_id)}",
        name=f"attempt {trial.attempt}",
        time=f"{trial.wall_s:.3f}",
    )
    if trial.verdict not in {None, "passed"}:
        ET.SubElement(
            case, "failure", type=str(trial.verdict), message=one_line(trial.reason, 1000)
        )
    elif trial.fault is not None and trial.verdict is None:
        message = one_line(trial.fault.message, 1000)
        ET.SubElement(case, "error", type=trial.fault.kind, message=message)
    elif trial.verdict is None:
        ET.SubElement(case, "skipped", message="not run")
    return case


def _heads(attempts: int) -> list[str]:
    heads = ["Rank", "Contestant", "Pass rate", "95%", "Passed"]
    heads += [f"All {attempts}"] if attempts > 1 else []
    return [*heads, "$/attempt", "$/solved", "Time", "Frontier"]


def _cells(line: Line, attempts: int) -> list[str]:
    cells = [line.rank.text, line.name, line.rate.text, line.rate.note, line.solved.text]
    cells += [line.all_pass.text] if attempts > 1 else []
    costs = [line.per_attempt.text, line.per_solved.text]
    return [*cells, *costs, line.time.text, line.frontier.text]


def _marks(line: Line) -> str:
    return ", ".join(text for _, text in line.badges)


def _control(control: Control) -> str:
    mark = "as it must be" if control.good else "NOT as it must be"
    name = one_line(control.name)
    return f"Control {name}: {control.expected}, passed {control.found}, {mark}."


def _sentence(text: str) -> str:
    return markdown(text, NOTE_LIMIT)


def _drawn(scored: Scored) -> list[Point]:
    found = points(scored)
    if not found:
        raise InputError(
            "there is nothing to draw: no contestant has both a verdict and a known price",
            where=plain(scored.results.manifest.name),
            remedy="give a backend a price or hourly_usd",
        )
    return found


_WRITERS: Mapping[ExportFormat, Callable[[Scored], bytes]] = {
    "markdown": lambda scored: markdown_report(scored).encode(),
    "latex": lambda scored: latex_table(scored).encode(),
    "junit": junit,
    "png": lambda scored: charts.png(charts.frontier(_drawn(scored))),
    "svg": lambda scored: charts.svg(charts.frontier(_drawn(scored))).encode(),
}
