"""How long a run takes on how many hosts: its workload, a fleet, and the run event by event.

Trials take a slot, then cores and calls in turn, and wait for both. A core is held by one piece of
work at a time, first come first served. A provider lets calls go as `arena.backend.limiter` does,
without its halving after refusals.
"""

import heapq
import itertools
import math
import random
import statistics
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

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
OF_HOSTS: frozenset[Bound] = frozenset({"slots", "cpu"})
"""What more hosts have more of."""


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
        return SandboxLimits(memory_mb=self.container_mb).fitting(self.memory_mb)


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


# ── event by event ────────────────────────────────────────────────────────────────────────────────

Resume = Callable[[], None]


class _Clock:
    """Simulated time: what is due next happens next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Resume]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, resume: Resume) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), resume))

    def run(self) -> None:
        while self._due:
            self.now, _, resume = heapq.heappop(self._due)
            resume()


class _Request(NamedTuple):
    """Something a trial does for a while with a resource that it may have to wait for."""

    resource: "_Resource"
    seconds: float
    tokens: int = 0


class _Resource:
    """Holds so many at once; others wait in line."""

    def __init__(self, clock: _Clock, limit: int | None = None) -> None:
        self._clock = clock
        self._limit = math.inf if limit is None else limit
        self._line: deque[tuple[_Request, Resume, float]] = deque()
        self._inside = self.entered = 0
        self._asleep = False
        self.busy_s = self.waited_s = 0.0

    def enter(self, request: _Request, resume: Resume) -> None:
        self._line.append((request, resume, self._clock.now))
        self._admit()

    def _hold_s(self, request: _Request) -> float:
        """Seconds until the next may be let in beside those inside; 0 for now."""
        del request
        return 0.0

    def _admit(self) -> None:
        while self._line and self._inside < self._limit:
            request, resume, since = self._line[0]
            if (hold_s := self._hold_s(request)) > 0:
                if not self._asleep:
                    self._asleep = True
                    self._clock.after(hold_s, self._wake)
                return
            self._line.popleft()
            self._inside += 1
            self.entered += 1
            self.busy_s += request.seconds
            self.waited_s += self._clock.now - since
            self._clock.after(request.seconds, partial(self._leave, resume))

    def _wake(self) -> None:
        self._asleep = False
        self._admit()

    def _leave(self, resume: Resume) -> None:
        self._inside -= 1
        self._admit()
        resume()


class _Provider(_Resource):
    """Also counts the calls and tokens of the last minute."""

    def __init__(self, clock: _Clock, rate: RateLimits) -> None:
        super().__init__(clock, rate.concurrency)
        self._rate = rate
        self._recent: deque[tuple[float, int]] = deque()
        self._tokens = 0

    def _hold_s(self, request: _Request) -> float:
        now = self._clock.now
        while self._recent and now - self._recent[0][0] >= WINDOW_S:
            self._tokens -= self._recent.popleft()[1]
        full = self._rate.rpm is not None and len(self._recent) >= self._rate.rpm
        if self._rate.tpm is not None and self._recent:
            full = full or self._tokens + request.tokens > self._rate.tpm
        if full:
            return max(self._recent[0][0] + WINDOW_S - now, 1e-9)
        self._recent.append((now, request.tokens))
        self._tokens += request.tokens
        return 0.0


class _Run:
    """One simulated run."""

    def __init__(self, work: Workload, fleet: Fleet, rate: RateLimits, seed: int) -> None:
        self.clock = _Clock()
        self.providers = [_Provider(self.clock, rate) for _ in range(work.backends)]
        self.cores = [_Resource(self.clock, fleet.cores) for _ in range(fleet.hosts)]
        self._idle = _Resource(self.clock)
        self._work = work
        self._free = [fleet.slots] * fleet.hosts
        """Slots left by host."""
        self._room = min(fleet.slots * fleet.hosts, fleet.concurrency or work.trials)
        self._todo = deque(range(work.trials))
        self._draw = random.Random(seed)

    def go(self) -> None:
        while self._room and self._todo:
            self._begin()
        self.clock.run()

    def _begin(self) -> None:
        host = max(range(len(self._free)), key=self._free.__getitem__)
        self._free[host] -= 1
        self._room -= 1
        number = self._todo.popleft()
        provider = self.providers[number % self._work.backends]
        self._next(self._trial(self.cores[host], provider), host)

    def _next(self, trial: Iterator[_Request], host: int) -> None:
        request = next(trial, None)
        if request is not None:
            request.resource.enter(request, partial(self._next, trial, host))
            return
        self._room += 1
        self._free[host] += 1
        if self._todo:
            self._begin()

    def _trial(self, cores: _Resource, provider: _Provider) -> Iterator[_Request]:
        """Work on the host, then calls with work after each; tests come last."""
        work = self._work
        calls = max(1, round(self._drawn(work.calls)))
        for turn in range(calls + 2):
            yield _Request(cores, work.cpu_s / (calls + 2))
            yield _Request(self._idle, work.idle_s / (calls + 2))
            if turn < calls:
                yield _Request(provider, self._drawn(work.call_s), work.call_tokens)

    def _drawn(self, spread: Spread) -> float:
        return self._draw.lognormvariate(math.log(spread.median), spread.sigma)


def simulate(work: Workload, fleet: Fleet, rate: RateLimits, *, seed: int = 0) -> Estimate:
    """Simulate a run once.

    Args:
        work: its trials.
        fleet: its machines.
        rate: what each provider allows.
        seed: of latencies and numbers of calls.
    """
    run = _Run(work, fleet, rate, seed)
    run.go()
    seconds = run.clock.now
    calls = sum(provider.entered for provider in run.providers)
    return Estimate(
        trials=work.trials,
        hosts=fleet.hosts,
        slots=fleet.slots,
        hours=seconds / 3600,
        trials_per_minute=60 * work.trials / seconds,
        cpu_share=sum(c.busy_s for c in run.cores) / (seconds * fleet.hosts * fleet.cores),
        calls_in_flight=sum(provider.busy_s for provider in run.providers) / seconds,
        throttled_s=sum(provider.waited_s for provider in run.providers) / calls,
        bounds=bounds(work, fleet, rate),
    )


def fewest_hosts(
    work: Workload, fleet: Fleet, rate: RateLimits, *, hours: float, seed: int = 0
) -> Estimate | None:
    """The smallest fleet of such hosts that is done in time; None where no number is."""
    alone = bounds(work, fleet.model_copy(update={"hosts": 1}), rate)
    if any(alone[name] > hours for name in alone.keys() - OF_HOSTS):
        return None
    least = math.ceil(max(alone[name] for name in OF_HOSTS) / hours)
    low, high, step = least - 1, least, 1
    while (best := _on(high, work, fleet, rate, seed)).hours > hours:
        if high >= min(work.trials, MOST_HOSTS):
            return None
        low, high, step = high, high + step, 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        tried = _on(middle, work, fleet, rate, seed)
        if tried.hours <= hours:
            best, high = tried, middle
        else:
            low = middle
    return best


def _on(hosts: int, work: Workload, fleet: Fleet, rate: RateLimits, seed: int) -> Estimate:
    return simulate(work, fleet.model_copy(update={"hosts": hosts}), rate, seed=seed)
