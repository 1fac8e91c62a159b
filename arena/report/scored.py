"""A run with every score that reports show, computed once; and where its money went."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from arena.money.statement import CallPricing
from arena.records import Assurance, BackendSpec, FxRate
from arena.report import format as show
from arena.score.groups import CountryComparison, country_comparison
from arena.score.leaderboard import Leaderboard, Row, leaderboard
from arena.score.recommend import Recommendation, recommend
from arena.score.results import Results, Tokens
from arena.score.tally import tallies
from arena.stats.intervals import Interval
from arena.stats.paired import t_interval


class ScoredContestant(NamedTuple):
    """A contestant with the run that it was scored in: what a column takes its value from."""

    row: Row
    scored: "Scored"
    anchor: str
    """Id of its row on the page; never made from its name, which is anybody's text."""

    @property
    def name(self) -> str:
        """As it is shown."""
        return show.plain(self.row.who.name)

    @property
    def country(self) -> str:
        """Of the lab; baselines and unknown labs have none."""
        return show.plain(self.row.who.country or "no country")

    @property
    def weights(self) -> str:
        """Whether the model's weights can be had."""
        return {True: "open", False: "closed", None: "unknown"}[self.row.who.open_weights]

    @property
    def cost_ci(self) -> Interval | None:
        """95% interval of the mean ranking cost per attempt in US dollars."""
        return self.scored.cost_intervals.get(self.row.who.name)

    @property
    def mean_concurrency(self) -> Decimal | None:
        """Calls in flight on average while a machine paid by the hour was busy."""
        return self.scored.results.mean_concurrency.get(self.row.who.name)


@dataclass(frozen=True)
class Scored:
    """Results, leaderboard, recommendation and country comparison of one run."""

    results: Results
    board: Leaderboard
    recommendation: Recommendation
    countries: CountryComparison
    """Contestants of the United States against those of China."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """Contestants in the order of the leaderboard, controls last."""
        return (*self.board.rows, *self.board.controls)

    @property
    def contestants(self) -> tuple[ScoredContestant, ...]:
        """The same, each with the run."""
        return tuple(ScoredContestant(row, self, f"c{i}") for i, row in enumerate(self.rows))

    @property
    def ranked(self) -> tuple[ScoredContestant, ...]:
        """Those of the leaderboard, without controls."""
        return self.contestants[: len(self.board.rows)]

    @cached_property
    def conclusive(self) -> tuple[Row, ...]:
        """Ranked contestants of which something may be concluded, best first."""
        return tuple(row for row in self.board.rows if not row.inconclusive)

    @cached_property
    def cost_intervals(self) -> dict[str, Interval]:
        """95% t interval of the mean ranking cost per attempt in US dollars, tasks as the unit.

        Contestants without a ranking cost, or without spread between tasks, have none.
        """
        found = {}
        for name, tally in tallies(self.results, self.board.level).items():
            seen = tally.take(tally.scored > 0)
            if seen.cost_usd is None:
                continue
            interval = t_interval(seen.cost_usd / seen.scored)
            if interval is not None:
                found[name] = Interval(max(0.0, interval.lo), interval.hi)
        return found


def score(
    results: Results, level: Assurance | None = None, *, value_usd: float | None = None
) -> Scored:
    """Score a run for every kind of report.

    Args:
        results: the run.
        level: assurance of the tasks; by default the strongest there is.
        value_usd: worth of a solved task in US dollars; by default as the run's file says.

    Raises:
        InputError: no task has that level, or the value is none.
    """
    return Scored(
        results=results,
        board=leaderboard(results, level),
        recommendation=recommend(results, level=level, value_usd=value_usd),
        countries=country_comparison(results, level=level),
    )


COST_KINDS = ("input", "cached input", "cache writes", "reasoning", "output", "machine time")
TOLERANCE = Decimal("0.005")


class CostPart(NamedTuple):
    """One kind of cost as a share of the bar, in percent."""

    kind: int
    """Position in `COST_KINDS`."""
    start: float
    width: float


class CostLine(NamedTuple):
    """What one contestant cost in the whole run."""

    row: Row
    parts: tuple[CostPart, ...]
    split: str
    """The parts in words, or why they are not known."""


def cost_lines(scored: Scored) -> tuple[CostLine, ...]:
    """One line a contestant, controls left out, in the order of the leaderboard."""
    manifest = scored.results.manifest
    specs = {c.name: c.backend for c in manifest.contestants}
    return tuple(_line(row, specs[row.who.name], manifest.fx) for row in scored.board.rows)


def _line(row: Row, spec: BackendSpec | None, fx: tuple[FxRate, ...]) -> CostLine:
    shares = split(spec, row.effort.tokens, row.money.total.billed_usd, fx)
    if shares is None:
        return CostLine(row, (), _why_not(row, spec))
    total, start, parts = sum(shares), 0.0, []
    for kind, amount in enumerate(shares):
        if width := float(amount / total) * 100:
            parts.append(CostPart(kind, round(start, 2), round(width, 2)))
        start += width
    named = zip(COST_KINDS, shares, strict=True)
    words = (f"{kind} {show.percent(part / total)}" for kind, part in named if part)
    return CostLine(row, tuple(parts), ", ".join(words))


def split(
    spec: BackendSpec | None,
    tokens: Tokens,
    billed_usd: Decimal | None,
    fx: tuple[FxRate, ...],
) -> tuple[Decimal, ...] | None:
    """Billed cost by kind, in the order of `COST_KINDS`.

    Only where one price held for all calls: the parts are computed from it and must add up to
    what was billed. With several tiers, hours or a provider's own bill they would be a guess.
    """
    if spec is None or not billed_usd:
        return None
    if spec.hourly_usd is not None:
        return (*(Decimal(0),) * 5, billed_usd)
    kinds = CallPricing(spec, fx).by_kind(
        tokens.input - tokens.cached_input - tokens.cache_write,
        tokens.cached_input,
        tokens.cache_write,
        tokens.output,
    )
    if kinds is None:
        return None
    *prompt, output = kinds
    reasoning = output * tokens.reasoning / tokens.output if tokens.output else Decimal(0)
    parts = (*prompt, reasoning, output - reasoning, Decimal(0))
    return parts if abs(sum(parts) - billed_usd) <= TOLERANCE * billed_usd else None


def _why_not(row: Row, spec: BackendSpec | None) -> str:
    if row.money.total.status in {"unknown", "partial"}:
        return "cost unknown"
    if not row.money.total.billed_usd:
        return "free"
    if spec and len(spec.prices) > 1:
        return "several prices held during the run"
    return "prices differ between calls"
