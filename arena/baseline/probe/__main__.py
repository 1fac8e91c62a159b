"""Command line of the search: survey, try, apply, finish; each prints one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from . import suite, tree
from .plan import Plan, example, load, save
from .search import attempt, clean, confirm
from .survey import Report, survey

FOLDER = Path(__file__).resolve().parent.parent
PLAN = str(FOLDER / "plan.json")
REPORT = str(FOLDER / "report.json")
MARK = "arena-mutate:"
DIFF_CHARACTERS = 3000


def say(event: str, **facts: str | float | None) -> None:
    """Print one line that the service reads."""
    sys.stdout.write(f"{MARK} {json.dumps({'event': event, **facts})}\n")


def run_survey(limit: int) -> None:
    """Look at the tree and keep the plan."""
    record = json.loads(tree.read(REPORT))
    shown = [example(item) for item in record["examples"]]
    plan = survey(str(Path.cwd()), Report(shown, frozenset(record["names"])), limit)
    save(plan, PLAN)
    say(
        "survey",
        goals=len(plan.goals.targets) or len(plan.failing_tests),
        tests=len(plan.tests),
        candidates=len(plan.candidates),
        note=plan.note,
    )


def run_try(plan: Plan, start: int, count: int) -> None:
    """Try one batch of candidates."""
    begun = time.monotonic()
    suite.available()
    tried, winner = attempt(plan, start, count)
    seconds = round(time.monotonic() - begun, 1)
    say("try", start=start, tried=tried, winner=winner, seconds=seconds)


def run_apply(plan: Plan, index: int) -> None:
    """Make one candidate the fix, if it holds on disk."""
    suite.available()
    candidate = plan.candidates[index]
    holds = confirm(plan, candidate)
    clean(plan, candidate.path if holds else None)
    diff = "\n".join(tree.git("diff", "--", candidate.path))
    say("apply", holds=holds, operator=candidate.operator, path=candidate.path)
    sys.stdout.write(diff[:DIFF_CHARACTERS] + "\n")


def main() -> None:
    """Run one command in the tree given by --root."""
    parser = argparse.ArgumentParser(prog="mutate")
    parser.add_argument("command", choices=("survey", "try", "apply", "finish"))
    parser.add_argument("--root", required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    arguments = parser.parse_args()
    os.chdir(arguments.root)
    tree.make_importable(arguments.root)
    if arguments.command == "survey":
        run_survey(arguments.limit)
    elif arguments.command == "try":
        run_try(load(PLAN), arguments.start, arguments.count)
    elif arguments.command == "apply":
        run_apply(load(PLAN), arguments.start)
    else:
        clean(load(PLAN))
        say("finish")


if __name__ == "__main__":
    main()
