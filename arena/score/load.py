"""Reading a run directory: a row a trial, what is left to do, its calls at other prices."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from arena.money import statement
from arena.money.budget import Amount
from arena.money.statement import RecordedCall, statements
from arena.records import BackendSpec, CallBegin, CostStatus, FxRate, Record, TrialSpec
from arena.rundir import ledger
from arena.rundir.directory import Manifest, RunDir, trial_specs
from arena.score import index
from arena.score.reducer import Reducer, Sums, TrialState
from arena.score.results import Cost, Results, TrialRow, sum_costs


def load(path: Path) -> Results:
    """Read a run directory, finished or not.

    Raises:
        InputError: there is no run, or its manifest or ledger is broken.
    """
    rundir = RunDir(path)
    manifest = rundir.read_manifest()
    parts = index.Parts()
    reducer = index.Index(rundir, manifest).replay(parts.keep)
    reducer.settle_open()
    concurrency = share_machines(reducer, manifest)

    def row(spec: TrialSpec) -> TrialRow:
        state = parts.pop(spec.id)
        if rest := reducer.trials.pop(spec.id, None):
            state.add(rest)
        return _row(spec, state)

    position = {t.id: i for i, t in enumerate(manifest.tasks)}
    who = {c.name: i for i, c in enumerate(manifest.contestants)}
    # One trial at a time from lines to row: neither plan nor states are ever held for all.
    rows = sorted(
        map(row, trial_specs(manifest)),
        key=lambda r: (position[r.task_id], who[r.contestant], r.attempt),
    )
    return Results(
        path=path,
        manifest=manifest,
        trials=tuple(rows),
        stopped=reducer.stopped,
        mean_concurrency=concurrency,
        waste_usd=reducer.waste,
    )


def share_machines(reducer: Reducer, manifest: Manifest) -> dict[str, Decimal]:
    """Share out the machines paid by the hour, each over all contestants that called it; the mean
    number of calls in flight at the machine of each contestant.
    """
    specs = {c.name: c.backend for c in manifest.contestants if c.backend is not None}
    machines = {name: statement.machine_of(spec) for name, spec in specs.items()}
    found = statement.shares(
        (machine, statement.CallSpan(span.call_id, span.start, span.end))
        for span in reducer.spans
        if (machine := machines[span.contestant]) is not None
    )
    concurrency: dict[str, Decimal] = {}
    for span in reducer.spans:
        if (machine := machines[span.contestant]) is None:
            continue
        shared = found[machine]
        reducer.trial(span.trial_id).sums.pay_hourly(shared.by_call[span.call_id])
        if shared.mean_concurrency is not None:
            concurrency[span.contestant] = shared.mean_concurrency
    return concurrency


def _row(spec: TrialSpec, state: TrialState) -> TrialRow:
    """The row of one planned trial; a record of another digest does not count."""
    record = state.record
    if record is not None and record.digest != spec.digest:
        record = None
    verification = record.verification if record else None
    flags = [*(record.flags if record else ()), *(verification.flags if verification else ())]
    return TrialRow(
        id=spec.id,
        task_id=spec.task_id,
        contestant=spec.contestant,
        attempt=spec.attempt,
        stop=record.stop if record else None,
        stop_detail=record.stop_detail if record else "",
        verdict=record.verdict if record else None,
        reason=verification.reason if verification else "",
        fault=record.fault if record else None,
        tries=state.tries,
        steps=record.steps if record else 0,
        calls=state.sums.calls,
        mistakes=record.mistakes if record else 0,
        truncations=record.truncations if record else 0,
        flags=(
            *((f.kind, f.detail) for f in flags),
            *(("money", caveat) for caveat in sorted(state.sums.caveats)),
        ),
        tokens=state.sums.token_sums(),
        cost=state.sums.cost(),
        wall_s=record.wall_s if record else 0.0,
        active_s=record.active_s if record else 0.0,
        patch_bytes=record.patch_bytes if record else 0,
        other_names=tuple(sorted(state.sums.names)),
    )


@dataclass(frozen=True)
class ResumeState:
    """A run between two sessions."""

    done: frozenset[str]
    """Trials with a verdict."""
    tries: dict[str, int]
    """Tries so far of the trials without one."""
    spent: dict[str, Amount]
    """By contestant, all tries together; possibly billed calls count at their bound."""


def resume_state(rundir: RunDir, manifest: Manifest) -> ResumeState:
    """Read where a run stands.

    Raises:
        InputError: the ledger is broken.
    """
    if not rundir.ledger_path.exists():
        return ResumeState(frozenset(), {}, {})
    planned = {spec.id: (spec.contestant, spec.digest) for spec in trial_specs(manifest)}
    done: set[str] = set()
    tries: dict[str, int] = defaultdict(int)
    spent: dict[str, Amount] = defaultdict(Amount)

    def take(trial_id: str, part: TrialState) -> None:
        contestant, digest = planned.get(trial_id, ("", ""))
        sums = part.sums
        tokens = sums.token_sums()
        spent[contestant] += Amount(sums.known_usd + sums.bound, tokens.input + tokens.output)
        tries[trial_id] += part.tries
        if part.record is not None:
            counts = part.record.verdict is not None and part.record.digest == digest
            (done.add if counts else done.discard)(trial_id)

    reducer = index.Index(rundir, manifest).replay(lambda line: take(*index.part(line)))
    reducer.settle_open()
    share_machines(reducer, manifest)
    for trial_id, part in reducer.trials.items():
        take(trial_id, part)
    left = {trial_id: count for trial_id, count in tries.items() if trial_id not in done}
    return ResumeState(frozenset(done), left, dict(spent))


class Repriced(Record):
    """One contestant's money before and after, in USD; None where any trial's is unknown."""

    contestant: str
    calls: int
    billed_before_usd: Decimal | None
    billed_after_usd: Decimal | None
    standard_before_usd: Decimal | None
    standard_after_usd: Decimal | None
    status_before: CostStatus
    status_after: CostStatus
    possibly_billed_before_usd: Decimal | None
    """What calls that were never settled may have cost at most; None when unknown or none."""
    possibly_billed_after_usd: Decimal | None


def compare(
    calls: Sequence[RecordedCall],
    before: Mapping[str, BackendSpec],
    after: Mapping[str, BackendSpec],
    *,
    fx_before: Sequence[FxRate],
    fx_after: Sequence[FxRate],
) -> list[Repriced]:
    """Money of each contestant under two sets of prices, in order of name."""
    old = _costs(calls, before, fx_before)
    new = _costs(calls, after, fx_after)
    return [
        Repriced(
            contestant=name,
            calls=sum(c.begin.contestant == name for c in calls),
            billed_before_usd=old[name].billed_usd,
            billed_after_usd=new[name].billed_usd,
            standard_before_usd=old[name].standard_usd,
            standard_after_usd=new[name].standard_usd,
            status_before=old[name].status,
            status_after=new[name].status,
            possibly_billed_before_usd=old[name].unsettled_bound_usd,
            possibly_billed_after_usd=new[name].unsettled_bound_usd,
        )
        for name in sorted(old)
    ]


def _costs(
    calls: Sequence[RecordedCall], backends: Mapping[str, BackendSpec], fx: Sequence[FxRate]
) -> dict[str, Cost]:
    """Every contestant's trials summed."""
    trials: dict[str, dict[str, Sums]] = {}
    for call in statements(calls, backends, fx=fx):
        own = trials.setdefault(call.contestant, {})
        own.setdefault(call.trial_id, Sums()).pay(call)
    return {name: sum_costs([s.cost() for s in own.values()]) for name, own in trials.items()}


def recorded(run: Path) -> list[RecordedCall]:
    """Calls in the order they were announced, ended or not.

    Raises:
        InputError: the ledger is broken.
    """
    begun: dict[str, CallBegin] = {}
    found: dict[str, RecordedCall] = {}
    for event in ledger.read(RunDir(run).ledger_path):
        if isinstance(event, ledger.CallBeginEvent):
            begun[event.call.call_id] = event.call
            found[event.call.call_id] = RecordedCall(event.call, None)
        elif isinstance(event, ledger.CallEndEvent) and event.call.call_id in begun:
            found[event.call.call_id] = RecordedCall(begun[event.call.call_id], event.call)
    return list(found.values())


def by_trial(calls: list[RecordedCall]) -> dict[str, list[list[RecordedCall]]]:
    """Calls grouped by trial, by contestant."""
    grouped: dict[str, dict[str, list[RecordedCall]]] = {}
    for call in calls:
        trials = grouped.setdefault(call.begin.contestant, {})
        trials.setdefault(call.begin.trial_id, []).append(call)
    return {name: list(trials.values()) for name, trials in grouped.items()}
