"""One trial, from a fresh container to a record: the agent works, its diff is taken and graded.

The agent's container is killed before anything is read from it, and nothing but the diff goes on.
Limits and the agent's own failures are outcomes; only broken machinery makes a fault.
"""

import hashlib
import secrets
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Self

from arena import registry
from arena.agent import external
from arena.backend.limiter import AgentClock, RequestGate
from arena.backend.meter import CallOwner, TrialBackend
from arena.backend.pool import Backends
from arena.errors import FaultError, HarnessError, ProviderError
from arena.grading import audit
from arena.grading.job import Bench
from arena.grading.verify import ExclusiveLock, judge
from arena.paths import SafePath
from arena.protocols import Backend, CallTotals, Engine, Sandbox, Transcript
from arena.records import (
    Brief,
    ContestantSpec,
    Ending,
    ExecResult,
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
from arena.records.program import Program
from arena.rundir.directory import Manifest, RunDir
from arena.rundir.transcript import TranscriptFile
from arena.sandbox.image.store import Image
from arena.task import diff, pack

if TYPE_CHECKING:
    from arena.gateway.server import Gateway


class TimedSandbox:
    """A sandbox that cuts each command's time and writes it down; who pipes watches the clock."""

    def __init__(self, inner: Sandbox, clock: AgentClock, transcript: Transcript) -> None:
        self._inner = inner
        self.pipe, self.put, self.get = inner.pipe, inner.put, inner.get
        self.know_image, self.changes, self.kill = inner.know_image, inner.changes, inner.kill
        self._clock = clock
        self._transcript = transcript

    def exec(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        output_limit: int = 1_000_000,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stdin: bytes = b"",
    ) -> ExecResult:
        """Run a command for at most what is left of the agent's time."""
        left_s = self._clock.remaining_s
        if left_s <= 0:
            return ExecResult(exit_code=None, ended="timeout", wall_s=0.0)
        result = self._inner.exec(
            argv,
            timeout_s=min(timeout_s, left_s),
            output_limit=output_limit,
            cwd=cwd,
            env=env,
            user=user,
            stdin=stdin,
        )
        self._transcript.add(
            "command",
            {
                "argv": [part[:2000] for part in argv],
                "exit_code": result.exit_code,
                "ended": result.ended,
                "wall_s": round(result.wall_s, 3),
            },
        )
        return result

    @property
    def resource_ended(self) -> str | None:
        """As `Sandbox.resource_ended`."""
        return self._inner.resource_ended


@dataclass(frozen=True)
class TrialRequest:
    """One try of one trial: all that is asked of whoever runs or grades it, here or on a node."""

    spec: TrialSpec
    try_number: int
    task: Task
    contestant: ContestantSpec
    limits: Limits
    sandbox: SandboxLimits
    strict: bool
    folder: SafePath
    """Where transcript, patch and logs go."""
    labels: Mapping[str, str]
    """Put on every container of the try."""
    program: Program | None
    """Where the agent is a program of its own."""

    @classmethod
    def of(
        cls, spec: TrialSpec, try_number: int, task: Task, manifest: Manifest, rundir: RunDir
    ) -> Self:
        """The request for a trial of a run."""
        contestant = manifest.contestant(spec.contestant)
        program = manifest.programs.get(contestant.agent)
        return cls(
            spec=spec,
            try_number=try_number,
            task=task,
            contestant=contestant,
            limits=manifest.limits,
            sandbox=manifest.sandbox,
            strict=manifest.strict,
            folder=rundir.trial_dir(spec.id),
            labels={"arena.run": manifest.run_id, "arena.trial": spec.id},
            program=program and program.told(contestant.effort),
        )

    def bench(self, engine: Engine, image: str) -> Bench:
        """Where its patch is graded."""
        return Bench(engine, image, self.sandbox, self.labels, self.folder)


@dataclass
class TrialProgress:
    """What is known of a try so far; a fault keeps it."""

    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    ending: Ending | None = None
    verification: Verification | None = None
    patch: str = ""
    tally: CallTotals = field(default_factory=CallTotals)
    flags: tuple[Flag, ...] = ()
    fault: Fault | None = None
    wall_s: float = 0.0
    active_s: float = 0.0

    def record(self, request: TrialRequest) -> TrialRecord:
        """The record of a try that ends here."""
        ending = self.ending
        patch = self.patch.encode("utf-8", "surrogateescape")
        return TrialRecord(
            **request.spec.model_dump(),
            try_number=request.try_number,
            stop=ending.stop if ending else None,
            stop_detail=ending.detail if ending else "",
            verification=self.verification if self.fault is None else None,
            fault=self.fault,
            steps=self.tally.steps,
            mistakes=ending.mistakes if ending else 0,
            truncations=self.tally.truncations,
            wall_s=round(self.wall_s, 3),
            active_s=round(self.active_s, 3),
            patch_bytes=len(patch),
            patch_sha256=hashlib.sha256(patch).hexdigest() if patch else "",
            flags=(*self.flags, *self.tally.flags),
            started_at=self.started_at,
            ended_at=datetime.now(UTC),
        )


def recorded(request: TrialRequest, work: Callable[[TrialProgress], None]) -> TrialRecord:
    """The record of a try, whatever becomes of its work: what goes wrong is a fault."""
    progress = TrialProgress()
    try:
        work(progress)
    except FaultError as error:
        stops = isinstance(error, ProviderError) and error.stops_contestant
        progress.fault = Fault(kind=error.kind, message=_one_line(error), stops_contestant=stops)
    except Exception as error:  # noqa: BLE001 - a bug of ours must cost one trial, not the run
        line = f"{type(error).__name__}: {_one_line(error)}"
        progress.fault = Fault(kind="harness", message=line)
        with suppress(OSError):  # a full disk is what may have gone wrong
            (request.folder / "fault.log").write(traceback.format_exc())
    return progress.record(request)


@dataclass(frozen=True)
class TrialRunner:
    """Runs tries on one engine; what they share there."""

    engine: Engine
    backends: Backends
    images: Mapping[str, Image]
    """By task id."""
    layers: Mapping[str, str]
    """What holds the programs of external agents, by name."""
    exclusive: ExclusiveLock
    gateway: "Gateway | None"
    """Where a contestant's agent is a program of its own."""

    def run(self, request: TrialRequest, gate: RequestGate | None) -> TrialRecord:
        """Run one try to its record, whatever fault it ends in; controls need no gate.

        `KeyboardInterrupt` and the like pass through: the try is then unfinished.
        """
        return recorded(request, partial(self._run, request, gate))

    def _run(
        self, request: TrialRequest, gate: RequestGate | None, progress: TrialProgress
    ) -> None:
        began, remains = time.monotonic(), None
        clock = AgentClock(request.limits.seconds)
        try:
            with (
                TranscriptFile(request.folder / "transcript.jsonl") as transcript,
                self.engine.open(
                    self.images[request.task.id].id,
                    limits=request.sandbox,
                    labels=request.labels,
                    user=AGENT_USER,
                    channel=request.program is None,
                    layer=self.layers.get(request.contestant.agent),
                    volumes=(HOME,),
                ) as box,
            ):
                box.know_image()
                clock = AgentClock(request.limits.seconds)
                try:
                    ending = self._solve(request, gate, box, clock, transcript, progress)
                finally:
                    progress.active_s = clock.active_s
                progress.ending = ending
                box.kill()
                if box.resource_ended == "disk":
                    remains = diff.Remains(box)
                else:
                    self._grade(request, diff.Remains(box), progress)
            # If the engine's disk was full, that was its doing, and is over.
            if remains is not None:
                began = time.monotonic()
                self._grade(request, remains, progress)
            self.engine.check_disk_space(began)
            seen = audit.transcript_flags(request.folder / "transcript.jsonl", request.task)
            progress.flags = (*ending.flags, *seen)
        finally:
            progress.wall_s = clock.wall_s

    def _solve(
        self,
        request: TrialRequest,
        gate: RequestGate | None,
        box: Sandbox,
        clock: AgentClock,
        transcript: TranscriptFile,
        progress: TrialProgress,
    ) -> Ending:
        """Let the agent work; its own exceptions are its ending."""
        name, params = request.contestant.agent, request.contestant.params
        agent = (
            registry.agent_module(name).make(name, params)
            if request.program is None
            else external.make(request.program, params)
        )
        backend: Backend = _NoBackend()
        if request.contestant.backend is not None:
            assert gate is not None
            metered = TrialBackend(
                endpoint=self.backends.endpoint(request.contestant.backend),
                gate=gate,
                owner=CallOwner(request.spec.id, request.try_number, request.contestant.name),
                limits=request.limits,
                transcript=transcript,
                clock=clock,
            )
            progress.tally = metered.tally
            backend = metered
            if self.gateway is not None and request.program is not None:
                from arena.gateway.server import ProxyBackend

                backend = ProxyBackend(self.gateway, metered)
        gold = registry.is_given_gold(name)
        brief = Brief(
            task_id=request.task.id,
            problem_statement=request.task.problem_statement,
            limits=request.limits,
            nonce=secrets.token_hex(8),
            gold_patch=pack.gold_patch(request.task) if gold else None,
        )
        ending = agent.solve(brief, TimedSandbox(box, clock, transcript), backend, transcript)
        transcript.add("stop", ending.model_dump(mode="json"))
        return ending

    def _grade(self, request: TrialRequest, remains: diff.Remains, progress: TrialProgress) -> None:
        """Take the diff against a fresh container of the same image, and grade it there."""

        def take(fresh: Sandbox) -> str:
            by_script = request.task.tests.runner == "script"
            progress.patch = diff.capture(remains, fresh, binaries=by_script)
            return progress.patch

        bench = request.bench(self.engine, self.images[request.task.id].id)
        progress.verification = judge(
            request.task, bench, self.exclusive, take, strict=request.strict
        )


class _NoBackend:
    """Given to controls, which have no model."""

    def complete(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> Reply:
        raise HarnessError(
            f"a control asked for a model ({len(messages)} messages, {len(tools)} tools)"
        )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]
