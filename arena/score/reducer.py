"""Events of a ledger reduced to sums a trial: what reading a run and its index have in common."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from pydantic import Field

from arena.money.prices import CallSpan
from arena.money.statement import (
    CallStatement,
    RecordedCall,
    guesses_prompt,
    learned,
    statements,
)
from arena.records import (
    BackendSpec,
    CallBegin,
    CallEnd,
    CostStatus,
    FxRate,
    Record,
    TrialRecord,
    TrialSpec,
)
from arena.rundir import ledger
from arena.score.results import CallTimes, Cost, TokenTotals

ZERO = Decimal(0)
BASES = ("billed", "no_cache", "standard")
GUESSED = "guessed"
"""Beside the bases: the billed money of calls whose usage or bill is estimated."""


class Span(NamedTuple):
    """One call in flight at a machine paid by the hour; times in seconds since 1970."""

    contestant: str
    trial_id: str
    call_id: str
    start: float
    end: float


@dataclass(slots=True)
class Sums:
    """What the calls of one trial came to, over all its tries."""

    calls: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)
    """Money by basis, as far as there is any."""
    missing: set[str] = field(default_factory=set)
    """Bases on which some call's cost is unknown."""
    estimated: bool = False
    bound: Decimal = ZERO
    """What calls that were never settled may have cost."""
    bound_unknown: bool = False
    unsettled: int = 0
    tokens: TokenTotals = field(default_factory=TokenTotals)
    times: CallTimes = field(default_factory=CallTimes)
    names: set[str] = field(default_factory=set)
    """Model names returned that were not asked for."""
    caveats: set[str] = field(default_factory=set)
    """What the price book could not tell about some call."""

    def count(self, end: CallEnd | None) -> None:
        """Count a call that ended, or that will never be known to have."""
        self.calls += 1
        if end is None:
            return
        if (use := end.usage) is not None:
            self.tokens += TokenTotals(
                use.prompt, use.cache_read, use.cache_write, use.output, use.reasoning
            )
            if end.outcome == "ok":
                begun, first_us = end.first_byte_s is not None, round((end.first_byte_s or 0) * 1e6)
                self.times += CallTimes(round(end.wall_s * 1e6), use.output, int(begun), first_us)
        if end.returned_model not in {None, end.requested_model}:
            self.names.add(str(end.returned_model))

    def pay(self, statement: CallStatement) -> None:
        """Add the money of one call."""
        if statement.possibly_billed and statement.bound_usd != ZERO:
            self.unsettled += 1
            self.bound += statement.bound_usd or ZERO
            self.bound_unknown |= statement.bound_usd is None
        cost = statement.cost
        if cost is None:
            return
        self.estimated |= cost.status == "estimated"
        self.caveats.update(cost.caveats)
        for basis in BASES:
            usd: Decimal | None = getattr(cost, f"{basis}_usd")
            if usd is None:
                self.missing.add(basis)
            else:
                self._add(basis, usd)
        if cost.status == "estimated":
            self._add(GUESSED, cost.billed_usd or ZERO)

    def pay_hourly(self, usd: Decimal) -> None:
        """Add a call's share of a machine paid by the hour: the same on every basis."""
        for basis in BASES:
            self._add(basis, usd)

    def merge(self, other: "Sums") -> None:
        """Add the calls of another part of the same trial."""
        self.calls += other.calls
        for basis, usd in other.money.items():
            self._add(basis, usd)
        self.missing |= other.missing
        self.estimated |= other.estimated
        self.bound += other.bound
        self.bound_unknown |= other.bound_unknown
        self.unsettled += other.unsettled
        self.tokens += other.tokens
        self.times += other.times
        self.names |= other.names
        self.caveats |= other.caveats

    def _add(self, basis: str, usd: Decimal) -> None:
        self.money[basis] = self.money.get(basis, ZERO) + usd

    @property
    def known_usd(self) -> Decimal:
        """The billed part that is known: estimates are none of it."""
        return self.money.get("billed", ZERO) - self.money.get(GUESSED, ZERO)

    def cost(self) -> Cost:
        """The money as reports show it."""
        status = self._status()
        partial = status in {"partial", "unknown"}
        billed, no_cache, standard = (
            None if partial or basis in self.missing else self.money.get(basis, ZERO)
            for basis in BASES
        )
        bound = None if self.bound_unknown or not self.unsettled else self.bound
        return Cost(
            billed_usd=billed,
            no_cache_usd=no_cache,
            standard_usd=standard,
            known_usd=self.known_usd,
            status=status,
            unsettled_bound_usd=bound,
            unsettled_calls=self.unsettled,
        )

    def _status(self) -> CostStatus:
        known = self.money.get("billed", ZERO)
        if "billed" in self.missing or (self.unsettled and not known):
            return "partial" if known else "unknown"
        return "estimated" if self.estimated or self.unsettled else "known"


@dataclass(slots=True)
class TrialState:
    """One trial as far as the events go."""

    sums: Sums = field(default_factory=Sums)
    tries: int = 0
    record: TrialRecord | None = None
    """Of the last try that ended; without the outcomes of its tests, which scoring never reads."""
    wasted_usd: Decimal = ZERO
    """Billed, as far as it is known, for calls and tries that failed or were cut short."""
    lost: bool = False
    """Whether a try began or failed: all that was paid before is wasted."""
    failed: bool = False
    """Whether a call failed."""

    def lose(self) -> None:
        """Count all that was paid so far as wasted."""
        self.wasted_usd, self.lost = self.sums.money.get("billed", ZERO), True

    def add(self, later: "TrialState") -> None:
        """Add what later events tell of the same trial."""
        if later.lost:
            self.lose()
        self.wasted_usd += later.wasted_usd
        self.failed |= later.failed
        self.sums.merge(later.sums)
        self.tries += later.tries
        self.record = later.record or self.record

    def record_of(self, spec: TrialSpec) -> TrialRecord | None:
        """The record as that of a planned trial: one of another digest does not count."""
        return self.record if self.record and self.record.digest == spec.digest else None


class Carried(Record):
    """What events need to know of those before them, beside what is known of each trial."""

    open: tuple[CallBegin, ...] = ()
    """Calls announced and not ended."""
    guessed: tuple[RecordedCall, ...] = ()
    """Calls with a guessed prompt, until one of the same trial is told or it ends."""
    stopped: dict[str, str] = Field(default_factory=dict)
    """Why, by contestant."""


FROM_START = Carried()


class Reducer:
    """Takes events in order, after `earlier` ones; `trials` holds only what these events tell."""

    def __init__(
        self,
        backends: dict[str, BackendSpec],
        fx: tuple[FxRate, ...],
        earlier: Carried = FROM_START,
    ) -> None:
        self._backends = backends
        self._fx = fx
        self.trials: defaultdict[str, TrialState] = defaultdict(TrialState)
        self.open = {begin.call_id: begin for begin in earlier.open}
        self.guessed = list(earlier.guessed)
        self.spans: list[Span] = []
        self.stopped = dict(earlier.stopped)

    @property
    def carried(self) -> Carried:
        """What later events need to know of these."""
        return Carried(
            open=tuple(self.open.values()),
            guessed=tuple(self.guessed),
            stopped=self.stopped,
        )

    def add(self, event: ledger.Event) -> None:
        """Take one event."""
        match event:
            case ledger.SessionBegin():  # what an earlier one left open will never end
                self.settle_open()
                self.stopped.clear()
            case ledger.TrialBegin(spec=spec):
                self.trials[spec.id].tries += 1
                self.trials[spec.id].lose()
            case ledger.CallBeginEvent(call=begin):
                self.open[begin.call_id] = begin
            case ledger.CallEndEvent(call=end):
                self._end(end)
            case ledger.TrialEnd(record=record):
                self._trial_end(record)
            case ledger.ContestantStopped(contestant=name, reason=reason):
                self.stopped[name] = reason

    def _trial_end(self, record: TrialRecord) -> None:
        self._settle_guesses(record.id)
        if record.fault is not None:
            self.trials[record.id].lose()
        if record.verification is not None:
            graded = record.verification.model_copy(update={"tests": {}})
            record = record.model_copy(update={"verification": graded})
        self.trials[record.id].record = record

    def _end(self, end: CallEnd) -> None:
        begin = self.open.pop(end.call_id, None)
        spec = None if begin is None else self._backends.get(begin.contestant)
        if begin is None or spec is None:
            return
        call = RecordedCall(begin, end)
        self.trials[begin.trial_id].failed |= end.outcome != "ok"
        if spec.hourly_usd is not None:
            self.trials[begin.trial_id].sums.count(end)
            self.spans.append(Span(begin.contestant, begin.trial_id, *CallSpan.of(end)))
            return
        if guesses_prompt(call):
            self.guessed.append(call)
            return
        if end.usage is not None:
            self._settle_guesses(begin.trial_id, told=call)
        self._pay(call)

    def _settle_guesses(self, trial_id: str | None, told: RecordedCall | None = None) -> None:
        """Pay for calls with a guessed prompt, of one trial or of all, by what is known by now."""
        mine = [one for one in self.guessed if trial_id in {None, one.begin.trial_id}]
        self.guessed = [one for one in self.guessed if one not in mine]
        for call in mine:
            self._pay(learned(call, told))

    def _pay(self, call: RecordedCall) -> None:
        begin, end = call
        assert end is not None
        trial = self.trials[begin.trial_id]
        trial.sums.count(end)
        statement = self._statement(begin, end)
        trial.sums.pay(statement)
        if end.outcome != "ok" and statement.cost is not None:
            trial.wasted_usd += statement.cost.billed_usd or ZERO

    def settle_open(self) -> None:
        """Count the calls that were announced and never ended, at their upper bound."""
        for begin in self.open.values():
            if begin.contestant in self._backends:
                sums = self.trials[begin.trial_id].sums
                sums.count(None)
                sums.pay(self._statement(begin, None))
        self.open.clear()
        self._settle_guesses(None)

    def _statement(self, begin: CallBegin, end: CallEnd | None) -> CallStatement:
        (found,) = statements([RecordedCall(begin, end)], self._backends, fx=self._fx)
        return found
