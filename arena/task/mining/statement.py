"""The problem statement of a mined task: the issue's text, or what the commit says of the problem.

Lines that would give the fix away are left out; what cannot be told by a machine is left to a
person, so every statement that was made of a commit message is tagged for review.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from arena.errors import InputError
from arena.records import File, Record
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
    r"\(?(\b(close[sd]?|fix(e[sd])?|resolve[sd]?|refs?|issue|pr):?\s+)?([\w.-]+/[\w.-]+)?#\d+\)?",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"#(\d+)\b")
_LINK = re.compile(r"<?https?://\S+")
_SHA = re.compile(r"\b[0-9a-f]{7,40}\b")
_COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_DEFINED = re.compile(
    r"\b(?:def|class|function|const|let|var|type)\s+(\w{3,})|\bfunc\s+(?:\([^)]*\)\s*)?(\w{3,})"
    r"|^\s*(?:self\.|cls\.|this\.|exports\.)?(\w{3,})\s*(?::[^=\n]+)?:?=(?!=)"
    r"|[(,]\s*(\w{3,})=(?!=)",
    re.MULTILINE,
)
_LEAST_WORDS = 3
_TELLING_CHARS = 12


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


def write_statement(
    commit: Commit,
    issues: Mapping[str, Issue],
    gold: str,
    tree: Sequence[File],
    hidden: Sequence[File],
) -> ProblemStatement | None:
    """The statement of a candidate; None where nothing that says anything is left.

    Args:
        commit: the fix.
        issues: texts of issues by number.
        gold: its change of the source.
        tree: the starting tree.
        hidden: its tests.
    """
    names = _new_names(gold, tree)
    tested = _words(hidden)
    secrets = _telling_lines(gold, tree) | _test_names(hidden, tree)
    for number in _NUMBER.findall(commit.message):
        if issue := issues.get(number):
            text = _COMMIT.sub("", _LINK.sub("", f"{issue.title}\n\n{issue.body}"))
            kept, left = _clean(text.splitlines(), secrets, set())
            if _says_something(kept):
                return _made(kept, left, names & tested, from_issue=True)
    lines = [line for line in commit.message.strip().splitlines() if not _MERGE.match(line)]
    kept, left = _clean(lines, secrets, names - tested)
    kept = _plain(kept)
    return _made(kept, left, names & tested, from_issue=False) if _says_something(kept) else None


def leaks(text: str, gold: str, tree: Sequence[File], hidden: Sequence[File]) -> list[str]:
    """What a text gives away of fix and tests, and the links and commits in it."""
    inner = _new_names(gold, tree) - _words(hidden)
    secrets = _telling_lines(gold, tree) | _test_names(hidden, tree)
    told = [secret for secret in sorted(secrets) if secret in text]
    told += sorted(inner.intersection(_WORD.findall(text)))
    return [*told, *_LINK.findall(text), *_COMMIT.findall(text)]


def retold(
    statement: ProblemStatement,
    text: str,
    gold: str,
    tree: Sequence[File],
    hidden: Sequence[File],
) -> ProblemStatement:
    """A statement in other words, which keep the names that the tests use."""
    interface = _new_names(gold, tree) & _words(hidden)
    lines = [
        line.lstrip("# ") if not number else line for number, line in enumerate(text.splitlines())
    ]
    made = _made(lines, (), interface, from_issue=statement.from_issue)
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
        re.sub(r"\s{2,}", " ", _SHA.sub("", _LINK.sub("", _REFERENCE.sub("", line)))).rstrip(" :-")
        for line in kept
    ]


def _clean(lines: Sequence[str], secrets: set[str], names: set[str]) -> tuple[list[str], list[str]]:
    """Lines that give nothing away, and those that do."""
    kept, left = list[str](), list[str]()
    for line in lines:
        tells = any(secret in line for secret in secrets) or names & set(_WORD.findall(line))
        (left if tells else kept).append(line)
    return kept, left


def _says_something(lines: Sequence[str]) -> bool:
    return len(_WORD.findall(" ".join(lines))) >= _LEAST_WORDS


def _telling_lines(gold: str, tree: Sequence[File]) -> set[str]:
    """Lines that only the fix holds."""
    before = {line.strip() for file in tree for line in _text(file).splitlines()}
    added = (line.strip() for change in parse(gold) for line in change.added_lines())
    return {line for line in added if len(line) >= _TELLING_CHARS and line not in before}


def _test_names(hidden: Sequence[File], tree: Sequence[File]) -> set[str]:
    """Names that only the hidden tests have."""
    names = {name for file in hidden for name in re.findall(r"\b[Tt]est_?\w+", _text(file))}
    return {name for name in names if len(name) >= _TELLING_CHARS} - _words(tree)


def _new_names(gold: str, tree: Sequence[File]) -> set[str]:
    """Identifiers that the fix defines and no file of the tree knows."""
    added = "\n".join(line for change in parse(gold) for line in change.added_lines())
    found = {name for match in _DEFINED.finditer(added) for name in match.groups() if name}
    return found - _words(tree)


def _words(files: Sequence[File]) -> set[str]:
    return {word for file in files for word in _WORD.findall(_text(file))}


def _text(file: File) -> str:
    return file.data.decode("utf-8", "replace")
