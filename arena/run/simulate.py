"""How long a run takes on how many hosts: its workload, a fleet, and the run step by step.

A trial takes a slot, then cores and calls in turn, and waits for both: first come, first served.
Without retries, and without the limiter's halving after refusals.
"""

import math
import random
import statistics
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Generator
from functools import cache
from heapq import heappop, heapreplace
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from arena.backend.limiter import WINDOW_S
from arena.errors import InputError
from arena.records import CallEnd, RateLimits, Record, SandboxLimits
from arena.rundir import ledger
from arena.rundir.directory import RunDir

MOST_HOSTS = 4096
P90 = 1.2815515655446004
"""Of the standard normal distribution."""

Bound = Literal["slots", "cpu", "provider concurrency", "rpm", "tpm", "longest trial"]


class Spread(Record):
    """A log-normal quantity, by two of its quantiles."""

    median: float = Field(gt=0, allow_inf_nan=False)
    p90: float = Field(gt=0, allow_inf_nan=False)

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
    cpu_s: float = Field(default=4.0, ge=0, allow_inf_nan=False)
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
        return SandboxLimits(memory_mb=self.container_mb).fitting(self.memory_mb)


class Estimate(Record):
    """What came out of a simulation."""

    trials: int
    hosts: int
    slots: int
    """Trials at once on one host."""
    hours: float
    trials_per_minute: float
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
    """What the trials of a run that called a model were like; an `InputError` where none did.

    The ledger does not tell work from waiting: whatever was not a call counts as CPU time, which
    is too much for a host that was not busy, and the tests' share cannot be told apart.
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


class _WaitingLine:
    """Who waits for something that holds so many at once and lets in so many a minute.

    Whoever comes later is asked for later, so that who is let in when is known at once.
    """

    def __init__(self, at_once: int, a_minute: int | None = None) -> None:
        self._free = [0.0] * at_once
        """When each of its places is free again."""
        self._let_in: deque[float] = deque(maxlen=a_minute or 0)

    def done_at(self, now: float, seconds: float) -> float:
        """When something that comes now and takes so long is done."""
        begins = max(now, self._free[0])
        if self._let_in and len(self._let_in) == self._let_in.maxlen:
            begins = max(begins, self._let_in[0] + WINDOW_S)
        self._let_in.append(begins)
        heapreplace(self._free, begins + seconds)
        return begins + seconds


def simulate(work: Workload, fleet: Fleet, rate: RateLimits, *, seed: int = 0) -> Estimate:
    """Simulate a run once; `seed` is of latencies and numbers of calls."""
    draw, todo = random.Random(seed), iter(range(work.trials))
    hosts = [_WaitingLine(fleet.cores) for _ in range(fleet.hosts)]
    a_minute = [] if rate.rpm is None else [rate.rpm]
    if rate.tpm is not None and work.call_tokens:  # calls are of one size
        a_minute.append(max(1, rate.tpm // work.call_tokens))
    at_once = min(rate.concurrency or work.trials, work.trials)
    providers = [_WaitingLine(at_once, min(a_minute, default=None)) for _ in range(work.backends)]

    def drawn(spread: Spread) -> float:
        return draw.lognormvariate(math.log(spread.median), spread.sigma)

    def slot(cores: _WaitingLine) -> Generator[float, float, None]:
        """Trials one after the other: gives when the next step is due, is sent the time it is.

        A trial is work on its host, then calls with work after each; tests come last.
        """
        now = yield 0.0
        for number in todo:
            calls = max(1, round(drawn(work.calls)))
            for turn in range(calls + 2):
                done = cores.done_at(now, work.cpu_s / (calls + 2))
                now = yield done + work.idle_s / (calls + 2)
                if turn < calls:
                    provider = providers[number % work.backends]
                    now = yield provider.done_at(now, drawn(work.call_s))

    room = min(fleet.slots * fleet.hosts, fleet.concurrency or work.trials, work.trials)
    slots = [slot(hosts[number % fleet.hosts]) for number in range(room)]
    due = [(next(one), number) for number, one in enumerate(slots)]
    now = 0.0
    while due:
        now, number = due[0]
        try:
            heapreplace(due, (slots[number].send(now), number))
        except StopIteration:
            heappop(due)
    return Estimate(
        trials=work.trials,
        hosts=fleet.hosts,
        slots=fleet.slots,
        hours=now / 3600,
        trials_per_minute=60 * work.trials / now,
        bounds=bounds(work, fleet, rate),
    )


def fewest_hosts(work: Workload, fleet: Fleet, rate: RateLimits, *, hours: float) -> Estimate:
    """The smallest fleet of such hosts that is done in time; an `InputError` where none is."""

    @cache
    def on(hosts: int) -> Estimate:
        return simulate(work, fleet.model_copy(update={"hosts": hosts}), rate)

    most = min(work.trials, MOST_HOSTS)
    if (shortest := on(most)).hours > hours:
        raise InputError(
            f"no number of hosts is done in {hours} h: it takes {shortest.hours:.2f} h with {most},"
            f" for {shortest.bottleneck}",
            where="--within-h",
        )
    alone = bounds(work, fleet.model_copy(update={"hosts": 1}), rate)
    least = enough = min(most, math.ceil(max(alone["slots"], alone["cpu"]) / hours))
    while on(enough).hours > hours:
        enough = min(2 * enough, most)
    return on(bisect_left(range(enough), True, least, key=lambda n: on(n).hours <= hours))
