"""The first look: run the report's examples and the visible tests, order the candidates."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from . import examples, goals, rank, suite, tree
from .examples import Example, Outcome
from .isolate import isolated
from .rank import Candidate, Evidence
from .source import Edit, Hints, Source
from .trace import Tracer

EXAMPLES_TIMEOUT_S = 10.0
SUITE_TIMEOUT_S = 15.0
QUICK_S = 3.0


class Report(NamedTuple):
    """What the bug report says, as the service read it."""

    examples: list[Example]
    names: frozenset[str]


class Plan(NamedTuple):
    """All that the later commands need, kept in a file between them."""

    examples: list[Example]
    goals: goals.Goals
    failing_tests: list[str]
    """Visible tests to turn green, used only where the report has no example that fails."""
    quick_tests: list[str]
    """Tests that pass today and are fast enough to run for each promising candidate."""
    tests: list[str]
    """All tests that pass today."""
    litter: list[str]
    """Lines of `git status` before anything ran."""
    candidates: list[Candidate]
    note: str


def survey(root: str, report: Report, limit: int) -> Plan:
    """Look at the tree and return the plan of the search; limit bounds its candidates."""
    litter = tree.git("status", "--porcelain", "--untracked-files=all")
    sources = tree.parse(tree.python_files(root))
    if not sources:
        return empty(litter, "there is no Python source here, and nothing else can be mutated")
    shown = goals.missing_imports(report.examples, sources) + report.examples
    outcomes = observe(shown, Tracer(root, list(sources)))
    wanted = goals.find(shown, outcomes)
    results = visible_tests(root, list(sources))
    red = sorted(node for node, outcome in results.outcomes.items() if outcome == "failed")
    green = [node for node, outcome in results.outcomes.items() if outcome == "passed"]
    if not wanted.targets and not red:
        return empty(litter, "no example of the report and no visible test fails today")
    red = [] if wanted.targets else red
    evidence = gather(wanted, outcomes, results, red, green, report.names)
    hints = goals.hints(wanted, outcomes) if outcomes else Hints()
    return Plan(
        shown, wanted, red, quick(green, results), green, litter,
        rank.candidates(sources, evidence, hints, limit), "",
    )  # fmt: skip


def empty(litter: list[str], note: str) -> Plan:
    """Return the plan of a search that cannot begin, with the reason."""
    return Plan([], goals.Goals({}, {}), [], [], [], litter, [], note)


def observe(shown: list[Example], tracer: Tracer | None = None) -> list[Outcome]:
    """Run the examples in a child; nothing comes back where it does not end well."""
    found = isolated(lambda: examples.run(shown, tracer), EXAMPLES_TIMEOUT_S)
    return [outcome(item) for item in found or ()]


def outcome(item: list[Any]) -> Outcome:
    """Rebuild an outcome from its JSON form."""
    text, error, message, lines, frames = item
    return Outcome(text, error, message, pairs(lines), pairs(frames))


def pairs(items: list[list[Any]]) -> list[tuple[str, int]]:
    """Rebuild (path, line) pairs from their JSON form."""
    return [(path, line) for path, line in items]


def visible_tests(root: str, paths: list[str]) -> suite.Results:
    """Run the visible tests, a second time under the tracer where they are quick."""
    nothing = suite.Results({}, {}, {})
    if not suite.available():
        return nothing
    found = isolated(suite.run, SUITE_TIMEOUT_S)
    if found is None:
        return nothing
    outcomes, seconds, _ = found
    traced = isolated(lambda: suite.run(None, Tracer(root, paths)), SUITE_TIMEOUT_S)
    lines = {node: pairs(items) for node, items in traced[2].items()} if traced else {}
    return suite.Results(outcomes, seconds, lines)


def quick(green: list[str], results: suite.Results) -> list[str]:
    """Return the fastest passing tests, as many as fit in the time for one candidate."""
    chosen, total = [], 0.0
    for node in sorted(green, key=lambda node: (results.seconds.get(node, 0.0), node)):
        total += results.seconds.get(node, 0.0)
        if total > QUICK_S:
            break
        chosen.append(node)
    return chosen


def gather(
    wanted: goals.Goals, outcomes: list[Outcome], results: suite.Results,
    red: list[str], green: list[str], names: frozenset[str],
) -> Evidence:  # fmt: skip
    """Return what the first runs say about where the fault is."""
    targets = [outcomes[index] for index in sorted(wanted.targets)]
    failing = [outcome.lines for outcome in targets] + [results.lines.get(node, []) for node in red]
    passing = [results.lines.get(node, []) for node in green]
    passing += [outcomes[index].lines for index in sorted(wanted.kept)]
    frames = [frame for outcome in targets for frame in outcome.frames]
    return Evidence(failing, passing, frames, names)


def load(record: dict[str, Any]) -> Plan:
    """Rebuild a plan from its JSON form."""
    fields = dict(record)
    fields["examples"] = [Example(item[0], item[1], tuple(item[2]), item[3])
                          for item in record["examples"]]  # fmt: skip
    fields["goals"] = goals.Goals(
        *({int(index): goal for index, goal in part.items()} for part in record["goals"])
    )
    fields["candidates"] = [
        Candidate(path, operator, line, tuple(Edit(*edit) for edit in edits))
        for path, operator, line, edits in record["candidates"]
    ]
    return Plan(**fields)


def mutated(candidate: Candidate) -> str:
    """Return the text of the candidate's file with its edits made."""
    return Source(tree.read(candidate.path)).apply(candidate.edits)


def absolute(root: str, path: str) -> str:
    """Return a path of the tree as the importer sees it."""
    return os.path.join(root, path)
