"""The matrix of a run: every trial its manifest asks for, in the order of work.

A task's image stays hot while all contestants work on it, and contestants are shuffled within a
task, so that no contestant always goes first and time of day is nobody's advantage.
"""

import random
from collections.abc import Iterator

from arena import registry
from arena.records import ContestantSpec, Limits, SandboxLimits, TrialSpec, digest_of
from arena.rundir import Manifest


def trial_id(task_id: str, contestant: str, attempt: int) -> str:
    """Readable, unique in a run, and fit for a folder name."""
    return f"{task_id.replace('/', '.')}--{contestant}--{attempt}"


def conditions_of(limits: Limits, sandbox: SandboxLimits, *, strict: bool) -> str:
    """Digest of what every trial of a run is held to."""
    return digest_of([limits.model_dump(mode="json"), sandbox.model_dump(mode="json"), strict])


def trial_specs(manifest: Manifest) -> Iterator[TrialSpec]:
    """Every trial of a run in the order of work.

    A trial's digest covers everything that may not differ between comparable trials.
    """
    order = random.Random(manifest.seed)
    conditions = manifest.conditions or conditions_of(
        manifest.limits, manifest.sandbox, strict=manifest.strict
    )
    identity = {c.name: c.digest for c in manifest.contestants}
    digests: dict[tuple[str, str], str] = {}
    for attempt in range(1, manifest.attempts + 1):
        tasks = list(manifest.tasks)
        order.shuffle(tasks)
        for task in tasks:
            contestants = list(manifest.contestants)
            order.shuffle(contestants)
            for contestant in contestants:
                if not runs(contestant, impossible=task.impossible):
                    continue
                pair = task.id, contestant.name
                if pair not in digests:
                    digests[pair] = digest_of(
                        [task.digest, task.image, conditions, identity[contestant.name]]
                    )
                yield TrialSpec(
                    id=trial_id(task.id, contestant.name, attempt),
                    task_id=task.id,
                    contestant=contestant.name,
                    attempt=attempt,
                    digest=digests[pair],
                )


def runs(contestant: ContestantSpec, *, impossible: bool) -> bool:
    """Whether a contestant meets a task: impossible controls have no gold patch to be given."""
    return not (impossible and registry.is_given_gold(contestant.agent))
