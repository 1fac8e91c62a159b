"""How suspicious each line is: a spectrum of failing and passing runs, spread over the text."""

from __future__ import annotations

import ast
import math
from typing import NamedTuple

from .source import FUNCTIONS, Source
from .trace import Line

NAMED = 1.5
RAISED, PASSED_BY = 1.5, 1.2
SIGNATURE, UNREACHED, DATA, BEFORE = 0.8, 0.25, 0.5, 0.6

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scores = dict[int, float]


class Evidence(NamedTuple):
    """What the runs before any change show."""

    failing: list[list[Line]]
    """Lines of each target."""
    before: list[list[Line]]
    """Lines that prepared each target: what the examples above it ran."""
    passing: list[list[Line]]
    """Lines of each test that passes."""
    frames: list[Line]
    """Where exceptions of targets passed, outermost first."""
    names: frozenset[str]
    """Words of the report that look like names in code."""


def executed(evidence: Evidence) -> dict[Line, float]:
    """Score lines: up for each target that runs them, gently down for each test that passes."""
    failed: dict[Line, float] = {}
    passed: dict[Line, int] = {}
    for own, before in zip(evidence.failing, evidence.before, strict=True):
        for line, weight in {**dict.fromkeys(before, BEFORE), **dict.fromkeys(own, 1.0)}.items():
            failed[line] = failed.get(line, 0.0) + weight
    for lines in evidence.passing:
        for line in lines:
            passed[line] = passed.get(line, 0) + 1
    total = max(1, len(evidence.failing))
    scores = {
        line: count / total / math.sqrt(1 + math.log2(1 + passed.get(line, 0)))
        for line, count in failed.items()
    }
    for depth, line in enumerate(reversed(evidence.frames)):
        if line in scores:
            scores[line] *= PASSED_BY if depth else RAISED
    return scores


def by_file(sources: dict[str, Source], evidence: Evidence) -> dict[str, Scores]:
    """Return the scores of lines, counted from 1, of the files that have any.

    Lines outside functions run when a module is imported and tell nothing by that; they are
    suspicious as far as a suspicious function reads what they bind.
    """
    raw: dict[str, Scores] = {path: {} for path in sources}
    for (path, line), score in executed(evidence).items():
        raw[path][line] = score
    readers: dict[str, float] = {}
    found: dict[str, Scores] = {path: {} for path in sources}
    for path, source in sources.items():
        for node in ast.walk(source.tree):
            if isinstance(node, FUNCTIONS):
                add_function(found[path], node, raw[path], evidence.names, readers)
    if not any(found.values()):
        return {path: scores for path, scores in raw.items() if scores}
    for path, source in sources.items():
        add_data(found[path], source, readers)
    return {path: scores for path, scores in found.items() if scores}


def add_function(
    scores: Scores, node: Function, raw: Scores, names: frozenset[str], readers: dict[str, float]
) -> None:
    """Score the lines of one function that ran, and note the names it reads."""
    last = node.end_lineno or node.lineno
    inside = {line: raw[line] for line in range(node.body[0].lineno, last + 1) if line in raw}
    if not inside:
        return
    for part in ast.walk(node):
        if isinstance(part, ast.stmt) and not getattr(part, "body", None):
            spread(inside, part.lineno, part.end_lineno or part.lineno)
    weight = NAMED if node.name in names else 1.0
    best = max(inside.values()) * weight
    for line in range(node.lineno, last + 1):
        rest = SIGNATURE if line < node.body[0].lineno else UNREACHED
        score = inside[line] * weight if line in inside else best * rest
        scores[line] = max(scores.get(line, 0.0), score)
    for part in ast.walk(node):
        name = getattr(part, "id", None) or getattr(part, "attr", None)
        if isinstance(name, str):
            readers[name] = max(readers.get(name, 0.0), best)


def add_data(scores: Scores, source: Source, readers: dict[str, float]) -> None:
    """Score the assignments outside functions by who reads them."""
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and source.function(node) is None:
            best = max((readers.get(name, 0.0) for name in bound(node)), default=0.0)
            if best:
                for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                    scores[line] = DATA * best


def spread(scores: Scores, first: int, last: int) -> None:
    """Give every line of a statement the score of its best line."""
    best = max((scores.get(line, 0.0) for line in range(first, last + 1)), default=0.0)
    if best:
        for line in range(first, last + 1):
            scores[line] = best


def bound(node: ast.Assign | ast.AnnAssign) -> list[str]:
    """Return the names an assignment binds."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [
        part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
    ]
