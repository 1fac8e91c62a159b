"""Every try of a run as a trajectory that other viewers open."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arena import __version__, ledger
from arena.agent import trajectory
from arena.money.statement import statements
from arena.records import TrialRecord
from arena.rundir import Manifest, RunDir
from arena.score.repriced import recorded


def of_run(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and trajectory of each try that a model worked on, in the order in which they ended.

    The last try has its trial's id for a name, an earlier one `<id>--try-<number>`.

    Raises:
        InputError: no run there.
    """
    rundir = RunDir(path)
    manifest = rundir.read_manifest()
    return _of_tries(rundir, manifest)


def _of_tries(rundir: RunDir, manifest: Manifest) -> Iterator[tuple[str, dict[str, Any]]]:
    backends = {c.name: c.backend for c in manifest.contestants if c.backend}
    costs = {
        one.call_id: one.cost.billed_usd if one.cost else None
        for one in statements(recorded(rundir.path), backends, fx=manifest.fx)
    }
    for event in ledger.read(rundir.ledger_path):
        if not isinstance(event, ledger.TrialEnd) or event.record.contestant not in backends:
            continue
        name, folder = _kept(rundir, event.record)
        transcript = folder / "transcript.jsonl"
        if transcript.is_file():
            yield name, trajectory.of(transcript, _head(event.record, manifest), costs)


def _kept(rundir: RunDir, record: TrialRecord) -> tuple[str, Path]:
    """A try's name, and where its files are: a later try moves them aside."""
    last = rundir.trial_dir(record.id)
    aside = last / f"try-{record.try_number}"
    return (f"{record.id}--{aside.name}", aside) if aside.is_dir() else (record.id, last)


def _head(record: TrialRecord, manifest: Manifest) -> trajectory.Head:
    contestant = manifest.contestant(record.contestant)
    program = manifest.programs.get(contestant.agent)
    packages = " ".join([*program.install.npm, *program.install.pip]) if program else ""
    return trajectory.Head(
        trial_id=record.id,
        agent=contestant.agent,
        version=packages or __version__,
        model=contestant.backend.model if contestant.backend else None,
        started_at=record.started_at,
    )
