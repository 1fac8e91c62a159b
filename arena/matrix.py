"""The matrix of a run: every trial its manifest asks for, in the order of work.

A task's image stays hot while all contestants work on it, and contestants are shuffled within a
task, so that no contestant always goes first and time of day is nobody's advantage.
"""

import random
from collections.abc import Iterator

from arena.records import ContestantSpec, TrialSpec, digest_of
from arena.rundir import Manifest, TaskEntry


def trial_id(task_id: str, contestant: str, attempt: int) -> str:
    """Readable, unique in a run, and fit for a folder name."""
    return f"{task_id.replace('/', '.')}--{contestant}--{attempt}"


def trial_specs(manifest: Manifest) -> Iterator[TrialSpec]:
    """Every trial of a run in the order of work."""
    order = random.Random(manifest.seed)
    for attempt in range(1, manifest.attempts + 1):
        tasks = list(manifest.tasks)
        order.shuffle(tasks)
        for task in tasks:
            contestants = list(manifest.contestants)
            order.shuffle(contestants)
            for contestant in contestants:
                if runs(contestant, impossible=task.impossible):
                    yield trial_spec(manifest, task, contestant, attempt)


def trial_spec(
    manifest: Manifest, task: TaskEntry, contestant: ContestantSpec, attempt: int
) -> TrialSpec:
    """One trial; its digest covers everything that may not differ between comparable trials."""
    limits = manifest.limits.model_dump(mode="json")
    sandbox = manifest.sandbox.model_dump(mode="json")
    return TrialSpec(
        id=trial_id(task.id, contestant.name, attempt),
        task_id=task.id,
        contestant=contestant.name,
        attempt=attempt,
        digest=digest_of(
            [task.digest, task.image, limits, sandbox, manifest.strict, contestant.digest]
        ),
    )


def runs(contestant: ContestantSpec, *, impossible: bool) -> bool:
    """Whether a contestant meets a task: impossible controls have no gold patch, so no oracle."""
    return not (impossible and contestant.agent == "oracle")
