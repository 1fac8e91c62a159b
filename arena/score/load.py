"""Reading a run directory: a row a trial, what is left to do, its calls at other prices."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from arena.money import prices
from arena.money.budget import Amount
from arena.money.statement import RecordedCall, statements
from arena.records import BackendSpec, FxRate, TrialSpec
from arena.rundir import ledger
from arena.rundir.directory import Manifest, RunDir, trial_specs
from arena.score.index import Index, Replay
from arena.score.reducer import Sums, TrialState
from arena.score.results import Cost, Results, TrialRow, sum_costs


def load(path: Path) -> Results:
    """Read a run directory, finished or not; raises `InputError` where it is none or broken."""
    rundir = RunDir(path)
    manifest = rundir.read_manifest()
    found, concurrency = _replayed(rundir, manifest)
    controls = {c.name for c in manifest.contestants if c.control}

    def row(spec: TrialSpec) -> TrialRow:
        return _row(spec, found.take(spec.id), control=spec.contestant in controls)

    rows = [row(spec) for spec in trial_specs(manifest)]
    if manifest.race is not None:  # what it never started is no trial that lacks a verdict
        rows = [one for one in rows if one.tries]
    left = found.trials()
    outside = [row(spec) for spec in trial_specs(manifest, ever=True) if spec.id in left]
    position = {t.id: i for i, t in enumerate(manifest.tasks)}
    who = {c.name: i for i, c in enumerate(manifest.contestants)}
    rows.sort(key=lambda r: (position[r.task_id], who[r.contestant], r.attempt))
    planned = manifest.planned()
    names = {c.name for c in planned.contestants}
    return Results(
        path=path,
        manifest=planned,
        trials=tuple(rows),
        left_out=tuple(outside),
        stopped={name: why for name, why in found.reducer.stopped.items() if name in names},
        mean_concurrency=concurrency,
    )


def _replayed(rundir: RunDir, manifest: Manifest) -> tuple[Replay, dict[str, Decimal]]:
    """The ledger with all calls settled, and machines paid by the hour shared out over all who
    called them; with the mean number of calls in flight at the machine of each contestant.
    """
    replay = Index(rundir, manifest).replay()
    reducer = replay.reducer
    reducer.settle_open()
    machines = {name: prices.machine_of(spec) for name, spec in manifest.backends.items()}
    hourly = [(m, span) for span in reducer.spans if (m := machines[span.contestant]) is not None]
    found = prices.shares(
        (machine, prices.CallSpan(span.call_id, span.start, span.end)) for machine, span in hourly
    )
    concurrency: dict[str, Decimal] = {}
    for machine, span in hourly:
        shared = found[machine]
        reducer.trials[span.trial_id].sums.pay_hourly(shared.by_call[span.call_id])
        if shared.mean_concurrency is not None:
            concurrency[span.contestant] = shared.mean_concurrency
    return replay, concurrency


_RECORDED = (
    *("stop", "stop_detail", "verdict", "fault", "steps", "mistakes", "truncations"),
    *("wall_s", "active_s", "patch_bytes"),
)


def _row(spec: TrialSpec, state: TrialState, *, control: bool) -> TrialRow:
    """The row of one planned trial."""
    record = state.record_of(spec)
    graded = record.verification if record else None
    flags = [*(record.flags if record else ()), *(graded.flags if graded else ())]
    fields: dict[str, Any] = {name: getattr(record, name) for name in _RECORDED if record}
    return TrialRow(
        id=spec.id,
        task_id=spec.task_id,
        contestant=spec.contestant,
        attempt=spec.attempt,
        tries=state.tries,
        calls=state.sums.calls,
        tokens=state.sums.tokens,
        times=state.sums.times,
        control=control,
        cost=state.sums.cost(),
        wasted_usd=state.wasted_usd,
        failed_call=state.failed,
        flags=(
            *((f.kind, f.detail) for f in flags),
            *(("money", caveat) for caveat in sorted(state.sums.caveats)),
        ),
        other_names=tuple(sorted(state.sums.names)),
        reason=graded.reason if graded else "",
        visible=graded.visible if graded else None,
        **fields,
    )


@dataclass(frozen=True)
class Kept:
    """What earlier sessions did for one contestant."""

    done: int = 0
    """Trials with a verdict."""
    passed: int = 0
    spent_usd: Decimal = Decimal(0)
    """As far as it is known, all tries together."""


@dataclass(frozen=True)
class ResumeState:
    """A run between two sessions."""

    done: frozenset[str]
    """Trials with a verdict."""
    passed: frozenset[str]
    """Those of them that passed."""
    known_usd: dict[str, Decimal]
    """Spent by contestant, as far as it is known."""
    tries: dict[str, int]
    """Tries so far of the trials without one."""
    spent: dict[str, Amount]
    """By contestant, all tries together; possibly billed calls count at their bound."""


def resume_state(rundir: RunDir, manifest: Manifest) -> ResumeState:
    """Read where a run stands; raises `InputError` for a broken ledger."""
    done: set[str] = set()
    passed: set[str] = set()
    known: dict[str, Decimal] = defaultdict(Decimal)
    tries: dict[str, int] = {}
    spent: dict[str, Amount] = defaultdict(Amount)
    found, _ = _replayed(rundir, manifest)
    begun = found.trials()
    for spec in trial_specs(manifest, ever=True) if begun else ():
        if spec.id not in begun:
            continue
        state = found.take(spec.id)
        record, sums = state.record_of(spec), state.sums
        tokens = sums.tokens.input + sums.tokens.output
        spent[spec.contestant] += Amount(sums.known_usd + sums.bound, tokens)
        known[spec.contestant] += sums.known_usd
        if record is None or record.verdict is None:
            tries[spec.id] = state.tries
            continue
        done.add(spec.id)
        if record.verdict == "passed":
            passed.add(spec.id)
    return ResumeState(frozenset(done), frozenset(passed), dict(known), tries, dict(spent))


def costs(
    calls: Sequence[RecordedCall], backends: Mapping[str, BackendSpec], fx: Sequence[FxRate]
) -> dict[str, Cost]:
    """Money of each contestant's calls, at some prices and rates."""
    trials: dict[str, dict[str, Sums]] = defaultdict(lambda: defaultdict(Sums))
    for call in statements(calls, backends, fx=fx):
        trials[call.contestant][call.trial_id].pay(call)
    return {name: sum_costs([s.cost() for s in own.values()]) for name, own in trials.items()}


def recorded(run: Path) -> list[RecordedCall]:
    """Calls as they were announced, ended or not; raises `InputError` for a broken ledger."""
    found: dict[str, RecordedCall] = {}
    for event in ledger.read(RunDir(run).ledger_path):
        if isinstance(event, ledger.CallBeginEvent):
            found[event.call.call_id] = RecordedCall(event.call, None)
        elif isinstance(event, ledger.CallEndEvent) and event.call.call_id in found:
            found[event.call.call_id] = RecordedCall(found[event.call.call_id].begin, event.call)
    return list(found.values())


def by_trial(calls: list[RecordedCall]) -> dict[str, list[list[RecordedCall]]]:
    """Calls grouped by trial, by contestant."""
    grouped: dict[str, dict[str, list[RecordedCall]]] = defaultdict(lambda: defaultdict(list))
    for call in calls:
        grouped[call.begin.contestant][call.begin.trial_id].append(call)
    return {name: list(trials.values()) for name, trials in grouped.items()}
