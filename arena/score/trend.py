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
from arena.records import Assurance, Limits, Record
from arena.score.nights import LeftOut, Night, NightSpan, causes
from arena.score.pairs import conditions_of_run, some
from arena.score.results import CostBasis, Results, TrialRow
from arena.score.tally import common_basis, ranking_costs
from arena.stats import sequential
from arena.stats.intervals import FloatArray, Interval
from arena.stats.sequential import Attempts, Detector, NightBag

RUN_LENGTH = 365
"""Nights between two false alarms of a series, at least, on average."""
RACED = "a race stops on what it sees: its rates are in no series"

Metric = Literal["pass", "cost", "tokens"]
METRICS: tuple[Metric, ...] = get_args(Metric)


class Point(Record):
    """One contestant on one night, and since the last mark."""

    pass_rate: float | None
    scored: int
    faults: int
    """Trials without a verdict because something broke."""
    cost_usd: float | None
    """Mean of an attempt, with equal use of caches, else as billed; None where unknown."""
    cost_per_solved_usd: float | None
    """The same for a solved task; None where nothing was solved."""
    tokens: float | None
    """Mean of an attempt, prompt and output."""
    reasoning_tokens: float | None
    """Mean of an attempt."""
    active_s: float | None
    """Median of the agent's clock."""
    mistakes: int
    """Tool calls that were malformed, unknown or impossible."""
    other_names: tuple[str, ...]
    """Model names returned that were not asked for."""
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
    """The series of some runs, from the oldest on, over tasks of a level, by default the strongest
    of each run; raises `InputError` without a night, or where `run_length` is no number of them.

    A race is left out: which tasks a contestant takes in it depends on how it did that night.
    """
    if not 1 <= run_length < inf:
        raise InputError(
            f"{run_length} is no number of nights", where="--run-length", remedy="give 365 or so"
        )
    raced = [LeftOut(run=str(run.path), reason=RACED) for run in runs if run.manifest.race]
    runs = [run for run in runs if run.manifest.race is None]
    left_out = (*left_out, *raced)
    if not runs:
        why = some([f"{one.run}: {one.reason}" for one in left_out])
        raise InputError("there is no night to show", where=why, remedy="give earlier ones too")
    played = [[c.name for c in run.manifest.contestants if not c.control] for run in runs]
    names = dict.fromkeys(name for own in played for name in own)
    limit = run_length * max(1, len(names)) * len(METRICS)
    series = {name: _Series(name, limit) for name in names}
    for index, (run, own) in enumerate(zip(runs, played, strict=True)):
        night = Night(run, conditions_of_run(run.manifest, level))
        for name in own:
            series[name].take(index, night)
    alarms = [alarm for one in series.values() for alarm in one.alarms()]
    return Trend(
        average_run_length=run_length,
        nights=tuple(
            NightInfo(run=str(run.path), created_at=run.manifest.created_at) for run in runs
        ),
        contestants=tuple(
            ContestantTrend(contestant=name, points=tuple(one.points))
            for name, one in series.items()
        ),
        marks=tuple(_merged([mark for one in series.values() for mark in one.marks], len(names))),
        alarms=tuple(sorted(alarms, key=lambda alarm: (alarm.night, alarm.contestant))),
        left_out=left_out,
    )


class _Series:
    """One contestant's nights, taken in order."""

    def __init__(self, name: str, limit: float) -> None:
        self.name = name
        self._limit = limit
        self.points: list[Point] = []
        self.marks: list[ChangeMark] = []
        self._nights: list[Night] = []
        """Those of the points."""
        self._streams: list[_Stream] = []
        self._now: dict[Metric, _Stream] = {}
        """Those that no mark has ended."""
        self._basis: CostBasis | None = None
        """Of the last night with a known cost."""

    def take(self, index: int, night: Night) -> None:
        """Take the next night that it was a contestant of."""
        rows = night.results.of(self.name, night.conditions.tasks)
        scored = [row for row in rows if row.verdict is not None]
        basis = common_basis([scored])
        values = _values(scored, basis)
        changed = self._changes(self._nights[-1], night) if self._nights else ()
        if "cost" in values:
            changed = changed if self._basis in {None, basis} else (*changed, _BASIS)
            self._basis = basis
        self.marks += [ChangeMark(night=index, contestant=self.name, what=what) for what in changed]
        anew: tuple[Metric, ...] = ("cost",) if changed else ()
        for metric in METRICS if not self._nights or set(changed) - {_PRICE, _BASIS} else anew:
            bag = NightBag(len(night.conditions.tasks))
            self._now[metric] = stream = _Stream(metric, self._limit, bag)
            self._streams.append(stream)
        place = {task: i for i, task in enumerate(night.conditions.tasks)}
        at = np.array([place[row.task_id] for row in scored], dtype=np.int64)
        for metric, each in values.items():
            if len(at):
                self._now[metric].take(index, Attempts(at, each), self._random(night, metric))
        self._nights.append(night)
        self.points.append(self._point(index, rows, values, night.results.manifest.limits))

    def _point(
        self, index: int, rows: list[TrialRow], values: dict[Metric, FloatArray], limits: Limits
    ) -> Point:
        scored = [row for row in rows if row.verdict is not None]
        costs, tokens, passed = values.get("cost"), values.get("tokens"), values["pass"].sum()
        passes = self._now["pass"].values
        return Point(
            pass_rate=float(passed) / len(scored) if scored else None,
            scored=len(scored),
            faults=sum(row.verdict is None and row.fault is not None for row in rows),
            cost_usd=None if costs is None else float(costs.mean()),
            cost_per_solved_usd=None
            if costs is None or not passed
            else float(costs.sum() / passed),
            tokens=None if tokens is None else float(tokens.mean()),
            reasoning_tokens=None
            if tokens is None
            else float(np.mean([row.tokens.reasoning for row in scored])),
            active_s=float(np.median([row.active_s for row in scored])) if scored else None,
            mistakes=sum(row.mistakes for row in rows),
            other_names=tuple(sorted({name for row in rows for name in row.other_names})),
            night=index,
            sequence=sequential.rate_sequence(int(passes.sum()), len(passes)),
            cost_sequence=self._now["cost"].sequence(limits.usd),
            tokens_sequence=self._now["tokens"].sequence(limits.tokens),
            evidence={m: s.evidence for m, s in self._now.items()},
        )

    def _changes(self, before: Night, here: Night) -> tuple[str, ...]:
        reasons = before.conditions.differences(here.conditions)
        now, was = here.who(self.name), before.who(self.name)
        if now.digest != was.digest:
            agent = now.agent_digest != was.agent_digest
            what = "agent changed" if agent else "backend or parameters changed"
            reasons = (*reasons, what)
        same = here.price(self.name) == before.price(self.name)
        return reasons if same else (*reasons, _PRICE)

    def _random(self, night: Night, metric: Metric) -> np.random.Generator:
        """The same draws whenever the same night is looked at again."""
        run_id = night.results.manifest.run_id
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
                    causes(self.name, self._side(first, since), self._side(since, last + 1))
                ),
            )

    def _side(self, first: int, end: int) -> NightSpan:
        every = zip(self._nights, self.points, strict=True)
        return [(one, p.reasoning_tokens) for one, p in every if first <= p.night < end]


_PRICE = "price changed"
_BASIS = "costs count caches differently: as billed, or with equal use of them"


def _values(scored: Sequence[TrialRow], basis: CostBasis) -> dict[Metric, FloatArray]:
    """Of each attempt: pass 0 or 1, cost in US dollars, tokens; what is unknown is not there."""
    tokens = np.array([row.tokens.input + row.tokens.output for row in scored], dtype=np.float64)
    values: dict[Metric, FloatArray | None] = {
        "pass": np.array([row.passed for row in scored], dtype=np.float64),
        "cost": ranking_costs(scored, basis),
        "tokens": tokens if tokens.any() else None,
    }
    return {metric: each for metric, each in values.items() if each is not None}


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
