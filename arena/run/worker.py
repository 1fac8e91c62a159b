"""One trial as a worker runs it: budget, tries, and an event for each step."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from arena.backend.pool import Backends
from arena.errors import EngineError, HarnessError
from arena.money.budget import Budgets, TrialBudget
from arena.paths import SafePath
from arena.records import Fault, Task, TrialRecord, TrialSpec
from arena.run.hosts import TrialHost
from arena.run.trial import TrialRequest
from arena.rundir.directory import Manifest, RunDir
from arena.rundir.ledger import ContestantStopped, Ledger, TrialBegin, TrialEnd
from arena.score.load import ResumeState, resume_state

MAX_TRIES = 3
PAUSE_S = 2.0
"""Before a faulted trial is tried again; doubled each time."""
BUDGET_POLL_S = 0.5
UNSERVED_TRIALS = 2
"""Trials in a row, three tries each, that a provider may fail before its contestant is stopped."""
BROKEN_TASKS = 3
"""Tasks in a row, three tries of a trial each, that the machinery may fail before the run stops."""


@dataclass(eq=False)
class Worker:
    """Runs the trials of a run; the same object serves all its threads."""

    manifest: Manifest
    rundir: RunDir
    tasks: Mapping[str, Task]
    host: TrialHost
    backends: Backends
    ledger: Ledger
    before: ResumeState = field(init=False)
    """What earlier sessions did."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set to leave running trials unfinished: nothing more is written for them."""
    _budgets: Budgets = field(init=False)
    _stopped: set[str] = field(default_factory=set)
    _in_a_row: dict[str, int] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)
    """Tasks that the machinery failed since anything got a verdict."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        run = self.manifest
        self.before = resume_state(self.rundir, run)
        self._budgets = Budgets(run.limits, run.budget, run.contestant_budgets, self.before.spent)

    def is_stopped(self, contestant: str) -> bool:
        """Whether no further trial of a contestant is to start."""
        with self._lock:
            return contestant in self._stopped

    def __call__(self, spec: TrialSpec) -> TrialRecord | None:
        """Run a trial; None where it was not run or cancelled, a `FaultError` if none can be."""
        first = self.before.tries.get(spec.id, 0) + 1
        record = None
        for number in range(first, first + MAX_TRIES):
            if number > first:
                self.cancelled.wait(PAUSE_S * 2 ** (number - first - 1))
            budget = self._open_budget(spec)
            if budget is None:
                return record
            try:
                record = self._try(spec, number, budget)
            finally:
                budget.close()
            if self.cancelled.is_set():
                return None
            if record.fault is None:
                with self._lock:
                    self._in_a_row.pop(spec.contestant, None)
                    self._broken.clear()
                return record
            if record.fault.stops_contestant:
                self._stop(spec.contestant, record.fault.message)
                return record
        if record is not None and record.fault is not None:
            self._failed(spec, record.fault)
        return record

    def _failed(self, spec: TrialSpec, fault: Fault) -> None:
        """Stop what has left several trials in a row without a verdict: an endpoint, or all."""
        with self._lock:
            if fault.kind in {"engine", "harness"}:
                self._broken.add(spec.task_id)
                if len(self._broken) < BROKEN_TASKS:
                    return
                line = f"{len(self._broken)} tasks in a row could not be run: {fault.message}"
                raise EngineError(line) if fault.kind == "engine" else HarnessError(line)
            count = self._in_a_row[spec.contestant] = self._in_a_row.get(spec.contestant, 0) + 1
        if count >= UNSERVED_TRIALS:
            self._stop(spec.contestant, f"{count} trials in a row failed: {fault.message}")

    def _open_budget(self, spec: TrialSpec) -> TrialBudget | None:
        """Reserve the trial's cap, waiting while running trials may still give back."""
        metered = self.manifest.contestant(spec.contestant).backend is not None
        while not (self.cancelled.is_set() or self.is_stopped(spec.contestant)):
            found = self._budgets.open_trial(spec.contestant, metered=metered)
            if isinstance(found, TrialBudget):
                return found
            if not self._budgets.may_open_later(spec.contestant):
                self._stop(spec.contestant, found)
            self.cancelled.wait(BUDGET_POLL_S)
        return None

    def _try(self, spec: TrialSpec, number: int, budget: TrialBudget) -> TrialRecord:
        task = self.tasks[spec.task_id]
        request = TrialRequest.of(spec, number, task, self.manifest, self.rundir)
        gate = None
        if request.contestant.backend is not None:
            gate = self.backends.gate(request.contestant.backend, budget, self.ledger)
        with self.host.slot() as run:
            self.ledger.append(TrialBegin(spec=spec, try_number=number, at=datetime.now(UTC)))
            _set_aside(request.folder, number - 1)
            try:
                record = run(request, gate)
            finally:
                if gate is not None:
                    gate.shut()
        if not self.cancelled.is_set():
            self.ledger.append(TrialEnd(record=record))
        return record

    def _stop(self, contestant: str, reason: str) -> None:
        with self._lock:
            if contestant in self._stopped:
                return
            self._stopped.add(contestant)
        event = ContestantStopped(contestant=contestant, reason=reason, at=datetime.now(UTC))
        self.ledger.append(event)


def _set_aside(folder: SafePath, number: int) -> None:
    """Move the files of the try before this one into a folder of their own."""
    files = [path for path in folder.iterdir() if not path.name.startswith("try-")]
    if not files:
        return
    aside = folder / f"try-{number}"
    try:
        for file in files:
            file.rename(aside / file.name)
    except OSError as error:
        raise HarnessError(f"{aside}: cannot be written: {error.strerror}") from error
