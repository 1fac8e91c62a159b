"""What two results must share before their numbers may be compared."""

from arena.records import Assurance, Limits, Record, SandboxLimits
from arena.rundir import Manifest
from arena.score.tally import Scope, scope_of, scoring_tasks

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
