"""Live progress of a run on stderr: a table on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from arena.money.statement import RecordedCall, statements
from arena.records import BackendSpec, CallBegin, CallEnd, FxRate
from arena.report.format import plain, plural
from arena.rundir import ledger
from arena.rundir.directory import Manifest
from arena.score.load import Kept

WARN_EVERY_S = 10.0
SUMMARY_EVERY_S = 60.0
"""Between two summaries where there is no table."""
TELLING_TRIALS = 3
"""That must be done before the time left is guessed."""


class _Stderr(Console):
    """A run goes on where nobody reads its progress any more."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


@dataclass
class ContestantProgress:
    """One contestant so far, earlier sessions included."""

    planned: int
    done: int = 0
    """With a verdict."""
    passed: int = 0
    faults: int = 0
    spent_usd: Decimal = Decimal(0)
    unpriced: bool = False
    """Some call's cost is unknown: what is shown is a part."""
    stopped: bool = False
    since_s: dict[str, float] = field(default_factory=dict)
    """When each trial began that is running now."""
    took_s: float = 0.0
    """All trials of this session that are done, together; `timed` is how many those are."""
    timed: int = 0
    warned_s: float = -WARN_EVERY_S
    """When a failed call was last told."""


class RunProgress:
    """Follows a run into `out`, by events of many threads; `planned` is trials by contestant."""

    def __init__(self, planned: Mapping[str, int], out: Path) -> None:
        self.console = _Stderr(stderr=True)
        self._rows = {name: ContestantProgress(count) for name, count in planned.items()}
        self._backends: dict[str, BackendSpec] = {}
        self._fx: tuple[FxRate, ...] = ()
        self._open: dict[str, CallBegin] = {}
        self._lock = threading.Lock()
        self._started = self._summed_up = time.monotonic()
        self._at_once = 1
        self._out = out
        self._headed = False
        self._live = False

    def say(self, line: str) -> None:
        """One line of what is being done, without terminal codes that an engine, a provider or a
        program may have said; what is to be done stands above the first.
        """
        if not self._headed:
            self._headed = True
            trials = plural(sum(row.planned for row in self._rows.values()), "trial")
            self.say(f"{trials} into {self._out}; to watch the page: arena view {self._out}")
        self.console.print(plain(line), markup=False, highlight=False, soft_wrap=True)

    def begin(self, manifest: Manifest, kept: Mapping[str, Kept]) -> None:
        """Take in the prices of the run, and what is known of each contestant from before."""
        with self._lock:
            self._fx = manifest.fx
            self._backends = manifest.backends
            for name, row in self._rows.items():
                if before := kept.get(name):
                    row.done, row.passed = before.done, before.passed
                    row.spent_usd = before.spent_usd

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Show the table while the context is open, if there is a terminal."""
        if not sys.stderr.isatty():
            yield
            return
        with Live(get_renderable=self.shown, console=self.console, refresh_per_second=4):
            self._live = True
            yield

    def __call__(self, event: ledger.Event) -> None:
        """Take one event."""
        with self._lock:
            line, now = self._take(event), time.monotonic()
            late = now - self._summed_up > SUMMARY_EVERY_S
            self._summed_up = now if late else self._summed_up
        if self._live:
            return
        if line:
            self.say(line)
        if late:
            self.say(self.summary())

    def _take(self, event: ledger.Event) -> str | None:
        match event:
            case ledger.TrialBegin(spec=spec):
                row = self._rows[spec.contestant]
                row.since_s[spec.id] = time.monotonic()
                self._at_once = max(self._at_once, sum(len(r.since_s) for r in self._rows.values()))
            case ledger.CallBeginEvent(call=begin):
                self._open[begin.call_id] = begin
            case ledger.CallEndEvent(call=end):
                return self._settled(self._open.pop(end.call_id), end)
            case ledger.TrialEnd(record=record):
                row = self._rows[record.contestant]
                row.since_s.pop(record.id, None)
                if record.fault is not None:
                    row.faults += 1
                    return f"{record.id}: fault ({record.fault.kind}): {record.fault.message}"
                row.passed += record.verdict == "passed"
                row.done, row.timed = row.done + 1, row.timed + 1
                row.took_s += record.wall_s
                done, *_ = _cells(list(self._rows.values()))
                return f"[{done}] {record.id}: {record.verdict}, {record.wall_s:.1f} s"
            case ledger.ContestantStopped(contestant=name, reason=reason):
                self._rows[name].stopped = True
                return f"{name} is stopped: {reason}"
        return None

    def _settled(self, begin: CallBegin, end: CallEnd) -> str | None:
        """A line on a call that failed, at most one every few seconds for each contestant."""
        row, now = self._rows[begin.contestant], time.monotonic()
        (money,) = statements([RecordedCall(begin, end)], self._backends, fx=self._fx)
        row.spent_usd += money.billed_usd or 0
        row.unpriced |= money.billed_usd is None
        if end.outcome == "ok" or now - row.warned_s < WARN_EVERY_S:
            return None
        row.warned_s = now
        return f"{begin.contestant}: {end.outcome} (attempt {begin.attempt}): {end.error[:200]}"

    def shown(self) -> Group:
        """The state as a table and a line: no wider than 60 columns where names are short."""
        table = Table(box=None, pad_edge=False)
        table.add_column("contestant", overflow="ellipsis", no_wrap=True)
        for name in ("done", "passed", "faults", "spent"):
            table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
        with self._lock:
            for name, row in self._rows.items():
                table.add_row(f"{name} (stopped)" if row.stopped else name, *_cells([row]))
            if len(self._rows) > 1:
                table.add_row("total", *_cells(list(self._rows.values())), style="bold")
        return Group(table, Text(self.summary()))

    def summary(self) -> str:
        """Where the run stands, in one line."""
        with self._lock:
            rows = list(self._rows.values())
            done, planned = sum(r.done for r in rows), sum(r.planned for r in rows)
            running, left_s = sum(len(r.since_s) for r in rows), self._left_s()
        elapsed = _clock(time.monotonic() - self._started)
        said = f"{done} of {planned} done, {running} running, {elapsed} elapsed"
        return said if left_s is None else f"{said}, about {_roughly(left_s)} left"

    def _left_s(self) -> float | None:
        """How long it may still take; None before enough is known, or when nothing is left.

        Trials that still run count with the time they have taken: without them a run looks fast
        as long as only its quick trials are done.
        """
        now, rows = time.monotonic(), list(self._rows.values())
        timed = sum(row.timed for row in rows)
        if timed < TELLING_TRIALS:
            return None
        spent = {id(row): row.took_s + sum(now - s for s in row.since_s.values()) for row in rows}
        mean = sum(spent.values()) / timed
        left = sum(
            # A contestant with few trials is thought to be much like all.
            (row.planned - row.done) * (spent[id(row)] + mean) / (row.timed + 1)
            for row in rows
            if not row.stopped
        )
        return left / self._at_once if left else None


def _cells(rows: list[ContestantProgress]) -> tuple[str, ...]:
    spent = sum((row.spent_usd for row in rows), Decimal(0))
    part = "+?" if any(row.unpriced for row in rows) else ""
    return (
        f"{sum(row.done for row in rows)}/{sum(row.planned for row in rows)}",
        str(sum(row.passed for row in rows)),
        str(sum(row.faults for row in rows)),
        f"${spent:.2f}{part}" if spent >= 10 else f"${spent:.4f}{part}",
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _roughly(seconds: float) -> str:
    """A duration as exact as a guess may be."""
    if seconds < 90:
        return "a minute"
    if seconds < 7200:
        minutes = seconds / 60
        return f"{round(minutes) if minutes < 20 else 5 * round(minutes / 5)} minutes"
    return f"{seconds / 3600:.0f} hours"
