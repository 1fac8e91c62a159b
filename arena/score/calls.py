"""Every call of a run as recorded, for what needs more than sums: forecasts and other prices."""

from pathlib import Path

from arena import ledger
from arena.money.pricing import RecordedCall
from arena.records import CallBegin
from arena.rundir import RunDir


def recorded(run: Path) -> list[RecordedCall]:
    """Calls in the order they were announced, ended or not.

    Raises:
        InputError: the ledger is broken.
    """
    begun: dict[str, CallBegin] = {}
    found: dict[str, RecordedCall] = {}
    for event in ledger.read(RunDir(run).ledger_path):
        if isinstance(event, ledger.CallBeginEvent):
            begun[event.call.call_id] = event.call
            found[event.call.call_id] = RecordedCall(event.call, None)
        elif isinstance(event, ledger.CallEndEvent) and event.call.call_id in begun:
            found[event.call.call_id] = RecordedCall(begun[event.call.call_id], event.call)
    return list(found.values())


def by_trial(calls: list[RecordedCall]) -> dict[str, list[list[RecordedCall]]]:
    """Calls grouped by trial, by contestant."""
    grouped: dict[str, dict[str, list[RecordedCall]]] = {}
    for call in calls:
        trials = grouped.setdefault(call.begin.contestant, {})
        trials.setdefault(call.begin.trial_id, []).append(call)
    return {name: list(trials.values()) for name, trials in grouped.items()}
