"""Command line of the search: survey, try, apply, finish; each prints one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from . import suite, tree
from .examples import Example
from .search import attempt, clean, confirm
from .survey import Plan, Report, load, survey

PLAN = "plan.json"
REPORT = "report.json"
MARK = "arena-mutate:"
DIFF_CHARACTERS = 3000


def say(event: str, **facts: Any) -> None:
    """Print one line that the service reads."""
    sys.stdout.write(f"{MARK} {json.dumps({'event': event, **facts})}\n")


def run_survey(folder: str, arguments: argparse.Namespace) -> None:
    """Look at the tree and keep the plan."""
    record = json.loads(tree.read(os.path.join(folder, REPORT)))
    shown = [Example(item[0], item[1], tuple(item[2]), item[3]) for item in record["examples"]]
    plan = survey(os.getcwd(), Report(shown, frozenset(record["names"])), arguments.limit)
    tree.write(os.path.join(folder, PLAN), json.dumps(plan._asdict()))
    say(
        "survey", goals=len(plan.goals.targets) or len(plan.failing_tests),
        tests=len(plan.tests), candidates=len(plan.candidates), note=plan.note,
    )  # fmt: skip


def run_try(plan: Plan, arguments: argparse.Namespace) -> None:
    """Try one batch of candidates."""
    begun = time.monotonic()
    suite.available()
    tried, winner = attempt(plan, arguments.start, arguments.count)
    seconds = round(time.monotonic() - begun, 1)
    say("try", start=arguments.start, tried=tried, winner=winner, seconds=seconds)


def run_apply(plan: Plan, arguments: argparse.Namespace) -> None:
    """Make one candidate the fix, if it holds on disk."""
    suite.available()
    candidate = plan.candidates[arguments.start]
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
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    os.environ.pop("PYTHONPATH", None)
    os.chdir(arguments.root)
    tree.make_importable(os.getcwd())
    if arguments.command == "survey":
        run_survey(folder, arguments)
        return
    plan = load(json.loads(tree.read(os.path.join(folder, PLAN))))
    if arguments.command == "try":
        run_try(plan, arguments)
    elif arguments.command == "apply":
        run_apply(plan, arguments)
    else:
        clean(plan)
        say("finish")


if __name__ == "__main__":
    main()
