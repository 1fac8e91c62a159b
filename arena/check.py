"""Proves a task before anybody is measured with it.

The gold patch passes and the untouched tree fails, as often as asked; other correct fixes pass,
plausible wrong ones do not; and neither tree nor statement gives the fix or the hidden tests away.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal

from arena import verify
from arena.protocols import Engine
from arena.records import Record, SandboxLimits, Task, Verification
from arena.sandbox.image import TaskImage
from arena.task import pack
from arena.verify import Bench

TELLING_CHARS = 12
"""A shorter line is likely to stand in the tree by chance."""

Look = Literal["oracle", "nop", "right", "wrong", "cheat", "leak", "statement"]


class Finding(Record):
    """One thing that was looked at."""

    task_id: str
    look: Look
    ok: bool
    detail: str = ""
    seconds: float = 0.0


def check(
    tasks: Sequence[Task],
    images: Mapping[str, TaskImage],
    engine: Engine,
    *,
    repeat: int = 1,
    jobs: int = 2,
) -> Iterator[Finding]:
    """Look at every task; findings come as they are made, those of one task together.

    Args:
        tasks: what to check.
        images: of each task.
        engine: where.
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
        return [*_lint(task), *_runs(task, bench, repeat)]

    with ThreadPoolExecutor(jobs, thread_name_prefix="check") as pool:
        for findings in pool.map(one, tasks):
            yield from findings


# ── running ────────────────────────────────────────────────────────────────────────────────────


def _runs(task: Task, bench: Bench, repeat: int) -> Iterator[Finding]:
    yield _repeated(task, "nop", repeat, partial(_nop, task, bench))
    gold = pack.gold_patch(task)
    if gold is None:
        return
    yield _repeated(task, "oracle", repeat, partial(_must_pass, task, gold, bench))
    for number, patch in enumerate(pack.right_patches(task), 1):
        yield _named(_repeated(task, "right", 1, partial(_must_pass, task, patch, bench)), number)
    for number, patch in enumerate(pack.wrong_patches(task), 1):
        yield _named(_repeated(task, "wrong", 1, partial(_must_fail, task, patch, bench)), number)
    yield _repeated(task, "cheat", 1, partial(_must_fail, task, _without_tests(task), bench))


def _repeated(task: Task, look: Look, times: int, run: Callable[[], tuple[str, float]]) -> Finding:
    """Run something several times; the detail names the first complaint."""
    seconds: list[float] = []
    for number in range(1, times + 1):
        complaint, spent_s = run()
        seconds.append(spent_s)
        if complaint:
            return Finding(
                task_id=task.id,
                look=look,
                ok=False,
                detail=f"run {number} of {times}: {complaint}",
                seconds=max(seconds),
            )
    return Finding(
        task_id=task.id, look=look, ok=True, detail=f"{times} of {times}", seconds=max(seconds)
    )


def _named(finding: Finding, number: int) -> Finding:
    return finding.model_copy(update={"detail": f"{finding.look}/{number}: {finding.detail}"})


def _must_pass(task: Task, patch: str, bench: Bench) -> tuple[str, float]:
    graded = verify.verify(task, patch, bench, strict=True)
    return "" if graded.verdict == "passed" else _said(graded), graded.wall_s


def _must_fail(task: Task, patch: str, bench: Bench) -> tuple[str, float]:
    graded = verify.verify(task, patch, bench, strict=False)
    return "" if graded.verdict != "passed" else "it passes", graded.wall_s


def _nop(task: Task, bench: Bench) -> tuple[str, float]:
    """Without a patch every FAIL_TO_PASS fails and every PASS_TO_PASS passes."""
    graded = verify.unfixed(task, bench)
    wrong = [f"{i} passes" for i in task.tests.fail_to_pass if graded.tests.get(i) == "passed"]
    wrong += [
        f"{i} is {graded.tests.get(i, 'missing')}"
        for i in task.tests.pass_to_pass
        if graded.tests.get(i) != "passed"
    ]
    if graded.verdict not in {"failed", "passed"}:
        wrong.insert(0, _said(graded))
    return "; ".join(wrong[:3]), graded.wall_s


def _said(graded: Verification) -> str:
    return f"{graded.verdict}: {graded.reason}" if graded.reason else graded.verdict


def _without_tests(task: Task) -> str:
    """A patch that deletes every visible test: a cheat that must change nothing."""
    parts = []
    for file in pack.tree_files(task):
        name = file.path.rsplit("/", 1)[-1]
        if not re.fullmatch(r"test_.*\.py|.*_test\.(py|go)|.*\.test\.[cm]?js", name):
            continue
        lines = file.data.decode("utf-8", "replace").splitlines(keepends=True)
        if not lines or not lines[-1].endswith("\n"):
            continue
        parts.append(
            f"diff --git a/{file.path} b/{file.path}\ndeleted file mode 100644\n"
            f"--- a/{file.path}\n+++ /dev/null\n@@ -1,{len(lines)} +0,0 @@\n"
            + "".join(f"-{line}" for line in lines)
        )
    return "".join(parts)


# ── reading ────────────────────────────────────────────────────────────────────────────────────


def _lint(task: Task) -> Iterator[Finding]:
    tree = "\n".join(file.data.decode("utf-8", "replace") for file in pack.tree_files(task))
    secrets = _secrets(task)
    yield _found(task, "leak", [s for s in secrets if s in tree], "the tree holds")
    told = [s for s in secrets if s in task.problem_statement]
    told += re.findall(r"https?://\S+", task.problem_statement)
    yield _found(task, "statement", told, "the statement holds")


def _found(task: Task, look: Look, found: Sequence[str], what: str) -> Finding:
    detail = f"{what} {found[0].strip()!r}" if found else ""
    return Finding(task_id=task.id, look=look, ok=not found, detail=detail)


def _secrets(task: Task) -> list[str]:
    """What must not be seen before grading: lines only the fix adds, names only its tests have."""
    tree = {file.path: file.data for file in pack.tree_files(task)}
    before = {line.strip() for data in tree.values() for line in _text(data).splitlines()}
    gold = pack.gold_patch(task) or ""
    added = [line[1:].strip() for line in gold.splitlines() if re.match(r"\+(?!\+\+ )", line)]
    lines = [line for line in added if len(line) >= TELLING_CHARS and line not in before]
    names = [
        name
        for file in pack.hidden_files(task)
        if file.data != tree.get(file.path)
        for name in re.findall(r"\b(?:def (test_\w+)|func (Test\w+))", _text(file.data))
    ]
    flat = [part for pair in names for part in pair if len(part) >= TELLING_CHARS]
    known = "\n".join(_text(data) for path, data in tree.items() if "test" in path)
    return [*lines, *(name for name in flat if name not in known)]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
