"""The first look: run the report's examples and the visible tests, order the candidates."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from . import examples, goals, rank, suite, tree
from .examples import Example, Outcome
from .isolate import isolated
from .plan import Plan
from .suspicion import Evidence
from .trace import Tracer

EXAMPLES_TIMEOUT_S = 10.0
SUITE_TIMEOUT_S = 10.0
QUICK_S = 3.0


class Report(NamedTuple):
    """What the bug report says, as the service read it."""

    examples: list[Example]
    names: frozenset[str]


class Suite(NamedTuple):
    """What the visible tests do today."""

    results: suite.Results
    wall_s: float

    def having(self, outcome: str) -> list[str]:
        """Return the tests with an outcome, fastest first."""
        seconds, outcomes = self.results.seconds, self.results.outcomes
        found = [node for node in outcomes if outcomes[node] == outcome]
        return sorted(found, key=lambda node: (seconds.get(node, 0.0), node))


def survey(root: str, report: Report, limit: int) -> Plan:
    """Look at the tree and return the plan of the search; limit bounds its candidates."""
    litter = tree.status()
    sources = tree.parse(tree.python_files(root))
    if not sources:
        return nothing(litter, "there is no Python source here, and nothing else can be mutated")
    shown = goals.missing_imports(report.examples, sources) + report.examples
    outcomes = observe(shown, Tracer(root, list(sources)))
    wanted = goals.find(shown, outcomes)
    visible = run_tests(Tracer(root, list(sources)))
    red = [] if wanted.targets else sorted(visible.having("failed"))
    if not wanted.targets and not red:
        return nothing(litter, "no example of the report and no visible test fails today")
    evidence = gather(wanted, outcomes, visible, red, report.names)
    hints = goals.hints(wanted, outcomes)
    ended = [outcome.seconds for outcome in outcomes if outcome.error != "HangError"]
    return Plan(
        examples=shown,
        goals=wanted,
        failing_tests=red,
        quick_tests=quick(visible),
        tests=visible.having("passed"),
        example_s=min(examples.TIMEOUT_S, 0.5 + 2 * max(ended, default=0.0)),
        quick_s=1.5 + 2 * min(visible.wall_s, QUICK_S),
        litter=litter,
        candidates=rank.candidates(sources, evidence, hints, limit),
    )


def nothing(litter: list[str], note: str) -> Plan:
    """Return the plan of a search that cannot begin, with the reason."""
    return Plan([], goals.Goals({}, {}), [], [], [], 0.0, 0.0, litter, [], note)


def observe(shown: list[Example], tracer: Tracer) -> list[Outcome]:
    """Run the examples in a child; nothing comes back where the whole child dies."""
    found = isolated(lambda: list(examples.run(shown, tracer=tracer)), EXAMPLES_TIMEOUT_S)
    return [
        Outcome(text, error, message, seconds, pairs(lines), pairs(frames))
        for text, error, message, seconds, lines, frames in found or ()
    ]


def pairs(items: list[list[Any]]) -> list[tuple[str, int]]:
    """Rebuild (path, line) pairs from their JSON form."""
    return [(path, line) for path, line in items]


def run_tests(tracer: Tracer) -> Suite:
    """Run the visible tests, a second time under the tracer."""
    begun = time.monotonic()
    found = isolated(suite.run, SUITE_TIMEOUT_S) if suite.available() else None
    wall_s = time.monotonic() - begun
    if found is None:
        return Suite(suite.Results({}, {}, {}), wall_s)
    outcomes, seconds, _ = found
    traced = isolated(lambda: suite.run(tracer=tracer), SUITE_TIMEOUT_S)
    lines = {node: pairs(items) for node, items in traced[2].items()} if traced else {}
    return Suite(suite.Results(outcomes, seconds, lines), wall_s)


def quick(visible: Suite) -> list[str]:
    """Return the fastest passing tests, as many as fit in the time for one candidate."""
    chosen, total_s = [], 0.0
    for node in visible.having("passed"):
        total_s += visible.results.seconds.get(node, 0.0)
        if total_s > QUICK_S:
            break
        chosen.append(node)
    return chosen


def gather(
    wanted: goals.Goals,
    outcomes: list[Outcome],
    visible: Suite,
    red: list[str],
    names: frozenset[str],
) -> Evidence:
    """Return what the first runs say about where the fault is."""
    lines = visible.results.lines
    failing = [outcomes[index].lines for index in wanted.targets]
    before = [
        [line for outcome in outcomes[:index] for line in outcome.lines] for index in wanted.targets
    ]
    failing += [lines.get(node, []) for node in red]
    before += [[] for _ in red]
    passing = [lines.get(node, []) for node in visible.having("passed")]
    passing += [outcomes[index].lines for index in sorted(wanted.kept)]
    frames = [frame for index in wanted.targets for frame in outcomes[index].frames]
    return Evidence(failing, before, passing, frames, names)
