"""What one command of the search leaves for the next, as a JSON file outside the tree."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from .examples import Example
from .goals import Goals
from .rank import Candidate
from .source import Edit
from .tree import read, write


class Plan(NamedTuple):
    """The goals of a search, the tests that hold it to the rest, the candidates in order."""

    examples: list[Example]
    goals: Goals
    failing_tests: list[str]
    """Visible tests to turn green, used only where the report has no example that fails."""
    quick_tests: list[str]
    """Tests that pass today and are fast enough to run for each promising candidate."""
    tests: list[str]
    """All tests that pass today."""
    example_s: float
    """Most seconds for one example."""
    quick_s: float
    """Most seconds for the quick tests of one candidate."""
    litter: list[str]
    """Lines of `git status` before anything ran."""
    candidates: list[Candidate]
    note: str = ""
    """Why there is nothing to search, where that is so."""


def save(plan: Plan, path: str) -> None:
    """Write a plan."""
    write(path, json.dumps(plan._asdict()))


def load(path: str) -> Plan:
    """Read a plan back."""
    record: dict[str, Any] = json.loads(read(path))
    targets, kept = ({int(index): goal for index, goal in part.items()} for part in record["goals"])
    candidates = [
        Candidate(path, operator, line, tuple(Edit(*edit) for edit in edits))
        for path, operator, line, edits in record["candidates"]
    ]
    shown = [example(item) for item in record["examples"]]
    return Plan(
        **{**record, "examples": shown, "goals": Goals(targets, kept), "candidates": candidates}
    )


def example(item: list[Any]) -> Example:
    """Rebuild an example from its JSON form."""
    source, want, wishes, block = item
    return Example(source, want, tuple(wishes), block)
