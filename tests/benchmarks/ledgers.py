"""Writes the ledger of a large run that never happened, for benchmarks of reading and resuming."""

import hashlib
import itertools
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

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
    TrialSpec,
    Usage,
    Verdict,
    Verification,
)
from arena.rundir.directory import Manifest, RunDir, TaskEntry, trial_specs
from arena.rundir.ledger import (
    CallBeginEvent,
    CallEndEvent,
    Event,
    SessionBegin,
    TrialBegin,
    TrialEnd,
)

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


def write(run: Path, made: Manifest, *, calls: int = 10, at_once: int = 64) -> int:
    """Write manifest and ledger; the number of trials.

    Args:
        run: the run directory.
        made: what was run.
        calls: of each trial.
        at_once: trials whose events take turns.
    """
    RunDir(run).write_manifest(made)
    clock = (START + timedelta(seconds=second) for second in itertools.count(1))
    waiting = (_trial(spec, count, calls, clock) for count, spec in enumerate(trial_specs(made), 1))
    running = deque(itertools.islice(waiting, at_once))
    trials = 0
    with (run / "ledger.jsonl").open("w") as out:
        out.write(SessionBegin(session="s", at=START).model_dump_json() + "\n")
        while running:
            event = next(running[0], None)
            if event is None:
                trials += 1
                running.popleft()
                running.extend(itertools.islice(waiting, 1))
            else:
                out.write(event.model_dump_json() + "\n")
                running.rotate(-1)
    return trials


def _trial(spec: TrialSpec, count: int, calls: int, clock: Iterator[datetime]) -> Iterator[Event]:
    at = next(clock)
    yield TrialBegin(spec=spec, try_number=1, at=at)
    for step in range(1, calls + 1):
        at = next(clock)
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
        yield CallBeginEvent(call=begin)
        yield CallEndEvent(call=end)
    verdict: Verdict = "passed" if (count * 7919) % 10 < 6 else "failed"
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
    yield TrialEnd(record=record)
