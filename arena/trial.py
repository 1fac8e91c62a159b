"""One try of one trial: agent in a sandbox, diff out, grading in a fresh sandbox.

The agent's container is killed before anything is read from it, and nothing but the diff goes on.
Limits and the agent's own failures are outcomes; only broken machinery makes a fault.
"""

import hashlib
import secrets
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from arena import audit, registry, verify
from arena.agent import external
from arena.backend.clock import AgentClock
from arena.backend.desk import Desk
from arena.backend.meter import Seat, Tally
from arena.backend.pool import Backends
from arena.errors import FaultError, HarnessError, ProviderError
from arena.program import Program
from arena.protocols import Agent, Backend, Engine, Sandbox
from arena.quiet import Quiet
from arena.records import (
    Brief,
    ContestantSpec,
    Ending,
    Fault,
    Flag,
    Limits,
    Message,
    Reply,
    SandboxLimits,
    Task,
    ToolSpec,
    TrialRecord,
    TrialSpec,
    Verification,
)
from arena.records.container import AGENT_USER, HOME
from arena.sandbox.image.images import TaskImage
from arena.task import diff, pack
from arena.timed import TimedSandbox
from arena.transcript import TranscriptFile
from arena.verify import Bench

if TYPE_CHECKING:
    from arena.backend.gateway.server import Gateway


@dataclass(frozen=True)
class Job:
    """One try, with everything it needs: nothing is looked up inside a trial."""

    spec: TrialSpec
    try_number: int
    task: Task
    contestant: ContestantSpec
    limits: Limits
    sandbox: SandboxLimits
    strict: bool
    folder: Path
    """Where transcript, patch and logs go."""
    labels: Mapping[str, str]
    """Put on every container of the run."""
    program: Program | None = None
    """Where the agent is a program of its own."""


@dataclass(frozen=True)
class Services:
    """What all trials on one engine share."""

    engine: Engine
    backends: Backends
    images: Mapping[str, TaskImage]
    """By task id."""
    layers: Mapping[str, str]
    """What holds the programs of outside agents, by name."""
    quiet: Quiet
    gateway: "Gateway | None" = None
    """Where a contestant's agent is a program of its own."""


@dataclass
class _Progress:
    """What is known so far; a fault keeps it."""

    ending: Ending | None = None
    verification: Verification | None = None
    patch: str = ""
    tally: Tally | None = None
    flags: tuple[Flag, ...] = ()


def run_try(job: Job, services: Services, desk: Desk | None) -> TrialRecord:
    """Run one try to its record; never raises for a fault.

    Args:
        job: what to run.
        services: the engine and endpoints.
        desk: lets its calls go; None for controls, which make none.

    `KeyboardInterrupt` and the like pass through: the try is then unfinished.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    clock = AgentClock(job.limits.seconds)
    progress = _Progress()
    fault = None
    active_s = 0.0
    try:
        with (
            TranscriptFile(job.folder / "transcript.jsonl") as transcript,
            services.engine.open(
                services.images[job.task.id].id,
                limits=job.sandbox,
                labels=job.labels,
                user=AGENT_USER,
                channel=job.program is None,
                layer=services.layers.get(job.contestant.agent),
                volumes=(HOME,),
            ) as box,
        ):
            box.know_image()
            clock = AgentClock(job.limits.seconds)
            try:
                progress.ending = _solve(job, services, desk, box, clock, transcript, progress)
            finally:
                active_s = clock.active_s
            box.kill()
            remains = diff.Remains(box) if box.resource_ended == "disk" else None
            if remains is None:
                _grade(job, services, box, progress)
        if remains is not None:  # if the engine's disk was full, that was its doing, and is over
            began = time.monotonic()
            _grade(job, services, remains, progress)
        services.engine.check_room(began)
        seen = audit.transcript_flags(job.folder / "transcript.jsonl", job.task)
        progress.flags = (*progress.ending.flags, *seen)
    except FaultError as error:
        stops = isinstance(error, ProviderError) and error.stops_contestant
        fault = Fault(kind=error.kind, message=_one_line(error), stops_contestant=stops)
    except Exception as error:  # noqa: BLE001 - a bug of ours must cost one trial, not the run
        fault = Fault(kind="harness", message=f"{type(error).__name__}: {_one_line(error)}")
        with suppress(OSError):  # a full disk is what may have gone wrong
            (job.folder / "fault.log").write_text(traceback.format_exc())
    return _record(job, progress, fault, clock, active_s, started_at)


def _solve(
    job: Job,
    services: Services,
    desk: Desk | None,
    box: Sandbox,
    clock: AgentClock,
    transcript: TranscriptFile,
    progress: _Progress,
) -> Ending:
    """Let the agent work; its own exceptions are its ending."""
    agent = _agent(job)
    backend: Backend = _NoBackend()
    if job.contestant.backend is not None:
        assert desk is not None
        metered = services.backends.for_trial(
            job.contestant.backend,
            desk,
            seat=Seat(job.spec.id, job.try_number, job.contestant.name),
            limits=job.limits,
            transcript=transcript,
            clock=clock,
        )
        progress.tally = metered.tally
        backend = metered
        if services.gateway is not None and job.program is not None:
            backend = services.gateway.doorway(
                metered, limits=job.limits, transcript=transcript, clock=clock
            )
    gold = registry.is_given_gold(job.contestant.agent)
    brief = Brief(
        task_id=job.task.id,
        problem_statement=job.task.problem_statement,
        limits=job.limits,
        nonce=secrets.token_hex(8),
        gold_patch=pack.gold_patch(job.task) if gold else None,
    )
    ending = agent.solve(brief, TimedSandbox(box, clock, transcript), backend, transcript)
    transcript.add("stop", ending.model_dump(mode="json"))
    return ending


def _agent(job: Job) -> Agent:
    name, params = job.contestant.agent, job.contestant.params
    if job.program is not None:
        return external.make(job.program, params)
    return registry.agent_module(name).make(name, params)


def _grade(job: Job, services: Services, box: diff.Changed, progress: _Progress) -> None:
    """Take the diff against a fresh container of the same image, and grade it there."""
    bench = Bench(
        engine=services.engine,
        image=services.images[job.task.id].id,
        limits=job.sandbox,
        labels=job.labels,
        folder=job.folder,
    )
    with verify.opened(job.task, bench) as fresh:
        progress.patch = diff.capture(box, fresh)
        (job.folder / "patch.diff").write_bytes(progress.patch.encode("utf-8", "surrogateescape"))
        with services.quiet.shared():
            graded = verify.verify(job.task, progress.patch, bench, strict=job.strict, fresh=fresh)
    if graded.verdict in {"timeout", "resource"}:
        with services.quiet.alone():
            graded = verify.confirm(job.task, progress.patch, graded, bench, strict=job.strict)
    progress.verification = graded


def _record(
    job: Job,
    progress: _Progress,
    fault: Fault | None,
    clock: AgentClock,
    active_s: float,
    started_at: datetime,
) -> TrialRecord:
    ending = progress.ending
    patch = progress.patch.encode("utf-8", "surrogateescape")
    tally = progress.tally or Tally()
    return TrialRecord(
        id=job.spec.id,
        task_id=job.spec.task_id,
        contestant=job.spec.contestant,
        attempt=job.spec.attempt,
        digest=job.spec.digest,
        try_number=job.try_number,
        stop=ending.stop if ending else None,
        stop_detail=ending.detail if ending else "",
        verification=progress.verification if fault is None else None,
        fault=fault,
        steps=tally.steps,
        mistakes=ending.mistakes if ending else 0,
        truncations=tally.truncations,
        wall_s=round(clock.wall_s, 3),
        active_s=round(active_s, 3),
        patch_bytes=len(patch),
        patch_sha256=hashlib.sha256(patch).hexdigest() if patch else "",
        flags=progress.flags,
        started_at=started_at,
        ended_at=datetime.now(UTC),
    )


class _NoBackend:
    """Given to controls, which have no model."""

    def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        raise HarnessError(
            f"a control asked for a model ({len(messages)} messages, {len(tools)} tools)"
        )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
