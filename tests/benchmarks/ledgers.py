"""Writes the ledger of a large run that never happened, for benchmarks of reading and resuming."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from arena.ledger import CallBeginEvent, CallEndEvent, SessionBegin, TrialBegin, TrialEnd
from arena.matrix import trial_specs
from arena.records import (
    BackendSpec,
    CallBegin,
    CallEnd,
    ContestantSpec,
    Limits,
    PriceRow,
    PriceTier,
    SandboxLimits,
    TestPlan,
    TrialRecord,
    Usage,
    Verification,
)
from arena.rundir import Manifest, RunDir, TaskEntry

START = datetime(2026, 1, 1, tzinfo=UTC)


def manifest(tasks: int, contestants: int, attempts: int) -> Manifest:
    tier = PriceTier(input=Decimal(2), cached_input=Decimal("0.2"), output=Decimal(8))
    return Manifest(
        run_id="0123456789abcdef",
        name="large",
        created_at=START,
        arena_version="0",
        attempts=attempts,
        concurrency=8,
        limits=Limits(),
        sandbox=SandboxLimits(),
        tasks=tuple(
            TaskEntry(
                id=f"big/task-{i:05d}",
                pack="big",
                title=f"Task {i}",
                language="python",
                difficulty="medium",
                digest=hashlib.sha256(str(i).encode()).hexdigest(),
                image="sha256:0",
                problem_statement="Something is wrong.",
                tests=TestPlan(runner="pytest", fail_to_pass=("t.py::a",)),
            )
            for i in range(tasks)
        ),
        contestants=tuple(
            ContestantSpec(
                name=f"c{i}",
                agent="shell",
                agent_digest="0",
                backend=BackendSpec(
                    name=f"b{i}",
                    model=f"m{i}",
                    base_url="http://127.0.0.1:1/v1",
                    prices=(PriceRow(tiers=(tier,)),),
                ),
            )
            for i in range(contestants)
        ),
    )


def write(run: Path, made: Manifest, *, calls: int = 10) -> int:
    """Write manifest and ledger; the number of trials."""
    RunDir(run).write_manifest(made)
    at = START
    count = 0
    with (run / "ledger.jsonl").open("w") as out:
        out.write(SessionBegin(session="s", at=at).model_dump_json() + "\n")
        for count, spec in enumerate(trial_specs(made), 1):
            out.write(TrialBegin(spec=spec, try_number=1, at=at).model_dump_json() + "\n")
            for step in range(1, calls + 1):
                at += timedelta(seconds=1)
                begin = CallBegin(
                    call_id=f"{count:08x}{step:04x}",
                    trial_id=spec.id,
                    contestant=spec.contestant,
                    endpoint="http://127.0.0.1:1/v1",
                    model="m",
                    step=step,
                    attempt=1,
                    started_at=at,
                    prompt_estimate=1000 * step,
                    prompt_bound=5000 * step,
                    output_limit=16000,
                )
                usage = Usage(input_fresh=200, cache_read=1000 * (step - 1), output=150)
                end = CallEnd(
                    call_id=begin.call_id,
                    trial_id=spec.id,
                    outcome="ok",
                    http_status=200,
                    requested_model="m",
                    returned_model="m",
                    finish_reason="tool_calls",
                    usage=usage,
                    raw_usage={"prompt_tokens": usage.prompt, "completion_tokens": 150},
                    repeated_tokens=1000 * (step - 1),
                    wall_s=0.9,
                    ended_at=at,
                )
                out.write(CallBeginEvent(call=begin).model_dump_json() + "\n")
                out.write(CallEndEvent(call=end).model_dump_json() + "\n")
            verdict = "passed" if (count * 7919) % 10 < 6 else "failed"
            record = TrialRecord(
                id=spec.id,
                task_id=spec.task_id,
                contestant=spec.contestant,
                attempt=spec.attempt,
                digest=spec.digest,
                stop="submitted",
                verification=Verification(verdict=verdict, tests={"t.py::a": "passed"}),
                steps=calls,
                wall_s=12.0,
                active_s=11.0,
                started_at=at,
                ended_at=at,
            )
            out.write(TrialEnd(record=record).model_dump_json() + "\n")
    return count
