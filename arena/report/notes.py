"""What must stand beside the leaderboard: one list for terminals, Markdown and LaTeX."""

from collections.abc import Iterator

from arena.report.caveats import billed_clause, hourly_notes, own_caveats
from arena.report.escape import one_line
from arena.report.format import usd
from arena.report.grading import assurance_notes, quarantine_notes
from arena.report.health import health
from arena.report.scored import Scored


def notes(scored: Scored) -> tuple[str, ...]:
    """Sentences on what the costs are, what is missing, and which tasks count."""
    return (
        *_costs(scored),
        *hourly_notes(scored),
        *_routes(scored),
        *own_caveats(scored),
        *health(scored).notes,
        *assurance_notes(scored),
        *quarantine_notes(scored),
    )


def _costs(scored: Scored) -> Iterator[str]:
    """Which cost contestants are compared at, and the bill where that is another."""
    if clause := billed_clause(scored):
        yield f"{clause}."
    differ = [
        f"{one_line(row.who.name)} {usd(row.money.total.billed_usd)}"
        for row in scored.board.rows
        if row.money.basis == "standard"
        and row.money.total.billed_usd != row.money.total.standard_usd
    ]
    if differ:
        yield f"Costs are at a standard cache; billed in all: {', '.join(differ)}."


def _routes(scored: Scored) -> Iterator[str]:
    """What the endpoints were spoken to in, where it is not chat completions for all."""
    rows = scored.board.rows
    routes = [
        f"{one_line(row.who.name)} {row.who.api}"
        + (f" (its agent speaks {row.who.translated_from})" if row.who.translated_from else "")
        for row in rows
        if row.who.api
    ]
    if any(row.who.translated_from or row.who.api not in {None, "chat"} for row in rows):
        yield f"API routes: {', '.join(routes)}."
