"""A run with every score that reports show, computed once, and how its trials ended: in words, as
a grid of marks, and counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from arena.records import Assurance, Verdict
from arena.report import format as show
from arena.rundir.directory import TaskEntry, file_stem
from arena.score.compare import CountryComparison, country_comparison
from arena.score.leaderboard import Leaderboard, Row, leaderboard
from arena.score.recommend import Recommendation, recommend
from arena.score.results import Results, TrialRow
from arena.score.trade import BestBuy


class ScoredContestant(NamedTuple):
    """A contestant with the run that it was scored in."""

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
        return show.plain(self.backend("country") or "no country")

    def backend(self, field: str) -> Any:
        """What is known of its backend; None without one."""
        return getattr(self.row.who.backend, field, None)

    @property
    def what(self) -> list[str]:
        """What stands below its name: agent, model, lab, country and whether weights are open."""
        told = [self.row.who.agent, *map(self.backend, ("model", "lab", "country"))]
        told += ["open weights"] if self.backend("open_weights") else []
        return [one for one in told if one and one != self.row.who.name]

    @property
    def buy(self) -> BestBuy | None:
        """Where it is the best buy; None where it is so at no value of a solved task."""
        buys = self.scored.recommendation.trade.buys
        return next((buy for buy in buys if buy.name == self.row.who.name), None)


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


class TrialEnding(NamedTuple):
    """One way that a trial can come out, and the class of its marks on the page."""

    words: str
    code: str


VERDICTS: Mapping[Verdict, TrialEnding] = {
    "passed": TrialEnding("passed", "p"),
    "failed": TrialEnding("failed", "f"),
    "no_patch": TrialEnding("no patch", "n"),
    "invalid_patch": TrialEnding("invalid patch", "i"),
    "timeout": TrialEnding("tests timed out", "t"),
    "resource": TrialEnding("out of resources", "r"),
    "integrity": TrialEnding("integrity", "g"),
}
FAULT, NOT_RUN = TrialEnding("fault", "x"), TrialEnding("not run", "o")
ENDINGS: Mapping[str, str] = {
    "submitted": "submitted",
    "gave_up": "ended without submitting",
    "steps": "step limit",
    "seconds": "time limit",
    "usd": "cost limit",
    "tokens": "token limit",
    "context_overflow": "context full",
    "content_filter": "refused by the provider",
    "container_ended": "ended its container",
    "agent_error": "the agent broke",
    "killed": "the agent was killed",
    "no_call": "the agent called no model",
    "provider_fault": "the provider failed",
    "uncertain_fault": "the provider may have failed",
    "engine_fault": "the engine failed",
    "harness_fault": "the harness failed",
}
MANY = 20_000
"""Trials from which attempts of a cell that ended alike share a mark: with a mark for each, a
browser takes seconds over the page.
"""


def ending(row: TrialRow) -> TrialEnding:
    """How a trial came out."""
    return VERDICTS[row.verdict] if row.verdict else FAULT if row.fault else NOT_RUN


def outcome(row: TrialRow) -> tuple[str, str]:
    """The same in words, and the tone to say it in."""
    tones = {None: "warn" if row.fault else "", "passed": "good", "integrity": "warn"}
    return ending(row).words, tones.get(row.verdict, "bad")


def page_name(trial_id: str) -> str:
    """File of a trial's page in the folder of all trial pages, and its address there."""
    return f"{file_stem(trial_id)}.html"


Alike = tuple[TrialRow, ...]
"""What one mark stands for: an attempt, or in a large run some that ended alike."""


class GridRow(NamedTuple):
    """A task with the attempts of each contestant; `note` says why it is not scored."""

    task: TaskEntry
    note: str
    cells: tuple[tuple[Alike, ...], ...]


class Grid(NamedTuple):
    """The whole matrix, contestants in the order of the leaderboard; `endings` are those that
    occur, and `joined` says that a mark may stand for several attempts.
    """

    rows: tuple[GridRow, ...]
    endings: tuple[TrialEnding, ...]
    joined: bool


def grid(scored: Scored) -> Grid:
    """The matrix of a run."""
    trials = scored.results.trials
    joined = len(trials) > MANY
    cells: dict[tuple[str, str], dict[object, Alike]] = {}
    for trial in trials:
        cell = cells.setdefault((trial.task_id, trial.contestant), {})
        alike = (ending(trial), trial.tries > 0) if joined else trial.attempt
        cell[alike] = (*cell.get(alike, ()), trial)
    rows, scoring = [], set(scored.board.tasks)
    for task in scored.results.tasks:
        note = "impossible control, never scored" if task.impossible else "not scored"
        found = (cells.get((task.id, row.who.name), {}) for row in scored.rows)
        note = "" if task.id in scoring else note
        rows.append(GridRow(task, note, tuple(tuple(c.values()) for c in found)))
    used = set(map(ending, trials))
    order = (*VERDICTS.values(), FAULT, NOT_RUN)
    return Grid(tuple(rows), tuple(one for one in order if one in used), joined)


def count_tables(scored: Scored) -> tuple[tuple[str, str, dict[str, list[int]]], ...]:
    """How trials were judged and how they ended: id, heading, and counts in the order of
    `scored.rows` by column. Columns that are 0 everywhere are left out.
    """
    rows = scored.rows
    verdicts = {
        **{one.words: [r.counts.verdicts.get(v, 0) for r in rows] for v, one in VERDICTS.items()},
        FAULT.words: [r.counts.faults for r in rows],
        NOT_RUN.words: [r.counts.not_run for r in rows],
    }
    more = {
        "tool mistakes": [r.counts.mistakes for r in rows],
        "replies cut short": [r.counts.truncations for r in rows],
    }
    return (
        ("verdicts", "How trials were judged", _used(verdicts)),
        ("endings", "How trials ended", endings(scored) | _used(more)),
    )


def endings(scored: Scored) -> dict[str, list[int]]:
    """How many trials of each contestant ended in which way, in the order of `scored.rows`."""
    counts = [row.counts.endings for row in scored.rows]
    return _used({words: [c.get(kind, 0) for c in counts] for kind, words in ENDINGS.items()})


def _used(columns: dict[str, list[int]]) -> dict[str, list[int]]:
    return {name: counts for name, counts in columns.items() if any(counts)}


def is_suspicious(trial: TrialRow) -> bool:
    """Whether a person should look at it."""
    return trial.verdict == "integrity" or trial.fault is not None or bool(trial.flags)
