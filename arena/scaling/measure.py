"""The workload of a run that was made, to size the next one by."""

import statistics
from collections import defaultdict
from pathlib import Path

from arena import ledger
from arena.errors import InputError
from arena.records import CallEnd
from arena.rundir import RunDir
from arena.scaling.model import Spread, Workload


def workload_of(run: Path) -> Workload:
    """What the trials of a run that called a model were like.

    The ledger does not tell work from waiting: whatever was not a call counts as CPU time, which
    is too much for a host that was not busy, and the tests' share cannot be told apart.

    Raises:
        InputError: there is no run, its ledger is broken, or no trial in it has both a verdict
            and calls.
    """
    rundir = RunDir(run)
    manifest = rundir.read_manifest()
    calls: dict[str, list[CallEnd]] = defaultdict(list)
    walls: dict[str, float] = {}
    for event in ledger.read(rundir.ledger_path):
        if isinstance(event, ledger.CallEndEvent):
            calls[event.call.trial_id].append(event.call)
        elif isinstance(event, ledger.TrialEnd) and event.record.verdict is not None:
            record = event.record
            walls[record.id] = (record.ended_at - record.started_at).total_seconds()
    done = {trial: ended for trial, ended in calls.items() if trial in walls}
    if not done:
        raise InputError("no trial there called a model and got a verdict", where=str(run))
    every = [call for ended in done.values() for call in ended]
    told = [c.usage.prompt + c.usage.output for c in every if c.usage is not None]
    work = [
        walls[trial] - sum(call.wall_s + call.waited_s for call in ended)
        for trial, ended in done.items()
    ]
    return Workload(
        tasks=len(manifest.tasks),
        backends=sum(not contestant.control for contestant in manifest.contestants),
        attempts=manifest.attempts,
        calls=_spread([len(ended) for ended in done.values()]),
        call_s=_spread([call.wall_s for call in every]),
        call_tokens=round(statistics.fmean(told)) if told else 0,
        cpu_s=max(0.0, statistics.fmean(work)),
        idle_s=0.0,
    )


def _spread(values: list[float] | list[int]) -> Spread:
    median = max(statistics.median(values), 1e-6)
    p90 = statistics.quantiles(values, n=10)[-1] if len(values) > 1 else median
    return Spread(median=median, p90=max(median, p90))
