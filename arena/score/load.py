"""Reading a run directory into one row a trial."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from arena.matrix import trial_specs
from arena.money import hourly
from arena.records import TrialSpec
from arena.rundir import Manifest, RunDir
from arena.score import index
from arena.score.fold import Fold, Span, TrialState
from arena.score.results import Results, TrialRow


def load(path: Path) -> Results:
    """Read a run directory, finished or not.

    Raises:
        InputError: there is no run, or its manifest or ledger is broken.
    """
    rundir = RunDir(path)
    manifest = rundir.read_manifest()
    parts = index.Parts()
    fold = index.Index(rundir, manifest).replay(parts.keep)
    fold.settle_open()
    concurrency = share_machines(fold, manifest)

    def row(spec: TrialSpec) -> TrialRow:
        state = parts.pop(spec.id)
        if rest := fold.trials.pop(spec.id, None):
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
        stopped=fold.stopped,
        mean_concurrency=concurrency,
        waste_usd=fold.waste,
    )


def share_machines(fold: Fold, manifest: Manifest) -> dict[str, Decimal]:
    """Share out the machines paid by the hour, each over all contestants that called it; the mean
    number of calls in flight at the machine of each contestant.
    """
    specs = {c.name: c.backend for c in manifest.contestants if c.backend is not None}
    machines = {name: hourly.machine_of(spec) for name, spec in specs.items()}
    found = hourly.shares(
        (machine, _call_span(span))
        for span in fold.spans
        if (machine := machines[span.contestant]) is not None
    )
    concurrency: dict[str, Decimal] = {}
    for span in fold.spans:
        if (machine := machines[span.contestant]) is None:
            continue
        shared = found[machine]
        fold.trial(span.trial_id).sums.pay_hourly(shared.by_call[span.call_id])
        if shared.mean_concurrency is not None:
            concurrency[span.contestant] = shared.mean_concurrency
    return concurrency


def _call_span(span: Span) -> hourly.CallSpan:
    return hourly.CallSpan(
        call_id=span.call_id,
        start=datetime.fromtimestamp(span.start, UTC),
        end=datetime.fromtimestamp(span.end, UTC),
    )


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
