"""A derived index beside the ledger, so that a long run need not be read again from its start.

`ledger.index` is JSON Lines. Each megabyte or so of the ledger gives a segment of two lines: what
it tells, and a head that says which bytes of the ledger that stands for. A segment counts only when
its digest, its prices and the ledger agree with its head; what follows the last that does is
written anew. The index is never needed: the ledger alone is the record.
"""

import fcntl
import hashlib
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass
from typing import IO

from pydantic import JsonValue, TypeAdapter, ValidationError

from arena.errors import ArenaError
from arena.paths import SafePath
from arena.records import digest_of
from arena.rundir import ledger
from arena.rundir.directory import Manifest, RunDir
from arena.score.reducer import Carried, Reducer, Span, TrialState

VERSION = 8
CHECKED_BYTES = 4096
SEGMENT_BYTES = 1 << 20
_STATE = TypeAdapter(TrialState)
_BODY = TypeAdapter(tuple[dict[str, str], list[Span]])
"""What a segment tells: of each trial, as JSON for when it is asked for, and of hourly machines."""


class SegmentHead(Carried):
    """Last line of a segment."""

    version: int = VERSION
    prices: str
    """Digest of everything money was computed with."""
    start: int = 0
    """Where in the ledger the segment begins."""
    offset: int = 0
    """Where it ends."""
    check: str = ""
    """Digest of the last bytes covered."""
    body: str = ""
    """Digest of the line before."""


class Index:
    """The index of one run; keeps its place between calls."""

    def __init__(self, rundir: RunDir, manifest: Manifest) -> None:
        self._ledger = rundir.ledger_path
        self._path = rundir.inside / "ledger.index"
        self._backends, self._fx = manifest.backends, manifest.fx
        specs: JsonValue = {n: s.model_dump(mode="json") for n, s in manifest.backends.items()}
        rates: JsonValue = [rate.model_dump(mode="json") for rate in manifest.fx]
        self._head = SegmentHead(prices=digest_of([specs, rates]))
        self._at = 0
        """Bytes of the index up to the end of that head."""

    def replay(self) -> "Replay":
        """The whole ledger, once the index is up to date; raises `InputError` if it is broken."""
        states: dict[str, list[str]] = {}
        spans: list[Span] = []
        for body in self._up_to_date():
            trials, more = _BODY.validate_json(body)
            spans += more
            for trial_id, state in trials.items():
                states.setdefault(trial_id, []).append(state)
        reducer = Reducer(self._backends, self._fx, self._head)
        reducer.spans = spans
        for event, _ in ledger.read_from(self._ledger, self._head.offset):
            reducer.add(event)
        return Replay(reducer, states)

    def extend(self) -> None:
        """Append what the ledger has grown by, if that is a segment or more and no other process
        does it. Memory is that of one segment.

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

    def _up_to_date(self) -> Iterator[bytes]:
        """As `_segments`, then those of what the ledger has grown by."""
        yield from self._segments()
        if self._has_grown():
            with suppress(OSError):
                copy(self).extend()
            yield from self._segments()

    def _segments(self) -> Iterator[bytes]:
        """The body of each further segment that counts; afterwards that is our place."""
        body, at = b"", self._at
        with suppress(OSError):  # an index that cannot be read is none
            for line in self._path.lines(at):
                at += len(line)
                if not body:
                    body = line
                    continue
                head = self._next(line, body)
                if head is None:
                    return
                self._head, self._at = head, at
                yield body
                body = b""

    def _next(self, line: bytes, body: bytes) -> SegmentHead | None:
        """The head of the segment after ours; None when it does not count."""
        try:
            head = SegmentHead.model_validate_json(line)
        except ValidationError:
            return None
        mine = self._head
        wanted = mine.version, mine.prices, mine.offset, hashlib.sha256(body).hexdigest()
        fits = (head.version, head.prices, head.start, head.body) == wanted
        return head if fits and head.check == _check(self._ledger, head.offset) else None

    def _append(self, out: IO[bytes]) -> bool:
        """Write one segment; false where there is no whole event to write of."""
        reducer = Reducer(self._backends, self._fx, self._head)
        start = offset = self._head.offset
        for event, end in ledger.read_from(self._ledger, start):
            reducer.add(event)
            offset = end
            if offset - start >= SEGMENT_BYTES:
                break
        if offset == start:
            return False
        known = {
            trial_id: _STATE.dump_json(state, exclude_defaults=True).decode()
            for trial_id, state in reducer.trials.items()
        }
        body = _BODY.dump_json((known, reducer.spans)) + b"\n"
        head = SegmentHead(
            prices=self._head.prices,
            start=start,
            offset=offset,
            check=_check(self._ledger, offset),
            body=hashlib.sha256(body).hexdigest(),
            **dict(reducer.carried),
        )
        text = body + head.model_dump_json().encode() + b"\n"
        out.write(text)
        out.flush()
        self._head, self._at = head, self._at + len(text)
        return True


@dataclass(frozen=True)
class Replay:
    """All that a ledger tells."""

    reducer: Reducer
    """Its trials tell of the end of the ledger only; everything else in it of the whole run."""
    _states: dict[str, list[str]]
    """Of trials as JSON, a fraction of the memory that the same takes once read."""

    def trials(self) -> set[str]:
        """Trials whose state has not been taken yet."""
        return self._states.keys() | self.reducer.trials.keys()

    def take(self, trial_id: str) -> TrialState:
        """What there is of a trial; it is then forgotten."""
        state = TrialState()
        for told in self._states.pop(trial_id, ()):
            state.add(_STATE.validate_json(told))
        state.add(self.reducer.trials.pop(trial_id, TrialState()))
        return state


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


INTERVAL_S = 2.0


@contextmanager
def indexing(rundir: RunDir, manifest: Manifest) -> Iterator[None]:
    """Extend the index from time to time while the context is open: about 50 ms of a core for each
    megabyte of new ledger. What goes wrong with it is no fault: the index is not needed.
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
