"""What the ledger knows of single calls and tests, for trial pages and tables.

`arena.score` folds a run into one row a trial; this keeps the parts, for the trials asked for.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from arena import ledger
from arena.money.prices import CallCost
from arena.money.pricing import RecordedCall
from arena.money.statement import statements
from arena.records import (
    CallBegin,
    CallEnd,
    TestOutcome,
    TestPlan,
    TrialRecord,
    Usage,
)
from arena.rundir import Manifest, RunDir
from arena.score.results import Results, TrialRow

Duty = Literal["fail_to_pass", "pass_to_pass", "must_fail", "other"]


class PricedCall(NamedTuple):
    """One attempt of one model call."""

    begin: CallBegin
    end: CallEnd | None
    """None: announced and never settled."""
    cost: CallCost | None
    """None is unknown."""

    @property
    def usage(self) -> Usage | None:
        """Its tokens; None is unknown."""
        return self.end.usage if self.end else None


@dataclass(frozen=True, slots=True)
class TestRow:
    """One hidden test of one trial."""

    trial_id: str
    test_id: str
    duty: Duty
    outcome: TestOutcome

    @property
    def tone(self) -> Literal["good", "bad", ""]:
        """Whether it did what it must; empty where nothing is asked of it."""
        if self.duty == "other":
            return ""
        wanted = "failed" if self.duty == "must_fail" else "passed"
        return "good" if self.outcome == wanted else "bad"


@dataclass(slots=True)
class Details:
    """Calls and last record of one trial."""

    row: TrialRow
    calls: list[PricedCall] = field(default_factory=list)
    record: TrialRecord | None = None
    tries: int = 0
    ended: bool = False
    """The last try."""

    @property
    def complete(self) -> bool:
        """Whether the ledger has told everything that the row counts."""
        row = self.row
        return self.ended and self.tries == row.tries and len(self.calls) == row.calls


def read(results: Results, wanted: Collection[str]) -> Iterator[Details]:
    """Each wanted trial as soon as it is complete, so that few are in memory at once.

    Trials with calls that never settled, or that share a machine paid by the hour, come last.
    """
    waiting = {row.id: Details(row) for row in results.trials if row.id in wanted}
    if not waiting:
        return
    calls = _Calls(results.manifest)
    for event in ledger.read(RunDir(results.path).ledger_path):
        found: Details | None = None
        match event:
            case ledger.TrialBegin(spec=spec) if spec.id in waiting:
                trial = waiting[spec.id]
                trial.tries, trial.ended = trial.tries + 1, False
            case ledger.CallBeginEvent(call=begin):
                calls.begin(begin)
            case ledger.CallEndEvent(call=end):
                ended = calls.end(end)
                if ended is not None and (found := waiting.get(ended.begin.trial_id)):
                    found.calls += calls.settle([ended])
            case ledger.TrialEnd(record=record) if found := waiting.get(record.id):
                found.record, found.ended = record, True
        if found is not None and found.complete:
            yield waiting.pop(found.row.id)
    for call in calls.settle(calls.left()):
        if late := waiting.get(call.begin.trial_id):
            late.calls.append(call)
    yield from waiting.values()


class _Calls:
    """Matches the two ends of calls and prices them."""

    def __init__(self, manifest: Manifest) -> None:
        self._fx = manifest.fx
        self._backends = {c.name: c.backend for c in manifest.contestants if c.backend}
        self._open: dict[str, CallBegin] = {}
        self._hourly: list[RecordedCall] = []

    def begin(self, begin: CallBegin) -> None:
        if begin.contestant in self._backends:
            self._open[begin.call_id] = begin

    def end(self, end: CallEnd) -> RecordedCall | None:
        """The call, if it can be priced on its own."""
        begin = self._open.pop(end.call_id, None)
        if begin is None:
            return None
        call = RecordedCall(begin, end)
        if self._backends[begin.contestant].hourly_usd is None:
            return call
        self._hourly.append(call)
        return None

    def left(self) -> list[RecordedCall]:
        """Calls that only all together can be priced, and those that never ended."""
        return [*self._hourly, *(RecordedCall(begin, None) for begin in self._open.values())]

    def settle(self, calls: list[RecordedCall]) -> list[PricedCall]:
        money = statements(calls, self._backends, fx=self._fx)
        return [PricedCall(*call, one.cost) for call, one in zip(calls, money, strict=True)]


def tests_of(record: TrialRecord, plan: TestPlan) -> Iterator[TestRow]:
    """Outcomes of a trial's tests, those that decide first."""
    seen = record.verification.tests if record.verification else {}
    if not seen:
        return
    duties: tuple[tuple[Duty, tuple[str, ...]], ...] = (
        ("fail_to_pass", plan.fail_to_pass),
        ("pass_to_pass", plan.pass_to_pass),
        ("must_fail", tuple(test for test in plan.must_fail if test in seen)),
    )
    planned: set[str] = set()
    for duty, ids in duties:
        for test_id in ids:
            yield TestRow(record.id, test_id, duty, seen.get(test_id, "missing"))
        planned.update(ids)
    for test_id, outcome in seen.items():
        if test_id not in planned:
            yield TestRow(record.id, test_id, "other", outcome)
