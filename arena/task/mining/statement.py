"""The problem statement of a mined task: the issue's text, or what the commit says of the problem.

Lines that would give the fix away are left out; what cannot be told by a machine is left to a
person, so every statement that was made of a commit message is tagged for review.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from arena.errors import InputError
from arena.records import File, Record
from arena.task.checking.leaks import (
    COMMIT,
    LINK,
    TELLING_CHARS,
    Secrets,
    given_away,
    lines_of_fix,
    text_of,
)
from arena.task.formats.instances import read_json_rows
from arena.task.mining.history import Commit
from arena.task.patch import parse

REVIEW = "review-statement"

_TRAILER = re.compile(
    r"^(signed-off-by|co-authored-by|reviewed-by|change-id|reported-by|cc|refs?|see|sem-ver"
    r"|(close[sd]?|fix(e[sd])?|resolve[sd]?):?\s*#)\b.*",
    re.IGNORECASE,
)
_MERGE = re.compile(r"^merge (pull request|branch|remote|pr|tag)\b.*", re.IGNORECASE)
_REFERENCE = re.compile(
    r"\(?(\b(close[sd]?|fix(e[sd])?|resolve[sd]?|refs?|issue|pr):?\s+)?((?<![\w.-])[\w.-]+/[\w.-]+)?#\d+\)?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"#(\d+)\b")
_SHA = re.compile(r"\b[0-9a-f]{7,40}\b")
_TEST_NAME = re.compile(r"\b[Tt]est_?\w+")
_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_DEFINED = re.compile(
    r"\b(?:def|class|function|const|let|var|type)\s+(\w{3,})|\bfunc\s+(?:\([^()\n]*\)\s*)?(\w{3,})"
    r"|^[^\S\n]*(?:self\.|cls\.|this\.|exports\.)?(\w{3,})\s*(?::[^=\n]+)?:?=(?!=)"
    r"|[(,]\s*(\w{3,})=(?!=)",
    re.MULTILINE,
)
_LEAST_WORDS = 3


class FellError(Exception):
    """A candidate that cannot become a task; the message is the reason."""


class ProblemStatement(Record):
    """What a contestant is told."""

    title: str
    text: str
    from_issue: bool
    left_out: tuple[str, ...] = ()
    """Lines of the message that told too much."""
    original: str = ""
    """What it said before a backend said it in other words."""


class Issue(Record):
    """An issue as a file of issues gives it."""

    title: str
    body: str


def read_issues(path: Path) -> dict[str, Issue]:
    """Issues by number, from JSON or JSON Lines with `number`, `title` and `body`.

    Raises:
        InputError: a row without them.
    """
    found = {}
    for row, where in read_json_rows(path):
        if not isinstance(row, dict) or "number" not in row:
            raise InputError("no 'number'", where=where, remedy="give number, title and body")
        title, body = str(row.get("title") or ""), str(row.get("body") or "")
        found[str(row["number"])] = Issue(title=title, body=body)
    return found


@dataclass(frozen=True)
class CandidateFix:
    """What becomes of a commit: a change of the source, the tree before it, and its tests."""

    gold: str
    tree: tuple[File, ...]
    hidden: tuple[File, ...]

    @cached_property
    def secrets(self) -> Secrets:
        """Lines and test names that must not be said."""
        words = (name for file in self.hidden for name in _TEST_NAME.findall(text_of(file)))
        names = {name for name in words if len(name) >= TELLING_CHARS}
        return Secrets(
            lines=lines_of_fix(self.gold, self.tree),
            names=tuple(sorted(names - _words(self.tree))),
        )

    @cached_property
    def new_names(self) -> set[str]:
        """Identifiers that the fix defines and no file of the tree knows."""
        lines = (line for change in parse(self.gold) for line in change.added_lines())
        found = {name for one in _DEFINED.findall("\n".join(lines)) for name in one if name}
        return found - _words(self.tree)

    @cached_property
    def interface(self) -> set[str]:
        """Those of them that the tests use: a contestant has to know them."""
        return self.new_names & _words(self.hidden)


def write_statement(
    commit: Commit, issues: Mapping[str, Issue], fix: CandidateFix
) -> ProblemStatement:
    """The statement of a candidate, from the issue that it names or from its message.

    Raises:
        FellError: nothing that says anything is left.
    """
    for number in _NUMBER.findall(commit.message):
        if issue := issues.get(number):
            text = COMMIT.sub("", LINK.sub("", f"{issue.title}\n\n{issue.body}"))
            kept, left = _clean(text.splitlines(), fix.secrets, set())
            if _says_something(kept):
                return _made(kept, left, fix.interface, from_issue=True)
    lines = [line for line in commit.message.strip().splitlines() if not _MERGE.match(line)]
    kept, left = _clean(lines, fix.secrets, fix.new_names - fix.interface)
    kept = _plain(kept)
    if not _says_something(kept):
        raise FellError("the message says nothing but the fix itself")
    return _made(kept, left, fix.interface, from_issue=False)


def leaks(text: str, fix: CandidateFix) -> list[str]:
    """What a text gives away of fix and tests, and the links and commits in it."""
    inner = (fix.new_names - fix.interface).intersection(_WORD.findall(text))
    return [*sorted(inner), *given_away(text, fix.secrets)]


def restated(statement: ProblemStatement, text: str, fix: CandidateFix) -> ProblemStatement:
    """A statement in other words, which keep the names that the tests use."""
    first, *lines = text.splitlines()
    lines = [first.lstrip("# "), *lines]
    made = _made(lines, (), fix.interface, from_issue=statement.from_issue)
    return made.model_copy(update={"original": statement.text})


def _made(
    kept: Sequence[str], left: Sequence[str], interface: set[str], *, from_issue: bool
) -> ProblemStatement:
    text = "\n".join(kept).strip()
    unsaid = sorted(name for name in interface if not re.search(rf"\b{re.escape(name)}\b", text))
    if unsaid:
        text += "\n\nNames that the tests use: " + ", ".join(f"`{name}`" for name in unsaid) + "."
    title = next(line.strip() for line in kept if line.strip())
    return ProblemStatement(
        title=title[:100], text=text, from_issue=from_issue, left_out=tuple(left)
    )


def _plain(lines: Sequence[str]) -> list[str]:
    """A commit message without trailers, references, links and commits."""
    kept = [line for line in lines if not _TRAILER.match(line.strip())]
    return [
        re.sub(r"\s{2,}", " ", _SHA.sub("", LINK.sub("", _REFERENCE.sub("", line)))).rstrip(" :-")
        for line in kept
    ]


def _clean(lines: Sequence[str], secrets: Secrets, names: set[str]) -> tuple[list[str], list[str]]:
    """Lines that give nothing away, and those that do."""
    kept, left = list[str](), list[str]()
    for line in lines:
        held = any(secret in line for secret in (*secrets.lines, *secrets.names))
        tells = held or names.intersection(_WORD.findall(line))
        (left if tells else kept).append(line)
    return kept, left


def _says_something(lines: Sequence[str]) -> bool:
    return len(_WORD.findall(" ".join(lines))) >= _LEAST_WORDS


def _words(files: Sequence[File]) -> set[str]:
    return {word for file in files for word in _WORD.findall(text_of(file))}
