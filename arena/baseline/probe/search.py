"""Try candidates one by one, apply the one that works, leave the tree clean."""

from __future__ import annotations

import os
import time

from . import examples, goals, suite, tree
from .isolate import isolated
from .rank import Candidate
from .survey import Plan, mutated

BATCH_S = 14.0
TRY_S = 4.0
GUARD_S = 8.0
CONFIRM_S = 25.0


def attempt(plan: Plan, start: int, count: int) -> tuple[int, int | None]:
    """Try up to count candidates from start on, until one works or the batch has had its time.

    Returns how many were tried and the index of the one that works.
    """
    deadline = time.monotonic() + BATCH_S
    for index in range(start, min(start + count, len(plan.candidates))):
        if time.monotonic() > deadline:
            return index - start, None
        if works(plan, plan.candidates[index]):
            return index + 1 - start, index
    return max(0, min(count, len(plan.candidates) - start)), None


def works(plan: Plan, candidate: Candidate) -> bool:
    """Tell whether a candidate, imported from memory, reaches the goals and keeps tests green."""
    text, path = mutated(candidate), os.path.abspath(candidate.path)

    def goals_reached() -> bool:
        tree.import_as(path, text)
        return reached(plan)

    def tests_green() -> bool:
        tree.import_as(path, text)
        return green(plan.failing_tests + plan.quick_tests)

    if plan.goals.targets and not isolated(goals_reached, TRY_S):
        return False
    return bool(isolated(tests_green, GUARD_S))


def reached(plan: Plan) -> bool:
    """Run the examples here and compare them with the goals."""
    return goals.reached(plan.goals, examples.run(plan.examples))


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
    """Undo what the runs left in the tree, files that were there before and keep excepted."""
    for line in tree.git("status", "--porcelain", "--untracked-files=all"):
        path = line[3:].strip('"')
        if line in plan.litter or path == keep:
            continue
        if line.startswith("??"):
            os.remove(path)
        else:
            tree.git("checkout", "--", path)
