"""Try candidates one by one, apply the one that works, leave the tree clean."""

from __future__ import annotations

import time
from pathlib import Path

from . import examples, goals, suite, tree
from .isolate import isolated
from .plan import Plan
from .rank import Candidate
from .source import Source

BATCH_S = 14.0
TRY_S = 4.0
CONFIRM_S = 25.0


def attempt(plan: Plan, start: int, count: int) -> tuple[int, int | None]:
    """Try up to count candidates from start on, until one works or the batch has had its time.

    Returns how many were tried and the index of the one that works.
    """
    deadline = time.monotonic() + BATCH_S
    tried = 0
    for index in range(start, min(start + count, len(plan.candidates))):
        if time.monotonic() > deadline:
            break
        tried += 1
        if works(plan, plan.candidates[index]):
            return tried, index
    return tried, None


def mutated(candidate: Candidate) -> str:
    """Return the text of the candidate's file with its edits made."""
    return Source(tree.read(candidate.path)).apply(candidate.edits)


def works(plan: Plan, candidate: Candidate) -> bool:
    """Tell whether a candidate, imported from memory, reaches the goals and keeps tests green.

    Nothing is written, so there is no stale bytecode to fear and nothing to take back.
    """
    text, path = mutated(candidate), str(Path(candidate.path).resolve())

    def goals_reached() -> bool:
        tree.import_as(path, text)
        return reached(plan)

    def tests_green() -> bool:
        tree.import_as(path, text)
        return green(plan.failing_tests + plan.quick_tests)

    if plan.goals.targets and not isolated(goals_reached, TRY_S):
        return False
    return bool(isolated(tests_green, plan.quick_s))


def reached(plan: Plan) -> bool:
    """Run the examples here and compare them with the goals."""
    return goals.reached(plan.goals, examples.run(plan.examples, timeout_s=plan.example_s))


def green(tests: list[str]) -> bool:
    """Run tests here and tell whether each of them passed."""
    if not tests:
        return True
    outcomes = suite.run(tests).outcomes
    return all(outcomes.get(node) == "passed" for node in tests)


def confirm(plan: Plan, candidate: Candidate) -> bool:
    """Write a candidate to its file; take it back where it does not hold there as well."""
    before = tree.read(candidate.path)
    tree.write(candidate.path, mutated(candidate))
    holds = not plan.goals.targets or isolated(lambda: reached(plan), TRY_S)
    tests = plan.failing_tests + plan.tests
    if holds and isolated(lambda: green(tests), CONFIRM_S):
        return True
    tree.write(candidate.path, before)
    return False


def clean(plan: Plan, keep: str | None = None) -> None:
    """Undo what the runs left in the tree, changes from before them and keep excepted."""
    for line in tree.status():
        path = line[3:].strip('"')
        if line in plan.litter or path == keep:
            continue
        if line.startswith("??"):
            Path(path).unlink(missing_ok=True)
        else:
            tree.git("checkout", "--", path)
