"""Reading a run: the ledger is streamed once and folded into one row a trial."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from arena import ledger
from arena.matrix import trial_specs
from arena.money.statement import RecordedCall, Statement, statements
from arena.records import (
    BackendSpec,
    CallBegin,
    CallEnd,
    CostStatus,
    TrialRecord,
    TrialSpec,
    Usage,
)
from arena.rundir import Manifest, RunDir
from arena.score.results import Cost, Results, Tokens, TrialRow

ZERO = Decimal(0)


def load(path: Path) -> Results:
    """Read a run directory, finished or not.

    Raises:
        InputError: there is no run, or its manifest or ledger is broken.
    """
    rundir = RunDir(path)
    manifest = rundir.read_manifest()
    return fold(path, manifest, ledger.read(rundir.ledger_path))


def fold(path: Path, manifest: Manifest, events: Iterable[ledger.Event]) -> Results:
    """Results of a manifest and its events."""
    state = _Fold({c.name: c.backend for c in manifest.contestants if c.backend}, manifest)
    for event in events:
        state.add(event)
    state.settle_rest()
    position = {t.id: i for i, t in enumerate(manifest.tasks)}
    who = {c.name: i for i, c in enumerate(manifest.contestants)}
    specs = sorted(
        trial_specs(manifest), key=lambda s: (position[s.task_id], who[s.contestant], s.attempt)
    )
    return Results(
        path=path,
        manifest=manifest,
        trials=tuple(state.row(spec) for spec in specs),
        stopped=state.stopped,
        waste_usd=state.waste,
    )


@dataclass(slots=True)
class _Sums:
    """What one trial spent, over all its tries."""

    calls: int = 0
    billed: Decimal = ZERO
    no_cache: Decimal = ZERO
    standard: Decimal = ZERO
    missing_bases: set[str] = field(default_factory=set)
    estimated: bool = False
    bound: Decimal | None = ZERO
    unsettled: int = 0
    input: int = 0
    cached: int = 0
    written: int = 0
    output: int = 0
    reasoning: int = 0
    names: set[str] = field(default_factory=set)
    by_try: dict[int, Decimal] = field(default_factory=dict)

    def add(self, call: RecordedCall, statement: Statement) -> None:
        """Count one call and its money."""
        self.calls += 1
        end = call.end
        if end is not None and end.usage is not None:
            self._add_tokens(end.usage)
        if end is not None and end.returned_model not in {None, end.requested_model}:
            self.names.add(str(end.returned_model))
        if statement.possibly_billed and statement.bound_usd != ZERO:
            self.unsettled += 1
            known = self.bound is not None and statement.bound_usd is not None
            self.bound = (self.bound or ZERO) + (statement.bound_usd or ZERO) if known else None
        cost = statement.cost
        if cost is not None:
            for basis, amount in (
                ("billed", cost.billed_usd),
                ("no_cache", cost.no_cache_usd),
                ("standard", cost.standard_usd),
            ):
                if amount is None:
                    self.missing_bases.add(basis)
                else:
                    setattr(self, basis, getattr(self, basis) + amount)
            self.estimated |= cost.status == "estimated"
            number = call.begin.try_number
            self.by_try[number] = self.by_try.get(number, ZERO) + (cost.billed_usd or ZERO)

    def _add_tokens(self, usage: Usage) -> None:
        self.input += usage.prompt
        self.cached += usage.cache_read
        self.written += usage.cache_write
        self.output += usage.output
        self.reasoning += usage.reasoning

    def cost(self) -> Cost:
        """The money as the reports show it."""

        def known(basis: str, amount: Decimal) -> Decimal | None:
            return None if basis in self.missing_bases else amount

        return Cost(
            billed_usd=known("billed", self.billed),
            no_cache_usd=known("no_cache", self.no_cache),
            standard_usd=known("standard", self.standard),
            known_usd=self.billed,
            status=self._status(),
            unsettled_bound_usd=self.bound if self.unsettled else None,
            unsettled_calls=self.unsettled,
        )

    def _status(self) -> CostStatus:
        if "billed" in self.missing_bases:
            return "partial" if self.billed else "unknown"
        return "estimated" if self.estimated or self.unsettled else "known"


class _Fold:
    def __init__(self, backends: dict[str, BackendSpec], manifest: Manifest) -> None:
        self._backends = backends
        self._fx = manifest.fx
        self._open: dict[str, CallBegin] = {}
        self._hourly: list[RecordedCall] = []
        self._sums: dict[str, _Sums] = {}
        self._records: dict[str, TrialRecord] = {}
        self._tries: dict[str, int] = {}
        self.stopped: dict[str, str] = {}
        self.waste: dict[str, Decimal] = {}

    def add(self, event: ledger.Event) -> None:
        match event:
            case ledger.SessionBegin():
                self.stopped.clear()
            case ledger.TrialBegin(spec=spec):
                self._tries[spec.id] = self._tries.get(spec.id, 0) + 1
            case ledger.CallBeginEvent(call=begin):
                self._open[begin.call_id] = begin
            case ledger.CallEndEvent(call=end):
                self._end(end)
            case ledger.TrialEnd(record=record):
                self._records[record.id] = record
                if record.fault is not None:
                    spent = self._sum_of(record.id).by_try.get(record.try_number, ZERO)
                    self._waste(record.contestant, spent)
            case ledger.ContestantStopped(contestant=name, reason=reason):
                self.stopped[name] = reason
            case ledger.SessionEnd():
                pass

    def _end(self, end: CallEnd) -> None:
        begin = self._open.pop(end.call_id, None)
        if begin is None or begin.contestant not in self._backends:
            return
        call = RecordedCall(begin, end)
        if self._backends[begin.contestant].hourly_usd is not None:
            self._hourly.append(call)
        else:
            self._settle([call])

    def settle_rest(self) -> None:
        """Price what needs the whole run: machines by the hour, and calls never settled."""
        self._settle(self._hourly)
        rest = [c for c in self._open.values() if c.contestant in self._backends]
        self._settle([RecordedCall(begin, None) for begin in rest])

    def _settle(self, calls: list[RecordedCall]) -> None:
        for call, statement in zip(
            calls, statements(calls, self._backends, fx=self._fx), strict=True
        ):
            self._sum_of(call.begin.trial_id).add(call, statement)
            failed = call.end is not None and call.end.outcome != "ok"
            if failed and statement.cost is not None and statement.cost.billed_usd:
                self._waste(call.begin.contestant, statement.cost.billed_usd)

    def _waste(self, contestant: str, usd: Decimal) -> None:
        self.waste[contestant] = self.waste.get(contestant, ZERO) + usd

    def _sum_of(self, trial_id: str) -> _Sums:
        return self._sums.setdefault(trial_id, _Sums())

    def row(self, spec: TrialSpec) -> TrialRow:
        """The row of one planned trial; a record of another digest does not count."""
        record = self._records.get(spec.id)
        if record is not None and record.digest != spec.digest:
            record = None
        sums = self._sums.get(spec.id) or _Sums()
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
            tries=self._tries.get(spec.id, 0),
            steps=record.steps if record else 0,
            calls=sums.calls,
            mistakes=record.mistakes if record else 0,
            truncations=record.truncations if record else 0,
            flags=tuple((f.kind, f.detail) for f in flags),
            tokens=Tokens(sums.input, sums.cached, sums.written, sums.output, sums.reasoning),
            cost=sums.cost(),
            wall_s=record.wall_s if record else 0.0,
            active_s=record.active_s if record else 0.0,
            patch_bytes=record.patch_bytes if record else 0,
            other_names=tuple(sorted(sums.names)),
        )
