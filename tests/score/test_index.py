"""The index may be missing, stale, torn or damaged: what is read of a run is always the same."""

import random
import shutil
import time
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from arena.errors import InputError
from arena.money.budget import Amount
from arena.records import CallBegin, CallEnd, Fault, TrialRecord, Usage, Verification
from arena.rundir import ledger
from arena.rundir.directory import Manifest, RunDir, trial_specs
from arena.rundir.ledger import (
    CallBeginEvent,
    CallEndEvent,
    Event,
    Ledger,
    SessionBegin,
    TrialBegin,
    TrialEnd,
)
from arena.score import index
from arena.score.load import load, resume_state
from tests.benchmarks import ledgers

SEGMENT = 20_000


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SEGMENT_BYTES", SEGMENT)


def manifest(hourly: bool = False) -> Manifest:
    made = ledgers.manifest(12, 2, 2)
    if not hourly:
        return made
    first, second = made.contestants
    machine = first.backend.model_copy(update={"prices": (), "hourly_usd": Decimal(2)})
    return made.model_copy(
        update={"contestants": (first.model_copy(update={"backend": machine}), second)}
    )


def events(made: Manifest, seed: int) -> list[Event]:
    """Four trials at a time, call by call; faults, failed calls, and sessions that were killed."""
    draw = random.Random(seed)
    at = ledgers.START
    specs = list(trial_specs(made))
    tries = dict.fromkeys((s.id for s in specs), 0)
    found: list[Event] = [SessionBegin(session="s", at=at)]
    running: list[list] = []
    todo = list(specs)
    while todo or running:
        if draw.random() < 0.01:
            found.append(SessionBegin(session="s", at=at))
            todo += [spec for spec, *_ in running]
            running = []
        while todo and len(running) < 4:
            spec = todo.pop(0)
            tries[spec.id] += 1
            found.append(TrialBegin(spec=spec, try_number=tries[spec.id], at=at))
            running.append([spec, tries[spec.id], draw.randint(0, 6), None])
        one = draw.choice(running)
        spec, number, left, begin = one
        at += timedelta(seconds=draw.random())
        if begin is not None:
            found.append(CallEndEvent(call=_end(begin, at, draw)))
            one[2], one[3] = left - 1, None
        elif left:
            one[3] = _begin(spec, number, at, draw)
            found.append(CallBeginEvent(call=one[3]))
        else:
            fault = Fault(kind="engine", message="gone") if draw.random() < 0.3 else None
            found.append(TrialEnd(record=_record(spec, number, at, fault)))
            running.remove(one)
            if fault and number < 3:
                todo.append(spec)
    return found


def _begin(spec, number, at, draw) -> CallBegin:
    return CallBegin(
        call_id=f"{draw.getrandbits(64):016x}",
        trial_id=spec.id,
        try_number=number,
        contestant=spec.contestant,
        endpoint="http://127.0.0.1:1/v1",
        model="m",
        step=1,
        attempt=1,
        started_at=at,
        prompt_estimate=1000,
        prompt_bound=5000,
        output_limit=16000,
    )


def _end(begin, at, draw) -> CallEnd:
    failed = draw.random() < 0.2
    return CallEnd(
        call_id=begin.call_id,
        trial_id=begin.trial_id,
        outcome="malformed_reply" if failed else "ok",
        requested_model="m",
        returned_model=draw.choice(["m", "m", "other"]),
        usage=None
        if failed and draw.random() < 0.5
        else Usage(input_fresh=draw.randint(1, 999), output=5),
        wall_s=draw.random(),
        ended_at=at,
    )


def _record(spec, number, at, fault) -> TrialRecord:
    return TrialRecord(
        **spec.model_dump(exclude={"id"}),
        id=spec.id,
        try_number=number,
        stop="submitted",
        verification=None if fault else Verification(verdict="passed", tests={"a": "passed"}),
        fault=fault,
        started_at=at,
        ended_at=at,
    )


def write(run: Path, made: Manifest, told: list[Event], *, grow: int | None = None) -> None:
    """A run directory; with `grow`, the index is extended after each so many events."""
    rundir = RunDir(run)
    rundir.write_manifest(made)
    growing = index.Index(rundir, made)
    with (rundir.path / "ledger.jsonl").open("wb", buffering=0) as out:
        for number, event in enumerate(told):
            out.write(event.model_dump_json().encode() + b"\n")
            if grow and number % grow == 0:
                growing.extend()


def told_by(run: Path) -> tuple[object, object]:
    rundir = RunDir(run)
    found = resume_state(rundir, rundir.read_manifest())
    spent = {
        name: Amount(round(amount.usd, 12), amount.tokens) for name, amount in found.spent.items()
    }
    known = {name: round(usd, 12) for name, usd in found.known_usd.items()}
    return replace(load(run), path=Path()), replace(found, spent=spent, known_usd=known)


@pytest.fixture(params=[(0, False, 1), (1, False, 7), (2, True, 50), (3, True, 150)])
def run(request, tmp_path):
    """A run with an index that grew with it, and what is read of it without one."""
    seed, hourly, grow = request.param
    made = manifest(hourly)
    told = events(made, seed)
    plain = tmp_path / "plain"
    write(plain, made, told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "SEGMENT_BYTES", 1 << 40)
        wanted = told_by(plain)
        assert not (plain / "ledger.index").exists()
    assert any(row.wasted_usd for row in wanted[0].trials)
    assert any(row.cost.unsettled_calls for row in wanted[0].trials)
    grown = tmp_path / "grown"
    write(grown, made, told, grow=grow)
    return grown, wanted


def heads(run: Path) -> list[bytes]:
    path = run / "ledger.index"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [line for line in lines if line.startswith(b"{")]


def test_a_grown_index_tells_what_the_ledger_does(run):
    grown, wanted = run
    assert told_by(grown) == wanted
    assert len(heads(grown)) >= 3
    covered = index.SegmentHead.model_validate_json(heads(grown)[-1]).offset
    assert (grown / "ledger.jsonl").stat().st_size - covered < SEGMENT


def test_a_missing_index_is_made(run):
    grown, wanted = run
    (grown / "ledger.index").unlink()
    assert told_by(grown) == wanted
    assert len(heads(grown)) >= 3


@pytest.mark.parametrize("seed", range(5))
def test_damage_changes_nothing(run, seed):
    grown, wanted = run
    path = grown / "ledger.index"
    draw = random.Random(seed)
    whole = bytearray(path.read_bytes())
    whole[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
    path.write_bytes(whole[: draw.choice([len(whole), draw.randrange(len(whole))])])
    assert told_by(grown) == wanted
    assert index.SegmentHead.model_validate_json(heads(grown)[-1]).offset > 0


def test_a_torn_ledger_is_not_covered(run, tmp_path):
    """As in a copy that was made while the run went on, or after a machine died."""
    grown, _ = run
    whole = (grown / "ledger.jsonl").read_bytes()
    for cut in (len(whole) - 3, len(whole) // 2, SEGMENT, 100):
        copies = [tmp_path / f"{name}-{cut}" for name in ("with", "without")]
        for copy in copies:
            shutil.copytree(grown, copy)
            (copy / "ledger.jsonl").write_bytes(whole[:cut])
        (copies[1] / "ledger.index").unlink()
        assert told_by(copies[0]) == told_by(copies[1])


@pytest.mark.timeout(60)
def test_a_torn_event_larger_than_a_segment_is_waited_for(run):
    grown, wanted = run
    with (grown / "ledger.jsonl").open("ab") as out:
        out.write(b'{"kind": "trial_end", "record": {"id": "' + b"x" * 2 * SEGMENT)
    for _ in range(3):
        assert told_by(grown) == wanted
    covered = [index.SegmentHead.model_validate_json(head).offset for head in heads(grown)]
    assert covered == sorted(set(covered))


def test_a_line_taken_out_by_hand_is_noticed(run):
    grown, wanted = run
    path = grown / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    ends = [number for number, line in enumerate(lines) if b'"passed"' in line]
    del lines[ends[len(ends) // 2]]
    path.write_bytes(b"".join(lines))
    verdicts = [
        sum(r.verdict is None for r in results.trials) for results in (load(grown), wanted[0])
    ]
    assert verdicts[0] == verdicts[1] + 1


def test_other_prices_make_another_index(run):
    grown, wanted = run
    made = RunDir(grown).read_manifest()
    first, second = made.contestants
    dearer = second.backend.prices[0].model_copy(
        update={
            "tiers": (second.backend.prices[0].tiers[0].model_copy(update={"output": Decimal(80)}),)
        }
    )
    backend = second.backend.model_copy(update={"prices": (dearer,)})
    changed = made.model_copy(
        update={"contestants": (first, second.model_copy(update={"backend": backend}))}
    )
    RunDir(grown).write_manifest(changed)

    def spent(results) -> Decimal:
        return sum((row.cost.known_usd for row in results.of(second.name)), Decimal(0))

    assert spent(load(grown)) > spent(wanted[0])


def test_a_folder_in_the_place_of_the_index_is_refused(run):
    """As anything below a run is that is no regular file."""
    grown, _ = run
    (grown / "ledger.index").unlink()
    (grown / "ledger.index").mkdir()
    with pytest.raises(InputError, match=r"ledger\.index.*folder in the place of a file"):
        told_by(grown)


def test_two_that_extend_it_do_not_mix(tmp_path):
    made = manifest()
    told = events(made, 5)
    rundir = RunDir(tmp_path)
    rundir.write_manifest(made)
    both = [index.Index(rundir, made) for _ in range(2)]
    with (rundir.path / "ledger.jsonl").open("wb", buffering=0) as out:
        for number, event in enumerate(told):
            out.write(event.model_dump_json().encode() + b"\n")
            both[number % 2].extend()
    starts = [index.SegmentHead.model_validate_json(line).start for line in heads(tmp_path)]
    assert starts == sorted(set(starts))
    ends = [index.SegmentHead.model_validate_json(line).offset for line in heads(tmp_path)]
    assert starts[1:] == ends[:-1]


def test_a_run_extends_it_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "INTERVAL_S", 0.01)
    made = manifest()
    told = events(made, 6)
    write(tmp_path, made, told[:1])
    with index.indexing(RunDir(tmp_path), made), Ledger(tmp_path / "ledger.jsonl") as book:
        for event in told:
            book.append(event)
        deadline = time.monotonic() + 20
        while len(heads(tmp_path)) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(heads(tmp_path)) >= 3


def test_a_resume_state_is_what_the_rows_say(run):
    _, (results, found) = run
    assert found.done == {row.id for row in results.trials if row.verdict is not None}
    assert 0 < len(found.done) < len(results.trials) or not found.tries
    for row in results.trials:
        assert row.id in found.done or found.tries[row.id] == row.tries
    for who in results.manifest.contestants:
        rows = results.of(who.name)
        usd = sum((r.cost.known_usd + (r.cost.unsettled_bound_usd or 0) for r in rows), Decimal(0))
        tokens = sum(r.tokens.input + r.tokens.output for r in rows)
        assert found.spent[who.name].tokens == tokens
        assert abs(found.spent[who.name].usd - usd) < Decimal("1e-12")


def test_a_run_that_never_began_has_nothing(tmp_path):
    found = resume_state(RunDir(tmp_path), manifest())
    assert (found.done, found.tries, found.spent) == (frozenset(), {}, {})
    assert found.spent.get("c0", Amount()) == Amount()


def test_a_broken_line_has_its_own_number(run):
    grown, _ = run
    path = grown / "ledger.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    with path.open("ab") as out:
        out.write(b'{"kind": "trial_e{"kind": "call_end"}\n' + lines[1])
    assert len(heads(grown)) > 1
    with pytest.raises(InputError, match=f"line {len(lines) + 1} is not an event"):
        load(grown)
    with pytest.raises(InputError, match=f"line {len(lines) + 1} is not an event"):
        list(ledger.read(path))
