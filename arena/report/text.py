"""The report on a terminal: the answer, the leaderboard, the controls, what is missing."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from arena.report.answer import answer
from arena.report.caveats import simulated_note
from arena.report.leaderboard import Line, controls, lines
from arena.report.notes import notes
from arena.report.scored import Scored

DROPPED_FIRST = ("frontier", "all", "time", "passed", "$/attempt", "95%", "$/solved")
"""Columns that a narrow terminal does without."""


def render(scored: Scored) -> Group:
    """Everything a terminal shows of a run; nothing in it is taken for markup."""
    return Group(*_parts(scored))


@dataclass(frozen=True)
class LeaderboardTable:
    """The rows of a board, with as many columns as the terminal is wide."""

    rows: tuple[Line, ...]
    attempts: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        dropped: list[str] = [] if self.attempts > 1 else ["all"]
        for name in (*DROPPED_FIRST, ""):
            table = self._table(frozenset(dropped))
            if Measurement.get(console, options.update(width=1000), table).maximum <= (
                options.max_width
            ):
                break
            dropped.append(name)
        yield table

    def _table(self, dropped: frozenset[str]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        table.add_column("rank", no_wrap=True)
        table.add_column("contestant", overflow="fold", min_width=8)
        kept = [name for name in _COLUMNS if name not in dropped]
        for name in kept:
            head = f"all {self.attempts}" if name == "all" else name
            table.add_column(head, justify="right", no_wrap=True)
        for row in self.rows:
            cells = _cells(row)
            shown = [row.rank.text, row.name, *(cells[name] for name in kept)]
            table.add_row(*map(Text, shown), style="bold" if row.on_frontier else "")
            if row.badges:
                found = ", ".join(text for _, text in row.badges)
                table.add_row("", Text(found, style="yellow"))
        return table


_COLUMNS = (
    "pass rate", "95%", "passed", "all", "$/attempt", "$/solved", "time", "frontier",
)  # fmt: skip


def _cells(row: Line) -> dict[str, str]:
    return {
        "pass rate": row.rate.text,
        "95%": row.rate.note,
        "passed": row.solved.text,
        "all": row.all_pass.text,
        "$/attempt": row.per_attempt.text,
        "$/solved": row.per_solved.text,
        "time": row.time.text,
        "frontier": row.frontier.text,
    }


def _parts(scored: Scored) -> list[RenderableType]:
    found = answer(scored)
    parts: list[RenderableType] = []
    if note := simulated_note(scored):
        parts += [Text(note, style="yellow"), Text()]
    parts.append(Text(found.headline + ".", style="bold"))
    parts += [Text(line) for line in (found.lead, found.guess, found.progress) if line]
    parts += [Text(), LeaderboardTable(lines(scored), scored.board.attempts), Text()]
    for control in controls(scored):
        style = "green" if control.good else "bold red"
        line = Text.assemble((control.name, style), f" {control.expected}: passed {control.found}")
        parts.append(line)
    if said := notes(scored):
        parts += [Text(), *(Text(f"- {note}", style="dim") for note in said)]
    if scored.board.power:
        parts += [Text(), Text(scored.board.power.line, style="dim")]
    return parts
