"""A patch, graded in a fresh container; again alone where it ran out, or where a pass is doubtful.

Whatever a patch can cause is a verdict, and only broken machinery raises.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Literal

from arena.errors import EngineError
from arena.grading.audit import scan_patch
from arena.grading.findings import Findings, decide
from arena.grading.job import CLEAN_ENV, Bench, Job, OutOfTimeError
from arena.grading.names import Names, names_of
from arena.protocols import Sandbox
from arena.records import Flag, Task, Verdict, Verification
from arena.records.container import AGENT_USER, TESTER_USER, WORKDIR
from arena.registry import RUNNERS
from arena.task.diff import MAX_READ_BYTES, fitted
from arena.task.pack import gold_patch, hidden_files, tree_files
from arena.task.patch import FilePatch, render
from arena.task.plan_ids import visible_ids
from arena.task.policy import PatchRules, Policed, acts_unasked, is_protected, police, rules_for


class ExclusiveLock:
    """Many may share; one may ask to be alone, waits for the rest, and keeps new ones out."""

    def __init__(self) -> None:
        self._entry = threading.Lock()
        self._left = threading.Condition()
        self._sharing = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Run beside others."""
        with self._entry, self._left:
            self._sharing += 1
        try:
            yield
        finally:
            with self._left:
                self._sharing -= 1
                self._left.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run when nothing else does; several who ask take turns."""
        with self._entry, self._left:  # held meanwhile, so that nobody else begins
            self._left.wait_for(lambda: self._sharing == 0)
            yield


EXHAUSTED: frozenset[Verdict] = frozenset({"timeout", "resource"})
"""What may be the doing of whatever else ran at the time."""
APPLY = ("git", "apply", "--whitespace=nowarn", "-")
APPLY_FUZZY = (*APPLY[:-1], "--unidiff-zero", "-")
"""For hunks that have been placed: they may have lost all their context."""
_APPLY_SECONDS = 60.0
_REASON_CHARS = 2000
"""Kept of a reason: names in it may be the candidate's, and as long as a report."""


def judge(
    task: Task,
    bench: Bench,
    exclusive: ExclusiveLock,
    take: Callable[[Sandbox], str],
    *,
    strict: bool,
) -> Verification:
    """Take a patch, keep it in the bench's folder, and grade it beside other verifications; what
    then ran out of time or of resources is repeated once, alone, beside the reference fix.

    All that verify on this engine share `exclusive`; `take` gives the patch, from a fresh container
    of the image to compare with. The rest is as for `verify`, and so is what it raises.
    """
    began = time.monotonic()
    with opened(task, bench) as fresh:
        patch = take(fresh)
        bench.keep("patch.diff", patch.encode("utf-8", "surrogateescape"))
        with exclusive.shared():
            graded = verify(task, patch, bench, strict=strict, fresh=fresh)
    if graded.verdict in EXHAUSTED:
        with exclusive.alone():
            graded = confirm(task, patch, bench, strict=strict)
    bench.engine.check_disk_space(began)
    return graded


def verify(
    task: Task, patch: str, bench: Bench, *, strict: bool, fresh: Sandbox | None = None
) -> Verification:
    """Grade one patch.

    Args:
        task: what is graded.
        patch: a git diff; bytes that are not UTF-8 as surrogates.
        bench: the engine, and the image that the agent's container was made from.
        strict: look a second time at a pass of a patch that gives a reason to.
        fresh: a container of that image in which nothing has run, opened for `TESTER_USER`; it is
            killed. One is opened when None.

    Raises:
        EngineError: the container engine, or the host under it, is broken.
        InputError: the task's own files are.
    """
    started = time.monotonic()
    rules = rules_for(task)
    graded, policed, flags = _grade(task, patch, rules, bench, strict=strict, fresh=fresh)
    return graded.model_copy(
        update={
            "reason": graded.reason[:_REASON_CHARS],
            "stripped": tuple(dict.fromkeys(file.path for file in policed.stripped)),
            "applied": "fuzzy" if policed.fuzzy else "exact",
            "visible": _visible(task, graded),
            "flags": (*scan_patch(policed.kept), *flags),
            "strict": strict,
            "wall_s": round(time.monotonic() - started, 3),
        }
    )


def unfixed(task: Task, bench: Bench) -> Verification:
    """Run the hidden tests on the tree as it is, which no patch but an empty one leaves."""
    started = time.monotonic()
    ran = _attempt(task, (), bench)
    return ran.model_copy(update={"wall_s": round(time.monotonic() - started, 3)})


def confirm(task: Task, patch: str, bench: Bench, *, strict: bool) -> Verification:
    """Repeat a verification that ran out of time or resources, beside the reference fix.

    The caller makes sure that nothing else runs meanwhile. The limit is charged to the patch only
    if the reference fix keeps within it on the same host at the same time; else `EngineError` is
    raised, for the host is to blame.
    """
    if (gold := gold_patch(task)) is not None:
        control = verify(task, gold, replace(bench, folder=None), strict=False)
        if control.verdict != "passed":
            raise EngineError(
                f"the reference fix of {task.id} ended as {control.verdict} on this host too: "
                f"{control.reason}"
            )
    return verify(task, patch, bench, strict=strict)


# ── the looks at one patch ─────────────────────────────────────────────────────────────────────


def _grade(
    task: Task, patch: str, rules: PatchRules, bench: Bench, *, strict: bool, fresh: Sandbox | None
) -> tuple[Verification, Policed, list[Flag]]:
    if not patch.strip():
        return Verification(verdict="no_patch", reason="nothing was changed"), Policed(), []
    policed = police(patch, rules)
    if policed.refused:
        return Verification(verdict="invalid_patch", reason=policed.refused), policed, []
    attempt = _attempt(task, policed.kept, bench, fresh, fuzzy=policed.fuzzy)
    if attempt.verdict == "invalid_patch" and not policed.fuzzy:  # it has no place in the tree
        loose = police(patch, rules, fuzzy=True)
        again = None if loose.refused else _attempt(task, loose.kept, bench, fuzzy=True)
        if again and again.verdict != "invalid_patch":
            attempt, policed = again, loose
    if attempt.verdict != "passed" or not strict:
        return attempt, policed, []
    second, flags = _look_again(task, policed, rules, bench)
    return second or attempt, policed, flags


def _visible(task: Task, graded: Verification) -> Literal["passed", "failed"] | None:
    """Outcome of the deciding tests that the agent could see; what did not end, did not pass."""
    seen = visible_ids(task.tests, tree_files(task), hidden_files(task))
    if not seen:
        return None
    return "passed" if all(graded.tests.get(i) == "passed" for i in seen) else "failed"


def _look_again(
    task: Task, policed: Policed, rules: PatchRules, bench: Bench
) -> tuple[Verification | None, list[Flag]]:
    """The second look: what overrules a pass, if anything does, and what is worth a flag.

    The first look has graded the source without what was stripped. What is left: what the task
    allows of protected files must not be what made the tests pass, what was stripped must not have
    been made to, and a source with suspicious lines must pass under other names too.
    """
    allowed = tuple(
        file
        for file in policed.kept
        if not rules.gold.issuperset(file.paths)
        and any(is_protected(path, rules) for path in file.paths)
    )
    flags = []
    if allowed or any(map(acts_unasked, policed.stripped)):
        around = (*allowed, *policed.stripped)
        alone = _attempt(task, around, bench, fuzzy=policed.fuzzy)
        named = ", ".join(file.path for file in around[:5])
        if alone.verdict == "passed":
            reason = f"the tests pass without any change to the source, through {named}"
            return alone.model_copy(update={"verdict": "integrity", "reason": reason}), []
        if alone.verdict == "integrity":
            detail = f"{named}: {alone.reason}"[:_REASON_CHARS]
            flags.append(Flag(kind="tampering", detail=detail))
    source = tuple(file for file in policed.kept if file not in allowed)
    if not allowed and not scan_patch(source) and not any(file.binary for file in source):
        return None, flags
    again = _attempt(task, source, bench, fuzzy=policed.fuzzy)
    if again.verdict == "passed":
        return None, flags
    if again.verdict == "failed" and allowed:
        reason = "passes only together with changes to tests or their configuration"
        return again.model_copy(update={"verdict": "integrity", "reason": reason}), flags
    reason = f"passed once, then not: {again.reason}"
    return again.model_copy(update={"reason": reason}), flags


def _runner(task: Task) -> ModuleType:
    """What grades by `run(job)`; `VOLUMES`, where it has them, are folders that tests write to."""
    return import_module(RUNNERS[task.tests.runner])


def opened(task: Task, bench: Bench) -> AbstractContextManager[Sandbox]:
    """A fresh container to grade a task's patch in."""
    return bench.engine.open(
        bench.image,
        limits=bench.limits,
        labels=bench.labels,
        user=TESTER_USER,
        volumes=getattr(_runner(task), "VOLUMES", ()),
    )


# ── one run in one container ───────────────────────────────────────────────────────────────────


def _attempt(
    task: Task,
    files: tuple[FilePatch, ...],
    bench: Bench,
    fresh: Sandbox | None = None,
    *,
    fuzzy: bool = False,
) -> Verification:
    with nullcontext(fresh) if fresh else opened(task, bench) as sandbox:
        try:
            return _apply(sandbox, files, fuzzy=fuzzy) or _run(task, sandbox, bench)
        finally:
            sandbox.kill()


def _apply(sandbox: Sandbox, files: Sequence[FilePatch], *, fuzzy: bool) -> Verification | None:
    """Apply a patch, all of it or nothing, `fuzzy` as GNU `patch`; a verification if it fails."""
    placed = fitted(files, partial(_read, sandbox)) if fuzzy else files
    if placed is None:
        return _inapplicable("no place in the tree fits it")
    if not (text := render(placed)):
        return None
    done = sandbox.exec(
        APPLY_FUZZY if fuzzy else APPLY,
        timeout_s=_APPLY_SECONDS,
        env={**CLEAN_ENV, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"},
        user=AGENT_USER,
        stdin=text.encode("utf-8", "surrogateescape"),
    )
    if done.exit_code == 0:
        return None
    if done.ended == "timeout":
        return Verification(verdict="timeout", reason="the patch could not be applied in time")
    return _inapplicable(done.text.strip().partition("\n")[0])


def _read(sandbox: Sandbox, path: str) -> str | None:
    entry = sandbox.get(f"{WORKDIR}/{path}", limit=MAX_READ_BYTES)
    return entry.data.decode("utf-8", "surrogateescape") if entry.kind == "file" else None


def _inapplicable(why: str) -> Verification:
    return Verification(verdict="invalid_patch", reason=f"the patch does not apply: {why}")


def _run(task: Task, sandbox: Sandbox, bench: Bench) -> Verification:
    plan = task.tests
    names = Names(random.SystemRandom(), names_of(plan))
    job = Job(task, sandbox, bench, names, deadline=time.monotonic() + plan.timeout_s)
    found = Findings()
    try:
        found = _runner(task).run(job)
        verdict, reason = decide(found, plan)
    except OutOfTimeError:
        job.finish()
        verdict, reason = "timeout", f"the tests did not end within {plan.timeout_s:g} s"
    sandbox.kill()
    limit = sandbox.resource_ended
    if limit and verdict not in {"passed", "integrity"}:
        verdict, reason = "resource", f"the tests used up their {limit}"
    return Verification(verdict=verdict, reason=reason, tests=found.tests)
