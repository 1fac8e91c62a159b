"""Everything that is looked at in a pack, task by task: what `Look` names."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from arena.grading import verify
from arena.grading.job import Bench
from arena.protocols import Engine, Sandbox
from arena.records import SandboxLimits, Task, TestOutcome, Verification
from arena.sandbox.engine import ServiceError
from arena.sandbox.image.images import Images
from arena.task import pack, plan_ids
from arena.task.checking import specified
from arena.task.checking.leaks import Finding, Look, audit, lint
from arena.task.patch import FilePatch, render


def check(
    tasks: Sequence[Task], images: Images, engine: Engine, *, repeat: int = 1, jobs: int = 2
) -> Iterator[Finding]:
    """Look at every task, `jobs` at once; the findings of one come together.

    Missing images are built: raises `InputError` where one cannot be. The gold patch and the
    untouched tree are run `repeat` times.
    """
    made = images.ensure(tasks)

    def one(task: Task) -> list[Finding]:
        labels = {"arena.check": task.id}
        bench = Bench(engine, made[task.id].id, limits=SandboxLimits(), labels=labels)
        looks = [*lint(task), specified.look(task), audit(task, bench, images.store)]
        try:
            return [*looks, *runs(task, bench, repeat)]
        except ServiceError as error:
            return [*looks, Finding(task_id=task.id, look="oracle", ok=False, detail=str(error))]

    with ThreadPoolExecutor(jobs, thread_name_prefix="check") as pool:
        for findings in pool.map(one, tasks):
            yield from findings


def keep_out(tasks: Sequence[Task], findings: Sequence[Finding]) -> list[str]:
    """Quarantine unstable tests in the file beside each pack; the ids that were put there.

    A task that would be left without any test that shows the fix is left as it is: it failed.
    """
    unstable = {one.task_id: one.flaky for one in findings if one.flaky}
    kept = []
    for task in tasks:
        flaky = unstable.get(task.id, {})
        if flaky and not set(task.tests.fail_to_pass) <= flaky.keys():
            plan_ids.add(task.root.parent, {task.root.name: flaky})
            kept += [f"{task.id}: {test_id}" for test_id in flaky]
    return kept


# ── running what a task comes with ─────────────────────────────────────────────────────────────

_PEAKS = "cd /sys/fs/cgroup && cat memory.peak memory/memory.max_usage_in_bytes 2>/dev/null"
_ASK_SECONDS = 10.0
_MB = 1 << 20
_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.(py|go)|.*\.test\.[cm]?js")
_Run = Callable[[Bench], tuple[Verification, str]]
"""One run, and what is wrong with it."""


def runs(task: Task, bench: Bench, repeat: int) -> Iterator[Finding]:
    """Run everything a task comes with.

    The gold patch and the untouched tree are run `repeat` times: first in file order, then in an
    order drawn anew.
    """
    peaks: list[int] = []
    bench = replace(bench, watch=lambda box: peaks.extend(_peaks(box)))
    gold = pack.gold_patch(task)
    seen: dict[str, list[Verification]] = {}
    finding, seen["without the fix"] = _look(task, "nop", bench, partial(_nop, task), repeat)
    yield finding
    if gold is not None:
        run: _Run = partial(_must_pass, task, gold)
        finding, seen["with the fix"] = _look(task, "oracle", bench, run, repeat)
        yield finding
    if repeat > 1:
        yield _stability(task, seen)
    if gold is not None:
        for look, name, run in _patches(task):
            yield _look(task, look, bench, run, name=name)[0]
    longest = max(run.wall_s for kind in seen.values() for run in kind)
    peak_mb = round(max(peaks) / _MB, 1) if peaks else None
    yield Finding(task_id=task.id, look="cost", ok=True, seconds=longest, peak_mb=peak_mb)


def _peaks(sandbox: Sandbox) -> list[int]:
    """The most bytes that a sandbox held, where its kernel tells.

    What runs in a container can lie about it: a figure for people, never for a verdict.
    """
    said = sandbox.exec(["sh", "-c", _PEAKS], timeout_s=_ASK_SECONDS).stdout
    return [int(word) for word in said.split() if word.isdigit()]


def _look(
    task: Task, look: Look, bench: Bench, run: _Run, times: int = 1, name: str = ""
) -> tuple[Finding, list[Verification]]:
    """Do something several times, all but the first in random order."""
    seen: list[Verification] = []
    complaint = ""
    for number in range(1, times + 1):
        graded, what = run(replace(bench, shuffle=number > 1))
        seen.append(graded)
        if what and not complaint:
            order = ", in random order" if number > 1 else ""
            complaint = f"{name or f'run {number} of {times}'}{order}: {what}"
    finding = Finding(
        task_id=task.id,
        look=look,
        ok=not complaint,
        detail=complaint or name or f"{times} of {times}",
        seconds=max(graded.wall_s for graded in seen),
    )
    return finding, seen


def _patches(task: Task) -> Iterator[tuple[Look, str, _Run]]:
    """Other patches, by name, each with what is expected of it."""
    for number, patch in enumerate(pack.right_patches(task), 1):
        yield "right", f"right/{number}", partial(_must_pass, task, patch)
    for number, patch in enumerate(pack.wrong_patches(task), 1):
        yield "wrong", f"wrong/{number}", partial(_must_fail, task, patch)
    if deleting := without_tests(task):
        yield "cheat", "delete the tests", partial(_must_fail, task, deleting)


def _must_pass(task: Task, patch: str, bench: Bench) -> tuple[Verification, str]:
    graded = verify.verify(task, patch, bench, strict=not bench.shuffle)
    return graded, "" if graded.verdict == "passed" else _said(graded)


def _must_fail(task: Task, patch: str, bench: Bench) -> tuple[Verification, str]:
    graded = verify.verify(task, patch, bench, strict=False)
    return graded, "it passes" if graded.verdict == "passed" else ""


def _nop(task: Task, bench: Bench) -> tuple[Verification, str]:
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
    changes = []
    for file in pack.tree_files(task):
        if not _TEST_FILE.fullmatch(file.path.rsplit("/", 1)[-1]):
            continue
        lines = file.data.decode("utf-8", "replace").split("\n")
        if len(lines) < 2 or lines.pop() or "\r" in lines[0]:
            continue
        hunk = f"@@ -1,{len(lines)} +0,0 @@\n" + "".join(f"-{line}\n" for line in lines)
        changes.append(FilePatch(old=file.path, new=None, hunks=hunk))
    return render(changes)


# ── what does not always end the same way ──────────────────────────────────────────────────────


def _stability(task: Task, seen: Mapping[str, Sequence[Verification]]) -> Finding:
    found: dict[str, list[str]] = defaultdict(list)
    for state, kind in seen.items():
        for test_id, what in _unstable(kind).items():
            found[test_id].append(f"{state}: {what}")
    flaky = {test_id: "; ".join(found[test_id]) for test_id in sorted(found)}
    alone = flaky and set(task.tests.fail_to_pass) <= flaky.keys()
    more = f" and {len(flaky) - 3} more" if len(flaky) > 3 else ""
    said = f"unstable{', and nothing else shows the fix' if alone else ''}: "
    return Finding(
        task_id=task.id,
        look="stability",
        ok=not flaky,
        detail=f"{said}{', '.join([*flaky][:3])}{more}" if flaky else "",
        flaky=flaky,
    )


def _unstable(seen: Sequence[Verification]) -> dict[str, str]:
    """Tests that did not end the same way in every run that ended."""
    outcomes: dict[str, list[TestOutcome]] = defaultdict(list)
    for run in seen:
        if run.verdict not in {"timeout", "resource"}:
            for test_id, outcome in run.tests.items():
                outcomes[test_id].append(outcome)
    return {
        test_id: ", ".join(f"{ends.count(one)} {one}" for one in sorted(set(ends)))
        for test_id, ends in outcomes.items()
        if len(set(ends)) > 1
    }
