"""Work of other harnesses and for them: patches graded as a run, tasks exported with images."""

import hashlib
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from arena import __version__
from arena.backend.limiter import RequestGate
from arena.backend.pool import Backends
from arena.errors import InputError
from arena.grading.verify import ExclusiveLock, judge
from arena.records import (
    ContestantSpec,
    Ending,
    Limits,
    SandboxLimits,
    Task,
    TrialRecord,
    TrialSpec,
    Verdict,
    digest_of,
)
from arena.run import bakeoff, plan, resume
from arena.run.bakeoff import Watcher
from arena.run.hosts import LocalHost, Ready
from arena.run.trial import TrialProgress, TrialRequest, recorded
from arena.run.worker import Worker
from arena.rundir.directory import Manifest, RunDir, trial_specs
from arena.rundir.ledger import Ledger
from arena.sandbox.docker import Say
from arena.sandbox.engine import DockerEngine
from arena.sandbox.image.images import Images, exported_image
from arena.sandbox.image.store import Image
from arena.score.load import load
from arena.task import pack as packs
from arena.task.formats import exports
from arena.task.formats.exports import can_be_shown
from arena.task.formats.predictions import Prediction, instance_id, slug

ExportForm = Literal["swebench", "harbor"]


def export(
    tasks: Sequence[Task], to: ExportForm, out: Path, engine: DockerEngine
) -> tuple[Path, dict[str, str]]:
    """Write tasks in somebody's form: the path, and for those without such a form, why.

    Trees in their images lie where the harness wants them and are root's, as harnesses run as root.
    """
    no_patch = "an impossible control has no gold patch"
    reasons = {task.id: no_patch if task.impossible else can_be_shown(task) for task in tasks}
    left_out = {task_id: reason for task_id, reason in reasons.items() if reason}
    chosen = [task for task in tasks if task.id not in left_out]
    images = Images(engine, packs.tree_files).ensure(chosen)
    workdir = exports.SWEBENCH_WORKDIR if to == "swebench" else exports.HARBOR_WORKDIR
    names = {
        task.id: exported_image(
            engine.connection,
            images[task.id],
            f"{to}/{slug(instance_id(task))}",
            packs.tree_files(task),
            workdir,
        )
        for task in chosen
    }
    out.mkdir(parents=True, exist_ok=True)
    if to == "harbor":
        for task in chosen:
            exports.write_harbor(out, task, names[task.id])
        return out, left_out
    path = out / "instances.jsonl"
    exports.write_swebench(path, chosen, names)
    return path, left_out


AGENT = "predictions"


@dataclass(frozen=True)
class Graded:
    """What became of one prediction."""

    instance_id: str
    model: str
    task_id: str
    verdict: Verdict | None
    """None where a fault left it without one."""
    reason: str
    seconds: float


@dataclass(frozen=True)
class GradingJob:
    """What is to be graded, and with what."""

    predictions: Sequence[Prediction]
    """Each is for one of the tasks."""
    tasks: Mapping[str, Task]
    """By instance id, as the predictions write it."""
    images: Mapping[str, Image]
    engine: DockerEngine
    jobs: int


def grade(job: GradingJob, out: Path, *, say: Say, watcher: Watcher | None = None) -> list[Graded]:
    """Grade predictions into a run directory, which keeps what is graded; results in their order.

    It is an `InputError` where that holds another run.
    """
    rundir, patches = RunDir(out), _by_pair(job)
    with rundir.lock(), Backends((), fx=()) as backends:
        manifest = _manifest(job, out, say)
        rundir.write_manifest(manifest)
        tasks = {task.id: task for task in job.tasks.values()}
        ready = Ready(
            images=dict(job.images), layers={}, engine=job.engine.info(), lease=job.engine.ident
        )
        exclusive = ExclusiveLock()

        def graded(request: TrialRequest, _: RequestGate | None) -> TrialRecord:
            patch = patches[request.spec.task_id, request.spec.contestant]
            bench = request.bench(job.engine, job.images[request.task.id].id)

            def work(progress: TrialProgress) -> None:
                progress.ending, progress.patch = Ending(stop="submitted"), patch
                began = time.monotonic()
                try:
                    progress.verification = judge(
                        request.task, bench, exclusive, lambda _: patch, strict=request.strict
                    )
                finally:
                    progress.wall_s = time.monotonic() - began

            return recorded(request, work)

        def planned() -> Iterator[TrialSpec]:
            return (s for s in trial_specs(manifest) if (s.task_id, s.contestant) in patches)

        with Ledger(rundir.ledger_path, watcher) as ledger:
            host = LocalHost(job.engine, graded, ready, say)
            worker = Worker(manifest, rundir, tasks, host, backends, ledger)
            bakeoff.run_trials(worker, planned, say, watcher)
    rows = {(row.task_id, row.contestant): row for row in load(out).trials}
    return [
        Graded(
            instance_id=one.instance_id,
            model=one.model,
            task_id=row.task_id,
            verdict=row.verdict,
            reason=row.fault.message if row.fault else row.reason,
            seconds=row.wall_s,
        )
        for one in job.predictions
        for row in [rows[job.tasks[one.instance_id].id, contestant_name(one.model)]]
    ]


def contestant_name(model: str) -> str:
    """A model's name as the name of a contestant, fit for a folder."""
    kept = re.sub("[^A-Za-z0-9._-]", "-", model)
    return kept.strip(".-_")[:64] or slug(model) or AGENT


# ── the manifest ───────────────────────────────────────────────────────────────────────────────


def _manifest(job: GradingJob, out: Path, say: Say) -> Manifest:
    tasks = {task.id: task for task in job.tasks.values()}
    new = Manifest(
        run_id=secrets.token_hex(8),
        name=out.name,
        created_at=datetime.now(UTC),
        arena_version=__version__,
        attempts=1,
        concurrency=job.jobs,
        limits=Limits(),
        sandbox=SandboxLimits(),
        tasks=tuple(plan.task_entry(tasks[i], job.images[i]) for i in sorted(tasks)),
        contestants=_contestants(job.predictions),
        engine=job.engine.info(),
        base_image=next((image.base for image in job.images.values()), ""),
    )
    if (earlier := RunDir(out).begun()) is None:
        return new
    return resume.continued(earlier, new, where=str(out), say=say)


def _contestants(predictions: Sequence[Prediction]) -> tuple[ContestantSpec, ...]:
    """A contestant without a backend for each name; all its patches are its identity."""
    patches: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    for one in predictions:
        name = contestant_name(one.model)
        if names.setdefault(name, one.model) != one.model:
            raise InputError(
                f"{one.model!r} and {names[name]!r} cannot be told apart as {name!r}",
                remedy="rename one of them in the predictions",
            )
        patch = one.patch.encode("utf-8", "surrogateescape")
        patches.setdefault(name, {})[one.instance_id] = hashlib.sha256(patch).hexdigest()
    return tuple(
        ContestantSpec(
            name=name,
            agent=AGENT,
            agent_digest=digest_of({**patches[name]}),
            params={"model_name_or_path": names[name]},
        )
        for name in sorted(patches)
    )


def _by_pair(job: GradingJob) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for one in job.predictions:
        pair = job.tasks[one.instance_id].id, contestant_name(one.model)
        if pair in found:
            raise InputError(
                f"two patches of {one.model!r} for {pair[0]!r}",
                where=one.instance_id,
                remedy="keep one of them",
            )
        found[pair] = one.patch
    return found
