"""A derived index beside the ledger, so that a long run need not be read again from its start.

`ledger.index` is JSON Lines: a head that says how far into the ledger it reaches, then a line a
trial (`t`) and a line a call at a machine paid by the hour (`s`). It is checked against the ledger
before it is used, rebuilt when missing, stale or made under other prices, and never needed: the
ledger alone is the record.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from arena import ledger
from arena.records import CallBegin, Record, TrialRecord, digest_of
from arena.rundir import Manifest, RunDir
from arena.score.fold import Fold, Span, Sums, TrialState

VERSION = 2
CHECKED_BYTES = 4096
MIN_GROWTH_BYTES = 8 << 20
GROWTH_SHARE = 0.05
"""Of the ledger covered: rewriting at this growth costs about as many bytes as the ledger has."""


class Head(Record):
    """First line of the index."""

    version: int = VERSION
    prices: str
    """Digest of everything money was computed with."""
    offset: int = 0
    """Bytes of the ledger that are covered."""
    check: str = ""
    """Digest of the last bytes covered."""
    open: tuple[CallBegin, ...] = ()
    stopped: dict[str, str] = Field(default_factory=dict)
    waste: dict[str, Decimal] = Field(default_factory=dict)


def read(rundir: RunDir, manifest: Manifest) -> Fold:
    """Everything the ledger tells, from the index as far as it goes and then from the ledger.

    Raises:
        InputError: the ledger is broken.
    """
    update(rundir, manifest)
    head = _head(rundir, manifest)
    fold = _fold(manifest, head)
    for line in _lines(rundir):
        _restore(fold, line)
    for event, _ in ledger.read_from(rundir.ledger_path, head.offset):
        fold.add(event)
    return fold


def update(rundir: RunDir, manifest: Manifest, *, growth: float = GROWTH_SHARE) -> bool:
    """Bring the index up to date if the ledger has grown enough; true when it was rewritten.

    The old index is streamed into the new one, so memory is that of the ledger's new part.
    """
    head = _head(rundir, manifest)
    try:
        size = rundir.ledger_path.stat().st_size
    except FileNotFoundError:
        return False
    if size - head.offset < max(MIN_GROWTH_BYTES, int(head.offset * growth)):
        return False
    fold = _fold(manifest, head)
    offset = head.offset
    for event, end in ledger.read_from(rundir.ledger_path, head.offset):
        fold.add(event)
        offset = end
    new = head.model_copy(
        update={
            "offset": offset,
            "check": _check(rundir.ledger_path, offset),
            "open": tuple(fold.open.values()),
            "stopped": fold.stopped,
            "waste": fold.waste,
        }
    )
    _write(rundir, new, fold, keep_old=head.offset > 0)
    return True


def _fold(manifest: Manifest, head: Head) -> Fold:
    fold = Fold({c.name: c.backend for c in manifest.contestants if c.backend}, manifest.fx)
    fold.open = {begin.call_id: begin for begin in head.open}
    fold.stopped = dict(head.stopped)
    fold.waste = dict(head.waste)
    return fold


# ── the file ───────────────────────────────────────────────────────────────────────────────────


def _path(rundir: RunDir) -> Path:
    return rundir.path / "ledger.index"


def _head(rundir: RunDir, manifest: Manifest) -> Head:
    """The head of a usable index, else one that covers nothing."""
    nothing = Head(prices=_prices(manifest))
    try:
        with _path(rundir).open("rb") as lines:
            head = Head.model_validate_json(lines.readline())
        fits = head.version == VERSION and head.prices == nothing.prices
        return head if fits and head.check == _check(rundir.ledger_path, head.offset) else nothing
    except (OSError, ValidationError):
        return nothing


def _prices(manifest: Manifest) -> str:
    contestants: JsonValue = {
        c.name: c.backend.model_dump(mode="json") for c in manifest.contestants if c.backend
    }
    return digest_of([contestants, [rate.model_dump(mode="json") for rate in manifest.fx]])


def _check(ledger_path: Path, offset: int) -> str:
    """Digest of the bytes before an offset; empty where the ledger is shorter."""
    if offset == 0:
        return ""
    with ledger_path.open("rb") as handle:
        handle.seek(max(0, offset - CHECKED_BYTES))
        tail = handle.read(min(offset, CHECKED_BYTES))
    if len(tail) < min(offset, CHECKED_BYTES):
        return "short"
    return hashlib.sha256(str(offset).encode() + tail).hexdigest()


def _lines(rundir: RunDir) -> Iterator[bytes]:
    """Every line after the head; none where there is no index."""
    try:
        with _path(rundir).open("rb") as lines:
            next(lines, None)
            yield from lines
    except FileNotFoundError:
        return


def _write(rundir: RunDir, head: Head, fold: Fold, *, keep_old: bool) -> None:
    new = dict(fold.trials)
    draft = _path(rundir).with_suffix(f".{secrets.token_hex(4)}")
    with draft.open("wb") as out:
        out.write(head.model_dump_json().encode() + b"\n")
        for line in _lines(rundir) if keep_old else ():
            trial_id = _trial_of(line)
            state = new.pop(trial_id, None)
            out.write(line if state is None else _trial_line(trial_id, _merged(line, state)))
        for trial_id, state in new.items():
            out.write(_trial_line(trial_id, state))
        for span in fold.spans:
            out.write(json.dumps(["s", *span]).encode() + b"\n")
    draft.replace(_path(rundir))


def _trial_of(line: bytes) -> str:
    """Trial of a line without parsing all of it; trial ids hold no quotes."""
    return line[7 : line.index(b'"', 7)].decode() if line.startswith(b'["t", "') else ""


def _trial_line(trial_id: str, state: TrialState) -> bytes:
    sums = state.sums
    fields = [
        sums.calls,
        {basis: str(usd) for basis, usd in sums.money.items()},
        sorted(sums.missing),
        sums.estimated,
        str(sums.bound),
        sums.bound_unknown,
        sums.unsettled,
        sums.tokens,
        sorted(sums.names),
        sorted(sums.caveats),
        state.tries,
        state.record.model_dump(mode="json", exclude_defaults=True) if state.record else None,
    ]
    return json.dumps(["t", trial_id, *fields]).encode() + b"\n"


def _state(line: bytes) -> TrialState:
    fields = json.loads(line)[2:]
    (
        calls,
        money,
        missing,
        estimated,
        bound,
        unknown,
        unsettled,
        tokens,
        names,
        caveats,
        tries,
        record,
    ) = fields
    sums = Sums(
        calls=calls,
        money={basis: Decimal(usd) for basis, usd in money.items()},
        missing=set(missing),
        estimated=estimated,
        bound=Decimal(bound),
        bound_unknown=unknown,
        unsettled=unsettled,
        tokens=tokens,
        names=set(names),
        caveats=set(caveats),
    )
    return TrialState(sums, tries, None if record is None else TrialRecord.model_validate(record))


def _merged(line: bytes, after: TrialState) -> TrialState:
    before = _state(line)
    before.sums.merge(after.sums)
    before.tries += after.tries
    before.record = after.record or before.record
    return before


def _restore(fold: Fold, line: bytes) -> None:
    if line.startswith(b'["t"'):
        fold.trials[_trial_of(line)] = _state(line)
    else:
        fold.spans.append(Span(*json.loads(line)[1:]))
