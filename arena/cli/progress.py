"""Live progress of a run on stderr: a table on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Console
from rich.live import Live
from rich.table import Table

from arena.money.statement import RecordedCall, statements
from arena.records import BackendSpec, CallBegin, CallEnd, ContestantSpec, FxRate
from arena.rundir import ledger
from arena.rundir.directory import Manifest

WARN_EVERY_S = 10.0


@dataclass
class ContestantProgress:
    """One contestant so far."""

    planned: int
    kept: int = 0
    """Done in earlier sessions."""
    passed: int = 0
    failed: int = 0
    faults: int = 0
    running: int = 0
    spent_usd: Decimal = Decimal(0)
    unpriced: bool = False
    """Some call's cost is unknown: what is shown is a part."""
    stopped: bool = False

    @property
    def done(self) -> int:
        """With a verdict, of this session and earlier ones."""
        return self.kept + self.passed + self.failed


class RunProgress:
    """Follows the events of a run. Events come from many threads."""

    def __init__(self, contestants: list[ContestantSpec], planned_each: int) -> None:
        self.console = Console(stderr=True)
        self._rows = {c.name: ContestantProgress(planned_each) for c in contestants}
        self._backends: dict[str, BackendSpec] = {}
        self._fx: tuple[FxRate, ...] = ()
        self._open: dict[str, CallBegin] = {}
        self._warned_s: dict[str, float] = {}
        self._lock = threading.Lock()
        self._started = time.monotonic()
        self._live: Live | None = None

    def say(self, line: str) -> None:
        """One line of what is being done."""
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def begin(self, manifest: Manifest, done: Mapping[str, int]) -> None:
        """Take in the prices of the run, and how many trials of each contestant are done."""
        with self._lock:
            self._fx = manifest.fx
            self._backends = {c.name: c.backend for c in manifest.contestants if c.backend}
            for name, count in done.items():
                self._rows[name].kept = count

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Show the table while the context is open, if there is a terminal."""
        if not sys.stderr.isatty():
            yield
            return
        with Live(get_renderable=self.table, console=self.console, refresh_per_second=4) as live:
            self._live = live
            yield

    def __call__(self, event: ledger.Event) -> None:
        """Take one event."""
        with self._lock:
            line = self._take(event)
        if line and self._live is None:
            self.say(line)

    def _take(self, event: ledger.Event) -> str | None:
        match event:
            case ledger.TrialBegin(spec=spec):
                self._rows[spec.contestant].running += 1
            case ledger.CallBeginEvent(call=begin):
                self._open[begin.call_id] = begin
            case ledger.CallEndEvent(call=end):
                begin = self._open.pop(end.call_id)
                self._spend(RecordedCall(begin, end))
                if end.outcome != "ok":
                    return self._failed_call(begin, end)
            case ledger.TrialEnd(record=record):
                row = self._rows[record.contestant]
                row.running -= 1
                if record.fault is not None:
                    row.faults += 1
                    return f"{record.id}: fault ({record.fault.kind}): {record.fault.message}"
                row.passed += record.verdict == "passed"
                row.failed += record.verdict != "passed"
                done = sum(r.done for r in self._rows.values())
                planned = sum(r.planned for r in self._rows.values())
                return f"[{done}/{planned}] {record.id}: {record.verdict}, {record.wall_s:.1f} s"
            case ledger.ContestantStopped(contestant=name, reason=reason):
                self._rows[name].stopped = True
                return f"{name} is stopped: {reason}"
            case _:
                pass
        return None

    def _failed_call(self, begin: CallBegin, end: CallEnd) -> str | None:
        """A line on a failed call, at most one every few seconds for each contestant."""
        now = time.monotonic()
        if now - self._warned_s.get(begin.contestant, -WARN_EVERY_S) < WARN_EVERY_S:
            return None
        self._warned_s[begin.contestant] = now
        return f"{begin.contestant}: {end.outcome} (attempt {begin.attempt}): {end.error[:200]}"

    def _spend(self, call: RecordedCall) -> None:
        row = self._rows[call.begin.contestant]
        for statement in statements([call], self._backends, fx=self._fx):
            if statement.cost is not None and statement.cost.billed_usd is not None:
                row.spent_usd += statement.cost.billed_usd
            elif not statement.possibly_billed or statement.bound_usd != 0:
                row.unpriced = True

    def table(self) -> Table:
        """The state as a table."""
        table = Table(box=None, pad_edge=False)
        table.add_column("contestant")
        for name in ("kept", "passed", "failed", "faults", "running", "left", "spent", "ETA"):
            table.add_column(name, justify="right")
        with self._lock:
            for name, row in self._rows.items():
                left = row.planned - row.done
                spent = f"${row.spent_usd:.4f}{'+?' if row.unpriced else ''}"
                cells = (row.kept, row.passed, row.failed, row.faults, row.running, left)
                label = f"{name} (stopped)" if row.stopped else name
                table.add_row(label, *map(str, cells), spent, self._eta(row))
        return table

    def _eta(self, row: ContestantProgress) -> str:
        done = row.passed + row.failed
        left = row.planned - row.done
        if not left or row.stopped:
            return "-"
        if not done:
            return "…"
        seconds = int((time.monotonic() - self._started) / done * left)
        return f"{seconds // 60}:{seconds % 60:02d}"
