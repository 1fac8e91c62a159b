"""The patches of a run as predictions, for anybody's grader."""

from collections.abc import Iterator
from pathlib import Path

from arena.rundir import RunDir
from arena.score.results import Results
from arena.task.formats.predictions import Prediction, instance_id


def of_run(results: Results) -> Iterator[Prediction]:
    """One prediction for each trial with a verdict; later attempts carry their number in the name.

    Controls are left out. A trial that changed nothing gives an empty patch.
    """
    rundir = RunDir(results.path)
    tasks = {entry.id: entry for entry in results.tasks}
    controls = {c.name for c in results.manifest.contestants if c.control}
    for row in results.trials:
        if row.verdict is None or row.contestant in controls:
            continue
        name = row.contestant if row.attempt == 1 else f"{row.contestant}.{row.attempt}"
        yield Prediction(
            instance_id=instance_id(tasks[row.task_id]),
            model=name,
            patch=_read(rundir.trial_dir(row.id) / "patch.diff"),
        )


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape") if path.is_file() else ""
