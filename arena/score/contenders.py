"""Contestants of one run or of two, and what they must share before they may be compared."""

from collections.abc import Mapping
from typing import NamedTuple

from arena.errors import InputError
from arena.records import Assurance, Limits, Record, SandboxLimits
from arena.rundir import Manifest
from arena.score.results import Results
from arena.score.tally import Scope, TaskTally, scope_of, scoring_tasks, tallies

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

    def differences(self, other: "Conditions") -> tuple[str, ...]:
        """Why numbers under these and the other conditions are not comparable."""
        reasons = [
            *_unlike("limits", self.limits, other.limits),
            *_unlike("sandbox limits", self.sandbox, other.sandbox),
        ]
        if self.strict != other.strict:
            reasons.append("strict verification is on in one run only")
        return (*self._task_differences(other), *reasons)

    def _task_differences(self, other: "Conditions") -> list[str]:
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
        return [f"{what}: {_some(ids)}" for ids, what in found if ids]


class Contender(NamedTuple):
    """One contestant with the conditions it was scored under."""

    conditions: Conditions
    tally: TaskTally


def conditions_of(manifest: Manifest, level: Assurance | None = None) -> Conditions:
    """Conditions of one run for the tasks that are scored together."""
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
    )


def contender(results: Results, name: str, level: Assurance | None = None) -> Contender:
    """One contestant of a run.

    Raises:
        InputError: the run has no contestant of that name.
    """
    return pick(contenders(results, level), name, str(results.path))


def contenders(results: Results, level: Assurance | None = None) -> dict[str, Contender]:
    """Every contestant of a run by name, controls included."""
    conditions = conditions_of(results.manifest, level)
    return {n: Contender(conditions, t) for n, t in tallies(results, level).items()}


def pick(among: Mapping[str, Contender], name: str, where: str) -> Contender:
    """The contestant of that name, or one clear line."""
    if name not in among:
        raise InputError(
            f"no contestant {name!r}", where=where, remedy=f"choose from {', '.join(among)}"
        )
    return among[name]


def not_comparable(a: Contender, b: Contender) -> tuple[str, ...]:
    """Why the two may not be compared; empty when they may."""
    reasons = a.conditions.differences(b.conditions)
    one, other = a.tally.who, b.tally.who
    if one.agent == other.agent and one.agent_digest != other.agent_digest:
        reasons = (*reasons, f"prompts or version of agent {one.agent} differ")
    return reasons


def require_comparable(a: Contender, b: Contender, *, anyway: bool) -> tuple[str, ...]:
    """The reasons against a comparison that was asked for `anyway`.

    Raises:
        InputError: there are reasons, and nobody asked for it anyway.
    """
    reasons = not_comparable(a, b)
    if reasons and not anyway:
        raise InputError(
            f"not comparable: {'; '.join(reasons)}",
            where=f"{a.conditions.run}: {a.tally.who.name}, {b.conditions.run}: {b.tally.who.name}",
            remedy="compare results of the same tasks, images, limits and prompts, or say --anyway",
        )
    return reasons


def _unlike(what: str, one: Record, other: Record) -> list[str]:
    return [
        f"{what} differ: {key} is {value} in one and {getattr(other, key)} in the other"
        for key, value in one
        if value != getattr(other, key)
    ]


def _some(ids: set[str]) -> str:
    names = sorted(ids)
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
