"""Every trial is told once and in full, however its events lie in the ledger."""

from dataclasses import replace

import pytest

from arena.errors import InputError
from arena.report import transcript
from arena.rundir import ledger
from arena.rundir.directory import RunDir


def test_every_trial_is_told_once_with_all_its_calls(scored):
    results = scored.results
    rows = {row.id: row for row in results.trials}
    found = list(transcript.read_details(results, rows))
    assert sorted(one.row.id for one in found) == sorted(rows)
    for one in found:
        assert len(one.calls) == one.row.calls
        assert {call.begin.trial_id for call in one.calls} <= {one.row.id}
        assert one.tries == one.row.tries


def test_the_last_record_of_a_trial_counts(scored):
    results = scored.results
    last = {
        event.record.id: event.record
        for event in ledger.read(RunDir(results.path).ledger_path)
        if isinstance(event, ledger.TrialEnd)
    }
    found = transcript.read_details(results, {row.id for row in results.trials})
    assert {one.row.id: one.record for one in found if one.record} == last


def test_a_trial_does_not_wait_for_the_end_of_the_ledger(tmp_path, scored):
    lines = RunDir(scored.results.path).ledger_path.read_bytes().splitlines(keepends=True)
    lines.insert(len(lines) // 2, b"broken\n")
    RunDir(tmp_path).ledger_path.write(b"".join(lines))
    results = replace(scored.results, path=tmp_path)
    reading = transcript.read_details(results, {row.id for row in results.trials})
    assert next(reading).complete
    with pytest.raises(InputError):
        list(reading)
