"""What must not be seen before grading, and whether tree or statement show it."""

import re
from collections.abc import Collection, Iterator, Sequence

from arena.check.finding import Finding, Look
from arena.records import Record, Task
from arena.task import pack
from arena.task.patch import parse

TELLING_CHARS = 12
"""A shorter line or name is likely to stand anywhere by chance."""

_SHARE = 0.5
_LEAST_CHARS = 40
"""Fewer characters than these stand in other people's code by chance."""
_LINK = re.compile(r"https?://\S+")
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_TEST_NAME = re.compile(r"\b(?:def (test_\w+)|func (Test\w+))")


class Secrets(Record):
    """What only the fix or the hidden tests hold."""

    lines: tuple[str, ...] = ()
    """Lines that the gold patch adds and the tree does not have."""
    names: tuple[str, ...] = ()
    """Names of hidden tests that no visible test has."""


def secrets_of(task: Task) -> Secrets:
    """The secrets of a task, from its files."""
    tree = {file.path: file.data for file in pack.tree_files(task)}
    before = {line.strip() for data in tree.values() for line in _text(data).splitlines()}
    added = [
        line.strip()
        for change in parse(pack.gold_patch(task) or "")
        for line in change.added_lines()
    ]
    lines = [line for line in added if len(line) >= TELLING_CHARS and line not in before]
    names = [
        name
        for file in pack.hidden_files(task)
        if file.data != tree.get(file.path)
        for pair in _TEST_NAME.findall(_text(file.data))
        for name in pair
        if len(name) >= TELLING_CHARS
    ]
    known = "\n".join(_text(data) for data in tree.values())
    return Secrets(
        lines=tuple(dict.fromkeys(lines)),
        names=tuple(dict.fromkeys(name for name in names if name not in known)),
    )


def are_the_fix(lines: Collection[str], secrets: Secrets) -> bool:
    """Whether lines that stand together somewhere are most of what the fix adds."""
    chars = sum(map(len, lines))
    return chars >= max(_SHARE * sum(map(len, secrets.lines)), _LEAST_CHARS)


def lint(task: Task) -> Iterator[Finding]:
    """Look for the secrets in the tree and in the statement."""
    secrets = secrets_of(task)
    texts = {file.path: _text(file.data) for file in pack.tree_files(task)}
    held = {path: {one for one in secrets.lines if one in text} for path, text in texts.items()}
    found = [f"{path}: {max(h, key=len)}" for path, h in held.items() if are_the_fix(h, secrets)]
    yield _found(task, "tree", found)
    yield _found(task, "statement", told(task.problem_statement, secrets))


def told(statement: str, secrets: Secrets) -> list[str]:
    """What of the secrets a statement gives away, and the links and commits in it."""
    held = [one for one in (*secrets.lines, *secrets.names) if one in statement]
    return [*held, *_LINK.findall(statement), *_COMMIT.findall(statement)]


def _found(task: Task, look: Look, found: Sequence[str]) -> Finding:
    detail = f"holds {found[0].strip()!r}" if found else ""
    return Finding(task_id=task.id, look=look, ok=not found, detail=detail)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
