"""The leaderboard: the columns of a contestant, its badges, and the controls."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from arena.registry import is_given_gold
from arena.report import format as show
from arena.report.columns import Cell, Column, read
from arena.report.format import plain
from arena.report.scored import Scored, ScoredContestant
from arena.score.leaderboard import Row

NAME = "contestant"
"""The column that heads a row."""


def _rank(one: ScoredContestant) -> Cell:
    rank = one.row.rank
    if rank is None:
        return Cell(show.DASH)
    text = str(rank.best) if rank.best == rank.worst else f"{rank.best}{show.DASH}{rank.worst}"
    return Cell(text, rank.best + rank.worst / 1000)


def _rate(one: ScoredContestant) -> Cell:
    rate, ci = one.row.pass_rate, one.row.ci
    cell = _share(rate)
    return cell if ci is None else cell._replace(note=show.percent_range(ci), bar=ci)


def _passed(one: ScoredContestant) -> Cell:
    counts = one.row.counts
    return Cell(f"{counts.passed}/{counts.scored}", counts.passed)


def _share(share: float | None) -> Cell:
    """A share that only a trial without a verdict leaves open."""
    return Cell(show.DASH) if share is None else Cell(show.percent(share), share)


def _per_attempt(one: ScoredContestant) -> Cell:
    cost, ci = one.row.mean_usd, one.row.mean_ci
    if cost is None:
        return Cell(_no_cost(one.row))
    return Cell(show.usd(cost), cost, show.usd_range(ci) if ci else "")


def _per_solved(one: ScoredContestant) -> Cell:
    found = one.row.per_solved
    if found is None or not found.estimate:
        return Cell(_no_cost(one.row), found.estimate if found else None)
    return Cell(show.usd(found.estimate), found.estimate, show.usd_range(found.ci))


def _no_cost(row: Row) -> str:
    """Why there is no ranking cost."""
    if not row.counts.scored:
        return show.DASH
    if row.basis is not None:
        return "nothing solved"
    if row.total.status == "partial":
        return f"≥ {show.usd(row.total.known_usd)} in all"
    if row.total.billed_usd == 0:
        return "nothing billed"
    return "no price" if row.total.status != "unknown" else show.UNKNOWN


def _billed(one: ScoredContestant) -> Cell:
    total = one.row.total
    if total.billed_usd is None and total.known_usd:
        return Cell(f"≥ {show.usd(total.known_usd)}")
    billed = total.billed_usd
    return Cell(show.usd(billed), None if billed is None else float(billed))


def _prompts(one: ScoredContestant) -> Cell:
    found = one.row.tokens
    cached = f"{show.percent(found.cached_input / found.input)} cached" if found.input else ""
    return Cell(show.tokens(found.input), found.input, cached)


def _concurrency(one: ScoredContestant) -> float | None:
    found = one.scored.results.mean_concurrency.get(one.row.who.name)
    return None if found is None else float(found)


def _ranking(one: ScoredContestant) -> dict[str, Any]:
    """Cost as contestants are ranked on it, with a 95% Fieller interval where there is one."""
    solved = one.row.per_solved
    return {
        "basis": one.row.basis,
        "mean_cost_usd": one.row.mean_usd,
        "cost_per_solved_usd": solved.estimate if solved else None,
        "cost_per_solved_ci": solved.ci if solved else None,
    }


CONTESTANTS: tuple[Column[ScoredContestant], ...] = read(
    "contestants",
    {
        "provider": lambda c: None if c.backend("simulated") else c.backend("provider"),
        "mean_concurrency": _concurrency,
        "ranking": _ranking,
    },
    {
        "rank": _rank,
        "pass_rate": _rate,
        "pass_rate_ci": lambda c: Cell(_rate(c).note),
        "passed": _passed,
        "pass_hat_k": lambda c: _share(c.row.pass_hat_k),
        "cost_per_attempt_usd": _per_attempt,
        "cost_per_solved_usd": _per_solved,
        "cost_usd": _billed,
        "input_tokens": _prompts,
    },
)


def texts(columns: Sequence[Column[ScoredContestant]], one: ScoredContestant) -> list[str]:
    """A contestant's figures under these columns."""
    return [column.shown(one).text for column in columns]


class Control(NamedTuple):
    """What a control must do, and whether it did."""

    name: str
    expected: str
    found: str
    good: bool


def badges(row: Row) -> list[tuple[str, str]]:
    """What stands beside a name: tone and text of each mark."""
    broken, backend = row.counts.verdicts.get("integrity", 0), row.who.backend
    marks = (
        (backend and backend.simulated, "warn", "simulated"),
        (backend and backend.translated_from, "warn", "translated"),
        (row.inconclusive, "warn", "inconclusive"),
        (broken, "bad", show.plural(broken, "breach", "breaches") + " of integrity"),
        (row.counts.other_names, "warn", "other model answered"),
        (backend and backend.caveats, "warn", "with a caveat"),
    )
    return [(tone, text) for held, tone, text in marks if held]


def marks(row: Row) -> str:
    """The badges in one line with what the page lists apart; empty without any."""
    flags = sum(row.counts.flags.values())
    found = [text for _, text in badges(row)] + [f"{show.count(flags)} to look at"] * bool(flags)
    return ", ".join(found)


def controls(scored: Scored) -> tuple[Control, ...]:
    """Oracle must pass everything, nop nothing; neither is a contestant."""
    found = []
    for row in scored.board.controls:
        passes, counts = is_given_gold(row.who.agent), row.counts
        good = counts.passed == (counts.scored if passes else 0) and counts.scored > 0
        expected = "must pass every trial" if passes else "must pass none"
        passed = f"{show.count(counts.passed)} of {show.count(counts.scored)}"
        found.append(Control(plain(row.who.name), expected, passed, good))
    return tuple(found)
