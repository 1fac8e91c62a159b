"""What a candidate has to reach, read off the examples and what they do before any change."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from typing import NamedTuple

from .examples import NO_ERROR, Example, Outcome, satisfied, wanted_error
from .source import FUNCTIONS, Hints, Source
from .tree import module_name

OUTSIDE = {"NameError", "SyntaxError", "IndentationError", "ModuleNotFoundError"}


class Goals(NamedTuple):
    """Examples by index with the text each must give; targets fail today, kept ones hold."""

    targets: dict[int, str]
    kept: dict[int, str]


def find(examples: list[Example], outcomes: list[Outcome]) -> Goals:
    """Compare what the report asks for with what happens.

    A report shows what should happen, or what wrongly happens with the wish beside it. So an
    example that fails is a target; one that holds is kept only where its block also holds a
    target, as a block with none shows the fault itself.
    """
    targets: dict[int, str] = {}
    for index, (example, outcome) in enumerate(zip(examples, outcomes, strict=False)):
        goal = goal_of(example, outcome)
        if goal is not None and outcome.error not in OUTSIDE and not satisfied(goal, outcome):
            targets[index] = goal
    if not targets:
        targets = {
            index: NO_ERROR
            for index, (example, outcome) in enumerate(zip(examples, outcomes, strict=False))
            if outcome.error and outcome.error not in OUTSIDE and wanted_error(example.want or "")
        }
    blocks = {examples[index].block for index in targets}
    sources = {examples[index].source for index in targets}
    kept = {
        index: example.want
        for index, (example, outcome) in enumerate(zip(examples, outcomes, strict=False))
        if example.want and example.block in blocks and example.source not in sources
        and index not in targets and satisfied(example.want, outcome)
    }  # fmt: skip
    return Goals(targets, kept)


def goal_of(example: Example, outcome: Outcome) -> str | None:
    """Return what an example should give, None where the report leaves it open."""
    for wish in example.wishes:
        if not satisfied(wish, outcome):
            return wish
    if example.want is None:
        return NO_ERROR if outcome.error else None
    return example.want


def reached(goals: Goals, outcomes: Iterable[Outcome]) -> bool:
    """Tell whether every target is reached and everything that held still holds.

    Outcomes are asked for one by one, and no further than the first that is not as it should be.
    """
    asked = {**goals.kept, **goals.targets}
    return all(
        index not in asked or satisfied(asked[index], outcome)
        for index, outcome in enumerate(outcomes)
    )


def hints(goals: Goals, outcomes: list[Outcome]) -> Hints:
    """Return what the targets say about the change."""
    wanted = [found for goal in goals.targets.values() if (found := wanted_error(goal))]
    literals = []
    for goal in goals.targets.values():
        try:
            literals.append(repr(ast.literal_eval(goal.strip())))
        except (ValueError, SyntaxError):
            continue
    errors = (outcomes[index].error for index in goals.targets if outcomes[index].error)
    return Hints(tuple(dict.fromkeys(errors)), wanted[0] if wanted else None, tuple(literals))


def missing_imports(examples: list[Example], sources: dict[str, Source]) -> list[Example]:
    """Return imports for the names a report uses without saying where they come from."""
    trees = []
    for example in examples:
        try:
            trees.append(ast.parse(example.source))
        except (SyntaxError, ValueError):
            continue
    nodes = [node for tree in trees for node in ast.walk(tree)]
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not loaded(node)}
    bound |= {(alias.asname or alias.name).split(".")[0]
              for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))
              for alias in node.names}  # fmt: skip
    bound |= {node.name for node in nodes if isinstance(node, (*FUNCTIONS, ast.ClassDef))}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    used = {node.id for node in nodes if isinstance(node, ast.Name)} - bound - set(dir(builtins))
    homes = {name: home for name in used if (home := home_of(name, sources))}
    return [Example(f"from {homes[name]} import {name}", None, block=-1) for name in sorted(homes)]


def loaded(node: ast.Name) -> bool:
    """Tell whether a name is read."""
    return isinstance(node.ctx, ast.Load)


def home_of(name: str, sources: dict[str, Source]) -> str | None:
    """Return the module that offers a name, a package's own front before its inner modules."""
    offers = []
    for path, source in sources.items():
        for node in source.tree.body:
            names = [getattr(node, "name", "")]
            if isinstance(node, ast.ImportFrom) and path.endswith("__init__.py"):
                names = [alias.asname or alias.name for alias in node.names]
            if name in names:
                offers.append((not path.endswith("__init__.py"), path.count("/"), path))
    return module_name(min(offers)[2]) if offers else None
