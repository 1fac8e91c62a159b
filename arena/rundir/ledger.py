"""The append-only record of a run: JSON Lines, one event a line, durable before `append` returns.

A call is announced (`call_begin`) before it is sent and settled (`call_end`) after; what was
announced and never settled may have been billed. So a settlement alone need not wait for the disk.
Readers tolerate a torn last line, as nobody acted on it; any other broken line is an error.
"""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError

from arena.errors import HarnessError, InputError
from arena.paths import LINE_BYTES, AnyPath, SafePath, safe
from arena.records import CallBegin, CallEnd, Record, TrialRecord, TrialSpec, json_of
from arena.rundir.directory import refuse_newer
from arena.serialize import from_json

LEDGER_VERSION = 1
_BLOCK = 1 << 16


class SessionBegin(Record):
    """A process started or resumed the run."""

    kind: Literal["session_begin"] = "session_begin"
    version: int = LEDGER_VERSION
    session: str
    at: datetime


class TrialBegin(Record):
    """A try of a trial started."""

    kind: Literal["trial_begin"] = "trial_begin"
    spec: TrialSpec
    try_number: int
    at: datetime


class CallBeginEvent(Record):
    """A call is about to be sent."""

    kind: Literal["call_begin"] = "call_begin"
    call: CallBegin


class CallEndEvent(Record):
    """An announced call ended, well or not."""

    kind: Literal["call_end"] = "call_end"
    call: CallEnd


class TrialEnd(Record):
    """A try of a trial ended, with a verdict or a fault."""

    kind: Literal["trial_end"] = "trial_end"
    record: TrialRecord


class ContestantStopped(Record):
    """No further trial of this contestant is started in this session."""

    kind: Literal["contestant_stopped"] = "contestant_stopped"
    contestant: str
    reason: str
    at: datetime


class SessionEnd(Record):
    """The process ended the run in order."""

    kind: Literal["session_end"] = "session_end"
    session: str
    reason: str
    at: datetime


Event = (
    SessionBegin
    | TrialBegin
    | CallBeginEvent
    | CallEndEvent
    | TrialEnd
    | ContestantStopped
    | SessionEnd
)
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


class Ledger:
    """The one writer of a ledger file; threads that append at once share one fsync."""

    def __init__(self, path: AnyPath, listener: Callable[[Event], None] | None = None) -> None:
        self._listener = listener
        self._path = path = safe(path)
        _mend_tail(path)
        with path.open("ab") as handle:
            self._fd = os.dup(handle.fileno())
        path.sync_folder()
        self._size = os.fstat(self._fd).st_size
        self._write_lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._written = 0
        self._synced = 0
        self._lost = ""
        """Why nothing more can be written: after a failed sync nobody knows what is on disk, and
        the next one may succeed all the same; and part of a line may be left that cannot go."""

    def append(self, event: Event, *, durable: bool = True) -> None:
        """Write one event and return when it is on disk and was shown to the listener.

        One that is not `durable` is left to the system: it survives this process, and the machine
        from the next durable event on. A full or broken disk is a `HarnessError`.
        """
        with self._write_lock:
            if self._lost:
                raise HarnessError(self._lost)
            self._write(json_of(event).encode() + b"\n")
            self._written += 1
            ticket = self._written
        if durable:
            with self._sync_lock:
                if self._synced < ticket:
                    self._sync()
        if self._listener is not None:
            self._listener(event)

    def begin(self, call: CallBegin) -> None:
        """Announce a call; returns when that is durable."""
        self.append(CallBeginEvent(call=call))

    def end(self, call: CallEnd) -> None:
        """Settle a call; nobody waits for the disk, since one that is lost counts as unsettled."""
        self.append(CallEndEvent(call=call), durable=False)

    def _sync(self) -> None:
        upto = self._written
        try:
            if not self._lost:
                os.fsync(self._fd)
        except OSError as error:
            self._lost = f"{self._path}: cannot be synced: {error.strerror}"
        if self._lost:
            raise HarnessError(self._lost)
        self._synced = upto

    def _write(self, line: bytes) -> None:
        done = 0
        try:
            while done < len(line):
                done += os.write(self._fd, line[done:])
        except OSError as error:
            told = f"{self._path}: cannot be written: {error.strerror}"
            try:
                os.ftruncate(self._fd, self._size)
            except OSError:  # what comes next would go on in the middle of a line
                self._lost = told
            raise HarnessError(told) from error
        self._size += len(line)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()


def read(path: AnyPath) -> Iterator[Event]:
    """Events in order; an `InputError` for a broken line before the last, or a newer version."""
    return (event for event, _ in read_from(path, 0))


def read_from(path: AnyPath, offset: int) -> Iterator[tuple[Event, int]]:
    """As `read`, from a byte offset that an earlier read returned; each with the one after it."""
    path = safe(path)
    if not path.exists():
        return
    for line in path.lines(offset):
        event = _event(line, offset, path)
        offset += len(line)
        if event is not None:
            yield event, offset
        if not line.endswith(b"\n"):  # what is appended meanwhile goes on in the middle of it
            return


def _event(line: bytes, offset: int, path: SafePath) -> Event | None:
    """The event of the line at an offset; None for an empty line, or a torn last one."""
    try:
        event = _EVENT.validate_json(line)
    except ValidationError as error:
        if not line.strip() or not line.endswith(b"\n"):
            return None
        _refuse_newer(line, path)
        raise InputError(
            f"line {_number(path, offset)} is not an event ({error.errors()[0]['msg']})",
            where=str(path),
            remedy="restore the line, or delete it: what it recorded is then lost",
        ) from None
    if isinstance(event, SessionBegin):
        refuse_newer(event.version, LEDGER_VERSION, path)
    return event


def _refuse_newer(line: bytes, path: SafePath) -> None:
    """Refuse the first line of a session of a newer version, whatever else is in it."""
    try:
        fields = from_json(line)
    except ValueError:
        return
    if isinstance(fields, dict) and fields.get("kind") == "session_begin":
        refuse_newer(fields.get("version", 0), LEDGER_VERSION, path)


def _number(path: SafePath, offset: int) -> int:
    """Of the line that begins at an offset, from 1."""
    number = 1
    with path.open("rb") as handle:
        while block := handle.read(min(_BLOCK, offset)):
            number += block.count(b"\n")
            offset -= len(block)
    return number


def _mend_tail(path: SafePath) -> None:
    """Give a complete last line its line end; move a torn one to `ledger.torn`."""
    try:
        handle = path.open("rb+")
    except FileNotFoundError:
        return
    with handle:
        tail_at = _last_line_start(handle.fileno(), path)
        handle.seek(tail_at)
        tail = handle.read()
        if not tail:
            return
        try:
            _EVENT.validate_json(tail)
        except ValidationError:
            with (path.parent / "ledger.torn").open("ab") as torn:
                torn.write(tail + b"\n")
            handle.truncate(tail_at)
        else:
            handle.write(b"\n")
        handle.flush()
        os.fsync(handle.fileno())


def _last_line_start(fd: int, path: SafePath) -> int:
    """Offset just after the last line end."""
    size = end = os.fstat(fd).st_size
    while end > 0:
        if size - end > LINE_BYTES:
            raise InputError("its last line has no end", where=str(path), remedy="restore it")
        start = max(0, end - _BLOCK)
        found = os.pread(fd, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
