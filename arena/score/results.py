"""A run as data for scoring: one row a trial, money already computed, nothing else in memory."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Literal

from arena.records import CostStatus, Fault, Stop, Verdict
from arena.records.outcome import KILLED, NO_CALL
from arena.rundir.directory import Manifest, TaskEntry

CostBasis = Literal["billed", "no_cache", "standard"]


@dataclass(frozen=True, slots=True)
class TokenTotals:
    """Tokens summed over calls. `input` is the whole prompt; caches are parts of it."""

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0

    def __add__(self, other: "TokenTotals") -> "TokenTotals":
        return TokenTotals(
            self.input + other.input,
            self.cached_input + other.cached_input,
            self.cache_write + other.cache_write,
            self.output + other.output,
            self.reasoning + other.reasoning,
        )


@dataclass(frozen=True, slots=True)
class CallTimes:
    """How fast an endpoint was, over the calls that ended well; whole, so that sums are exact."""

    wall_us: int = 0
    """From sending to the end of the reply."""
    output: int = 0
    """Tokens generated in that time."""
    begun: int = 0
    """Calls of which the first byte was noted."""
    first_byte_us: int = 0
    """From sending to the first byte of the body, of these."""

    def __add__(self, other: "CallTimes") -> "CallTimes":
        return CallTimes(
            self.wall_us + other.wall_us,
            self.output + other.output,
            self.begun + other.begun,
            self.first_byte_us + other.first_byte_us,
        )

    @property
    def first_byte_s(self) -> float | None:
        """Seconds to the first byte, mean over calls."""
        return self.first_byte_us / self.begun / 1e6 if self.begun else None

    @property
    def tokens_per_s(self) -> float | None:
        """Output tokens a second of waiting for replies."""
        return self.output / self.wall_us * 1e6 if self.wall_us and self.output else None


@dataclass(frozen=True, slots=True)
class Cost:
    """Money of some calls, in USD, on three bases.

    A basis is None when any call's cost on it is unknown, or when there is nothing but calls that
    were never settled. Beside settled calls those make an estimate, with their bound apart.
    """

    billed_usd: Decimal | None
    no_cache_usd: Decimal | None
    standard_usd: Decimal | None
    known_usd: Decimal
    """The billed part that is known, without estimates: a lower bound, never a total."""
    status: CostStatus
    unsettled_bound_usd: Decimal | None = None
    """Upper bound of calls that were announced and never settled; None when unpriced or none."""
    unsettled_calls: int = 0


@dataclass(frozen=True, slots=True)
class TrialRow:
    """One trial after its last try; spend covers every try."""

    id: str
    task_id: str
    contestant: str
    attempt: int
    tries: int
    calls: int
    tokens: TokenTotals
    cost: Cost
    flags: tuple[tuple[str, str], ...]
    """(kind, detail) of everything a person should look at."""
    wasted_usd: Decimal = Decimal(0)
    """Billed for calls and tries that failed or were cut short, as far as it is known; of no
    machine paid by the hour."""
    failed_call: bool = False
    times: CallTimes = CallTimes()
    control: bool = False
    """Its contestant bounds the results and is never ranked."""
    other_names: tuple[str, ...] = ()
    """Model names returned that differ from the requested one."""
    reason: str = ""
    visible: Literal["passed", "failed"] | None = None
    """Outcome of the tests that the repository shows to everybody; None where none is known."""
    stop: Stop | None = None
    stop_detail: str = ""
    verdict: Verdict | None = None
    """None: no verdict yet (a fault, not run, or still running)."""
    fault: Fault | None = None
    """Set when the last try ended in a fault."""
    steps: int = 0
    mistakes: int = 0
    truncations: int = 0
    wall_s: float = 0.0
    active_s: float = 0.0
    patch_bytes: int = 0

    @property
    def ending(self) -> str | None:
        """What ended the last try, of one kind: a fault, or how the agent stopped."""
        if self.fault is not None:
            return f"{self.fault.kind}_fault"
        if self.stop == "agent_error" and self.stop_detail.startswith(KILLED):
            return "killed"
        if self.stop == "agent_error" and self.stop_detail.startswith(NO_CALL):
            return "no_call"
        return self.stop

    @property
    def passed(self) -> bool:
        """Whether every deciding test passed."""
        return self.verdict == "passed"


@dataclass(frozen=True)
class Results:
    """A whole run. `trials` holds every planned trial, in order of task, contestant, attempt."""

    path: Path
    manifest: Manifest
    """With the tasks and contestants of the plan alone."""
    trials: tuple[TrialRow, ...]
    left_out: tuple[TrialRow, ...] = ()
    """Trials that had begun when the plan was narrowed, and are no longer in it."""
    stopped: dict[str, str] = field(default_factory=dict)
    """Contestants that were stopped, with the reason."""
    mean_concurrency: dict[str, Decimal] = field(default_factory=dict)
    """Calls in flight on average while a machine paid by the hour was busy, by contestant."""

    @property
    def tasks(self) -> tuple[TaskEntry, ...]:
        """Tasks in the order of the manifest."""
        return self.manifest.tasks

    @cached_property
    def _by_contestant(self) -> dict[str, list[TrialRow]]:
        rows: dict[str, list[TrialRow]] = {}
        for trial in self.trials:
            rows.setdefault(trial.contestant, []).append(trial)
        return rows

    def of(self, contestant: str, tasks: Container[str] | None = None) -> list[TrialRow]:
        """Trials of one contestant, at some tasks where they are given."""
        rows = self._by_contestant.get(contestant, [])
        return [t for t in rows if t.task_id in tasks] if tasks is not None else list(rows)


def total_cost(trials: Sequence[TrialRow]) -> Cost:
    """Money of several trials; a basis is None when it is unknown of any of them."""
    made = sum_costs([t.cost for t in trials])
    return replace(made, status=_status({t.cost.status for t in trials if t.calls}))


def sum_costs(costs: Sequence[Cost]) -> Cost:
    """Money of several trials that all made calls."""
    unsettled = [c for c in costs if c.unsettled_calls]
    return Cost(
        billed_usd=_sum(c.billed_usd for c in costs),
        no_cache_usd=_sum(c.no_cache_usd for c in costs),
        standard_usd=_sum(c.standard_usd for c in costs),
        known_usd=sum((c.known_usd for c in costs), Decimal(0)),
        status=_status({c.status for c in costs}),
        unsettled_bound_usd=_sum(c.unsettled_bound_usd for c in unsettled) if unsettled else None,
        unsettled_calls=sum(c.unsettled_calls for c in unsettled),
    )


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = list(amounts)
    return None if None in known else sum(filter(None, known), Decimal(0))


def _status(seen: set[CostStatus]) -> CostStatus:
    """Status of a sum; trials without a call cost nothing, and that is known."""
    if "unknown" in seen and len(seen) == 1:
        return "unknown"
    if seen & {"unknown", "partial"}:
        return "partial"
    return "estimated" if "estimated" in seen else "known"
