"""What the ledger knows of single calls and tests, for trial pages and tables.

`arena.score` folds a run into one row a trial; this keeps the parts, for the trials asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from arena import ledger
from arena.money.statement import RecordedCall, Statement, statements
from arena.records import (
    CallBegin,
    CallOutcome,
    CostStatus,
    TestOutcome,
    TestPlan,
    TrialRecord,
)
from arena.rundir import Manifest, RunDir

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
    """Calls and last records by trial."""

    calls: dict[str, list[CallRow]] = field(default_factory=dict)
    records: dict[str, TrialRecord] = field(default_factory=dict)


def read(run: Path, manifest: Manifest, wanted: Callable[[str], bool]) -> Details:
    """Calls and last records of the trials whose id is `wanted`."""
    backends = {c.name: c.backend for c in manifest.contestants if c.backend}
    hourly = {name for name, spec in backends.items() if spec.hourly_usd is not None}
    details = Details()
    later: list[RecordedCall] = []
    begun: dict[str, CallBegin] = {}

    def settle(calls: list[RecordedCall]) -> None:
        for call, money in zip(calls, statements(calls, backends, fx=manifest.fx), strict=True):
            if wanted(call.begin.trial_id):
                details.calls.setdefault(call.begin.trial_id, []).append(_call_row(call, money))

    for event in ledger.read(RunDir(run).ledger_path):
        match event:
            case ledger.CallBeginEvent(call=begin) if begin.contestant in backends:
                begun[begin.call_id] = begin
            case ledger.CallEndEvent(call=end) if end.call_id in begun:
                call = RecordedCall(begun.pop(end.call_id), end)
                if call.begin.contestant in hourly:
                    later.append(call)
                elif wanted(call.begin.trial_id):
                    settle([call])
            case ledger.TrialEnd(record=record) if wanted(record.id):
                details.records[record.id] = record
    settle([*later, *(RecordedCall(begin, None) for begin in begun.values())])
    return details


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
