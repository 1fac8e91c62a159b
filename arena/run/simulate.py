"""A run, event by event: trials take a slot, then cores and calls in turn, and wait for both.

A core is held by one piece of work at a time, first come first served. A provider lets calls go as
`arena.backend.limiter` does, without its halving after refusals.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from arena.records import RateLimits
from arena.run.workload import Bound, Estimate, Fleet, Spread, Workload, bounds

WINDOW_S = 60.0
MOST_HOSTS = 4096
OF_HOSTS: frozenset[Bound] = frozenset({"slots", "cpu"})
"""What more hosts have more of."""

Resume = Callable[[], None]


class _Clock:
    """Simulated time: what is due next happens next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Resume]] = []
        self._number = 0

    def after(self, seconds: float, resume: Resume) -> None:
        self._number += 1
        heapq.heappush(self._due, (self.now + seconds, self._number, resume))

    def run(self) -> None:
        while self._due:
            self.now, _, resume = heapq.heappop(self._due)
            resume()


@dataclass(frozen=True)
class _Wish:
    """Something a trial does for a while, at a place that may make it wait."""

    place: "_Place"
    seconds: float
    tokens: int = 0


class _Place:
    """Holds so many at once; others wait in line."""

    def __init__(self, clock: _Clock, limit: int | None = None) -> None:
        self._clock = clock
        self._limit = limit
        self._line: deque[tuple[_Wish, Resume, float]] = deque()
        self._inside = 0
        self._asleep = False
        self.busy_s = 0.0
        self.waited_s = 0.0
        self.entered = 0

    def enter(self, wish: _Wish, resume: Resume) -> None:
        self._line.append((wish, resume, self._clock.now))
        self._admit()

    def _hold_s(self, wish: _Wish) -> float:
        """Seconds until the next may be let in beside those inside; 0 for now."""
        del wish
        return 0.0

    def _admit(self) -> None:
        while self._line and (self._limit is None or self._inside < self._limit):
            wish, resume, since = self._line[0]
            if (hold_s := self._hold_s(wish)) > 0:
                self._wake_in(hold_s)
                return
            self._line.popleft()
            self._inside += 1
            self.entered += 1
            self.busy_s += wish.seconds
            self.waited_s += self._clock.now - since
            self._clock.after(wish.seconds, partial(self._leave, resume))

    def _wake_in(self, seconds: float) -> None:
        if not self._asleep:
            self._asleep = True
            self._clock.after(seconds, self._wake)

    def _wake(self) -> None:
        self._asleep = False
        self._admit()

    def _leave(self, resume: Resume) -> None:
        self._inside -= 1
        self._admit()
        resume()


class _Provider(_Place):
    """Also counts the calls and tokens of the last minute."""

    def __init__(self, clock: _Clock, rate: RateLimits) -> None:
        super().__init__(clock, rate.concurrency)
        self._rate = rate
        self._recent: deque[tuple[float, int]] = deque()
        self._tokens = 0

    def _hold_s(self, wish: _Wish) -> float:
        now = self._clock.now
        while self._recent and now - self._recent[0][0] >= WINDOW_S:
            self._tokens -= self._recent.popleft()[1]
        full = self._rate.rpm is not None and len(self._recent) >= self._rate.rpm
        if self._rate.tpm is not None and self._recent:
            full = full or self._tokens + wish.tokens > self._rate.tpm
        if full:
            return max(self._recent[0][0] + WINDOW_S - now, 1e-9)
        self._recent.append((now, wish.tokens))
        self._tokens += wish.tokens
        return 0.0


class _Run:
    """One simulated run."""

    def __init__(self, work: Workload, fleet: Fleet, rate: RateLimits, seed: int) -> None:
        self.clock = _Clock()
        self.providers = [_Provider(self.clock, rate) for _ in range(work.backends)]
        self.cores = [_Place(self.clock, fleet.cores) for _ in range(fleet.hosts)]
        self._idle = _Place(self.clock)
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

    def _next(self, trial: Iterator[_Wish], host: int) -> None:
        wish = next(trial, None)
        if wish is not None:
            wish.place.enter(wish, partial(self._next, trial, host))
            return
        self._room += 1
        self._free[host] += 1
        if self._todo:
            self._begin()

    def _trial(self, cores: _Place, provider: _Provider) -> Iterator[_Wish]:
        """Work on the host, then calls with work after each; tests come last."""
        work = self._work
        calls = max(1, round(self._drawn(work.calls)))
        for turn in range(calls + 2):
            yield _Wish(cores, work.cpu_s / (calls + 2))
            yield _Wish(self._idle, work.idle_s / (calls + 2))
            if turn < calls:
                yield _Wish(provider, self._drawn(work.call_s), work.call_tokens)

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
