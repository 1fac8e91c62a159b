"""A derived index beside the ledger, so that a long run need not be read again from its start.

`ledger.index` is JSON Lines and only ever appended to. Each megabyte or so of the ledger gives a
segment: a line a trial that it tells of (`t`), a line a call at a machine paid by the hour (`s`),
and a head that closes it and says which bytes of the ledger it stands for. A segment counts only
when its digest, its prices and the ledger agree with its head; what follows the last that does is
written anew. The index is never needed: the ledger alone is the record.
"""

import fcntl
import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from decimal import Decimal
from typing import IO

from pydantic import Field, JsonValue, TypeAdapter, ValidationError
from pydantic_core import from_json

from arena.errors import ArenaError
from arena.money.statement import RecordedCall
from arena.paths import SafePath
from arena.records import CallBegin, Record, digest_of
from arena.rundir import ledger
from arena.rundir.directory import Manifest, RunDir
from arena.score.reducer import Paid, Reducer, Span, TrialState

VERSION = 6
CHECKED_BYTES = 4096
SEGMENT_BYTES = 1 << 20
_TRIAL, _SPAN = b'["t", ', b'["s", '
_STATE = TypeAdapter(TrialState)


class SegmentHead(Record):
    """Last line of a segment."""

    version: int = VERSION
    prices: str
    """Digest of everything money was computed with."""
    start: int = 0
    """Where in the ledger the segment begins: where the one before it ends."""
    offset: int = 0
    """Bytes of the ledger that are covered."""
    check: str = ""
    """Digest of the last bytes covered."""
    lines: str = ""
    """Digest of the segment's other lines."""
    open: tuple[CallBegin, ...] = ()
    guessed: tuple[RecordedCall, ...] = ()
    stopped: dict[str, str] = Field(default_factory=dict)
    waste: dict[str, Decimal] = Field(default_factory=dict)
    paid: tuple[Paid, ...] = ()


class Index:
    """The index of one run; keeps its place between calls."""

    def __init__(self, rundir: RunDir, manifest: Manifest) -> None:
        self._ledger = rundir.ledger_path
        self._path = rundir.inside / "ledger.index"
        self._backends = {c.name: c.backend for c in manifest.contestants if c.backend}
        self._fx = manifest.fx
        self._head = SegmentHead(prices=_prices(manifest))
        self._at = 0
        """Bytes of the index up to the end of that head."""

    def replay(self, take: Callable[[bytes], None]) -> Reducer:
        """Every line that tells of a trial, to `take`, and a reducer of the rest of the ledger.

        The index is brought up to date where it can be written. The reducer's trials tell of the
        rest only; everything else in it tells of the whole run.

        Raises:
            InputError: the ledger is broken.
        """
        spans: list[Span] = []
        for lines in self._up_to_date():
            for line in lines:
                if line.startswith(_SPAN):
                    spans.append(Span(*from_json(line)[1:]))
                else:
                    take(line)
        reducer = self._reducer()
        reducer.spans = spans
        for event, _ in ledger.read_from(self._ledger, self._head.offset):
            reducer.add(event)
        return reducer

    def extend(self) -> None:
        """Append what the ledger has grown by, if that is a segment or more.

        Does nothing while another process does it. Memory is that of one segment.

        Raises:
            InputError: the ledger is broken.
            OSError: the index cannot be written.
        """
        if not self._has_grown():
            return
        with self._path.open("ab") as out:
            try:
                fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            deque(self._segments(), maxlen=0)
            out.truncate(self._at)
            while self._has_grown() and self._append(out):
                pass

    def _has_grown(self) -> bool:
        try:
            return self._ledger.stat().st_size - self._head.offset >= SEGMENT_BYTES
        except FileNotFoundError:
            return False

    def _up_to_date(self) -> Iterator[list[bytes]]:
        """As `_segments`, then those of what the ledger has grown by."""
        yield from self._segments()
        if self._has_grown():
            with suppress(OSError):
                copy(self).extend()
            yield from self._segments()

    def _segments(self) -> Iterator[list[bytes]]:
        """The lines of each further segment that counts; afterwards that is our place."""
        lines: list[bytes] = []
        at = self._at
        for line in _lines(self._path, at):
            at += len(line)
            if line.startswith(b"["):
                lines.append(line)
                continue
            head = self._next(line, lines)
            if head is None:
                return
            self._head, self._at = head, at
            yield lines
            lines = []

    def _next(self, line: bytes, lines: list[bytes]) -> SegmentHead | None:
        """The head of the segment after ours; None when it does not count."""
        try:
            head = SegmentHead.model_validate_json(line)
        except ValidationError:
            return None
        mine = self._head
        wanted = mine.version, mine.prices, mine.offset, _digest(lines)
        fits = (head.version, head.prices, head.start, head.lines) == wanted
        return head if fits and head.check == _check(self._ledger, head.offset) else None

    def _append(self, out: IO[bytes]) -> bool:
        """Write one segment; false where there is no whole event to write of."""
        reducer = self._reducer()
        start = offset = self._head.offset
        for event, end in ledger.read_from(self._ledger, start):
            reducer.add(event)
            offset = end
            if offset - start >= SEGMENT_BYTES:
                break
        if offset == start:
            return False
        lines = [_trial_line(trial_id, state) for trial_id, state in reducer.trials.items()]
        lines += [json.dumps(["s", *span]).encode() + b"\n" for span in reducer.spans]
        head = SegmentHead(
            prices=self._head.prices,
            start=start,
            offset=offset,
            check=_check(self._ledger, offset),
            lines=_digest(lines),
            open=tuple(reducer.open.values()),
            guessed=tuple(reducer.guessed),
            stopped=reducer.stopped,
            waste=reducer.waste,
            paid=reducer.paid,
        )
        text = b"".join(lines) + head.model_dump_json().encode() + b"\n"
        out.write(text)
        out.flush()
        self._head, self._at = head, self._at + len(text)
        return True

    def _reducer(self) -> Reducer:
        """What goes on from our place."""
        head = self._head
        reducer = Reducer(self._backends, self._fx, head.paid)
        reducer.open = {begin.call_id: begin for begin in head.open}
        reducer.guessed = list(head.guessed)
        reducer.stopped = dict(head.stopped)
        reducer.waste = dict(head.waste)
        return reducer


def trial_of(line: bytes) -> str:
    """The trial that a line of `Index.replay` tells of."""
    trial_id: str = from_json(line[len(_TRIAL) : line.index(b'", ', len(_TRIAL)) + 1])
    return trial_id


def state_of(line: bytes) -> TrialState:
    """What a line of `Index.replay` tells of its trial."""
    return _STATE.validate_json(line[line.index(b'", ', len(_TRIAL)) + 3 : -2])


# ── checks ─────────────────────────────────────────────────────────────────────────────────────


def _prices(manifest: Manifest) -> str:
    contestants: JsonValue = {
        c.name: c.backend.model_dump(mode="json") for c in manifest.contestants if c.backend
    }
    return digest_of([contestants, [rate.model_dump(mode="json") for rate in manifest.fx]])


def _check(ledger_path: SafePath, offset: int) -> str:
    """Digest of the bytes before an offset; empty where the ledger is shorter."""
    wanted = min(offset, CHECKED_BYTES)
    try:
        with ledger_path.open("rb") as handle:
            handle.seek(offset - wanted)
            tail = handle.read(wanted)
    except FileNotFoundError:
        return ""
    return hashlib.sha256(b"%d " % offset + tail).hexdigest() if len(tail) == wanted else ""


def _digest(lines: list[bytes]) -> str:
    return hashlib.sha256(b"".join(lines)).hexdigest()


# ── lines ──────────────────────────────────────────────────────────────────────────────────────


def _lines(path: SafePath, offset: int) -> Iterator[bytes]:
    """Lines from an offset; none where there is no index that can be read."""
    with suppress(OSError):
        yield from path.lines(offset)


def _trial_line(trial_id: str, state: TrialState) -> bytes:
    named = json.dumps(trial_id).replace(",", "\\u002c")  # so that `", ` ends it, whatever it holds
    known = _STATE.dump_json(state, exclude_defaults=True)
    return b"%s%s, %s]\n" % (_TRIAL, named.encode(), known)


INTERVAL_S = 2.0


@contextmanager
def indexing(rundir: RunDir, manifest: Manifest) -> Iterator[None]:
    """Extend the index from time to time while the context is open.

    It costs about 50 ms of a core for each megabyte of new ledger, and never holds up a trial.
    What goes wrong with it is no fault: the index is not needed.
    """
    index = Index(rundir, manifest)
    over = threading.Event()

    def follow() -> None:
        while not over.wait(INTERVAL_S):
            with suppress(OSError, ArenaError):
                index.extend()

    thread = threading.Thread(target=follow, name="index", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
