"""Every trial of a run as a trajectory that other viewers open."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena import ledger
from arena.agent import trajectory
from arena.records import ContestantSpec, TrialRecord
from arena.rundir import RunDir
from arena.score.load import load


def of_run(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Trial id and trajectory of each trial's last try, in the order of the report.

    Raises:
        InputError: no run there.
    """
    results = load(path)
    rundir = RunDir(path)
    contestants = {c.name: c for c in results.manifest.contestants}
    records = _last_tries(rundir)
    for row in results.trials:
        transcript = rundir.trial_dir(row.id) / "transcript.jsonl"
        record = records.get(row.id)
        if record is None or not transcript.is_file():
            continue
        cost = row.cost.billed_usd
        head = _head(record, contestants[row.contestant], None if cost is None else float(cost))
        yield row.id, trajectory.of(transcript, head)


def _last_tries(rundir: RunDir) -> dict[str, TrialRecord]:
    events = ledger.read(rundir.ledger_path)
    ended = (event.record for event in events if isinstance(event, ledger.TrialEnd))
    return {record.id: record for record in ended}


def _head(
    record: TrialRecord, contestant: ContestantSpec, cost_usd: float | None
) -> trajectory.Head:
    return trajectory.Head(
        trial_id=record.id,
        agent=contestant.agent,
        model=contestant.backend.model if contestant.backend else None,
        started_at=record.started_at,
        cost_usd=cost_usd,
    )
