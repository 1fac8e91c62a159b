"""What sizes a run: the workload of one that was made, a fleet to run on, and the estimate."""

import math
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from arena.errors import InputError
from arena.records import CallEnd, RateLimits, Record
from arena.rundir import ledger
from arena.rundir.directory import RunDir

MEMORY_SHARE = 0.8
"""Of a host's memory that containers may be allowed together, as runs keep to it."""
P90 = 1.2815515655446004
"""Of the standard normal distribution."""

Bound = Literal["slots", "cpu", "provider concurrency", "rpm", "tpm", "longest trial"]


class Spread(Record):
    """A quantity that differs from one time to the next: log-normal, by two of its quantiles."""

    median: float = Field(gt=0)
    p90: float = Field(gt=0)

    @model_validator(mode="after")
    def _rises(self) -> "Spread":
        if self.p90 < self.median:
            raise ValueError("nine in ten cannot be below the median")
        return self

    @property
    def sigma(self) -> float:
        """Of its logarithm."""
        return math.log(self.p90 / self.median) / P90

    @property
    def mean(self) -> float:
        """Above the median, by the tail."""
        return self.median * math.exp(self.sigma**2 / 2)


class Workload(Record):
    """The trials of a run."""

    tasks: int = Field(ge=1)
    backends: int = Field(ge=1)
    """Each with a provider account of its own."""
    attempts: int = Field(default=1, ge=1)
    calls: Spread = Spread(median=20, p90=40)
    """Model calls of a trial."""
    call_s: Spread = Spread(median=6, p90=20)
    """Latency of a call."""
    call_tokens: int = Field(default=10_000, ge=0)
    """Prompt and output of a call, for limits on tokens per minute."""
    cpu_s: float = Field(default=4.0, ge=0)
    """CPU seconds of a trial on its host: containers, commands, tests and Arena's own work."""
    idle_s: float = Field(default=2.0, ge=0)
    """Seconds of a trial that are neither calls nor CPU, such as waiting for disks."""

    @property
    def trials(self) -> int:
        """Of the whole run."""
        return self.tasks * self.backends * self.attempts


class Fleet(Record):
    """The machines of a run."""

    hosts: int = Field(default=1, ge=1)
    cores: int = Field(ge=1)
    """Of one host."""
    memory_mb: int = Field(ge=64)
    """Of one host."""
    container_mb: int = Field(default=1024, ge=64)
    """Most that one container may use."""
    concurrency: int | None = Field(default=None, ge=1)
    """Trials at once on all hosts; None is as many as fit."""

    @property
    def slots(self) -> int:
        """Trials at once on one host."""
        return max(1, int(self.memory_mb * MEMORY_SHARE // self.container_mb))


class Estimate(Record):
    """What came out of a simulation."""

    trials: int
    hosts: int
    slots: int
    """Trials at once on one host."""
    hours: float
    trials_per_minute: float
    cpu_share: float
    """Of all cores, how much was busy on average."""
    calls_in_flight: float
    """On average, all providers together."""
    throttled_s: float
    """Mean wait of a call for its provider's limits."""
    bounds: dict[Bound, float]
    """Hours that each limit alone would take: the largest is what the run waits for."""

    @property
    def bottleneck(self) -> Bound:
        """What more of would help first."""
        return max(self.bounds, key=lambda name: self.bounds[name])


def bounds(work: Workload, fleet: Fleet, rate: RateLimits) -> dict[Bound, float]:
    """Hours that each limit alone would take."""
    calls = work.tasks * work.attempts * work.calls.mean
    trial_s = work.calls.mean * work.call_s.mean + work.cpu_s + work.idle_s
    at_once = fleet.hosts * fleet.slots
    at_once = min(at_once, fleet.concurrency or at_once)
    seconds: dict[Bound, float] = {
        "slots": work.trials * trial_s / at_once,
        "cpu": work.trials * work.cpu_s / (fleet.hosts * fleet.cores),
        "longest trial": work.calls.p90 * work.call_s.mean + work.cpu_s + work.idle_s,
    }
    if rate.concurrency is not None:
        seconds["provider concurrency"] = calls * work.call_s.mean / rate.concurrency
    if rate.rpm is not None:
        seconds["rpm"] = calls / rate.rpm * 60
    if rate.tpm is not None:
        seconds["tpm"] = calls * work.call_tokens / rate.tpm * 60
    return {name: value / 3600 for name, value in seconds.items()}


def workload_of(run: Path) -> Workload:
    """What the trials of a run that called a model were like.

    The ledger does not tell work from waiting: whatever was not a call counts as CPU time, which
    is too much for a host that was not busy, and the tests' share cannot be told apart.

    Raises:
        InputError: there is no run, its ledger is broken, or no trial in it has both a verdict
            and calls.
    """
    rundir = RunDir(run)
    manifest = rundir.read_manifest()
    calls: dict[str, list[CallEnd]] = defaultdict(list)
    walls: dict[str, float] = {}
    for event in ledger.read(rundir.ledger_path):
        if isinstance(event, ledger.CallEndEvent):
            calls[event.call.trial_id].append(event.call)
        elif isinstance(event, ledger.TrialEnd) and event.record.verdict is not None:
            record = event.record
            walls[record.id] = (record.ended_at - record.started_at).total_seconds()
    done = {trial: ended for trial, ended in calls.items() if trial in walls}
    if not done:
        raise InputError("no trial there called a model and got a verdict", where=str(run))
    every = [call for ended in done.values() for call in ended]
    told = [c.usage.prompt + c.usage.output for c in every if c.usage is not None]
    work = [
        walls[trial] - sum(call.wall_s + call.waited_s for call in ended)
        for trial, ended in done.items()
    ]
    return Workload(
        tasks=len(manifest.tasks),
        backends=sum(not contestant.control for contestant in manifest.contestants),
        attempts=manifest.attempts,
        calls=_spread([len(ended) for ended in done.values()]),
        call_s=_spread([call.wall_s for call in every]),
        call_tokens=round(statistics.fmean(told)) if told else 0,
        cpu_s=max(0.0, statistics.fmean(work)),
        idle_s=0.0,
    )


def _spread(values: list[float] | list[int]) -> Spread:
    median = max(statistics.median(values), 1e-6)
    p90 = statistics.quantiles(values, n=10)[-1] if len(values) > 1 else median
    return Spread(median=median, p90=max(median, p90))
