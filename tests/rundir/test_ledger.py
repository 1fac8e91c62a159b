import json
import os
import threading
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arena.errors import HarnessError, InputError
from arena.records import Fault, TrialRecord, Verification
from arena.rundir import ledger
from arena.rundir.directory import SCHEMA, RunDir
from arena.rundir.ledger import ContestantStopped, Ledger, SessionBegin, TrialEnd
from arena.score.load import load

FIXTURES = Path(__file__).parent.parent / "fixtures"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def stopped(name: str) -> ContestantStopped:
    return ContestantStopped(contestant=name, reason="no credit", at=NOW)


def names(path: Path) -> list[str]:
    return [e.contestant for e in ledger.read(path) if isinstance(e, ContestantStopped)]


def test_events_come_back_in_order(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as book:
        for name in ("a", "b", "c"):
            book.append(stopped(name))
    assert names(path) == ["a", "b", "c"]


def test_bytes_that_are_no_text_lose_no_event(tmp_path):
    path, name = tmp_path / "ledger.jsonl", b"tests/\xff.py".decode("utf-8", "surrogateescape")
    seen = Verification(verdict="failed", reason=name, stripped=(name,), tests={name: "passed"})
    record = TrialRecord(
        id="t",
        task_id="k",
        contestant="c",
        attempt=1,
        digest="d",
        stop="submitted",
        verification=seen,
        started_at=NOW,
        ended_at=NOW,
    )
    with Ledger(path) as book:
        book.append(TrialEnd(record=record))
    (event,) = ledger.read(path)
    shown = "tests/\N{REPLACEMENT CHARACTER}.py"
    found = event.record.verification
    assert (found.reason, found.stripped) == (shown, (shown,))
    assert list(found.tests.values()) == ["passed"]
    assert Fault(kind="engine", message=name).message == shown


def test_a_missing_ledger_is_empty(tmp_path):
    assert list(ledger.read(tmp_path / "none")) == []


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=400))
def test_a_torn_tail_never_costs_an_earlier_event(cut):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        with Ledger(path) as book:
            for name in ("first", "second", "third"):
                book.append(stopped(name))
        whole = path.read_bytes()
        ends = [i + 1 for i, byte in enumerate(whole) if byte == 10]
        cut = min(cut, len(whole))
        path.write_bytes(whole[:cut])
        # A line that lacks only its line end is complete.
        complete = sum(end <= cut or end - 1 == cut for end in ends)
        assert len(names(path)) == complete
        with Ledger(path) as book:
            book.append(stopped("later"))
        assert names(path) == [*["first", "second", "third"][:complete], "later"]
        torn = whole[:cut].rsplit(b"\n", 1)[-1]
        kept = path.with_name("ledger.torn")
        if complete < 3 and torn and cut not in {end - 1 for end in ends}:
            assert kept.read_bytes() == torn + b"\n"
        else:
            assert not kept.exists()


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as book:
        book.append(stopped("a"))
        book.append(stopped("b"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"kind": "trial_e\n' + lines[1])
    with pytest.raises(InputError, match="line 2 is not an event"):
        list(ledger.read(path))


def test_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as book:
        book.append(SessionBegin(session="s", at=NOW, version=ledger.LEDGER_VERSION + 1))
    with pytest.raises(InputError, match="newer version"):
        list(ledger.read(path))


def test_a_newer_version_is_refused_whatever_it_says(tmp_path):
    path = tmp_path / "ledger.jsonl"
    newer = ledger.LEDGER_VERSION + 1
    path.write_text(f'{{"kind": "session_begin", "version": {newer}, "moon": "full"}}\n')
    with pytest.raises(InputError, match=r"newer version.*update arena"):
        list(ledger.read(path))


def test_nothing_is_relied_on_after_a_failed_sync(tmp_path, monkeypatch):
    """The kernel tells of a lost write once; the next sync may succeed without it."""
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as book:
        book.append(stopped("a"))

        def fail(fd: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(HarnessError, match="cannot be synced: Input/output error"):
            book.append(stopped("b"))
        monkeypatch.undo()
        with pytest.raises(HarnessError, match="cannot be synced: Input/output error"):
            book.append(stopped("c"))


def test_a_settlement_waits_for_no_disk_and_goes_there_with_the_next_event(tmp_path, monkeypatch):
    path = tmp_path / "ledger.jsonl"
    synced = []
    with Ledger(path) as book:
        real = os.fsync
        monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(path.read_bytes()), real(fd)))
        book.append(stopped("a"), durable=False)
        assert synced == []
        assert [event.contestant for event in ledger.read(path)] == ["a"]
        book.append(stopped("b"))
    assert [text.count(b"\n") for text in synced] == [2]


def test_many_threads_append_whole_lines(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as book:
        threads = [
            threading.Thread(
                target=lambda i=i: [book.append(stopped(f"{i}.{n}")) for n in range(25)]
            )
            for i in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = names(path)
    assert len(found) == len(set(found)) == 400


@pytest.mark.parametrize("stuck", [False, True], ids=["taken back", "stuck"])
def test_a_full_disk_leaves_no_part_of_an_event(tmp_path, monkeypatch, stuck):
    """Where the part that was written cannot be taken back, nothing goes on behind it."""
    path = tmp_path / "ledger.jsonl"
    real_write = os.write
    with Ledger(path) as book:
        book.append(stopped("a"))

        def half(fd: int, data: bytes) -> int:
            real_write(fd, data[:10])
            raise OSError(28, "No space left on device")

        def fail(fd: int, size: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "write", half)
        if stuck:
            monkeypatch.setattr(os, "ftruncate", fail)
        with pytest.raises(HarnessError, match="No space left"):
            book.append(stopped("b"))
        monkeypatch.undo()
        with pytest.raises(HarnessError, match="No space left") if stuck else nullcontext():
            book.append(stopped("c"))
    assert names(path) == (["a"] if stuck else ["a", "c"])


@pytest.mark.parametrize("version", range(1, ledger.LEDGER_VERSION + 1))
def test_a_run_of_every_version_tells_what_it_did(version):
    """Faults, two sessions and a possibly billed call among it, as a run of that version wrote it."""
    fixture = FIXTURES / f"ledger-v{version}"
    wanted = json.loads((fixture / "expected.json").read_text())
    found = {
        row.id: [
            row.verdict,
            row.tries,
            row.calls,
            row.tokens.input,
            row.tokens.output,
            str(row.cost.known_usd),
            row.cost.unsettled_calls,
        ]
        for row in load(fixture).trials
    }
    assert found == wanted
    sessions = [e for e in ledger.read(fixture / "ledger.jsonl") if isinstance(e, SessionBegin)]
    assert [session.version for session in sessions] == [version] * 2


def test_a_manifest_of_a_newer_version_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text(
        json.dumps({"schema_version": SCHEMA + 1, "moon": "full"})
    )
    with pytest.raises(InputError, match=r"manifest.json: was written by a newer version"):
        RunDir(tmp_path).read_manifest()


def test_a_line_that_is_just_being_written_is_no_broken_one(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(b"")
    line = stopped("a").model_dump_json().encode() + b"\n"
    count, over = 2000, threading.Event()

    def write():
        with path.open("ab", buffering=0) as out:
            for _ in range(count):
                out.write(line[:40])
                time.sleep(0.00005)
                out.write(line[40:])
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = offset = 0
    try:
        while seen < count and not (over.is_set() and offset == path.stat().st_size):
            told = list(ledger.read_from(path, offset))
            seen += len(told)
            offset = told[-1][1] if told else offset
    finally:
        writer.join()
    assert seen == count
