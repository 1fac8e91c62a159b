"""A series of nights: what each contestant did, marks of what changed, and alarms with a rate.

While a contestant and all that its results depend on stay the same, its nights are one stretch. A
detector for each of its metrics bets, night after night, that something changed all the same. The
mean number of nights until any of a series' detectors raises a false alarm is at least
`average_run_length`, while attempts at a task are exchangeable (`arena.stats.sequential`).
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from math import exp, inf
from typing import Literal, get_args

import numpy as np

from arena.errors import InputError
from arena.records import Assurance, Record
from arena.score.nights import LeftOut, Night, NightScore, causes, night
from arena.score.results import Results
from arena.stats import sequential
from arena.stats.intervals import FloatArray, Interval
from arena.stats.sequential import Attempts, Detector, NightBag

RUN_LENGTH = 365
"""Nights between two false alarms of a series, at least, on average."""

Metric = Literal["pass", "cost", "tokens"]
METRICS: tuple[Metric, ...] = get_args(Metric)


class Point(NightScore):
    """One contestant on one night, and since the last mark."""

    night: int
    """Index into the nights of the trend."""
    sequence: Interval
    """Of the pass rate since the last mark: all of them hold together with 95%."""
    cost_sequence: Interval | None
    """As `sequence`, of the mean cost of an attempt in US dollars; None where the run sets no
    `limits.usd`, or an attempt came to more."""
    tokens_sequence: Interval | None
    """The same of its tokens, with `limits.tokens`."""
    evidence: dict[Metric, float]
    """Share of the way to an alarm that each detector has gone; 1 and more is one."""


class ChangeMark(Record):
    """Something of ours changed between a night and the one before."""

    night: int
    contestant: str | None
    """None: for all of them."""
    what: str


class Alarm(Record):
    """A contestant changed although nothing of ours did."""

    contestant: str
    metric: Metric
    night: int
    """On which it was raised."""
    since: int
    """The first changed night, as far as one can tell."""
    before: float
    """Pass rate, or the geometric mean of dollars or tokens, over the same tasks."""
    after: float
    causes: tuple[str, ...]
    """What else changed with it, as far as the ledgers tell."""


class NightInfo(Record):
    """One night."""

    run: str
    """Path of its folder."""
    created_at: datetime


class ContestantTrend(Record):
    """One contestant's series."""

    contestant: str
    points: tuple[Point, ...]


class Trend(Record):
    """A folder of runs as a series."""

    average_run_length: float
    nights: tuple[NightInfo, ...]
    contestants: tuple[ContestantTrend, ...]
    marks: tuple[ChangeMark, ...]
    alarms: tuple[Alarm, ...]
    left_out: tuple[LeftOut, ...]


LEAST: Mapping[Metric, float] = {"cost": 1e-9, "tokens": 1.0}
"""What counts as a ratio, on logarithms, with the least value that has one."""


@dataclass(slots=True)
class _Stream:
    """One metric of one contestant since the last mark."""

    metric: Metric
    limit: float
    """Evidence that makes an alarm."""
    bag: NightBag
    detector: Detector = field(default_factory=Detector)
    scores: list[float] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    """Nights of the scores."""
    held: dict[int, Attempts] = field(default_factory=dict)
    """By night."""
    evidence: float = 0.0
    """Share of the limit."""
    raised: int | None = None

    def take(self, night: int, attempts: Attempts, rng: np.random.Generator) -> None:
        """Bet on one more night."""
        self.held[night] = attempts
        p = self.bag.add(Attempts(attempts.task, self._scaled(attempts)), rng)
        if p is not None:
            self.scores.append(sequential.normal_of(p))
            self.at.append(night)
            self.evidence = self.detector.add(self.scores[-1]) / self.limit
            if self.evidence >= 1 and self.raised is None:
                self.raised = night

    def _scaled(self, attempts: Attempts) -> FloatArray:
        least = LEAST.get(self.metric)
        return attempts.value if least is None else np.log(attempts.value.clip(min=least))

    @property
    def values(self) -> FloatArray:
        """Of all attempts, in order."""
        return np.concatenate([np.zeros(0), *(one.value for one in self.held.values())])

    def sequence(self, most: Decimal | int | None) -> Interval | None:
        """Confidence sequence of the mean of values with a bound; None without one."""
        return None if most is None else sequential.mean_sequence(self.values, float(most))

    def sides(self, since: int) -> list[float]:
        """Means over the tasks of both sides, before a night and from it on."""
        sides: list[dict[int, list[float]]] = [{}, {}]
        for index, attempts in self.held.items():
            scaled = self._scaled(attempts).tolist()
            for task, value in zip(attempts.task.tolist(), scaled, strict=True):
                sides[index >= since].setdefault(task, []).append(value)
        both = sorted(sides[0].keys() & sides[1].keys())
        means = [float(np.mean([np.mean(side[task]) for task in both])) for side in sides]
        return [exp(mean) for mean in means] if self.metric in LEAST else means


def trend(
    runs: Sequence[Results],
    *,
    level: Assurance | None = None,
    run_length: float = RUN_LENGTH,
    left_out: Sequence[LeftOut] = (),
) -> Trend:
    """The series of some runs.

    Args:
        runs: from the oldest on.
        level: of the tasks that count; by default the strongest of each run.
        run_length: nights between two false alarms, at least, on average.
        left_out: runs that could not be read.

    Raises:
        InputError: `run_length` is none.
    """
    if not 1 <= run_length < inf:
        raise InputError(
            f"{run_length} is no number of nights", where="--run-length", remedy="give 365 or so"
        )
    nights = [night(results, level) for results in runs]
    names = list(dict.fromkeys(name for one in nights for name in one.played))
    limit = run_length * max(1, len(names)) * len(METRICS)
    series = [_Series(name, nights, limit) for name in names]
    return Trend(
        average_run_length=run_length,
        nights=tuple(
            NightInfo(run=str(one.path), created_at=one.manifest.created_at) for one in nights
        ),
        contestants=tuple(
            ContestantTrend(contestant=one.name, points=tuple(one.points)) for one in series
        ),
        marks=tuple(_merged([mark for one in series for mark in one.marks], len(names))),
        alarms=tuple(
            sorted(
                (a for one in series for a in one.alarms()), key=lambda a: (a.night, a.contestant)
            )
        ),
        left_out=tuple(left_out),
    )


class _Series:
    """One contestant's nights, taken in order."""

    def __init__(self, name: str, nights: Sequence[Night], limit: float) -> None:
        self.name = name
        self._nights = nights
        self._limit = limit
        self.points: list[Point] = []
        self.marks: list[ChangeMark] = []
        self._streams: list[_Stream] = []
        self._now: dict[Metric, _Stream] = {}
        """Those that no mark has ended."""
        last: int | None = None
        for index, one in enumerate(nights):
            if name in one.played:
                self._take(index, last)
                last = index

    def _take(self, index: int, last: int | None) -> None:
        one = self._nights[index]
        played = one.played[self.name]
        changed = () if last is None else self._changes(index, last)
        self.marks += [ChangeMark(night=index, contestant=self.name, what=what) for what in changed]
        if last is None or set(changed) - {_PRICE}:
            self._begin(METRICS, one)
        elif changed:
            self._begin(("cost",), one)
        for metric, stream in self._now.items():
            attempts = played.attempts.get(metric)
            if attempts is not None and len(attempts.task):
                stream.take(index, attempts, self._random(index, metric))
        passes, limits = self._now["pass"].values, one.manifest.limits
        self.points.append(
            Point(
                **dict(played.score),
                night=index,
                sequence=sequential.rate_sequence(int(passes.sum()), len(passes)),
                cost_sequence=self._now["cost"].sequence(limits.usd),
                tokens_sequence=self._now["tokens"].sequence(limits.tokens),
                evidence={m: s.evidence for m, s in self._now.items()},
            )
        )

    def _begin(self, metrics: Sequence[Metric], one: Night) -> None:
        tasks = len(one.conditions.tasks)
        fresh = {metric: _Stream(metric, self._limit, NightBag(tasks)) for metric in metrics}
        self._now |= fresh
        self._streams += fresh.values()

    def _changes(self, index: int, last: int) -> tuple[str, ...]:
        here, before = self._nights[index], self._nights[last]
        reasons = before.conditions.differences(here.conditions)
        now, was = here.played[self.name], before.played[self.name]
        if now.spec.digest != was.spec.digest:
            agent = now.spec.agent_digest != was.spec.agent_digest
            what = "agent changed" if agent else "backend or parameters changed"
            reasons = (*reasons, what)
        return reasons if now.price == was.price else (*reasons, _PRICE)

    def _random(self, index: int, metric: Metric) -> np.random.Generator:
        """The same draws whenever the same night is looked at again."""
        run_id = self._nights[index].manifest.run_id
        key = hashlib.sha256(f"{run_id}\n{self.name}\n{metric}".encode()).digest()
        return np.random.default_rng(int.from_bytes(key[:8]))

    def alarms(self) -> Iterator[Alarm]:
        """Those of all nights."""
        for stream in self._streams:
            if stream.raised is None:
                continue
            since = stream.at[sequential.change_point(stream.scores)]
            before, after = stream.sides(since)
            first, *_, last = stream.held
            yield Alarm(
                contestant=self.name,
                metric=stream.metric,
                night=stream.raised,
                since=since,
                before=before,
                after=after,
                causes=tuple(
                    causes(self.name, self._played(first, since), self._played(since, last + 1))
                ),
            )

    def _played(self, first: int, end: int) -> list[Night]:
        return [one for one in self._nights[first:end] if self.name in one.played]


_PRICE = "price changed"


def _merged(marks: Sequence[ChangeMark], contestants: int) -> Iterator[ChangeMark]:
    """Marks in order of nights; what happened to every contestant at once is one mark."""
    found: dict[tuple[int, str], list[ChangeMark]] = {}
    for mark in sorted(marks, key=lambda mark: mark.night):
        found.setdefault((mark.night, mark.what), []).append(mark)
    for (index, what), same in found.items():
        if len(same) == contestants:
            yield ChangeMark(night=index, contestant=None, what=what)
        else:
            yield from same
