"""What the ledger knows of single calls and tests, for trial pages and tables.

`arena.score` folds a run into one row a trial; this keeps the parts, for the trials asked for.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from arena import ledger
from arena.money.pricing import RecordedCall
from arena.money.statement import Statement, statements
from arena.records import (
    CallBegin,
    CallEnd,
    CallOutcome,
    CostStatus,
    TestOutcome,
    TestPlan,
    TrialRecord,
)
from arena.rundir import Manifest, RunDir
from arena.score.results import Results, TrialRow

Duty = Literal["fail_to_pass", "pass_to_pass", "must_fail", "other"]


@dataclass(frozen=True, slots=True)
class CallRow:
    """One attempt of one model call; None is unknown."""

    call_id: str
    trial_id: str
    contestant: str
    try_number: int
    step: int
    attempt: int
    model: str
    returned_model: str | None
    outcome: CallOutcome | None
    """None: announced and never settled."""
    error: str
    started_at: datetime
    wall_s: float | None
    waited_s: float | None
    input_tokens: int | None
    """Whole prompt."""
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    """Part of the output."""
    usage_estimated: bool
    cost_usd: Decimal | None
    """Billed."""
    cost_no_cache_usd: Decimal | None
    cost_standard_usd: Decimal | None
    cost_status: CostStatus


@dataclass(frozen=True, slots=True)
class TestRow:
    """One hidden test of one trial."""

    trial_id: str
    test_id: str
    duty: Duty
    outcome: TestOutcome


@dataclass(slots=True)
class Details:
    """Calls and last record of one trial."""

    row: TrialRow
    calls: list[CallRow] = field(default_factory=list)
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
                call = calls.end(end)
                if call is not None and (found := waiting.get(call.begin.trial_id)):
                    found.calls += calls.settle([call])
            case ledger.TrialEnd(record=record) if found := waiting.get(record.id):
                found.record, found.ended = record, True
        if found is not None and found.complete:
            yield waiting.pop(found.row.id)
    for line in calls.settle(calls.left()):
        if late := waiting.get(line.trial_id):
            late.calls.append(line)
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

    def settle(self, calls: list[RecordedCall]) -> list[CallRow]:
        money = statements(calls, self._backends, fx=self._fx)
        return [_call_row(call, one) for call, one in zip(calls, money, strict=True)]


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


def _call_row(call: RecordedCall, money: Statement) -> CallRow:
    begin, end = call
    usage, cost = (end.usage if end else None), money.cost
    return CallRow(
        call_id=begin.call_id,
        trial_id=begin.trial_id,
        contestant=begin.contestant,
        try_number=begin.try_number,
        step=begin.step,
        attempt=begin.attempt,
        model=begin.model,
        returned_model=end.returned_model if end else None,
        outcome=end.outcome if end else None,
        error=end.error if end else "",
        started_at=begin.started_at,
        wall_s=end.wall_s if end else None,
        waited_s=end.waited_s if end else None,
        input_tokens=usage.prompt if usage else None,
        cached_input_tokens=usage.cache_read if usage else None,
        cache_write_tokens=usage.cache_write if usage else None,
        output_tokens=usage.output if usage else None,
        reasoning_tokens=usage.reasoning if usage else None,
        usage_estimated=bool(usage and usage.estimated),
        cost_usd=cost.billed_usd if cost else None,
        cost_no_cache_usd=cost.no_cache_usd if cost else None,
        cost_standard_usd=cost.standard_usd if cost else None,
        cost_status=cost.status if cost else "unknown",
    )
