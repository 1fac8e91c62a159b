"""A run with every score that reports show, computed once."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from arena.records import Assurance, ContestantSpec
from arena.report import format as show
from arena.score.compare import CountryComparison, country_comparison
from arena.score.leaderboard import Leaderboard, Row, leaderboard
from arena.score.recommend import Recommendation, recommend
from arena.score.results import Results
from arena.score.tally import tallies
from arena.score.trade import BestBuy
from arena.stats.intervals import Interval


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
    def spec(self) -> ContestantSpec:
        """As the run's manifest has it."""
        return self.scored.specs[self.row.who.name]

    @property
    def buy(self) -> BestBuy | None:
        """Where it is the best buy; None where it is so at no value of a solved task."""
        buys = self.scored.recommendation.trade.buys
        return next((buy for buy in buys if buy.name == self.row.who.name), None)

    @property
    def cost_ci(self) -> Interval | None:
        """95% interval of the mean ranking cost per attempt in US dollars."""
        return self.scored.cost_intervals.get(self.row.who.name)


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
    def specs(self) -> dict[str, ContestantSpec]:
        """Contestants as the manifest has them, by name."""
        return {spec.name: spec for spec in self.results.manifest.contestants}

    @cached_property
    def cost_intervals(self) -> dict[str, Interval]:
        """95% interval of the mean ranking cost per attempt in US dollars, tasks as the unit.

        Contestants without a ranking cost, or without spread between tasks, have none.
        """
        counted = tallies(self.results, self.board.level)
        most_usd = self.results.manifest.limits.usd
        found = {name: tally.seen.cost_interval(most_usd) for name, tally in counted.items()}
        return {name: interval for name, interval in found.items() if interval is not None}


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
