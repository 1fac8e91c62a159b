"""Contestants lined up task by task: whether two may be compared, and all pairs at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np

from arena import registry
from arena.errors import InputError
from arena.records import Assurance, Limits, Record, SandboxLimits
from arena.rundir.directory import Manifest
from arena.score.results import Results
from arena.score.tally import (
    MISSING_LIMIT,
    Scope,
    TaskTally,
    pair_doubt,
    scope_of,
    scoring_tasks,
    tallies,
)
from arena.stats import paired
from arena.stats.intervals import ALPHA, LEVEL, FloatArray, Ratio, ratio_of_ratios
from arena.stats.paired import Difference, NotWorse
from arena.stats.sequential import loss_p

NAMED = 3


class TaskConditions(Record):
    """What decides the result of one task, and the repository it comes from."""

    digest: str
    image: str
    repository: str | None = None


class Conditions(Record):
    """Tasks, images and limits a run was scored under."""

    run: str
    scope: Scope
    tasks: dict[str, TaskConditions]
    limits: Limits
    sandbox: SandboxLimits
    strict: bool
    race: tuple[str, ...] = ()
    """The order of tasks of a race; empty for what was none."""

    def differences(self, other: "Conditions") -> tuple[str, ...]:
        """Why numbers under these and the other conditions are not comparable."""
        shared = self.tasks.keys() & other.tasks.keys()
        here, there = self.tasks, other.tasks
        changed = {i for i in shared if here[i].digest != there[i].digest}
        images = {i for i in shared - changed if here[i].image != there[i].image}
        found = (
            (here.keys() - shared, f"tasks only in the first ({self.run})"),
            (there.keys() - shared, f"tasks only in the second ({other.run})"),
            (changed, "tasks changed"),
            (images, "images changed under tasks"),
        )
        return (
            *(f"{what}: {some(sorted(ids))}" for ids, what in found if ids),
            *_unlike("limits", self.limits, other.limits),
            *_unlike("sandbox limits", self.sandbox, other.sandbox),
            *(["a race stops on what it sees"] if self.race != other.race else ()),
            *(["strict verification is on in one run only"] if self.strict != other.strict else ()),
        )


class Contender(NamedTuple):
    """One contestant with the conditions it was scored under."""

    conditions: Conditions
    tally: TaskTally


def contender(results: Results, name: str, level: Assurance | None = None) -> Contender:
    """One contestant of a run; raises `InputError` where none has that name."""
    among = contenders(results, level)
    if name not in among:
        raise registry.unknown("contestant", name, among, where=str(results.path))
    return among[name]


def contenders(results: Results, level: Assurance | None = None) -> dict[str, Contender]:
    """Every contestant of a run by name, controls included."""
    conditions = conditions_of_run(results.manifest, level)
    return {n: Contender(conditions, t) for n, t in tallies(results, level).items()}


def conditions_of_run(manifest: Manifest, level: Assurance | None = None) -> Conditions:
    """What a run's tasks of one assurance level were scored under."""
    return Conditions(
        run=manifest.name,
        scope=scope_of(manifest, level),
        tasks={
            t.id: TaskConditions(digest=t.digest, image=t.image, repository=t.repository)
            for t in scoring_tasks(manifest, level)
        },
        limits=manifest.limits,
        sandbox=manifest.sandbox,
        strict=manifest.strict,
        race=() if manifest.race is None else manifest.race.order,
    )


def require_comparable(a: Contender, b: Contender, *, anyway: bool) -> tuple[str, ...]:
    """Why the two may not be compared, when it was asked for `anyway`; empty when they may.

    Raises:
        InputError: there are reasons, and nobody asked for it anyway; or one is of a race.
    """
    where = f"{a.conditions.run}: {a.tally.who.name}, {b.conditions.run}: {b.tally.who.name}"
    if a.conditions.race or b.conditions.race:
        raise InputError(
            "it was a race, which stops on what it sees: its rates are not compared",
            where=where,
            remedy="read its own answer with `arena report`",
        )
    reasons = a.conditions.differences(b.conditions)
    one, other = a.tally.who, b.tally.who
    if one.agent == other.agent and one.agent_digest != other.agent_digest:
        reasons = (*reasons, f"prompts or version of agent {one.agent} differ")
    if reasons and not anyway:
        raise InputError(
            f"not comparable: {'; '.join(reasons)}",
            where=where,
            remedy="compare results of the same tasks, images, limits and prompts, or say --anyway",
        )
    return reasons


def _unlike(what: str, one: Record, other: Record) -> list[str]:
    return [
        f"{what} differ: {key} is {value} in one and {getattr(other, key)} in the other"
        for key, value in one
        if value != getattr(other, key)
    ]


def some(names: Sequence[str]) -> str:
    """The first few of some names, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two tallies over the tasks that both have in full."""

    a: TaskTally
    b: TaskTally
    dropped: tuple[str, ...]
    """Tasks of either that are not in the comparison."""
    doubt: str | None
    """Why the pair decides nothing: too much is missing. Numbers are shown all the same."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks compared."""
        return self.a.tasks

    @property
    def single(self) -> bool:
        """Whether every task had one attempt by each."""
        return bool((self.a.planned == 1).all() and (self.b.planned == 1).all())

    @property
    def differences(self) -> FloatArray:
        """Per task, share passed by A less that passed by B."""
        gaps: FloatArray = self.a.means - self.b.means
        return gaps

    def difference(self) -> Difference | None:
        """Paired difference of pass rates; None without a shared task."""
        if not self.tasks:
            return None
        return paired.difference(self.differences, single=self.single)

    def not_worse(self, margin: float) -> NotWorse | None:
        """Whether A is shown not worse than B by `margin`; None without a shared task."""
        if not self.tasks:
            return None
        return paired.not_worse(self.differences, margin, single=self.single)

    def loss_p(self) -> float | None:
        """Exact one-sided p that A passes so few; None without a shared task."""
        a, b = self.a, self.b
        return loss_p(a.passed, a.scored, b.passed, b.scored) if self.tasks else None

    def p_of(self, test: Difference | NotWorse | None) -> float:
        """The test's p for a decision among many; 1 where the pair decides nothing."""
        return 1.0 if test is None or self.doubt else test.p

    @property
    def inconclusive(self) -> str | None:
        """Why the pair decides nothing, if it does not."""
        return self.doubt or (None if self.tasks else "no task is complete for both")

    def cost_per_solved_ratio(self, *, level: float = LEVEL) -> Ratio:
        """A's cost per solved task over B's."""
        return self._ratio(self.a.passed, self.b.passed, level)

    def cost_per_attempt_ratio(self, *, level: float = LEVEL) -> Ratio:
        """A's mean cost per attempt over B's."""
        return self._ratio(self.a.scored, self.b.scored, level)

    @property
    def bases_differ(self) -> bool:
        """Whether the two costs count different things, so that no ratio of them means anything."""
        return None not in {self.a.basis, self.b.basis} and self.a.basis != self.b.basis

    def _ratio(self, per_a: FloatArray, per_b: FloatArray, level: float) -> Ratio:
        a, b = self.a.cost_usd, self.b.cost_usd
        if a is None or b is None or self.bases_differ or not self.tasks:
            return Ratio()
        return ratio_of_ratios(np.stack((a, per_a, b, per_b), axis=1), level=level)


def pair(a: TaskTally, b: TaskTally, *, limit: float = MISSING_LIMIT) -> Pair:
    """Line two contestants up; `limit` of either's attempts may be missing without a doubt."""
    whole = set(a.take(a.complete).tasks) & set(b.take(b.complete).tasks)
    left_a, left_b = (
        one if len(one.tasks) == len(whole) else one.take(np.array([t in whole for t in one.tasks]))
        for one in (a, b)
    )
    dropped = (set(a.tasks) | set(b.tasks)) - whole
    return Pair(left_a, left_b, tuple(sorted(dropped)), pair_doubt(a, b, limit))


class PairCell(Record):
    """One pair of ranked contestants; the difference is A less B."""

    a: str
    b: str
    tasks: int
    """Tasks that both have in full."""
    difference: Difference | None
    adjusted_p: float
    """Holm-adjusted over all pairs of the board; 1 when inconclusive."""
    inconclusive: str | None

    @property
    def shown_worse(self) -> str | None:
        """Name of the one that is shown to pass less, if either is."""
        if self.difference is None or self.adjusted_p > ALPHA or not self.difference.estimate:
            return None
        return self.a if self.difference.estimate < 0 else self.b


def compare_all(ranked: Mapping[str, TaskTally]) -> tuple[PairCell, ...]:
    """Every pair, p-values adjusted over all; of a race, whose tasks were not fixed, none."""
    if any(tally.race_places is not None for tally in ranked.values()):
        return ()
    pairs = [pair(ranked[a], ranked[b]) for a, b in combinations(ranked, 2)]
    found = [p.difference() for p in pairs]
    decided = [lined.p_of(test) for lined, test in zip(pairs, found, strict=True)]
    return tuple(
        PairCell(
            a=lined.a.who.name,
            b=lined.b.who.name,
            tasks=len(lined.tasks),
            difference=difference,
            adjusted_p=adjusted,
            inconclusive=lined.inconclusive,
        )
        for lined, difference, adjusted in zip(pairs, found, paired.holm(decided), strict=True)
    )


class RankRange(NamedTuple):
    """Best and worst rank that the comparisons leave open; 1 is the best."""

    best: int
    worst: int


def ranks_of(names: Sequence[str], cells: Sequence[PairCell]) -> dict[str, RankRange]:
    """Rank range of each contestant: 1 + those shown better, to all less those shown worse."""
    worse = [(cell.shown_worse, {cell.a, cell.b}) for cell in cells]

    def of(name: str) -> RankRange:
        shown = [who for who, pair_of in worse if who is not None and name in pair_of]
        return RankRange(1 + shown.count(name), len(names) - len(shown) + shown.count(name))

    return {name: of(name) for name in names}
