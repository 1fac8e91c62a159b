"""The report on a terminal: the answer, the leaderboard, the controls, what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from arena.report.answer import answer
from arena.report.caveats import notes, simulated_note
from arena.report.columns import KEPT, Column
from arena.report.leaderboard import NAME, BoardRow, board_columns, controls, lines
from arena.report.scored import Scored, ScoredContestant


def render(scored: Scored) -> Group:
    """Everything a terminal shows of a run; nothing in it is taken for markup."""
    return Group(*_parts(scored))


@dataclass(frozen=True)
class LeaderboardTable:
    """The rows of a board, with as many columns as the terminal is wide."""

    rows: tuple[BoardRow, ...]
    attempts: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = list(board_columns("terminal", self.attempts))
        table = self._table(columns)
        wide = options.update(width=1000)
        while Measurement.get(console, wide, table).maximum > options.max_width:
            least = min(columns, key=lambda column: column.keep)
            if least.keep == KEPT:
                break
            columns.remove(least)
            table = self._table(columns)
        yield table

    def _table(self, columns: Sequence[Column[ScoredContestant]]) -> Table:
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for column in columns:
            title = column.title("terminal", self.attempts)
            if column.name == NAME:
                table.add_column(title, overflow="fold", min_width=8)
            else:
                table.add_column(title, justify="right" if column.style else "left", no_wrap=True)
        place = [column.name for column in columns].index(NAME)
        for row in self.rows:
            style = "bold" if row.on_frontier else ""
            table.add_row(*map(Text, row.texts(columns)), style=style)
            if row.badges:
                table.add_row(*[""] * place, Text(row.marks, style="yellow"))
        return table


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
