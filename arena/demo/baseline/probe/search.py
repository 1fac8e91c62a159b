"""Find where the fault may be, order the candidates by it, try them until one works.

Run as a program in the tree, each call goes on where the one before it stopped. All runs happen in
a fresh copy, so that nothing has to be taken back; only the fix is written to the tree itself.
"""

from __future__ import annotations

import json
import math
import os
import pickle
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from tokenize import TokenError
from typing import NamedTuple

from . import runs
from .mutate import WEIGHTS, Mutation, apply, mutations
from .runs import Line, isolated

FOLDER = Path(__file__).resolve().parents[2]
COPY, PLAN, REPORT = FOLDER / "copy", FOLDER / "plan", FOLDER / "report.txt"
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
    """What one command of the search leaves for the next, outside the tree."""

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
        PLAN.write_bytes(pickle.dumps(self))


def survey(report: str, limit: int) -> SearchPlan:
    """Run the examples and tests as the tree is, and plan a search of at most limit candidates."""
    until_s = time.monotonic() + SEARCH_S
    texts = sources()
    files = {os.path.abspath(path): path for path in texts}  # noqa: PTH100 - as modules are named
    shown = isolated(lambda: runs.examples(report, files), EXAMPLES_S)
    visible: list[runs.ProbeOutcome] = []
    if runs.load_pytest():
        visible = isolated(lambda: runs.visible_tests(files), TESTS_S) or []
    red = shown is not None and shown.state == "failed"
    wanted = [item for item in visible if item.state == "failed" and not red]
    passing = [item for item in visible if item.state == "passed"]
    # The examples share one namespace, so the fault may lie in what an earlier one ran.
    failing = [item.lines for item in ([shown] if red else wanted)]
    scores = suspicion(failing, [item.lines for item in passing])
    return SearchPlan(
        report=report if red else "",
        wanted=[item.name for item in wanted],
        passing=[item.name for item in passing],
        candidates=candidates(texts, scores, limit),
        tried=0,
        until_s=until_s,
    )


def sources() -> dict[str, str]:
    """Return the Python files in UTF-8 that belong to the program, without tests and tooling."""
    found = {}
    for path in sorted(Path().rglob("*.py")):
        named = path.name in NOT_NAMES or path.name.startswith("test_")
        if not named and not path.stem.endswith("_test") and NOT_SOURCE.isdisjoint(path.parts):
            try:
                found[str(path)] = read(path)
            except (ValueError, OSError):
                continue
    return found


def read(path: Path) -> str:
    """Return a file's text with its line ends as they are."""
    with path.open(encoding="utf-8", newline="") as stream:
        return stream.read()


def suspicion(failing: list[list[Line]], passing: list[list[Line]]) -> dict[Line, float]:
    """Score lines by Ochiai's formula: run by what fails, and not by what passes."""
    failed = Counter(line for lines in failing for line in set(lines))
    passed = Counter(line for lines in passing for line in set(lines))
    return {
        line: count / math.sqrt(len(failing) * (count + passed[line]))
        for line, count in failed.items()
    }


def candidates(texts: dict[str, str], scores: dict[Line, float], limit: int) -> list[Mutation]:
    """Return the most promising mutations that compile, best first."""
    weighed = []
    for path in {path for path, _ in scores}:
        try:
            found = list(mutations(path, texts[path]))
        except (TokenError, SyntaxError):
            continue
        for item in found:
            lines = range(item.first_line, item.last_line + 1)
            if score := max(scores.get((path, line), 0.0) for line in lines):
                weighed.append((-score * WEIGHTS[item.operator], item))
    chosen: list[Mutation] = []
    for _, item in sorted(weighed):
        if len(chosen) == limit:
            break
        text = apply(texts[item.path], item)
        try:
            compile(text, item.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        if text != texts[item.path]:
            chosen.append(item)
    return chosen


def works(plan: SearchPlan, candidate: Mutation) -> bool:
    """Tell whether a candidate reaches the goal and keeps the passing tests green."""
    path = Path(candidate.path)
    text = read(path)
    path.write_text(apply(text, candidate), encoding="utf-8", newline="")
    try:
        return bool(
            isolated(lambda: runs.examples(plan.report, {}).state == "passed", TRY_S)
            and isolated(lambda: green(plan.wanted), TRY_S)
            and isolated(lambda: green(plan.passing), TESTS_S)
        )
    finally:
        path.write_text(text, encoding="utf-8", newline="")


def green(tests: list[str]) -> bool:
    """Run tests here and tell whether each of them passed."""
    if not tests:
        return True
    passed = {item.name for item in runs.visible_tests({}, tests) if item.state == "passed"}
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
    plan: SearchPlan = pickle.loads(PLAN.read_bytes())  # noqa: S301 - of the command before
    count = max(BATCH, len(plan.candidates) // BATCHES)
    # A batch that is cut off counts as a whole, so that no candidate stops the search for good.
    plan._replace(tried=plan.tried + count).save()
    runs.load_pytest()
    deadline = min(time.monotonic() + BATCH_S, plan.until_s)
    for candidate in plan.candidates[plan.tried : plan.tried + count]:
        if time.monotonic() > deadline:
            break
        plan = plan._replace(tried=plan.tried + 1)
        if works(plan, candidate):
            path = root / candidate.path
            path.write_text(apply(read(path), candidate), encoding="utf-8", newline="")
            return f"Candidate {plan.tried} works: {candidate.operator} in {candidate.path}.", True
    plan.save()
    if plan.tried >= len(plan.candidates):
        return f"{plan.tried} tried, none works.", True
    late = time.monotonic() > plan.until_s
    return f"{plan.tried} tried, none works {'in time' if late else 'yet'}.", late


def main() -> None:
    """Run one command, `begin LIMIT` or `go-on`, and print the line that the service reads."""
    command, *limit = sys.argv[1:]
    root = Path.cwd()
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(root, COPY, symlinks=True)
    os.chdir(COPY)
    # The copy's own packages are imported first, and no compiled file of a mutant outlives it.
    sys.path[:0] = [str(COPY / "src"), str(COPY)]
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    said, done = begin(int(limit[0])) if command == "begin" else go_on(root)
    sys.stdout.write(f"arena-mutate: {json.dumps({'say': said, 'done': done})}\n")
