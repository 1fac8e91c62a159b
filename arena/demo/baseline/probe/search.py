"""Find where the fault may be, order the candidates by it, try them until one works.

Run as a program, each call goes on where the one before it stopped. All runs happen in a fresh
copy of the tree, so that nothing has to be taken back; only the fix is written to the tree itself.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from . import runs
from .mutate import WEIGHTS, Module, Mutation, apply
from .runs import Line, ProbeOutcome, isolated

FOLDER = Path(__file__).resolve().parent.parent
COPY, PLAN, REPORT = FOLDER / "copy", FOLDER / "plan.json", FOLDER / "report.txt"
NOT_SOURCE = {"test", "tests", "testing", "docs", "examples", "build", "venv", ".venv", ".git"}
NOT_NAMES = {"setup.py", "conftest.py", "noxfile.py"}
BATCH, BATCHES = 25, 30
"""Candidates in a call at least, and calls at most: large budgets take larger steps."""
SEARCH_S = 120.0
"""For all of it: an agent has three minutes in the demo. One candidate that hangs takes `TRY_S`."""
EXAMPLES_S = 10.0
BATCH_S = 10.0
TRY_S = 8.0
TESTS_S = 30.0


class SearchPlan(NamedTuple):
    """What one command of the search leaves for the next, as a JSON file outside the tree."""

    report: str
    """The report whose examples all have to hold, empty where none of them fails today."""
    wanted: list[str]
    """Visible tests to turn green, only where no example fails."""
    passing: list[str]
    """Visible tests that pass today and have to go on passing."""
    candidates: list[Mutation]
    tried: int
    until_s: float
    """When it is over on the machine's own clock, which goes on between the commands."""

    def save(self) -> None:
        """Write the plan."""
        PLAN.write_text(json.dumps(self._asdict()))

    @classmethod
    def load(cls) -> SearchPlan:
        """Read the plan back."""
        record: dict[str, Any] = json.loads(PLAN.read_text())
        candidates = [Mutation(*item) for item in record["candidates"]]
        return cls(**{**record, "candidates": candidates})


def survey(report: str, limit: int) -> SearchPlan:
    """Run the examples and tests as the tree is, and plan a search of at most limit candidates."""
    until_s = time.monotonic() + SEARCH_S
    modules = parse(python_files())
    shown = outcomes(isolated(lambda: runs.examples(report, list(modules)), EXAMPLES_S))
    visible = []
    if runs.load_pytest():
        visible = outcomes(isolated(lambda: runs.visible_tests(list(modules)), TESTS_S))
    red = any(item.state == "failed" for item in shown)
    wanted = [item for item in visible if item.state == "failed" and not red]
    passing = [item for item in visible if item.state == "passed"]
    failing = [item.lines for item in wanted]
    if red:
        # The examples share one namespace, so the fault may lie in what an earlier one ran.
        failing = [[line for item in shown for line in item.lines]]
    scores = suspicion(failing, [item.lines for item in passing])
    return SearchPlan(
        report=report if red else "",
        wanted=[item.name for item in wanted],
        passing=[item.name for item in passing],
        candidates=candidates(modules, scores, limit),
        tried=0,
        until_s=until_s,
    )


def python_files() -> list[str]:
    """Return the Python files that belong to the program, tests and tooling left out, sorted."""
    return sorted(
        str(path)
        for path in Path().rglob("*.py")
        if path.name not in NOT_NAMES
        and not path.name.startswith("test_")
        and not path.name.endswith("_test.py")
        and not NOT_SOURCE.intersection(path.parts)
    )


def read(path: str | Path) -> str:
    """Return a file's text with its line ends as they are."""
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return stream.read()


def parse(paths: list[str]) -> dict[str, Module]:
    """Return the files that are valid Python in UTF-8."""
    found = {}
    for path in paths:
        try:
            found[path] = Module(path, read(path))
        except (SyntaxError, ValueError, RecursionError, OSError):
            continue
    return found


def outcomes(items: list[list[Any]] | None) -> list[ProbeOutcome]:
    """Rebuild outcomes from their JSON form; there are none where the whole child died."""
    return [
        ProbeOutcome(name, state, [(path, line) for path, line in lines])
        for name, state, lines in items or ()
    ]


def suspicion(failing: list[list[Line]], passing: list[list[Line]]) -> dict[Line, float]:
    """Score lines by Ochiai's formula: run by what fails, and not by what passes."""
    failed = Counter(line for lines in failing for line in set(lines))
    passed = Counter(line for lines in passing for line in set(lines))
    return {
        line: count / math.sqrt(len(failing) * (count + passed[line]))
        for line, count in failed.items()
    }


def candidates(modules: dict[str, Module], scores: dict[Line, float], limit: int) -> list[Mutation]:
    """Return the most promising mutations that compile and change something, best first."""
    weighed = []
    for module in modules.values():
        for item in module.mutations():
            lines = range(item.first_line, item.last_line + 1)
            score = max((scores.get((item.path, line), 0.0) for line in lines), default=0.0)
            if score:
                weighed.append((-score * WEIGHTS[item.operator], item))
    chosen: list[Mutation] = []
    seen = {(path, ast.dump(module.tree)) for path, module in modules.items()}
    for _, item in sorted(weighed):
        if len(chosen) == limit:
            break
        text = apply(modules[item.path].text, item)
        try:
            compile(text, item.path, "exec", dont_inherit=True)
            key = item.path, ast.dump(ast.parse(text))
        except (SyntaxError, ValueError):
            continue
        if key not in seen:
            seen.add(key)
            chosen.append(item)
    return chosen


def attempt(plan: SearchPlan, count: int) -> tuple[int, Mutation | None]:
    """Try up to count more candidates, until one works or the time is over.

    Returns how many were tried, and the one that works.
    """
    runs.load_pytest()
    deadline = min(time.monotonic() + BATCH_S, plan.until_s)
    tried = 0
    for candidate in plan.candidates[plan.tried : plan.tried + count]:
        if time.monotonic() > deadline:
            break
        tried += 1
        if works(plan, candidate):
            return tried, candidate
    return tried, None


def works(plan: SearchPlan, candidate: Mutation) -> bool:
    """Tell whether a candidate reaches the goal and keeps the passing tests green."""
    text = read(candidate.path)
    path = Path(candidate.path)
    path.write_text(apply(text, candidate), encoding="utf-8", newline="")
    try:
        return bool(
            isolated(lambda: hold(plan), TRY_S)
            and isolated(lambda: green(plan.wanted), TRY_S)
            and isolated(lambda: green(plan.passing), TESTS_S)
        )
    finally:
        path.write_text(text, encoding="utf-8", newline="")


def hold(plan: SearchPlan) -> bool:
    """Run the report's examples here and tell whether all give what it shows."""
    return all(item.state == "passed" for item in runs.examples(plan.report, []))


def green(tests: list[str]) -> bool:
    """Run tests here and tell whether each of them passed."""
    if not tests:
        return True
    passed = {item.name for item in runs.visible_tests([], tests) if item.state == "passed"}
    return passed.issuperset(tests)


def begin(limit: int) -> tuple[str, bool]:
    """Look at the tree and keep the plan; returns what to say, and whether that was all."""
    plan = survey(read(REPORT), limit)
    plan.save()
    if not plan.candidates:
        why = "nothing that the failing runs execute can be mutated"
        if not plan.report and not plan.wanted:
            why = "no example of the report and no visible test fails today"
        return f"No search is possible: {why}.", True
    goal = f"{len(plan.wanted)} failing test(s)" if plan.wanted else "the report's examples"
    return (
        f"To satisfy {goal}, with {len(plan.passing)} visible test(s) to keep green, there are"
        f" {len(plan.candidates)} candidate(s) within the budget."
    ), False


def go_on(root: Path) -> tuple[str, bool]:
    """Try the next batch and write the fix; returns what to say, and whether that was all."""
    plan = SearchPlan.load()
    count = max(BATCH, len(plan.candidates) // BATCHES)
    # A batch that is cut off counts as a whole, so that no candidate stops the search for good.
    plan._replace(tried=plan.tried + count).save()
    tried, fix = attempt(plan, count)
    plan = plan._replace(tried=plan.tried + tried)
    plan.save()
    if fix:
        mended = apply(read(root / fix.path), fix)
        (root / fix.path).write_text(mended, encoding="utf-8", newline="")
        return f"Candidate {plan.tried} works: {fix.operator} in {fix.path}.", True
    if plan.tried >= len(plan.candidates):
        return f"{plan.tried} tried, none works.", True
    late = time.monotonic() > plan.until_s
    return f"{plan.tried} tried, none works {'in time' if late else 'yet'}.", late


def main() -> None:
    """Run one command for the tree given by --root and print the line that the service reads."""
    parser = argparse.ArgumentParser(prog="search")
    parser.add_argument("command", choices=("begin", "go-on"))
    parser.add_argument("--root", required=True, type=Path)
    parser.add_argument("--limit", type=int, default=0)
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(root, COPY, symlinks=True)
    os.chdir(COPY)
    # The copy's own packages are imported first, and no compiled file of a mutant outlives it.
    sys.path[:0] = [str(COPY / "src"), str(COPY)]
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    said, done = begin(arguments.limit) if arguments.command == "begin" else go_on(root)
    sys.stdout.write(f"arena-mutate: {json.dumps({'say': said, 'done': done})}\n")


if __name__ == "__main__":
    main()
