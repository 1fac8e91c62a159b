"""The demo's race: made-up tasks with one wrong operator each, which a larger search wins clearly.

The shipped tasks are too few: a race at 5% needs at least ten that one contestant alone passes.
"""

from collections.abc import Mapping
from decimal import Decimal
from difflib import unified_diff
from pathlib import Path

from arena.config import BakeoffConfig, ContestantTable
from arena.paths import SafePath
from arena.records import Limits, RaceRules

BUDGETS = (1, 20)
"""Candidates that the two searches try."""
VALUE_USD, TRIAL_USD = Decimal(1), Decimal("0.01")
GOODS = (
    "apples", "books", "chairs", "drums", "eggs", "flutes", "gloves", "hats", "inks", "jars",
    "keys", "lamps", "maps", "nails", "oars", "pens", "quilts", "ropes", "saws", "tents",
)  # fmt: skip
"""A task each."""
SLIPS = (("+", "-"), ("-", "+"), ("//", "/"), ("+", "*"))
"""The operator that is right, and the one that stands there."""
PACK = """\
name = "slips"
title = "Slips of the demo's race"
version = "1"
license = "MIT"
description = "Made up: one wrong operator each."
"""
TASK = """\
title = "Stock of {good}"
language = "python"
difficulty = "easy"
image = "python"
[tests]
runner = "pytest"
fail_to_pass = ["tests/test_{good}.py::test_stock"]
pass_to_pass = ["tests/test_none.py::test_none"]
"""
SOURCE = """\
def {good}(had, came):
    return had {operator} came if had > 0 and came > 0 else 0
"""
PROBLEM = """\
The stock of {good} comes out wrong. It should be:

    >>> from stock import {good}
    >>> {good}(9, 4)
    {result}
"""
VISIBLE = """\
from stock import {good}


def test_none():
    assert {good}(0, 4) == 0
"""
HIDDEN = """\
from stock import {good}


def test_stock():
    assert ({good}(9, 4), {good}(8, 3)) == ({result}, {other})
"""
RESULTS = {"+": (13, 11), "-": (5, 5), "//": (2, 2)}
"""Of 9 and 4, and of 8 and 3."""


def configuration(tables: list[ContestantTable], folder: Path) -> BakeoffConfig:
    """The race as a configuration.

    Args:
        tables: who races.
        folder: where its tasks are written, unless they are there.
    """
    write_pack(folder)
    return BakeoffConfig(
        name="race",
        tasks=(str(folder.resolve()),),
        concurrency=4,
        limits=Limits(steps=40, seconds=180, usd=TRIAL_USD),
        contestant=tuple(tables),
        race=RaceRules(goal="best_value", value_usd=VALUE_USD, alpha=0.05),
    )


def write_pack(folder: Path) -> None:
    """Write the tasks as a pack."""
    files = {"pack.toml": PACK}
    for number, good in enumerate(GOODS):
        files |= {f"{good}/{name}": text for name, text in _task(number, good).items()}
    for name, text in files.items():
        (SafePath(folder) / name).write(text)


def _task(number: int, good: str) -> Mapping[str, str]:
    """The files of a task."""
    right, wrong = SLIPS[number % len(SLIPS)]
    result, other = RESULTS[right]
    before, after = (SOURCE.format(good=good, operator=one) for one in (wrong, right))
    sides = (before.splitlines(keepends=True), after.splitlines(keepends=True))
    return {
        "task.toml": TASK.format(good=good),
        "problem.md": PROBLEM.format(good=good, result=result),
        "gold.patch": "diff --git a/stock.py b/stock.py\n"
        + "".join(unified_diff(*sides, "a/stock.py", "b/stock.py")),
        "repo/stock.py": before,
        "repo/tests/test_none.py": VISIBLE.format(good=good),
        f"tests/tests/test_{good}.py": HIDDEN.format(good=good, result=result, other=other),
    }
