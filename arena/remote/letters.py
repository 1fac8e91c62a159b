"""What a run and its nodes tell each other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from arena.money.budget import Amount
from arena.program import Program
from arena.records import BackendSpec, CallBegin, CallEnd, FxRate, Record, TrialRecord


class NodeInfo(Record):
    """What a node says of itself first."""

    source: str
    """Digest of its copy of Arena."""
    engine: str
    """Id of its container engine, which several nodes may share."""


@dataclass(frozen=True)
class RunSetup:
    """What a run needs of a node. The packs travel beside it, and so do the keys."""

    tasks: Mapping[str, str]
    """Digests by id."""
    programs: Mapping[str, Program]
    backends: tuple[BackendSpec, ...]
    profiles: Mapping[str, str]
    """Digests of the backends by name."""
    fx: tuple[FxRate, ...]
    """Rates of the run."""


@dataclass(frozen=True)
class ApiKeys:
    """By environment variable; shown nowhere and written nowhere."""

    values: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True)
class TrialResult:
    """A try that ended on a node."""

    record: TrialRecord
    files: Mapping[str, bytes]
    """Of the trial's folder, by path in it."""


@dataclass(frozen=True)
class Announce:
    """A call wants to go."""

    seat: str
    begin: CallBegin
    held: Amount


@dataclass(frozen=True)
class Settle:
    """A call has ended."""

    seat: str
    end: CallEnd
    spent: Amount
    retry_after_s: float | None


@dataclass(frozen=True)
class GiveUp:
    """Nobody knows what became of a call."""

    seat: str
    call_id: str


@dataclass(frozen=True)
class Shut:
    """An agent has ended: no call of its trial may go any more."""

    seat: str


@dataclass(frozen=True)
class LogLine:
    """A line for whoever watches the run."""

    text: str


NodeMessage = Announce | Settle | GiveUp | Shut | LogLine
