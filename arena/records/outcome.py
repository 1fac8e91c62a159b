"""What an agent is told, how it ended, and what became of a trial."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from arena.errors import FaultKind
from arena.records.base import Record, Stop, TestOutcome, Verdict
from arena.records.container import WORKDIR
from arena.records.limits import Limits
from arena.serialize import well_formed


class Brief(Record):
    """What an agent is told about its task."""

    task_id: str
    problem_statement: str
    workdir: str = WORKDIR
    limits: Limits
    nonce: str
    """Random, first in the prompt: keeps attempts from sharing a provider's prompt cache."""
    gold_patch: str | None = None
    """Given to the control that applies it, and to nobody else."""


class Flag(Record):
    """Something a person should look at. Flags never decide."""

    kind: str
    detail: str
    line: int | None = None
    """Line of the transcript or patch."""


class Ending(Record):
    """How the agent stopped."""

    stop: Stop
    detail: str = ""
    mistakes: int = 0
    """Tool calls that were malformed, unknown or impossible, each answered with an observation."""
    flags: tuple[Flag, ...] = ()


class Fault(Record):
    """The harness, the engine or the provider broke; the model did not."""

    kind: FaultKind
    message: Annotated[str, AfterValidator(well_formed)]
    stops_contestant: bool = False
    """No further call of this contestant can succeed: wrong key, no credit, no such model."""


class Verification(Record):
    """What grading a patch in a fresh container showed."""

    verdict: Verdict
    reason: str = ""
    tests: dict[str, TestOutcome] = Field(default_factory=dict)
    stripped: tuple[str, ...] = ()
    """Protected paths the patch touched, removed before it was applied."""
    flags: tuple[Flag, ...] = ()
    strict: bool = False
    wall_s: float = 0.0


class TrialSpec(Record):
    """One pairing of task and contestant, one attempt."""

    id: str
    task_id: str
    contestant: str
    attempt: int = Field(ge=1)
    digest: str
    """Over task, image, limits and contestant: a finished trial with the same digest is kept."""


class TrialRecord(Record):
    """What became of one try of a trial. Stop, verdict and fault are three separate facts."""

    id: str
    task_id: str
    contestant: str
    attempt: int
    digest: str
    try_number: int = 1
    stop: Stop | None = None
    stop_detail: str = ""
    verification: Verification | None = None
    fault: Fault | None = None
    steps: int = 0
    mistakes: int = 0
    truncations: int = 0
    wall_s: float = 0.0
    active_s: float = 0.0
    """The agent's clock: without waiting for slots, rate limits and retries."""
    patch_bytes: int = 0
    patch_sha256: str = ""
    flags: tuple[Flag, ...] = ()
    started_at: datetime
    ended_at: datetime

    @property
    def verdict(self) -> Verdict | None:
        """The verdict, or None for a trial that a fault ended."""
        return self.verification.verdict if self.verification else None
