"""Mutate what may be at fault, token by token, and try the candidates until one works.

Run as a program in the tree, each call goes on where the one before it stopped. All runs happen in
a fresh copy, so that nothing has to be taken back; only the fix is written to the tree itself.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import pickle
import shutil
import sys
import time
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from . import runs

FOLDER = Path(__file__).resolve().parents[2]
COPY, PLAN, REPORT = FOLDER / "copy", FOLDER / "plan", FOLDER / "report.txt"
NOT_SOURCE = {"test", "tests", "testing", "docs", "examples", "build", "venv", ".venv", ".git"}
NOT_NAMES = {"setup.py", "conftest.py", "noxfile.py"}
BATCH, BATCHES = 25, 30
"""Candidates in a call at least, and calls at most: large budgets take larger steps."""
SEARCH_S = 120.0
"""For all of it: an agent has three minutes in the demo."""
BATCH_S = 10.0

ARITHMETIC = {
    "+": ("-",),
    "-": ("+",),
    "*": ("/", "+"),
    "/": ("//", "*"),
    "//": ("/", "%"),
    "%": ("//",),
    "&": ("|",),
    "|": ("&",),
    "<<": (">>",),
    ">>": ("<<",),
}
SWAPS: dict[str, dict[str, tuple[str, ...]]] = {
    "comparison": {
        "<": ("<=", ">", "!="),
        "<=": ("<", ">=", "=="),
        ">": (">=", "<", "!="),
        ">=": (">", "<=", "=="),
        "==": ("!=", "<=", ">="),
        "!=": ("==", "<", ">"),
        "in": ("not in",),
        "is": ("is not",),
        "not": ("",),
    },
    "and/or": {"and": ("or",), "or": ("and",)},
    "arithmetic": {
        **ARITHMETIC,
        **{f"{old}=": (*(f"{new}=" for new in news), "=") for old, news in ARITHMETIC.items()},
    },
    "flag": {"True": ("False",), "False": ("True",)},
    "dropped sign": {"-": ("",)},
    "jump": {"break": ("continue",), "continue": ("break",)},
}
"""What may stand in the place of a token, by operator; a search tries only what compiles."""
WEIGHTS = {
    "comparison": 1.0,
    "off by one": 0.8,
    "and/or": 0.7,
    "arithmetic": 0.7,
    "flag": 0.6,
    "dropped sign": 0.5,
    "jump": 0.5,
    "deleted": 0.4,
}
"""How likely an operator undoes a fault, against the others: slips at a boundary come first."""
_SEEN = (tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING)


class SearchPlan(NamedTuple):
    """What one command of the search leaves for the next, outside the tree."""

    failing: set[str] | None
    """Visible tests that fail today, None where they did not end: no other may fail later."""
    candidates: list[Mutation]
    tried: int
    until_s: float
    """When it is over on the machine's own clock, which goes on between the commands."""

    def save(self) -> None:
        """Write the plan."""
        PLAN.write_bytes(pickle.dumps(self))


class Mutation(NamedTuple):
    """Replace the characters from start up to end of one file with text."""

    path: str
    operator: str
    first_line: int
    """Where the statement begins; it is suspicious if any of its lines is."""
    last_line: int
    start: int
    end: int
    text: str


def apply(text: str, mutation: Mutation) -> str:
    """Return a file's text with the mutation made."""
    return text[: mutation.start] + mutation.text + text[mutation.end :]


def mutations(path: str, text: str) -> Iterator[Mutation]:
    """Yield every mutation of a Python file, many of which do not compile; strings stay."""
    lines = io.StringIO(text, newline="").readlines()
    starts = [0, *itertools.accumulate(map(len, lines))]
    statement: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(iter([*lines, ""]).__next__):
        if token.type in _SEEN:
            statement.append(token)
        if token.type != tokenize.NEWLINE:
            continue
        for operator, (line, column), (last, end), new in _changes(statement):
            first = statement[0].start[0]
            start = starts[line - 1] + column
            yield Mutation(path, operator, first, last, start, starts[last - 1] + end, new)
        statement.clear()


def _changes(
    statement: list[tokenize.TokenInfo],
) -> Iterator[tuple[str, tuple[int, int], tuple[int, int], str]]:
    """Operator, first and last place, and new text of each change to a statement."""
    if statement and statement[0].type != tokenize.STRING:
        yield "deleted", statement[0].start, statement[-1].end, "pass"
    for token, after in itertools.zip_longest(statement, statement[1:]):
        for operator, swaps in SWAPS.items():
            for new in swaps.get(token.string, ()):
                end = token.end if new or after is None else after.start
                yield operator, token.start, end, new
        if token.type == tokenize.NUMBER and token.string.isdecimal():
            for step in (1, -1):
                yield "off by one", token.start, token.end, str(int(token.string) + step)


def is_source(path: Path) -> bool:
    """Tell whether a file belongs to the program, and is no test and no tooling."""
    if path.name in NOT_NAMES or path.name.startswith("test_") or path.stem.endswith("_test"):
        return False
    return path.suffix == ".py" and NOT_SOURCE.isdisjoint(path.parts)


def candidates(lines: set[runs.Line], limit: int) -> list[Mutation]:
    """Return mutations of statements with one of the lines that compile, the likeliest first."""
    texts: dict[str, str] = {}
    weighed = []
    for path in {path for path, _ in lines if is_source(Path(path))}:
        try:
            texts[path] = Path(path).read_bytes().decode()
            found = list(mutations(path, texts[path]))
        except (tokenize.TokenError, SyntaxError, ValueError, OSError):
            continue
        weighed += [
            (-WEIGHTS[item.operator], item)
            for item in found
            if any((path, line) in lines for line in range(item.first_line, item.last_line + 1))
        ]
    chosen: list[Mutation] = []
    for _, item in sorted(weighed):
        if len(chosen) == limit:
            break
        text = apply(texts[item.path], item)
        try:
            compile(text, item.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        if text != texts[item.path]:
            chosen.append(item)
    return chosen


def works(plan: SearchPlan, candidate: Mutation) -> bool:
    """Tell whether all examples hold with a candidate, and no test fails that did not before."""
    path = Path(candidate.path)
    data = path.read_bytes()  # its line ends stay as they are
    path.write_bytes(apply(data.decode(), candidate).encode())
    try:
        shown = runs.examples(REPORT.read_text("utf-8"))
        if shown is None or not shown[0]:
            return False
        failing = set() if plan.failing is None else runs.failing_tests()
        return failing is not None and failing <= (plan.failing or set())
    finally:
        path.write_bytes(data)


def begin(limit: int) -> tuple[str, bool]:
    """Look at the tree and keep the plan; returns what to say, and whether that was all."""
    until_s = time.monotonic() + SEARCH_S
    holds, lines = runs.examples(REPORT.read_text("utf-8")) or (True, set())
    if holds:
        return "No search is possible: no example of the report fails today.", True
    plan = SearchPlan(runs.failing_tests(), candidates(lines, limit), 0, until_s)
    plan.save()
    if not plan.candidates:
        return "No search is possible: nothing that the examples run can be mutated.", True
    return f"There are {len(plan.candidates)} candidate(s) within the budget.", False


def go_on(root: Path) -> tuple[str, bool]:
    """Try the next batch and write the fix; returns what to say, and whether that was all."""
    plan: SearchPlan = pickle.loads(PLAN.read_bytes())  # noqa: S301 - of the command before
    count = max(BATCH, len(plan.candidates) // BATCHES)
    # A batch that is cut off counts as a whole, so that no candidate stops the search for good.
    plan._replace(tried=plan.tried + count).save()
    deadline = min(time.monotonic() + BATCH_S, plan.until_s)
    for candidate in plan.candidates[plan.tried : plan.tried + count]:
        if time.monotonic() > deadline:
            break
        plan = plan._replace(tried=plan.tried + 1)
        if works(plan, candidate):
            path = root / candidate.path
            path.write_bytes(apply(path.read_bytes().decode(), candidate).encode())
            return f"Candidate {plan.tried} works: {candidate.operator} in {candidate.path}.", True
    plan.save()
    if plan.tried >= len(plan.candidates):
        return f"{plan.tried} tried, none works.", True
    late = time.monotonic() > plan.until_s
    return f"{plan.tried} tried, none works {'in time' if late else 'yet'}.", late


def main() -> None:
    """Run one command, `begin LIMIT` or `go-on`, and print the line that the service reads."""
    command, *limit = sys.argv[1:]
    root = Path.cwd()
    shutil.rmtree(COPY, ignore_errors=True)
    shutil.copytree(root, COPY, symlinks=True)
    os.chdir(COPY)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # no compiled file of a mutant outlives it
    said, done = begin(int(limit[0])) if command == "begin" else go_on(root)
    sys.stdout.write(f"arena-mutate: {json.dumps({'say': said, 'done': done})}\n")
