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
from math import exp, inf
from typing import Literal, get_args

import numpy as np

from arena.errors import InputError
from arena.records import Assurance, Record
from arena.score.nights import LeftOut, Night, Played, causes, night
from arena.score.results import Results
from arena.stats.intervals import FloatArray, Interval
from arena.stats.sequential import (
    Attempts,
    Detector,
    NightBag,
    change_point,
    normal_of,
    rate_sequence,
)

RUN_LENGTH = 365
"""Nights between two false alarms of a series, at least, on average."""

Metric = Literal["pass", "cost", "tokens"]
METRICS: tuple[Metric, ...] = get_args(Metric)


class Point(Record):
    """One contestant on one night."""

    night: int
    """Index into the nights of the trend."""
    pass_rate: float | None
    sequence: Interval
    """Of the pass rate since the last mark: all of them hold together with 95%."""
    scored: int
    faults: int
    cost_per_solved_usd: float | None
    """With equal use of caches, else as billed; None where unknown or nothing was solved."""
    tokens: float | None
    """Mean of an attempt, prompt and output."""
    reasoning_tokens: float | None
    active_s: float | None
    """Median of the agent's clock."""
    mistakes: int
    other_names: tuple[str, ...]
    """Model names returned that were not asked for."""
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


@dataclass(slots=True)
class _Stream:
    """One metric of one contestant since the last mark."""

    bag: NightBag
    detector: Detector = field(default_factory=Detector)
    scores: list[float] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    """Nights of the scores."""
    held: list[tuple[int, Attempts]] = field(default_factory=list)
    evidence: float = 0.0
    raised: int | None = None


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
            NightInfo(run=str(one.path), created_at=one.results.manifest.created_at)
            for one in nights
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
        self._streams: list[tuple[Metric, _Stream]] = []
        self._now: dict[Metric, _Stream] = {}
        """Those that no mark has ended."""
        self._passed = self._scored = 0
        """Attempts since the last mark."""
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
            self._passed = self._scored = 0
        elif changed:
            self._begin(("cost",), one)
        self._passed += played.passed
        self._scored += played.scored
        for metric, stream in self._now.items():
            self._bet(stream, metric, index, played)
        self.points.append(
            Point(
                night=index,
                pass_rate=played.passed / played.scored if played.scored else None,
                sequence=rate_sequence(self._passed, self._scored),
                scored=played.scored,
                faults=played.faults,
                cost_per_solved_usd=_per_solved(played),
                tokens=played.tokens,
                reasoning_tokens=played.reasoning_tokens,
                active_s=played.active_s,
                mistakes=played.mistakes,
                other_names=played.other_names,
                evidence={m: s.evidence / self._limit for m, s in self._now.items()},
            )
        )

    def _begin(self, metrics: Sequence[Metric], one: Night) -> None:
        self._now |= {metric: _Stream(NightBag(len(one.conditions.tasks))) for metric in metrics}
        self._streams += [(metric, self._now[metric]) for metric in metrics]

    def _changes(self, index: int, last: int) -> tuple[str, ...]:
        here, before = self._nights[index], self._nights[last]
        reasons = before.conditions.differences(here.conditions)
        now, was = here.played[self.name], before.played[self.name]
        if now.spec.digest != was.spec.digest:
            agent = now.spec.agent_digest != was.spec.agent_digest
            what = "agent changed" if agent else "backend or parameters changed"
            reasons = (*reasons, what)
        return reasons if now.price == was.price else (*reasons, _PRICE)

    def _bet(self, stream: _Stream, metric: Metric, index: int, played: Played) -> None:
        attempts = played.attempts.get(metric)
        if attempts is None or not len(attempts.task):
            return
        stream.held.append((index, attempts))
        p = stream.bag.add(attempts, self._random(index, metric))
        if p is None:
            return
        stream.scores.append(normal_of(p))
        stream.at.append(index)
        stream.evidence = stream.detector.add(stream.scores[-1])
        if stream.evidence >= self._limit and stream.raised is None:
            stream.raised = index

    def _random(self, index: int, metric: Metric) -> np.random.Generator:
        """The same draws whenever the same night is looked at again."""
        run_id = self._nights[index].results.manifest.run_id
        key = hashlib.sha256(f"{run_id}\n{self.name}\n{metric}".encode()).digest()
        return np.random.default_rng(int.from_bytes(key[:8]))

    def alarms(self) -> Iterator[Alarm]:
        """Those of all nights."""
        for metric, stream in self._streams:
            if stream.raised is not None:
                yield self._alarm(metric, stream, stream.raised)

    def _alarm(self, metric: Metric, stream: _Stream, raised: int) -> Alarm:
        since = stream.at[change_point(stream.scores)]
        if metric == "pass":
            before, after = _means(stream, since)
        else:
            before, after = map(exp, _means(stream, since))
        first = stream.held[0][0]
        played = [
            (i, one)
            for i, one in enumerate(self._nights)
            if first <= i <= stream.held[-1][0] and self.name in one.played
        ]
        return Alarm(
            contestant=self.name,
            metric=metric,
            night=raised,
            since=since,
            before=before,
            after=after,
            causes=tuple(
                causes(
                    self.name,
                    [one for i, one in played if i < since],
                    [one for i, one in played if i >= since],
                )
            ),
        )


_PRICE = "price changed"


def _per_solved(played: Played) -> float | None:
    known = played.cost_usd is not None and played.passed
    return played.cost_usd / played.passed if known and played.cost_usd is not None else None


def _means(stream: _Stream, since: int) -> tuple[float, float]:
    """Mean over the tasks of both sides, before a night and from it on."""
    before = _by_task([a for i, a in stream.held if i < since])
    after = _by_task([a for i, a in stream.held if i >= since])
    both = sorted(before.keys() & after.keys())
    return float(np.mean([before[t] for t in both])), float(np.mean([after[t] for t in both]))


def _by_task(nights: Sequence[Attempts]) -> Mapping[int, float]:
    tasks = np.concatenate([one.task for one in nights])
    values: FloatArray = np.concatenate([one.value for one in nights])
    return {int(task): float(values[tasks == task].mean()) for task in np.unique(tasks)}


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
