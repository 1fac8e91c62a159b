"""Everything that is looked at in a pack, task by task.

The gold patch passes and the untouched tree fails, as often as asked and in random order; other
correct fixes pass, plausible wrong ones do not; and neither tree, statement nor image gives the
fix or the hidden tests away.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from arena.grading.verify import Bench
from arena.protocols import Engine
from arena.records import SandboxLimits, Task
from arena.sandbox.image.images import TaskImage
from arena.sandbox.image.store import Store
from arena.task import test_ids
from arena.task.checking.leaks import Finding, audit, lint
from arena.task.checking.runs import runs


def check(
    tasks: Sequence[Task],
    images: Mapping[str, TaskImage],
    engine: Engine,
    store: Store,
    *,
    repeat: int = 1,
    jobs: int = 2,
) -> Iterator[Finding]:
    """Look at every task; findings come as they are made, those of one task together.

    Args:
        tasks: what to check.
        images: of each task.
        engine: where.
        store: the images of the engine.
        repeat: how often the gold patch and the untouched tree are run.
        jobs: tasks at once.

    Raises:
        EngineError: the engine broke.
    """

    def one(task: Task) -> list[Finding]:
        bench = Bench(
            engine=engine,
            image=images[task.id].id,
            limits=SandboxLimits(),
            labels={"arena.check": task.id},
        )
        return [*lint(task), audit(task, bench, store), *runs(task, bench, repeat)]

    with ThreadPoolExecutor(jobs, thread_name_prefix="check") as pool:
        for findings in pool.map(one, tasks):
            yield from findings


def keep_out(tasks: Sequence[Task], findings: Sequence[Finding]) -> list[str]:
    """Quarantine unstable tests in the file beside each pack; the ids that were put there.

    A task that would be left without any test that shows the fix is left as it is: it failed.
    """
    unstable = {one.task_id: one.flaky for one in findings if one.flaky}
    beside: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    folders = {str(task.root.parent): task.root.parent for task in tasks}
    kept = []
    for task in tasks:
        flaky = unstable.get(task.id, {})
        if flaky and not set(task.tests.fail_to_pass) <= flaky.keys():
            beside[str(task.root.parent)][task.root.name] = flaky
            kept += [f"{task.id}: {test_id}" for test_id in flaky]
    for name, found in beside.items():
        test_ids.add(folders[name], found)
    return kept
