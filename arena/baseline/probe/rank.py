"""The order in which candidates are tried: suspicious lines first, likely kinds of fault first."""

from __future__ import annotations

import ast
import math
from typing import NamedTuple

from .mutate import mutations
from .source import FUNCTIONS, Edit, Hints, Mutation, Source
from .trace import Line

CROWDING = 0.95
SIGNATURE, UNREACHED, DATA, BEFORE = 0.8, 0.25, 0.5, 0.6


class Candidate(NamedTuple):
    """One mutation of one file."""

    path: str
    operator: str
    line: int
    edits: tuple[Edit, ...]


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
            scores[line] *= 1.5 if depth == 0 else 1.2
    return scores


def suspicion(source: Source, lines: dict[int, float], names: frozenset[str]) -> dict[int, float]:
    """Spread the scores of executed lines over the text that shapes them; lines count from 1."""
    scores = dict(lines)
    functions = [node for node in ast.walk(source.tree) if isinstance(node, FUNCTIONS)]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.stmt) and not getattr(node, "body", None):
            spread(scores, node.lineno, node.end_lineno or node.lineno)
    readers: dict[str, float] = {}
    for function in functions:
        first, last = function.lineno, function.end_lineno or function.lineno
        inside = [
            scores[line] for line in range(function.body[0].lineno, last + 1) if line in scores
        ]
        if not inside:
            continue
        weight = 1.5 if function.name in names else 1.0
        best = max(inside) * weight
        for line in range(first, last + 1):
            if line in scores:
                scores[line] *= weight
            else:
                header = line < function.body[0].lineno
                scores[line] = best * (SIGNATURE if header else UNREACHED)
        for part in ast.walk(function):
            name = getattr(part, "id", None) or getattr(part, "attr", None)
            if isinstance(name, str):
                readers[name] = max(readers.get(name, 0.0), best)
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and source.function(node) is None:
            best = max((readers.get(name, 0.0) for name in bound(node)), default=0.0)
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                scores[line] = max(scores.get(line, 0.0), DATA * best)
    return scores


def spread(scores: dict[int, float], first: int, last: int) -> None:
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


def candidates(
    sources: dict[str, Source], evidence: Evidence, hints: Hints, limit: int
) -> list[Candidate]:
    """Return the most promising mutations that compile and change something, best first."""
    scores = executed(evidence)
    found: list[tuple[float, str, Mutation]] = []
    for path, source in sources.items():
        own = {line: score for (where, line), score in scores.items() if where == path}
        by_line = suspicion(source, own, evidence.names)
        weighed = [
            (by_line.get(item.line, 0.0) * item.prior, item)
            for item in mutations(source, hints)
            if by_line.get(item.line, 0.0) > 0
        ]
        found += [(weight, path, item) for weight, item in weighed]
    found = crowded(sorted(found, key=lambda entry: (-entry[0], entry[1], entry[2].edits)))
    return distinct(sources, found, limit)


def crowded(found: list[tuple[float, str, Mutation]]) -> list[tuple[float, str, Mutation]]:
    """Let each further mutation of a line weigh a little less, so that no line takes it all."""
    seen: dict[Line, int] = {}
    weighed = []
    for weight, path, item in found:
        place = (path, item.line)
        weighed.append((weight * CROWDING ** seen.get(place, 0), path, item))
        seen[place] = seen.get(place, 0) + 1
    return sorted(weighed, key=lambda entry: (-entry[0], entry[1], entry[2].edits))


def distinct(
    sources: dict[str, Source], found: list[tuple[float, str, Mutation]], limit: int
) -> list[Candidate]:
    """Leave out what does not compile, changes nothing, or was already there."""
    seen = {(path, ast.dump(source.tree)) for path, source in sources.items()}
    chosen: list[Candidate] = []
    for _, path, item in found:
        if len(chosen) == limit:
            break
        try:
            text = sources[path].apply(item.edits)
            compile(text, path, "exec", dont_inherit=True)
            key = (path, ast.dump(ast.parse(text)))
        except (SyntaxError, ValueError):
            continue
        if key not in seen:
            seen.add(key)
            chosen.append(Candidate(path, item.operator, item.line, item.edits))
    return chosen
