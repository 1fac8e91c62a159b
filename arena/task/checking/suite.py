"""Everything that is looked at in a pack, task by task.

The gold patch passes and the untouched tree fails, as often as asked and in random order; other
correct fixes pass, plausible wrong ones do not; and neither tree, statement nor image gives the
fix or the hidden tests away.
"""

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from arena.grading import verify
from arena.grading.verify import Bench
from arena.protocols import Engine, Sandbox
from arena.records import SandboxLimits, Task, TestOutcome, Verification
from arena.sandbox.image.images import TaskImage
from arena.sandbox.image.store import Store
from arena.task import pack, plan_ids
from arena.task.checking.leaks import Finding, Look, audit, lint


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
        plan_ids.add(folders[name], found)
    return kept


# ── running what a task comes with ─────────────────────────────────────────────────────────────

_PEAKS = ("/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory/memory.max_usage_in_bytes")
_ASK = "cat " + " ".join(_PEAKS) + " 2>/dev/null"
_ASK_SECONDS = 10.0
_MB = 1 << 20


class Peak:
    """The most that any sandbox held. Safe from several threads.

    What runs in a container can lie about it: a figure for people, never for a verdict.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0

    def mb(self) -> float | None:
        """The most so far, in MiB; None when no kernel told."""
        return round(self._bytes / _MB, 1) if self._bytes else None

    def ask(self, sandbox: Sandbox) -> None:
        """Take in what one sandbox held."""
        said = sandbox.exec(["sh", "-c", _ASK], timeout_s=_ASK_SECONDS).stdout
        figures = [int(word) for word in said.split() if word.isdigit()]
        with self._lock:
            self._bytes = max(self._bytes, *figures, 0)


_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.(py|go)|.*\.test\.[cm]?js")


@dataclass
class _Seen:
    """Every run of one kind."""

    runs: list[Verification] = field(default_factory=list)
    complaint: str = ""

    def unstable(self) -> dict[str, str]:
        """Tests that did not end the same way in every run that ended."""
        outcomes: dict[str, list[TestOutcome]] = defaultdict(list)
        for run in self.runs:
            if run.verdict not in {"timeout", "resource"}:
                for test_id, outcome in run.tests.items():
                    outcomes[test_id].append(outcome)
        return {
            test_id: ", ".join(f"{seen.count(one)} {one}" for one in sorted(set(seen)))
            for test_id, seen in outcomes.items()
            if len(set(seen)) > 1
        }


def runs(task: Task, bench: Bench, repeat: int) -> Iterator[Finding]:
    """Run everything a task comes with.

    Args:
        task: what is checked.
        bench: where.
        repeat: how often the gold patch and the untouched tree are run: first in file order, then
            in an order drawn anew.
    """
    peak = Peak()
    bench = replace(bench, watch=peak.ask)
    gold = pack.gold_patch(task)
    without = _several(repeat, bench, partial(_nop, task))
    yield _finding(task, "nop", without)
    seen = {"without the fix": without}
    if gold is not None:
        seen["with the fix"] = _several(repeat, bench, partial(_must_pass, task, gold))
        yield _finding(task, "oracle", seen["with the fix"])
    if repeat > 1:
        yield _stability(task, seen)
    yield from _patches(task, bench, gold)
    longest = max((run.wall_s for one in seen.values() for run in one.runs), default=None)
    yield Finding(task_id=task.id, look="cost", ok=True, seconds=longest, peak_mb=peak.mb())


def _patches(task: Task, bench: Bench, gold: str | None) -> Iterator[Finding]:
    if gold is None:
        return
    for number, patch in enumerate(pack.right_patches(task), 1):
        yield _one(task, "right", _must_pass(task, patch, bench), f"right/{number}")
    for number, patch in enumerate(pack.wrong_patches(task), 1):
        yield _one(task, "wrong", _must_fail(task, patch, bench), f"wrong/{number}")
    deleting = without_tests(task)
    if deleting:
        yield _one(task, "cheat", _must_fail(task, deleting, bench), "delete the tests")


# ── one run ────────────────────────────────────────────────────────────────────────────────────

_Run = tuple[Verification, str]


def _several(times: int, bench: Bench, run: Callable[[Bench], _Run]) -> _Seen:
    seen = _Seen()
    for number in range(1, times + 1):
        graded, complaint = run(replace(bench, shuffle=number > 1))
        seen.runs.append(graded)
        if complaint and not seen.complaint:
            order = ", in random order" if number > 1 else ""
            seen.complaint = f"run {number} of {times}{order}: {complaint}"
    return seen


def _must_pass(task: Task, patch: str, bench: Bench) -> _Run:
    graded = verify.verify(task, patch, bench, strict=not bench.shuffle)
    return graded, "" if graded.verdict == "passed" else _said(graded)


def _must_fail(task: Task, patch: str, bench: Bench) -> _Run:
    graded = verify.verify(task, patch, bench, strict=False)
    return graded, "it passes" if graded.verdict == "passed" else ""


def _nop(task: Task, bench: Bench) -> _Run:
    """Without a patch every FAIL_TO_PASS fails and every PASS_TO_PASS passes.

    Where nothing could even be collected, or a test does not end, nothing more is asked of
    PASS_TO_PASS.
    """
    graded = verify.unfixed(task, bench)
    wrong = [f"{i} passes" for i in task.tests.fail_to_pass if graded.tests.get(i) == "passed"]
    if any(outcome != "missing" for outcome in graded.tests.values()):
        wrong += [
            f"{i} is {graded.tests.get(i, 'missing')}"
            for i in task.tests.pass_to_pass
            if graded.tests.get(i) != "passed"
        ]
    if graded.verdict not in {"failed", "passed", "timeout"}:
        wrong.insert(0, _said(graded))
    return graded, "; ".join(wrong[:3])


def _said(graded: Verification) -> str:
    return f"{graded.verdict}: {graded.reason}" if graded.reason else graded.verdict


def without_tests(task: Task) -> str:
    """A patch that deletes every visible test: a cheat that must change nothing."""
    parts = []
    for file in pack.tree_files(task):
        if not _TEST_FILE.fullmatch(file.path.rsplit("/", 1)[-1]):
            continue
        lines = file.data.decode("utf-8", "replace").split("\n")
        if len(lines) < 2 or lines.pop() or "\r" in lines[0]:
            continue
        parts.append(
            f"diff --git a/{file.path} b/{file.path}\ndeleted file mode 100644\n"
            f"--- a/{file.path}\n+++ /dev/null\n@@ -1,{len(lines)} +0,0 @@\n"
            + "".join(f"-{line}\n" for line in lines)
        )
    return "".join(parts)


# ── what they come to ──────────────────────────────────────────────────────────────────────────


def _finding(task: Task, look: Look, seen: _Seen, sound: str = "") -> Finding:
    times = len(seen.runs)
    return Finding(
        task_id=task.id,
        look=look,
        ok=not seen.complaint,
        detail=seen.complaint or sound or f"{times} of {times}",
        seconds=max(run.wall_s for run in seen.runs),
    )


def _one(task: Task, look: Look, run: _Run, name: str) -> Finding:
    graded, complaint = run
    seen = _Seen([graded], f"{name}: {complaint}" if complaint else "")
    return _finding(task, look, seen, name)


def _stability(task: Task, seen: Mapping[str, _Seen]) -> Finding:
    flaky: dict[str, list[str]] = defaultdict(list)
    for state, runs_ in seen.items():
        for test_id, what in runs_.unstable().items():
            flaky[test_id].append(f"{state}: {what}")
    return Finding(
        task_id=task.id,
        look="stability",
        ok=not flaky,
        detail=_unstable(task, sorted(flaky)) if flaky else "",
        flaky={test_id: "; ".join(states) for test_id, states in flaky.items()},
    )


def _unstable(task: Task, ids: Sequence[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    named = ", ".join(ids[:3]) + more
    if set(task.tests.fail_to_pass) <= set(ids):
        return f"unstable, and nothing else shows the fix: {named}"
    return f"unstable: {named}"
