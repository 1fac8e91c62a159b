"""Grades anybody's patches with the verification of a run, and records them as a run.

The run directory is one like any other: its contestants are the names in the predictions, with
the agent `predictions` and no backend. What is graded already is kept when it is done again.
"""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from arena import __version__, plan
from arena.errors import FaultError, InputError
from arena.ledger import Ledger, SessionBegin, SessionEnd, TrialBegin, TrialEnd
from arena.matrix import trial_specs
from arena.protocols import Engine
from arena.quiet import Quiet
from arena.records import (
    ContestantSpec,
    Ending,
    Fault,
    Limits,
    SandboxLimits,
    Task,
    TrialRecord,
    TrialSpec,
    Verdict,
    digest_of,
)
from arena.rundir import EngineInfo, Manifest, RunDir
from arena.sandbox.image.images import TaskImage
from arena.score.load import load
from arena.task.formats.predictions import Prediction, slug
from arena.trial import TrialProgress, TrialRequest
from arena.verify import Bench, judge

AGENT = "predictions"

Say = Callable[[str], None]


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
class Order:
    """What is to be graded, and with what."""

    predictions: Sequence[Prediction]
    """Each is for one of the tasks."""
    tasks: Mapping[str, Task]
    """By instance id, as the predictions write it."""
    images: Mapping[str, TaskImage]
    engine: Engine
    info: EngineInfo
    sandbox: SandboxLimits
    strict: bool
    jobs: int


def grade(order: Order, out: Path, *, say: Say) -> list[Graded]:
    """Grade predictions into a run directory; one result each, in their order.

    Args:
        order: what to grade.
        out: the run directory; what was graded there before is kept.
        say: told of each verdict in one line.

    Raises:
        InputError: the directory holds another run.
    """
    rundir = RunDir(out)
    with rundir.lock():
        manifest = _manifest(order, out, say)
        rundir.write_manifest(manifest)
        done = {row.id for row in load(out).trials if row.verdict is not None}
        wanted = _by_pair(order)
        todo = [
            spec
            for spec in trial_specs(manifest)
            if spec.id not in done and (spec.task_id, spec.contestant) in wanted
        ]
        with Ledger(rundir.ledger_path) as ledger:
            _run(order, todo, wanted, manifest, rundir, ledger, say)
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
        for one in order.predictions
        for row in [rows[order.tasks[one.instance_id].id, contestant_name(one.model)]]
    ]


def contestant_name(model: str) -> str:
    """A model's name as the name of a contestant, fit for a folder."""
    kept = "".join(
        char if (char.isalnum() and char.isascii()) or char in "._-" else "-" for char in model
    )
    return kept.strip(".-_")[:64] or slug(model) or AGENT


# ── the manifest ───────────────────────────────────────────────────────────────────────────────


def _manifest(order: Order, out: Path, say: Say) -> Manifest:
    tasks = {task.id: task for task in order.tasks.values()}
    new = Manifest(
        run_id=secrets.token_hex(8),
        name=out.name,
        created_at=datetime.now(UTC),
        arena_version=__version__,
        attempts=1,
        concurrency=order.jobs,
        limits=Limits(),
        sandbox=order.sandbox,
        strict=order.strict,
        tasks=tuple(plan.task_entry(tasks[i], order.images[i]) for i in sorted(tasks)),
        contestants=_contestants(order.predictions),
        engine=order.info,
        base_image=next((image.base for image in order.images.values()), ""),
    )
    rundir = RunDir(out)
    if not rundir.manifest_path.exists():
        return new
    return plan.continued(rundir.read_manifest(), new, where=str(out), say=say)


def _contestants(predictions: Sequence[Prediction]) -> tuple[ContestantSpec, ...]:
    """One contestant a name; all its patches are its identity."""
    patches: dict[str, dict[str, str]] = {}
    names: dict[str, str] = {}
    for one in predictions:
        name = contestant_name(one.model)
        if names.setdefault(name, one.model) != one.model:
            raise InputError(
                f"{one.model!r} and {names[name]!r} cannot be told apart as {name!r}",
                remedy="rename one of them in the predictions",
            )
        patches.setdefault(name, {})[one.instance_id] = _sha(one.patch)
    return tuple(
        ContestantSpec(
            name=name,
            agent=AGENT,
            agent_digest=digest_of({**patches[name]}),
            params={"model_name_or_path": names[name]},
        )
        for name in sorted(patches)
    )


def _by_pair(order: Order) -> dict[tuple[str, str], str]:
    """The patch of each pair of task and contestant."""
    found: dict[tuple[str, str], str] = {}
    for one in order.predictions:
        pair = order.tasks[one.instance_id].id, contestant_name(one.model)
        if pair in found:
            raise InputError(
                f"two patches of {one.model!r} for {pair[0]!r}",
                where=one.instance_id,
                remedy="keep one of them",
            )
        found[pair] = one.patch
    return found


# ── grading ────────────────────────────────────────────────────────────────────────────────────


def _run(
    order: Order,
    todo: Sequence[TrialSpec],
    patches: Mapping[tuple[str, str], str],
    manifest: Manifest,
    rundir: RunDir,
    ledger: Ledger,
    say: Say,
) -> None:
    session, quiet = secrets.token_hex(4), Quiet()
    tasks = {task.id: task for task in order.tasks.values()}

    def one(spec: TrialSpec) -> TrialRecord:
        request = TrialRequest.of(spec, 1, tasks[spec.task_id], manifest, rundir)
        bench = request.bench(order.engine, order.images[spec.task_id].id)
        patch = patches[spec.task_id, spec.contestant]
        ledger.append(TrialBegin(spec=spec, try_number=1, at=datetime.now(UTC)))
        record = _graded(request, patch, bench, quiet)
        ledger.append(TrialEnd(record=record))
        return record

    ledger.append(SessionBegin(session=session, at=datetime.now(UTC)))
    reason = "interrupted"
    try:
        with ThreadPoolExecutor(order.jobs, thread_name_prefix="grade") as pool:
            for number, record in enumerate(pool.map(one, todo), 1):
                what = record.verdict or f"fault: {record.fault.message if record.fault else ''}"
                say(f"[{number}/{len(todo)}] {record.id}: {what}, {record.wall_s:.1f} s")
        reason = "completed"
    finally:
        ledger.append(SessionEnd(session=session, reason=reason, at=datetime.now(UTC)))


def _graded(request: TrialRequest, patch: str, bench: Bench, quiet: Quiet) -> TrialRecord:
    progress = TrialProgress(ending=Ending(stop="submitted"), patch=patch)
    began = time.monotonic()
    try:
        progress.verification = judge(
            request.task, bench, quiet, lambda _: patch, strict=request.strict
        )
    except FaultError as error:
        progress.fault = Fault(kind=error.kind, message=" ".join(str(error).split()))
    progress.wall_s = time.monotonic() - began
    return progress.record(request)


def _sha(patch: str) -> str:
    return hashlib.sha256(patch.encode("utf-8", "surrogateescape")).hexdigest()
