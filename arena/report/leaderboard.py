"""Leaderboard, controls and the points of the frontier chart."""

from collections.abc import Sequence
from dataclasses import dataclass

from arena.registry import is_given_gold
from arena.report import format as show
from arena.report.escape import plain
from arena.report.point import Point
from arena.report.scored import Scored
from arena.score.interval import Interval
from arena.score.row import Row, Who

NO_COUNTRY = "no country"


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure with what it is sorted by; unknown sorts last."""

    text: str
    order: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval and its estimate as shares of a bar, in percent."""

    lo: float
    width: float
    at: float


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the leaderboard."""

    anchor: str
    name: str
    what: str
    """Model, lab and country, on one line."""
    country: str
    weights: str
    provider: str
    rank: Cell
    rate: Cell
    bar: Bar | None
    solved: Cell
    all_pass: Cell
    per_attempt: Cell
    per_solved: Cell
    time: Cell
    frontier: Cell
    on_frontier: bool
    badges: tuple[tuple[str, str], ...]
    """(tone, text)"""


@dataclass(frozen=True, slots=True)
class Control:
    """One control: what it must do, and whether it did."""

    name: str
    expected: str
    found: str
    good: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """Values to filter by; a filter with one value is not offered."""

    countries: tuple[str, ...]
    weights: tuple[str, ...]
    providers: tuple[str, ...]


def anchor(position: int) -> str:
    """Id of a contestant's row; never made from its name, which is anybody's text."""
    return f"c{position}"


def lines(scored: Scored) -> tuple[Line, ...]:
    """Rows in the order of the board."""
    return tuple(_line(row, i, scored) for i, row in enumerate(scored.board.rows))


def filters(found: Sequence[Line]) -> Filters:
    """What the rows can be filtered by."""

    def values(name: str) -> tuple[str, ...]:
        return tuple(sorted({getattr(line, name) for line in found}))

    return Filters(values("country"), values("weights"), values("provider"))


def points(scored: Scored) -> list[Point]:
    """Contestants that have a pass rate and a price, for the frontier chart."""
    found = []
    for i, row in enumerate(scored.board.rows):
        score, cost = row.score, row.money.mean_usd
        if score.pass_rate is None or score.ci is None or not cost:
            continue
        found.append(
            Point(
                name=plain(row.who.name),
                anchor=anchor(i),
                country=country(row.who),
                rate=score.pass_rate,
                rate_ci=score.ci,
                cost=cost,
                cost_ci=scored.cost_intervals.get(row.who.name),
                on_frontier=row.on_frontier,
                description=_describe(row, scored.cost_intervals.get(row.who.name)),
            )
        )
    return found


def country(who: Who) -> str:
    """Country of the lab; none for baselines and unknown labs."""
    return plain(who.country) if who.country else NO_COUNTRY


def controls(scored: Scored) -> tuple[Control, ...]:
    """Who is given the fix must pass everything, any other control nothing; none is ranked."""
    return tuple(_control(row) for row in scored.board.controls)


def _control(row: Row) -> Control:
    passes = is_given_gold(row.who.agent)
    wanted = row.counts.scored if passes else 0
    found = f"{show.count(row.counts.passed)} of {show.count(row.counts.scored)}"
    return Control(
        name=plain(row.who.name),
        expected="must pass every trial" if passes else "must pass none",
        found=found,
        good=row.counts.passed == wanted and row.counts.scored > 0,
    )


def _line(row: Row, position: int, scored: Scored) -> Line:
    who, score, money = row.who, row.score, row.money
    solved = money.per_solved
    rank = row.rank
    return Line(
        anchor=anchor(position),
        name=plain(who.name),
        what=_what(who),
        country=country(who),
        weights={True: "open", False: "closed", None: "unknown"}[who.open_weights],
        provider=plain(who.provider or "none"),
        rank=_rank(rank.best, rank.worst) if rank else Cell(show.DASH, None),
        rate=_rate(row),
        bar=_bar(score.ci, score.pass_rate),
        solved=Cell(f"{row.counts.passed}/{row.counts.scored}", row.counts.passed),
        all_pass=_measured(show.percent(score.pass_hat_k), score.pass_hat_k),
        per_attempt=_per_attempt(row, scored.cost_intervals.get(who.name)),
        per_solved=Cell(
            show.usd(solved.estimate) if solved and solved.estimate else _no_cost(row),
            solved.estimate if solved else None,
            show.usd_range(solved.ci) if solved and solved.estimate else "",
        ),
        time=_measured(show.seconds(row.effort.median_active_s), row.effort.median_active_s),
        frontier=Cell(
            show.DASH if row.frontier_share is None else show.percent(row.frontier_share),
            row.frontier_share,
        ),
        on_frontier=row.on_frontier,
        badges=tuple(_badges(row)),
    )


def _what(who: Who) -> str:
    parts = [who.agent, who.model or "", who.lab or "", who.country or ""]
    if who.open_weights:
        parts.append("open weights")
    if who.api:
        parts.append(f"over {who.api}")
    return " · ".join(plain(part) for part in parts if part)


def _rank(best: int, worst: int) -> Cell:
    text = str(best) if best == worst else f"{best}{show.DASH}{worst}"
    return Cell(text, best + worst / 1000)


def _rate(row: Row) -> Cell:
    score = row.score
    note = show.percent_range(score.ci) if score.ci else ""
    return _measured(show.percent(score.pass_rate), score.pass_rate, note)


def _measured(text: str, order: float | None, note: str = "") -> Cell:
    """A figure that only a trial without a verdict leaves open."""
    return Cell(show.DASH if order is None else text, order, note)


def _bar(ci: Interval | None, rate: float | None) -> Bar | None:
    if ci is None or rate is None:
        return None
    return Bar(round(ci.lo * 100, 2), round((ci.hi - ci.lo) * 100, 2), round(rate * 100, 2))


def _per_attempt(row: Row, ci: Interval | None) -> Cell:
    cost = row.money.mean_usd
    if cost is None:
        return Cell(_no_cost(row), None)
    return Cell(show.usd(cost), cost, show.usd_range(ci) if ci else "")


def _no_cost(row: Row) -> str:
    """Why there is no ranking cost."""
    if not row.counts.scored:
        return show.DASH
    if row.money.basis is not None:
        return "nothing solved"
    if row.money.total.status == "partial":
        return f"≥ {show.usd(row.money.total.known_usd)} in all"
    if row.money.total.billed_usd == 0:
        return "nothing billed"
    return "no price" if row.money.total.status != "unknown" else show.UNKNOWN


def _badges(row: Row) -> list[tuple[str, str]]:
    counts, found = row.counts, []
    if row.who.simulated:
        found.append(("warn", "simulated"))
    if row.who.translated_from:
        found.append(("warn", "translated"))
    if row.inconclusive:
        found.append(("warn", "inconclusive"))
    if row.score.integrity:
        found.append(("bad", f"{row.score.integrity} integrity"))
    if counts.faults:
        found.append(("warn", show.plural(counts.faults, "fault")))
    if flags := sum(counts.flags.values()):
        found.append(("", show.plural(flags, "flag")))
    if counts.other_names:
        found.append(("warn", "other model answered"))
    if row.who.caveats:
        found.append(("warn", "with a caveat"))
    return found


def _describe(row: Row, cost_ci: Interval | None) -> str:
    score, money = row.score, row.money
    assert score.ci
    passed = f"{show.percent(score.pass_rate)} passed ({show.percent_range(score.ci)})"
    cost = f"{show.usd(money.mean_usd)} per attempt"
    if cost_ci:
        cost += f" ({show.usd_range(cost_ci)})"
    parts = [f"{plain(row.who.name)} ({country(row.who)}): {passed}", cost]
    if money.per_solved and money.per_solved.estimate:
        parts.append(f"{show.usd(money.per_solved.estimate)} per solved task")
    if row.frontier_share is not None:
        parts.append(f"on the frontier in {show.percent(row.frontier_share)} of resamples")
    if row.inconclusive:
        parts.append("inconclusive")
    return "; ".join(parts)
