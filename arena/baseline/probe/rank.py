"""The order in which candidates are tried: suspicious lines first, likely kinds of fault first."""

from __future__ import annotations

import ast
from typing import NamedTuple

from .mutate import mutations
from .source import Edit, Hints, Mutation, Source
from .suspicion import Evidence, by_file
from .trace import Line

CROWDING = 0.95


class Candidate(NamedTuple):
    """One mutation of one file."""

    path: str
    operator: str
    line: int
    edits: tuple[Edit, ...]


class Weighed(NamedTuple):
    """A mutation with its weight: how suspicious its line is, how likely its kind."""

    weight: float
    path: str
    mutation: Mutation

    def order(self) -> tuple[float, str, tuple[Edit, ...]]:
        """Return what to sort by, heaviest first and ties by place."""
        return -self.weight, self.path, self.mutation.edits


def candidates(
    sources: dict[str, Source], evidence: Evidence, hints: Hints, limit: int
) -> list[Candidate]:
    """Return the most promising mutations that compile and change something, best first."""
    found = [
        Weighed(scores[item.line] * item.prior, path, item)
        for path, scores in by_file(sources, evidence).items()
        for item in mutations(sources[path], hints)
        if scores.get(item.line, 0.0) > 0
    ]
    return distinct(sources, crowded(found), limit)


def crowded(found: list[Weighed]) -> list[Weighed]:
    """Let each further mutation of a line weigh a little less, so that no line takes it all."""
    seen: dict[Line, int] = {}
    weighed = []
    for item in sorted(found, key=Weighed.order):
        place = (item.path, item.mutation.line)
        rank = seen[place] = seen.get(place, -1) + 1
        weighed.append(item._replace(weight=item.weight * CROWDING**rank))
    return sorted(weighed, key=Weighed.order)


def distinct(sources: dict[str, Source], found: list[Weighed], limit: int) -> list[Candidate]:
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
