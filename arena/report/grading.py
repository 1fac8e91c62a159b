"""How a run's tasks are graded, and which of their tests decide nothing."""

from arena.report import format as show
from arena.report.escape import one_line
from arena.report.scored import Scored
from arena.rundir import TaskEntry

HOW = {
    "ids": "test by test (ids)",
    "exit_code": "by a script's exit code (exit_code)",
    "reward_file": "by the reward a script leaves (reward_file)",
}
_SHOWN_IDS = 5


def assurance_notes(scored: Scored) -> tuple[str, ...]:
    """What the numbers stand on: the grading of the tasks in them, and of those that are not."""
    board, tasks = scored.board, [t for t in scored.results.tasks if not t.impossible]
    if board.level is None:
        return ()
    notes = [f"{show.plural(len(board.tasks), 'task')} graded {HOW[board.level]}."]
    for level in board.other_levels:
        count = sum(t.assurance == level for t in tasks)
        notes.append(
            f"Not in these numbers: {show.plural(count, 'task')} graded {HOW[level]};"
            f" see --assurance {level}."
        )
    return tuple(notes)


def quarantine_notes(scored: Scored) -> tuple[str, ...]:
    """Tests that proved unstable and decide nothing, one sentence a task."""
    return tuple(
        f"Quarantined in {one_line(task.id)}, deciding nothing: {named(task)}."
        for task in scored.results.tasks
        if task.quarantined
    )


def named(task: TaskEntry) -> str:
    """The quarantined ids of a task, the first few by name."""
    more = len(task.quarantined) - _SHOWN_IDS
    first = ", ".join(one_line(test_id) for test_id in task.quarantined[:_SHOWN_IDS])
    return f"{first} and {more} more" if more > 0 else first
