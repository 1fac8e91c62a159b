"""What is simulated: trials, hosts, providers; and what comes out."""

import math
from typing import Literal

from pydantic import Field, model_validator

from arena.records import RateLimits, Record

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
