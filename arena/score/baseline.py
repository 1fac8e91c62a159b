"""A baseline file: what a gate needs of a run, small enough to keep in a repository."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from arena.errors import InputError
from arena.records import Assurance, Record
from arena.rundir.directory import refuse_newer
from arena.score.pairs import Conditions, Contender, conditions_of_run, contenders
from arena.score.results import CostBasis, Results
from arena.score.tally import Identity, TaskTally, doubt, levels
from arena.serialize import read_text, wrong_shape

BASELINE_VERSION = 2
MOST_ATTEMPTS = 10**6
"""At one task: what is more was mistyped."""


class TaskScore(Record):
    """Attempts of one contestant at one task."""

    planned: int = Field(le=MOST_ATTEMPTS)
    scored: int
    passed: int = Field(ge=0)
    cost_usd: Decimal | None = Field(ge=0)
    """Ranking cost of the scored attempts; None where the contestant has none."""

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        if not self.passed <= self.scored <= self.planned:
            raise ValueError("more attempts passed than were scored, or scored than planned")
        return self


class BaselineContestant(Record):
    """One contestant's scores by task id."""

    who: Identity
    basis: CostBasis | None
    tasks: dict[str, TaskScore]


class BaselineLevel(Record):
    """Scores over the tasks of one assurance level."""

    conditions: Conditions
    """What they may be compared with: the same tasks, images, limits and sandbox."""
    contestants: tuple[BaselineContestant, ...]


class Baseline(Record):
    """Scores to gate against, every assurance level of the run on its own."""

    baseline_version: int = BASELINE_VERSION
    created_at: datetime
    """When the run was made."""
    levels: tuple[BaselineLevel, ...] = Field(min_length=1)

    def contenders(self, level: Assurance) -> dict[str, Contender]:
        """Contestants by name; none where the run had no task of that level."""
        return {
            c.who.name: Contender(part.conditions, _tally(c))
            for part in self.levels
            if part.conditions.scope.level == level
            for c in part.contestants
        }


def baseline_of(results: Results) -> Baseline:
    """Baseline of a run's ranked contestants; raises `InputError` for a race or without a score."""
    refuse_race(results)
    ranked = {c.name for c in results.manifest.contestants if not c.control}
    parts = []
    for level in levels(results.manifest):
        kept = [c for name, c in contenders(results, level).items() if name in ranked]
        if kept:
            scores = tuple(_contestant(c.tally) for c in kept)
            parts.append(BaselineLevel(conditions=kept[0].conditions, contestants=scores))
    if not parts:
        raise InputError(
            "no contestant with a scored task to keep as a baseline", where=str(results.path)
        )
    return Baseline(created_at=results.manifest.created_at, levels=tuple(parts))


def series_of(results: Results, earlier: Sequence[Results]) -> tuple[Baseline, list[str]]:
    """What nights before a run amount to as its baseline, and which of them are left out.

    A night counts where its tasks, images and limits are the run's; a contestant where its digest
    is; a task of it where no attempt is missing. Without such a night it holds no contestant.
    """
    notes: list[str] = []
    parts = []
    for level in levels(results.manifest):
        now = contenders(results, level)
        nights: dict[str, list[TaskTally]] = {}
        for night in earlier:
            known = contenders(night, level) if level in levels(night.manifest) else {}
            for name, new in now.items():
                reasons = _unlike(new, known.get(name))
                if reasons:
                    notes.append(f"{night.path.name}, {name}: {'; '.join(reasons)}")
                elif not results.manifest.contestant(name).control:
                    nights.setdefault(name, []).append(known[name].tally)
        most = max(map(len, nights.values()), default=0)
        told = f"{most} earlier {'night' if most == 1 else 'nights'}"
        conditions = conditions_of_run(results.manifest, level).model_copy(update={"run": told})
        scores = tuple(_contestant(_pooled(tallies)) for tallies in nights.values())
        parts.append(BaselineLevel(conditions=conditions, contestants=scores))
    return Baseline(created_at=results.manifest.created_at, levels=tuple(parts)), notes


def _unlike(new: Contender, old: Contender | None) -> tuple[str, ...]:
    if old is None:
        return ("it has no such contestant",)
    reasons = new.conditions.differences(old.conditions)
    if new.tally.who.digest != old.tally.who.digest:
        reasons = (*reasons, "it was another contestant (its digest differs)")
    return reasons


def _pooled(nights: Sequence[TaskTally]) -> TaskTally:
    """Nights of a contestant as one tally; costs count where all have them on one basis."""
    last = nights[-1]
    scored = np.sum([np.where(n.complete, n.scored, 0.0) for n in nights], axis=0)
    costs = [
        np.where(n.complete, n.cost_usd, 0.0)
        for n in nights
        if n.cost_usd is not None and n.basis == last.basis
    ]
    priced = len(costs) == len(nights)
    return replace(
        last,
        planned=scored,
        scored=scored,
        passed=np.sum([np.where(n.complete, n.passed, 0.0) for n in nights], axis=0),
        cost_usd=np.sum(costs, axis=0) if priced else None,
        basis=last.basis if priced else None,
    )


def refuse_race(results: Results) -> None:
    """Raise `InputError` for a race."""
    if results.manifest.race is not None:
        raise InputError(
            "a race stops on what it sees: its rates are no baseline and are not gated",
            where=str(results.path),
            remedy="run the whole matrix (without --race)",
        )


def require_sound(baseline: Baseline, limit: float, *, where: str) -> None:
    """Raise `InputError` where so many trials lack a verdict that every gate would be unsound."""
    for part in baseline.levels:
        for contestant in part.contestants:
            if (reason := doubt(_tally(contestant), limit)) is not None:
                remedy = "resume the run first, or give --max-faults"
                raise InputError(f"no baseline: {reason}", where=where, remedy=remedy)


def text_of(baseline: Baseline) -> str:
    """The file of a baseline."""
    return baseline.model_dump_json(indent=1) + "\n"


def read_baseline(path: Path) -> Baseline:
    """Read a baseline file; raises `InputError` for one missing, broken or of a newer version."""
    try:
        baseline = Baseline.model_validate_json(read_text(path))
    except ValidationError as error:
        wrong = wrong_shape(error, where=str(path))
        raise InputError(
            f"not a baseline: {wrong.what}", where=wrong.where, remedy="write it again from a run"
        ) from None
    refuse_newer(baseline.baseline_version, BASELINE_VERSION, path)
    if not all(part.contestants for part in baseline.levels):
        raise InputError(
            "the baseline holds no contestant", where=str(path), remedy="write it again from a run"
        )
    return baseline


def _contestant(tally: TaskTally) -> BaselineContestant:
    counts = np.stack((tally.planned, tally.scored, tally.passed), axis=1).astype(int).tolist()
    costs = [None] * len(counts) if tally.cost_usd is None else tally.cost_usd.tolist()
    usd = [None if cost is None else Decimal(str(cost)) for cost in costs]
    return BaselineContestant(
        who=tally.who,
        basis=tally.basis,
        tasks={
            task: TaskScore(planned=made, scored=scored, passed=passed, cost_usd=cost)
            for task, (made, scored, passed), cost in zip(tally.tasks, counts, usd, strict=True)
        },
    )


def _tally(contestant: BaselineContestant) -> TaskTally:
    ids = tuple(sorted(contestant.tasks))
    scores = [contestant.tasks[i] for i in ids]
    counts = np.array([(s.planned, s.scored, s.passed) for s in scores], dtype=np.float64)
    planned, scored, passed = counts.reshape(-1, 3).T
    costs = [s.cost_usd for s in scores]
    known = contestant.basis is not None and None not in costs
    return TaskTally(
        who=contestant.who,
        tasks=ids,
        planned=planned,
        scored=scored,
        passed=passed,
        cost_usd=np.array(costs, dtype=np.float64) if known else None,
        basis=contestant.basis if known else None,
    )
